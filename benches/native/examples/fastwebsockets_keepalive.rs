use fastwebsockets::{FragmentCollector, Frame, OpCode, Payload, handshake};
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::header::{CONNECTION, HOST, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use hyper_util::rt::TokioExecutor;
use std::{io, time::Duration};
use tokio::{net::TcpStream, time::timeout};

const IDLE: Duration = Duration::from_secs(30);

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
    let mut pinged = false;
    loop {
        // dropping this future loses a frame that was read in part: it can be done here because nothing came
        match timeout(IDLE, socket.read_frame()).await {
            Ok(frame) => {
                let frame = frame.map_err(io::Error::other)?;
                pinged = false;
                match frame.opcode {
                    OpCode::Text => println!("{}", std::str::from_utf8(&frame.payload).map_err(io::Error::other)?),
                    OpCode::Close => return Ok(()),
                    _ => {}
                }
            }
            Err(_) if pinged => return Err(io::ErrorKind::TimedOut.into()),
            Err(_) => {
                let ping = Frame::new(true, OpCode::Ping, None, Payload::Borrowed(b""));
                socket.write_frame(ping).await.map_err(io::Error::other)?;
                pinged = true;
            }
        }
    }
}
