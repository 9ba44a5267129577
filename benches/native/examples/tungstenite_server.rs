use std::{io, net::TcpListener};
use tungstenite::{Error, accept};

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:9001")?;
    let (stream, _) = listener.accept()?;
    let mut socket = accept(stream).map_err(io::Error::other)?;
    loop {
        match socket.read() {
            Ok(message) if message.is_text() || message.is_binary() => {
                socket.send(message).map_err(io::Error::other)?;
            }
            Ok(_) => {}
            Err(Error::ConnectionClosed) => return Ok(()),
            Err(error) => return Err(io::Error::other(error)),
        }
    }
}
