//! A program without `std`: it has the panic handler that `std` would have, so it does not link if a dependency uses
//! `std` after all. `scripts/features` builds it for a bare target, and for wasm32, where it must import nothing.

#![no_std]

extern crate alloc;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::alloc::{GlobalAlloc, Layout};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicUsize, Ordering};

use websocket_component::{BufferType, RandomSource, RandomUnavailable, Received, Role, Session, SessionOptions};

/// Predictable bytes: no real client should use them.
struct Counter(u8);

impl RandomSource for Counter {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomUnavailable> {
        bytes.fill_with(|| {
            self.0 = self.0.wrapping_add(1);
            self.0
        });
        Ok(())
    }
}

/// A client sends a text of five bytes to a server; returns the bytes of the payload that arrives, less than 0 after an
/// error.
#[unsafe(no_mangle)]
pub extern "C" fn converse() -> i32 {
    let options = SessionOptions::default();
    let mut client = Session::with_random(Role::Client, options, Box::new(Counter(0)));
    let mut server = Session::new(Role::Server, options);
    let mut wire = Vec::new();
    if client.write(BufferType::Utf8Message, b"Hello", &mut wire).is_err() {
        return -1;
    }
    match server.receive(&mut wire).map(|step| step.received) {
        Ok(Received::Data { payload, .. }) if wire.get(payload.clone()) == Some(b"Hello") => {
            payload.len().try_into().unwrap_or(-3)
        }
        _ => -2,
    }
}

/// A client without a source of randomness of its own: what the platform's gives is an error, and nothing else.
#[unsafe(no_mangle)]
pub extern "C" fn send_without_randomness() -> i32 {
    let mut client = Session::new(Role::Client, SessionOptions::default());
    match client.write(BufferType::Utf8Message, b"Hello", &mut Vec::new()) {
        Ok(()) => 0,
        Err(error) => error.hresult(),
    }
}

#[cfg(target_pointer_width = "32")]
const MEMORY: usize = 64 * 1024;
#[cfg(not(target_pointer_width = "32"))]
const MEMORY: usize = 1024 * 1024;

/// Gives memory and takes none back.
struct Bump {
    memory: core::cell::UnsafeCell<[u8; MEMORY]>,
    used: AtomicUsize,
}

// SAFETY: each byte is given out once, since `used` only grows, atomically.
unsafe impl Sync for Bump {}

#[global_allocator]
static ALLOCATOR: Bump = Bump {
    memory: core::cell::UnsafeCell::new([0; MEMORY]),
    used: AtomicUsize::new(0),
};

// SAFETY: each allocation is aligned, inside the static memory, and given out once.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let room = layout.size() + layout.align();
        let start = self.used.fetch_add(room, Ordering::Relaxed);
        if start + room > MEMORY {
            return null_mut();
        }
        // SAFETY: the range was checked.
        let place = unsafe { self.memory.get().cast::<u8>().add(start) };
        // SAFETY: it moves by less than the alignment, which `room` has beside the size.
        unsafe { place.add(place.align_offset(layout.align())) }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
