//! A client over std's TCP, which sends a line and prints the answer: `cargo run --example client -- 127.0.0.1:9001
//! Hello`.

use std::{env, io, net::TcpStream};

use websocket_component::{ClientHandshake, CloseStatus, Event};

fn main() -> io::Result<()> {
    let host = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".to_owned());
    let line = env::args().nth(2).unwrap_or_else(|| "Hello".to_owned());
    let mut stream = TcpStream::connect(&host)?;
    let mut connection = ClientHandshake::new(&host, "/")?.complete(&mut stream)?;
    connection.send_text(line)?;
    while let Some(event) = connection.next_event_over(&mut stream)? {
        if let Event::Text(answer) = event {
            println!("{answer}");
            connection.close(CloseStatus::NORMAL, "")?;
        }
    }
    Ok(())
}
