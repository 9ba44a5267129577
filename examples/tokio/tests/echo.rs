//! The server and the client against each other, over TCP.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use websocket_component::CloseStatus;
use websocket_component_tokio::{Message, Socket, echo};

/// Serves one connection; gives the address, and how it ended.
async fn server() -> io::Result<(String, JoinHandle<io::Result<()>>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let served = tokio::spawn(async move { echo(listener.accept().await?.0).await });
    Ok((address, served))
}

#[tokio::test]
async fn messages_come_back_and_both_sides_close() -> io::Result<()> {
    let (address, served) = server().await?;
    let mut socket = Socket::connect(&address, "/").await?;
    for message in [
        Message::Text(String::new()),
        Message::Text("größe 😀".to_owned()),
        Message::Binary((0..=255).cycle().take(70_000).collect()),
        Message::Text("compressible ".repeat(100_000)),
    ] {
        socket.send(&message).await?;
        assert_eq!(socket.receive().await?, Some(message));
    }
    socket.close(CloseStatus::SUCCESS).await?;
    served.await?
}

#[tokio::test]
async fn a_peer_that_breaks_the_protocol_is_told_so() -> io::Result<()> {
    let (address, served) = server().await?;
    let mut stream = TcpStream::connect(&address).await?;
    let request = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(request.as_bytes()).await?;
    stream.write_all(&[0x81, 0x00]).await?; // not masked, RFC 6455 §5.1
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    assert!(answer.starts_with(b"HTTP/1.1 101 "));
    assert!(answer.ends_with(&[0x88, 0x02, 0x03, 0xEA]), "a close with 1002");
    assert!(served.await?.is_err());
    Ok(())
}

#[tokio::test]
async fn what_is_no_websocket_request_is_refused() -> io::Result<()> {
    let (address, served) = server().await?;
    let mut stream = TcpStream::connect(&address).await?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    assert!(answer.starts_with(b"HTTP/1.1 400 "));
    assert!(served.await?.is_err());
    Ok(())
}
