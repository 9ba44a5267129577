//! The application on a port: `cargo run -- 127.0.0.1:9001`.

use std::io;

use tokio::net::TcpListener;
use websocket_component_axum::app;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("echo server on ws://{}/ws", listener.local_addr()?);
    axum::serve(listener, app()).await
}
