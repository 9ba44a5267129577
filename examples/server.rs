//! An echo server over std's TCP, with a thread for each connection: `cargo run --example server -- 127.0.0.1:9001`.

use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};
use std::{env, io, thread};

use websocket_component::deflate::DeflateOptions;
use websocket_component::{DeflateSettings, Event, ServerHandshake, ServerOptions};

fn main() -> io::Result<()> {
    let listener = TcpListener::bind(env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".to_owned()))?;
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
            eprintln!("{error}");
        }
    };
    thread::Builder::new().spawn(work).map(drop)
}

fn serve(mut stream: TcpStream) -> io::Result<()> {
    let mut options = ServerOptions::default();
    options.deflate = Some((DeflateOptions::default(), DeflateSettings::default()));
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut connection = ServerHandshake::with_options(options).complete(&mut stream)?;
    let start = Instant::now();
    while !connection.is_finished() {
        connection.handle_timeout(start.elapsed());
        while let Some(event) = connection.next_owned_event() {
            match event {
                Event::Text(text) => connection.send_text(text)?,
                Event::Binary(bytes) => connection.send_binary(bytes)?,
                Event::Failed(failure) => eprintln!("{failure}"),
                _ => {}
            }
        }
        connection.write_to(&mut stream)?;
        if connection.wants_read() {
            let due = connection.poll_timeout().unwrap_or(Duration::MAX);
            let left = due.saturating_sub(start.elapsed()).max(Duration::from_millis(1));
            stream.set_read_timeout((due < Duration::MAX).then_some(left))?;
            match connection.read_from(&mut stream, start.elapsed()) {
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
                result => drop(result?),
            }
        }
    }
    Ok(())
}
