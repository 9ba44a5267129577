//! The server and the client against each other, over TCP and TLS.

use std::io;
#[cfg(unix)]
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use rcgen::CertifiedKey;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use websocket_component::deflate::DeflateOptions;
use websocket_component::{ClientOptions, CloseStatus, DeflateSettings, ServerOptions};
use websocket_component_tokio::{Message, Socket, connect, connect_tls, echo};

/// Serves one connection; gives the address, and how it ended.
async fn server(options: ServerOptions) -> io::Result<(String, JoinHandle<io::Result<()>>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let served = tokio::spawn(async move {
        let (stream, _) = listener.accept().await?;
        echo(Socket::server(stream, options).await?).await
    });
    Ok((address, served))
}

fn messages() -> [Message; 4] {
    [
        Message::Text(String::new()),
        Message::Text("größe 😀".to_owned()),
        Message::Binary((0..=255).cycle().take(70_000).collect()),
        Message::Text("compressible ".repeat(100_000)),
    ]
}

#[tokio::test]
async fn messages_come_back_and_both_sides_close() -> io::Result<()> {
    for compressed in [false, true] {
        let (mut client, mut options) = (ClientOptions::default(), ServerOptions::default());
        if compressed {
            client.deflate = Some((DeflateOptions::default(), DeflateSettings::default()));
            options.deflate = client.deflate;
        }
        let (address, served) = server(options).await?;
        let stream = TcpStream::connect(&address).await?;
        let mut socket = Socket::client(stream, &address, "/", client).await?;
        for message in messages() {
            socket.send(message.clone()).await?;
            socket.flush().await?;
            assert_eq!(socket.receive().await?, Some(message));
        }
        socket.close(CloseStatus::NORMAL).await?;
        served.await??;
    }
    Ok(())
}

#[tokio::test]
async fn messages_come_back_over_tls() -> io::Result<()> {
    let CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).map_err(io::Error::other)?;
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).map_err(io::Error::other)?;
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .map_err(io::Error::other)?;
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).map_err(io::Error::other)?;
    let trust = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let served = tokio::spawn(async move {
        let (stream, _) = listener.accept().await?;
        let stream = TlsAcceptor::from(Arc::new(config)).accept(stream).await?;
        echo(Socket::server(stream, ServerOptions::default()).await?).await
    });
    let mut socket = connect_tls(&address, "localhost", "/", Arc::new(trust)).await?;
    for message in messages() {
        socket.send(message.clone()).await?;
        socket.flush().await?;
        assert_eq!(socket.receive().await?, Some(message));
    }
    socket.close(CloseStatus::NORMAL).await?;
    served.await?
}

#[tokio::test]
async fn many_senders_share_a_connection_while_another_task_receives() -> io::Result<()> {
    const SENDERS: usize = 20;
    const EACH: usize = 50;
    let (address, served) = server(ServerOptions::default()).await?;
    let (sender, mut receiver) = connect(&address, "/").await?.split();
    for number in 0..SENDERS {
        let sender = sender.clone();
        tokio::spawn(async move {
            for index in 0..EACH {
                let text = format!("{number} {index} {}", "x".repeat(number * index));
                sender.send(Message::Text(text)).await?;
            }
            io::Result::Ok(())
        });
    }
    drop(sender);
    let mut next = [0; SENDERS];
    while let Some(Message::Text(text)) = receiver.receive().await? {
        let mut numbers = text.split(' ').map_while(|number| number.parse::<usize>().ok());
        let (Some(number), Some(index)) = (numbers.next(), numbers.next()) else {
            return Err(io::Error::other(text));
        };
        assert_eq!(index, next[number], "the messages of a sender keep their order");
        next[number] += 1;
        if next == [EACH; SENDERS] {
            break;
        }
    }
    assert_eq!(next, [EACH; SENDERS]);
    assert_eq!(
        receiver.receive().await?,
        None,
        "with the last sender the connection closes"
    );
    served.await?
}

#[tokio::test]
async fn a_peer_that_breaks_the_protocol_is_told_so() -> io::Result<()> {
    let (address, served) = server(ServerOptions::default()).await?;
    let mut stream = TcpStream::connect(&address).await?;
    let request = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(request.as_bytes()).await?;
    stream.write_all(&[0x81, 0x00]).await?; // not masked, RFC 6455 §5.1
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    drop(stream);
    assert!(answer.starts_with(b"HTTP/1.1 101 "));
    assert!(answer.ends_with(&[0x88, 0x02, 0x03, 0xEA]), "a close with 1002");
    assert!(served.await?.is_err());
    Ok(())
}

#[tokio::test]
async fn what_is_not_a_websocket_request_is_refused() -> io::Result<()> {
    let (address, served) = server(ServerOptions::default()).await?;
    let mut stream = TcpStream::connect(&address).await?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    assert!(answer.starts_with(b"HTTP/1.1 426 "));
    assert!(served.await?.is_err());
    Ok(())
}

/// The program, which ends with the test.
#[cfg(unix)]
struct Program(Child);

#[cfg(unix)]
impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// It has so few file descriptors that a client can take them all.
#[cfg(unix)]
#[tokio::test]
async fn a_server_that_cannot_accept_goes_on_with_those_it_has_and_accepts_later() -> io::Result<()> {
    use std::io::{BufRead, BufReader};

    let limited = [
        "-c",
        "ulimit -n 24; exec \"$0\" 127.0.0.1:0",
        env!("CARGO_BIN_EXE_server"),
    ];
    let mut command = Command::new("sh");
    command.args(limited).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut program = Program(command.spawn()?);
    let mut line = String::new();
    BufReader::new(program.0.stdout.take().expect("it is piped")).read_line(&mut line)?;
    let address = line.trim().rsplit('/').next().expect("an address").to_owned();
    let mut first = connect(&address, "/").await?;
    let many: Vec<_> = (0..40).map(|_| std::net::TcpStream::connect(&address)).collect();
    let mut stderr = BufReader::new(program.0.stderr.take().expect("it is piped"));
    stderr.read_line(&mut line)?;
    first.send(Message::Text("Hello".to_owned())).await?;
    assert_eq!(first.receive().await?, Some(Message::Text("Hello".to_owned())));
    drop(many);
    connect(&address, "/").await?.close(CloseStatus::NORMAL).await
}
