use std::{io, net::TcpStream};
use tungstenite::{Error, Message, client};

fn main() -> io::Result<()> {
    let stream = TcpStream::connect("127.0.0.1:9001")?;
    let (mut socket, _) = client("ws://127.0.0.1:9001/", stream).map_err(io::Error::other)?;
    socket.send(Message::text("Hello")).map_err(io::Error::other)?;
    loop {
        match socket.read() {
            Ok(Message::Text(answer)) => {
                println!("{answer}");
                socket.close(None).map_err(io::Error::other)?;
            }
            Ok(_) => {}
            Err(Error::ConnectionClosed) => return Ok(()),
            Err(error) => return Err(io::Error::other(error)),
        }
    }
}
