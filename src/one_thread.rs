//! `std::thread_local!`, as far as it is used here, for a platform without `std` that has one thread: wasm32 without
//! the feature `atomics`.
#![allow(dead_code, unused_macros, reason = "each feature uses a part of it")]

use core::cell::RefCell;

/// A thread's own value, where there is one thread.
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

    /// The same, though a call that trapped may have borrowed the value and never given it back.
    pub fn with_regained<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        if let Ok(mut value) = self.0.try_borrow_mut() {
            return f(&mut value);
        }
        // SAFETY: there is one thread, and `f` does not come here again, so that the borrow is that of a call that
        // trapped, of which nothing is left.
        f(unsafe { &mut *self.0.as_ptr() })
    }
}

macro_rules! thread_local {
    ($($(#[$attribute:meta])* static $name:ident: $type:ty = const { $value:expr };)*) => {
        $($(#[$attribute])* static $name: crate::one_thread::Local<$type> = crate::one_thread::Local::new($value);)*
    };
}
