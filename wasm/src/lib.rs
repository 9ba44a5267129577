//! The engine as `pkg/` has it. What it exports stands in `src/wasm/` of the crate.

#![no_std]

extern crate websocket_component;
