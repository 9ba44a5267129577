use std::{io, net::TcpStream, time::Duration, time::Instant};
use tungstenite::{Bytes, Error, Message, client};

const IDLE: Duration = Duration::from_secs(30);

fn main() -> io::Result<()> {
    let stream = TcpStream::connect("127.0.0.1:9001")?;
    let (mut socket, _) = client("ws://127.0.0.1:9001/", stream).map_err(io::Error::other)?;
    let (mut heard, mut pinged) = (Instant::now(), false);
    loop {
        let left = (heard + if pinged { 2 * IDLE } else { IDLE }).saturating_duration_since(Instant::now());
        socket
            .get_ref()
            .set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        match socket.read() {
            Ok(message) => {
                (heard, pinged) = (Instant::now(), false);
                if let Message::Text(text) = message {
                    println!("{text}");
                }
            }
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                if heard.elapsed() >= 2 * IDLE {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                if heard.elapsed() >= IDLE && !pinged {
                    socket.send(Message::Ping(Bytes::new())).map_err(io::Error::other)?;
                    pinged = true;
                }
            }
            Err(Error::ConnectionClosed) => return Ok(()),
            Err(error) => return Err(io::Error::other(error)),
        }
    }
}
