use futures_util::{SinkExt, StreamExt};
use std::{io, time::Duration};
use tokio::{net::TcpStream, time::timeout};
use tokio_websockets::{ClientBuilder, Message};

const IDLE: Duration = Duration::from_secs(30);

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let stream = TcpStream::connect("127.0.0.1:9001").await?;
    let builder = ClientBuilder::new()
        .uri("ws://127.0.0.1:9001/")
        .map_err(io::Error::other)?;
    let (mut socket, _) = builder.connect_on(stream).await.map_err(io::Error::other)?;
    let mut pinged = false;
    loop {
        match timeout(IDLE, socket.next()).await {
            Ok(None) => return Ok(()),
            Ok(Some(message)) => {
                pinged = false;
                if let Some(text) = message.map_err(io::Error::other)?.as_text() {
                    println!("{text}");
                }
            }
            Err(_) if pinged => return Err(io::ErrorKind::TimedOut.into()),
            Err(_) => {
                socket.send(Message::ping("")).await.map_err(io::Error::other)?;
                pinged = true;
            }
        }
    }
}
