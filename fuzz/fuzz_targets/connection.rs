#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| websocket_component_fuzz::connection(data));
