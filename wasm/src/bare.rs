//! What `std` would bring with it, for a module that does without: an allocator and a panic handler.
//! A panic of `std` formats a message that nobody can read here, and brings a tenth of the module's size for that.

use dlmalloc::GlobalDlmalloc;

#[cfg(target_feature = "atomics")]
compile_error!("this allocator is for modules with one thread");

/// That of `std` on this platform.
#[global_allocator]
static ALLOCATOR: GlobalDlmalloc = GlobalDlmalloc;

/// A trap is all that the caller gets to know.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// The allocator of C, which zlib-rs takes where there is no `std`.
#[cfg(feature = "deflate")]
mod c {
    use alloc::alloc::{Layout, alloc, alloc_zeroed, dealloc};

    /// `free` is not told a size, so it stands before the memory, in so many bytes; they are also the alignment.
    const HEADER: usize = 16;

    fn layout(size: usize) -> Option<Layout> {
        Layout::from_size_align(size.checked_add(HEADER)?, HEADER).ok()
    }

    fn allocated(size: usize, allocate: unsafe fn(Layout) -> *mut u8) -> *mut u8 {
        let Some(layout) = layout(size) else {
            return core::ptr::null_mut();
        };
        // SAFETY: the layout has a size, the header's at least, and its alignment is more than that of a usize.
        unsafe {
            let start = allocate(layout);
            if start.is_null() {
                return start;
            }
            start.cast::<usize>().write(size);
            start.add(HEADER)
        }
    }

    #[unsafe(no_mangle)]
    extern "C" fn malloc(size: usize) -> *mut u8 {
        allocated(size, alloc)
    }

    #[unsafe(no_mangle)]
    extern "C" fn calloc(count: usize, size: usize) -> *mut u8 {
        match count.checked_mul(size) {
            Some(size) => allocated(size, alloc_zeroed),
            None => core::ptr::null_mut(),
        }
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn free(memory: *mut u8) {
        if memory.is_null() {
            return;
        }
        // SAFETY: the caller has it of `malloc` or `calloc`, which wrote its size before it.
        unsafe {
            let start = memory.sub(HEADER);
            if let Some(layout) = layout(start.cast::<usize>().read()) {
                dealloc(start, layout);
            }
        }
    }
}
