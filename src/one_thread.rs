//! The part of `std::thread_local!` that the crate uses, for a platform without `std` that has one thread: wasm32
//! without the feature `atomics`.
#![allow(dead_code, unused_macros, reason = "each feature uses a part of it")]

use core::cell::RefCell;

/// A thread-local value on a platform with one thread.
pub struct Local<T>(T);

// SAFETY: there is no other thread that could use it.
unsafe impl<T> Sync for Local<T> {}

impl<T> Local<T> {
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    pub fn with<R>(&self, f: impl FnOnce(&T) -> R) -> R {
        f(&self.0)
    }
}

impl<T> Local<RefCell<T>> {
    pub fn with_borrow_mut<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        f(&mut self.0.borrow_mut())
    }

    /// The same, even if a call that trapped has borrowed the value and never returned it.
    pub fn with_regained<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        if let Ok(mut value) = self.0.try_borrow_mut() {
            return f(&mut value);
        }
        // SAFETY: there is one thread, and `f` does not come here again, so an open borrow belongs to a call that
        // trapped, of which nothing is left.
        f(unsafe { &mut *self.0.as_ptr() })
    }
}

macro_rules! thread_local {
    ($($(#[$attribute:meta])* static $name:ident: $type:ty = const { $value:expr };)*) => {
        $($(#[$attribute])* static $name: crate::one_thread::Local<$type> = crate::one_thread::Local::new($value);)*
    };
}
