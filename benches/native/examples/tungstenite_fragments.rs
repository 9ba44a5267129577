use std::{fs::File, io, io::Read, net::TcpStream};
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::{Error, Message, client};

fn main() -> io::Result<()> {
    let stream = TcpStream::connect("127.0.0.1:9001")?;
    let (mut socket, _) = client("ws://127.0.0.1:9001/", stream).map_err(io::Error::other)?;
    let (mut file, mut chunk, mut count, mut opcode) = (File::open("Cargo.toml")?, [0; 4096], 1, Data::Binary);
    while count > 0 {
        count = file.read(&mut chunk)?;
        let frame = Frame::message(chunk[..count].to_vec(), OpCode::Data(opcode), count == 0);
        socket.send(Message::Frame(frame)).map_err(io::Error::other)?;
        opcode = Data::Continue;
    }
    socket.close(None).map_err(io::Error::other)?;
    loop {
        match socket.read() {
            Ok(_) => {}
            Err(Error::ConnectionClosed) => return Ok(()),
            Err(error) => return Err(io::Error::other(error)),
        }
    }
}
