//! The examples over std's TCP, as the programs that they are.
#![cfg(not(target_arch = "wasm32"))]

use std::io::{BufRead, BufReader};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
#[cfg(unix)]
use std::process::ChildStderr;
use std::process::{Child, Command, Stdio};
use std::thread;

use websocket_component::{ClientHandshake, Event, Failure, ServerHandshake, Violation};

/// An example, which is built beside the tests; `cargo test --test examples` would not do it.
fn example(name: &str) -> Command {
    let mut path: PathBuf = std::env::current_exe().expect("the test's own path");
    path.pop();
    path.pop();
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--example", name, "--target-dir"])
        .arg(path.parent().expect("the folder of the profile is within it"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(built.is_ok_and(|status| status.success()), "{name} is not built");
    Command::new(
        path.join("examples")
            .join(name)
            .with_extension(std::env::consts::EXE_EXTENSION),
    )
}

struct Server(Child, String);

impl Server {
    fn start() -> Self {
        Self::of(example("server").arg("127.0.0.1:0"))
    }

    fn of(program: &mut Command) -> Self {
        let mut child = program.stdout(Stdio::piped()).spawn().expect("the example is built");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let address = line.trim().rsplit('/').next().expect("an address").to_owned();
        Self(child, address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_client_prints_what_the_server_sends_back() {
    let server = Server::start();
    let output = example("client")
        .args([&server.1, "größe"])
        .output()
        .expect("the example is built");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "größe\n");
}

/// A server with so few file descriptors that a client can take them all.
#[cfg(unix)]
fn crowded(name: &str) -> (Server, BufReader<ChildStderr>) {
    let program = example(name);
    let limited = ["-c", "ulimit -n 16; exec \"$0\" 127.0.0.1:0"];
    let mut command = Command::new("sh");
    command.args(limited).arg(program.get_program()).stderr(Stdio::piped());
    let mut server = Server::of(&mut command);
    let stderr = server.0.stderr.take().expect("it is piped");
    (server, BufReader::new(stderr))
}

#[cfg(unix)]
#[test]
fn a_server_that_cannot_accept_goes_on_with_those_it_has_and_accepts_later() {
    for name in ["server", "echo_server"] {
        let (server, mut stderr) = crowded(name);
        let mut first = TcpStream::connect(&server.1).expect("it listens");
        let handshake = ClientHandshake::new(&server.1, "/").expect("an address is a host");
        let mut connection = handshake.complete(&mut first).expect("it speaks WebSocket");
        let many: Vec<_> = (0..32).map(|_| TcpStream::connect(&server.1)).collect();
        let mut said = String::new();
        stderr.read_line(&mut said).expect("it says that it cannot");
        connection.send_text("Hello").expect("it is open");
        let answer = connection.next_event_over(&mut first).expect("it does not fail");
        assert_eq!(answer, Some(Event::Text("Hello".into())), "{name}");
        drop(many);
        let mut later = TcpStream::connect(&server.1).expect("it listens");
        let handshake = ClientHandshake::new(&server.1, "/").expect("an address is a host");
        handshake.complete(&mut later).expect("it accepts again");
    }
}

#[test]
fn a_client_of_few_lines_takes_all_that_the_server_sends_back() {
    let server = Server::start();
    let mut stream = TcpStream::connect(&server.1).expect("it listens");
    let handshake = ClientHandshake::new(&server.1, "/").expect("an address is a host");
    let mut connection = handshake.complete(&mut stream).expect("it speaks WebSocket");
    let long = vec![7; 300_000];
    connection.send_binary(&long).expect("it is open");
    connection.send_text("x".repeat(5000)).expect("it is open");
    let mut next = || connection.next_event_over(&mut stream).expect("it does not fail");
    assert_eq!(next(), Some(Event::Binary(long.into())));
    assert_eq!(next(), Some(Event::Text("x".repeat(5000).into())));
    connection.close(1000.into(), "").expect("it is open");
    assert!(matches!(
        connection.next_event_over(&mut stream),
        Ok(Some(Event::Closed { .. }))
    ));
    assert!(
        matches!(connection.next_event_over(&mut stream), Ok(None)),
        "the server ends the transport"
    );
}

#[test]
fn over_a_blocking_stream_a_failure_is_an_error_once_the_peer_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let client = thread::spawn(move || {
        let mut stream = TcpStream::connect(address).expect("it listens");
        let mut connection = ClientHandshake::new("a", "/")
            .expect("a host")
            .complete(&mut stream)
            .expect("it speaks WebSocket");
        std::io::Write::write_all(&mut stream, b"\x81\0").expect("it is open"); // not masked
        let closed = connection.next_event_over(&mut stream);
        assert!(
            matches!(closed, Ok(Some(Event::Closed { status, .. })) if status == 1002.into()),
            "{closed:?}"
        );
    });
    let (mut stream, _) = listener.accept().expect("a client");
    let mut connection = ServerHandshake::new()
        .complete(&mut stream)
        .expect("it speaks WebSocket");
    let error = connection.next_event_over(&mut stream).expect_err("it is not masked");
    assert_eq!(connection.failure(), Some(Failure::Violation(Violation::MaskMissing)));
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
    stream.shutdown(Shutdown::Write).expect("it is open");
    client.join().expect("the client has seen the close");
}
