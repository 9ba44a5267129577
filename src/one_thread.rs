//! `std::thread_local!`, as far as it is used here, for a platform without `std` that has one thread: wasm32 without the
//! feature `atomics`.
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
}

macro_rules! thread_local {
    ($($(#[$attribute:meta])* static $name:ident: $type:ty = const { $value:expr };)*) => {
        $($(#[$attribute])* static $name: crate::one_thread::Local<$type> = crate::one_thread::Local::new($value);)*
    };
}
