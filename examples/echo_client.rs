//! A client over std's TCP that sends back what it gets: `cargo run --example echo_client -- 127.0.0.1:9001 /path`.
//! Prints each text message. Autobahn's suite tests the crate through it.

mod tcp;

use std::io::{self, Read, Write};
use std::net::TcpStream;

use websocket_component::deflate::DeflateOptions;
use websocket_component::http::{ResponseHead, write_request};
use websocket_component::{BufferType, DeflateSettings, Handle, HttpHeader, Property};

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:9001".to_owned());
    let target = arguments.next().unwrap_or_else(|| "/".to_owned());
    let mut stream = TcpStream::connect(&address)?;
    stream.set_nodelay(true)?;

    let mut client = Handle::create_client(&[Property::SendBufferSize(65_536)]).map_err(io::Error::other)?;
    client
        .set_deflate(DeflateOptions::default(), DeflateSettings::default())
        .map_err(io::Error::other)?;
    let mut headers = vec![HttpHeader::new("Host", &address)];
    headers.extend(client.begin_client_handshake(&[], &[], &[]).map_err(io::Error::other)?);
    stream.write_all(&write_request(&target, &headers).map_err(io::Error::other)?)?;

    let mut bytes = Vec::new();
    let length = loop {
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => bytes.extend_from_slice(&chunk[..read]),
        }
        if let Some(response) = ResponseHead::parse(&bytes).map_err(io::Error::other)? {
            response.check().map_err(io::Error::other)?;
            client
                .end_client_handshake(&response.headers)
                .map_err(io::Error::other)?;
            break response.length;
        }
    };
    bytes.drain(..length);
    tcp::run(&mut stream, &mut client, bytes, |buffer_type, message| {
        if buffer_type == BufferType::Utf8Message {
            println!("{}", String::from_utf8_lossy(&message));
        }
        Some(message)
    })
}
