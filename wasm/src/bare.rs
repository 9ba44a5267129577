//! An allocator and a panic handler, for a module without `std`. A panic of `std` would format a message that is not
//! visible here, at a tenth of the module's size.

use alloc::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32::{memory_grow, memory_size};
use core::cell::UnsafeCell;
use core::ptr::null_mut;

use dlmalloc::{Allocator, Dlmalloc};

#[cfg(target_feature = "atomics")]
compile_error!("this allocator is for modules with one thread");

/// The allocator that `std` has on this platform, but for how it grows.
#[global_allocator]
static HEAP: Heap = Heap(UnsafeCell::new(Dlmalloc::new_with_allocator(Pages)));

struct Heap(UnsafeCell<Dlmalloc<Pages>>);

// SAFETY: there is no other thread that could use it.
unsafe impl Sync for Heap {}

// SAFETY: dlmalloc keeps what the trait promises. Its methods do not call each other by way of this, so that there is
// one reference at a time.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        unsafe { (*self.0.get()).malloc(layout.size(), layout.align()) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        unsafe { (*self.0.get()).free(memory, layout.size(), layout.align()) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        unsafe { (*self.0.get()).calloc(layout.size(), layout.align()) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        unsafe { (*self.0.get()).realloc(memory, layout.size(), layout.align(), size) }
    }
}

const PAGE: usize = 64 * 1024;

/// The memory grows by a quarter, and by this at least. A runtime may collect all its garbage whenever the memory
/// grows: in small steps, that costs more than all else.
const LEAST_GROWTH: usize = 4 * 1024 * 1024;

/// Linear memory, which only grows.
struct Pages;

impl Pages {
    fn grow(size: usize) -> Option<(*mut u8, usize)> {
        let pages = size.div_ceil(PAGE);
        let before = memory_grow(0, pages);
        if before == usize::MAX {
            return None;
        }
        let (start, size) = (before * PAGE, pages * PAGE);
        // no pointer may wrap around behind the last byte that there can be
        let size = if start.wrapping_add(size) == 0 { size - 16 } else { size };
        Some((start as *mut u8, size))
    }
}

// SAFETY: the pages that `memory_grow` returns are not used elsewhere.
unsafe impl Allocator for Pages {
    fn alloc(&self, size: usize) -> (*mut u8, usize, u32) {
        let quarter = memory_size(0) * PAGE / 4;
        let grown = Self::grow(size.max(quarter).max(LEAST_GROWTH)).or_else(|| Self::grow(size));
        grown.map_or((null_mut(), 0, 0), |(start, size)| (start, size, 0))
    }

    fn remap(&self, _: *mut u8, _: usize, _: usize, _: bool) -> *mut u8 {
        null_mut()
    }

    fn free_part(&self, _: *mut u8, _: usize, _: usize) -> bool {
        false
    }

    fn free(&self, _: *mut u8, _: usize) -> bool {
        false
    }

    fn can_release_part(&self, _: u32) -> bool {
        false
    }

    fn allocates_zeros(&self) -> bool {
        true
    }

    fn page_size(&self) -> usize {
        PAGE
    }
}

/// The caller sees only a trap.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// The allocator of C, which zlib-rs takes where there is no `std`.
#[cfg(feature = "deflate")]
mod c {
    use alloc::alloc::{Layout, alloc, alloc_zeroed, dealloc};

    /// `free` gets no size, so this many bytes before the memory hold it; this is also the alignment.
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
