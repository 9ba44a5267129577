//! An echo server over std's TCP: `cargo run --example echo_server -- 127.0.0.1:9001`.

mod tcp;

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use websocket_component::deflate::DeflateOptions;
use websocket_component::handshake::supported_versions_header;
use websocket_component::http::{RequestHead, write_response};
use websocket_component::{DeflateSettings, Error, ErrorCode, Handle};

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".to_owned());
    let listener = TcpListener::bind(address)?;
    println!("echo server on ws://{}", listener.local_addr()?);
    for stream in listener.incoming() {
        if let Err(error) = stream.and_then(start) {
            // too many connections are open: the others go on, and this one waits
            eprintln!("no connection: {error}");
            thread::sleep(Duration::from_millis(100));
        }
    }
    Ok(())
}

fn start(stream: TcpStream) -> io::Result<()> {
    let work = move || {
        if let Err(error) = serve(stream) {
            eprintln!("a connection ended: {error}");
        }
    };
    thread::Builder::new().spawn(work).map(drop)
}

fn serve(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut bytes = Vec::new();
    let mut server = Handle::create_server(&[]).map_err(io::Error::other)?;
    server
        .set_deflate(DeflateOptions::default(), DeflateSettings::default())
        .map_err(io::Error::other)?;
    loop {
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => bytes.extend_from_slice(&chunk[..read]),
        }
        match shake_hands(&mut server, &bytes) {
            Ok(None) => {}
            Ok(Some((response, length))) => {
                stream.write_all(&response)?;
                bytes.drain(..length);
                return tcp::run(&mut stream, &mut server, bytes, |_, message| Some(message));
            }
            Err(error) => return refuse(&mut stream, error),
        }
    }
}

/// The response to a request that is all there, and the request's length.
fn shake_hands(server: &mut Handle<()>, bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>, Error> {
    let Some(request) = RequestHead::parse(bytes)? else {
        return Ok(None);
    };
    request.check()?;
    let headers = server.begin_server_handshake(None, &[], &request.headers)?;
    let response = write_response(101, "Switching Protocols", &headers)?;
    server.end_server_handshake()?;
    Ok(Some((response, request.length)))
}

fn refuse(stream: &mut TcpStream, error: Error) -> io::Result<()> {
    let response = match error.code() {
        ErrorCode::VersionNotSupported => write_response(426, "Upgrade Required", &[supported_versions_header()]),
        _ => write_response(400, "Bad Request", &[]),
    };
    stream.write_all(&response.map_err(io::Error::other)?)?;
    stream.shutdown(Shutdown::Write)
}
