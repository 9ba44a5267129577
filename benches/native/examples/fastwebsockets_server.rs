use fastwebsockets::{FragmentCollector, OpCode, upgrade};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::io;
use tokio::net::TcpListener;

async fn serve(mut request: Request<Incoming>) -> io::Result<Response<Empty<Bytes>>> {
    let (response, socket) = upgrade::upgrade(&mut request).map_err(io::Error::other)?;
    tokio::spawn(async move {
        let mut socket = FragmentCollector::new(socket.await.map_err(io::Error::other)?);
        loop {
            let frame = socket.read_frame().await.map_err(io::Error::other)?;
            match frame.opcode {
                OpCode::Text if !frame.is_utf8() => return Err(io::Error::from(io::ErrorKind::InvalidData)),
                OpCode::Text | OpCode::Binary => socket.write_frame(frame).await.map_err(io::Error::other)?,
                OpCode::Close => return Ok(()),
                _ => {}
            }
        }
    });
    Ok(response)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:9001").await?;
    let (stream, _) = listener.accept().await?;
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(serve));
    connection.with_upgrades().await.map_err(io::Error::other)?;
    std::future::pending().await
}
