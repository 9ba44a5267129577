use futures_util::{SinkExt, StreamExt};
use std::io;
use tokio::net::TcpStream;
use tokio_websockets::{ClientBuilder, Message};

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let stream = TcpStream::connect("127.0.0.1:9001").await?;
    let builder = ClientBuilder::new()
        .uri("ws://127.0.0.1:9001/")
        .map_err(io::Error::other)?;
    let (mut socket, _) = builder.connect_on(stream).await.map_err(io::Error::other)?;
    socket.send(Message::text("Hello")).await.map_err(io::Error::other)?;
    while let Some(message) = socket.next().await {
        if let Some(answer) = message.map_err(io::Error::other)?.as_text() {
            println!("{answer}");
            socket.close().await.map_err(io::Error::other)?;
        }
    }
    Ok(())
}
