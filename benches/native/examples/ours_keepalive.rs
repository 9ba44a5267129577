use std::{io, net::TcpStream, time::Duration, time::Instant};
use websocket_component::{ClientHandshake, Event};

fn main() -> io::Result<()> {
    let mut stream = TcpStream::connect("127.0.0.1:9001")?;
    let mut connection = ClientHandshake::new("127.0.0.1:9001", "/")?.complete(&mut stream)?;
    let start = Instant::now();
    while !connection.is_finished() {
        connection.handle_timeout(start.elapsed()); // a ping after 30 seconds, the end after 30 more
        while let Some(event) = connection.next_event() {
            match event {
                Event::Text(text) => println!("{text}"),
                Event::Failed(failure) => return Err(failure.into()),
                _ => {}
            }
        }
        connection.write_to(&mut stream)?;
        let left = connection.poll_timeout().map(|due| due.saturating_sub(start.elapsed()));
        stream.set_read_timeout(left.map(|left| left.max(Duration::from_millis(1))))?;
        match connection.read_from(&mut stream, start.elapsed()) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            result => drop(result?),
        }
    }
    Ok(())
}
