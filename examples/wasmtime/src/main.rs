//! `websocket-component-wasmtime engine.component.wasm`: loads the component, and prints what a server gets.

use exports::websocket_component::engine::protocol::{Event, Kind, Limits, Role};

wasmtime::component::bindgen!({ path: "../../bindings/component/wit", world: "websocket-engine" });

fn main() -> wasmtime::Result<()> {
    let path = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "engine.component.wasm".to_owned());
    let engine = wasmtime::Engine::default();
    let component = wasmtime::component::Component::from_file(&engine, path)?;
    let mut linker = wasmtime::component::Linker::new(&engine);
    linker
        .instance("wasi:random/random@0.2.0")?
        .func_wrap("get-random-bytes", |_, (length,): (u64,)| {
            let mut bytes = vec![0; usize::try_from(length)?];
            getrandom::fill(&mut bytes)?;
            Ok((bytes,))
        })?;
    let mut store = wasmtime::Store::new(&engine, ());
    let world = WebsocketEngine::instantiate(&mut store, &component, &linker)?;
    let sessions = world.websocket_component_engine_protocol().session();

    let limits = Limits {
        max_message_size: Some(1 << 20),
        max_frame_size: None,
        max_fragments: None,
    };
    let client = sessions.call_constructor(&mut store, Role::Client, limits)?;
    let server = sessions.call_constructor(&mut store, Role::Server, limits)?;
    let frame = sessions.call_send(&mut store, client, Kind::Utf8Message, b"Hello")?;
    let frame = frame.map_err(|failure| wasmtime::Error::msg(failure.message))?;
    for event in sessions.call_receive(&mut store, server, &frame)?.events {
        if let Event::Data(data) = event {
            println!("{:?}: {}", data.kind, String::from_utf8_lossy(&data.payload));
        }
    }
    Ok(())
}
