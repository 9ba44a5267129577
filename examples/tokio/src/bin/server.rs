//! An echo server: `cargo run --bin server -- 127.0.0.1:9001`.

use std::io;
use std::time::Duration;

use tokio::net::TcpListener;
use websocket_component::ServerOptions;
use websocket_component_tokio::{Socket, echo};

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("echo server on ws://{}", listener.local_addr()?);
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // too many connections are open: the others go on, and this one waits
                eprintln!("no connection: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        tokio::spawn(async move {
            let served = async { echo(Socket::server(stream, ServerOptions::default()).await?).await };
            if let Err(error) = served.await {
                eprintln!("{peer}: {error}");
            }
        });
    }
}
