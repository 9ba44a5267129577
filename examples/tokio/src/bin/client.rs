//! Sends a line to a server and prints what comes back: `cargo run --bin client -- 127.0.0.1:9001 Hello`.

use std::io;

use websocket_component::CloseStatus;
use websocket_component_tokio::{Message, connect};

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let host = arguments.next().unwrap_or_else(|| "127.0.0.1:9001".to_owned());
    let line = arguments.next().unwrap_or_else(|| "Hello".to_owned());
    let mut socket = connect(&host, "/").await?;
    socket.send(Message::Text(line)).await?;
    println!("{:?}", socket.receive().await?);
    socket.close(CloseStatus::NORMAL).await
}
