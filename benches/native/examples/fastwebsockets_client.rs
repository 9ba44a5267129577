use fastwebsockets::{FragmentCollector, Frame, OpCode, Payload, handshake};
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::header::{CONNECTION, HOST, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use hyper_util::rt::TokioExecutor;
use std::io;
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
    let hello = Frame::text(Payload::Borrowed(b"Hello"));
    socket.write_frame(hello).await.map_err(io::Error::other)?;
    loop {
        let frame = socket.read_frame().await.map_err(io::Error::other)?;
        match frame.opcode {
            OpCode::Text => {
                println!("{}", std::str::from_utf8(&frame.payload).map_err(io::Error::other)?);
                socket
                    .write_frame(Frame::close(1000, b""))
                    .await
                    .map_err(io::Error::other)?;
            }
            OpCode::Close => return Ok(()),
            _ => {}
        }
    }
}
