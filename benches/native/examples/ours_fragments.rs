use std::{fs::File, io, io::Read, net::TcpStream};
use websocket_component::ClientHandshake;

fn main() -> io::Result<()> {
    let mut stream = TcpStream::connect("127.0.0.1:9001")?;
    let mut connection = ClientHandshake::new("127.0.0.1:9001", "/")?.complete(&mut stream)?;
    let (mut file, mut chunk, mut count) = (File::open("Cargo.toml")?, [0; 4096], 1);
    while count > 0 {
        count = file.read(&mut chunk)?;
        connection.send_binary_part(&chunk[..count], count == 0)?;
        connection.write_to(&mut stream)?;
    }
    connection.close(1000.into(), "")?;
    while connection.next_event_over(&mut stream)?.is_some() {}
    Ok(())
}
