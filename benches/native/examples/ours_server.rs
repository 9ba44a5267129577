use std::{io, net::TcpListener};
use websocket_component::{Event, ServerHandshake};

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:9001")?;
    let (mut stream, _) = listener.accept()?;
    let mut connection = ServerHandshake::new().complete(&mut stream)?;
    while let Some(event) = connection.next_event_over(&mut stream)? {
        match event {
            Event::Text(text) => connection.send_text(text)?,
            Event::Binary(bytes) => connection.send_binary(bytes)?,
            _ => {}
        }
    }
    Ok(())
}
