use std::{io, net::TcpStream};
use websocket_component::{ClientHandshake, CloseStatus, Event};

fn main() -> io::Result<()> {
    let mut stream = TcpStream::connect("127.0.0.1:9001")?;
    let mut connection = ClientHandshake::new("127.0.0.1:9001", "/")?.complete(&mut stream)?;
    connection.send_text("Hello")?;
    while let Some(event) = connection.next_event_over(&mut stream)? {
        if let Event::Text(answer) = event {
            println!("{answer}");
            connection.close(CloseStatus::NORMAL, "")?;
        }
    }
    Ok(())
}
