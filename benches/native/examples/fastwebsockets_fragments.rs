use fastwebsockets::{FragmentCollector, Frame, OpCode, Payload, handshake};
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::header::{CONNECTION, HOST, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use hyper_util::rt::TokioExecutor;
use std::{fs::File, io, io::Read};
use tokio::net::TcpStream;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let stream = TcpStream::connect("127.0.0.1:9001").await?;
    let request = hyper::Request::get("http://127.0.0.1:9001/")
        .header(HOST, "127.0.0.1:9001")
        .header(UPGRADE, "websocket")
        .header(CONNECTION, "upgrade")
        .header(SEC_WEBSOCKET_KEY, handshake::generate_key())
        .header(SEC_WEBSOCKET_VERSION, "13")
        .body(Empty::<Bytes>::new())
        .map_err(io::Error::other)?;
    let (socket, _) = handshake::client(&TokioExecutor::new(), request, stream)
        .await
        .map_err(io::Error::other)?;
    let mut socket = FragmentCollector::new(socket);
    let (mut file, mut chunk, mut count, mut opcode) = (File::open("Cargo.toml")?, [0; 4096], 1, OpCode::Binary);
    while count > 0 {
        count = file.read(&mut chunk)?;
        let frame = Frame::new(count == 0, opcode, None, Payload::Owned(chunk[..count].to_vec()));
        socket.write_frame(frame).await.map_err(io::Error::other)?;
        opcode = OpCode::Continuation;
    }
    socket
        .write_frame(Frame::close(1000, b""))
        .await
        .map_err(io::Error::other)?;
    while socket
        .read_frame()
        .await
        .is_ok_and(|frame| frame.opcode != OpCode::Close)
    {}
    Ok(())
}
