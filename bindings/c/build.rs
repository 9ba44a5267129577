//! The dynamic library exports the functions of `websocket.h` and nothing else, and has a version.

fn main() {
    println!("cargo::rerun-if-changed=websocket.map");
    let target = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    let folder = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    if target == "linux" {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libwebsocket.so.0");
        println!("cargo::rustc-cdylib-link-arg=-Wl,--version-script={folder}/websocket.map");
    }
}
