//! The engine as `pkg/` has it. What it exports is in `src/wasm/` of the crate.

#![no_std]

extern crate alloc;
extern crate websocket_component;

// elsewhere there is `std`, and this crate is not needed
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
mod bare;
