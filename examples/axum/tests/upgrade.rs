//! The application, and a client of tokio's.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use websocket_component::{ClientOptions, CloseStatus};
use websocket_component_axum::app;
use websocket_component_tokio::{Message, Socket};

async fn serve() -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    tokio::spawn(async move { axum::serve(listener, app()).await });
    Ok(address)
}

#[tokio::test]
async fn a_request_for_a_websocket_is_upgraded() -> io::Result<()> {
    let address = serve().await?;
    let mut options = ClientOptions::default();
    options.subprotocols = vec!["chat".to_owned()];
    let stream = TcpStream::connect(&address).await?;
    let mut socket = Socket::client(stream, &address, "/ws?room=1", options).await?;
    for message in [Message::Text("größe".to_owned()), Message::Binary(vec![7; 300_000])] {
        socket.send(message.clone()).await?;
        socket.flush().await?;
        assert_eq!(socket.receive().await?, Some(message));
    }
    socket.close(CloseStatus::NORMAL).await
}

#[tokio::test]
async fn any_other_request_gets_the_response_that_http_asks_for() -> io::Result<()> {
    let address = serve().await?;
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for (fields, status) in [
        (String::new(), "426 Upgrade Required"),
        (
            format!("{upgrade}Sec-WebSocket-Version: 12\r\n"),
            "426 Upgrade Required",
        ),
        (upgrade.to_owned(), "400 Bad Request"),
    ] {
        let mut stream = TcpStream::connect(&address).await?;
        let request = format!("GET /ws HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut response = Vec::new();
        stream.read_to_end(&mut response).await?;
        let response = String::from_utf8_lossy(&response);
        assert!(response.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{response}");
    }
    Ok(())
}
