//! What the benches of the crate share: frames, and a socket that gives them again and again.

pub mod report;
pub mod turns;

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use websocket_component::{BufferType, Role, Session, SessionOptions};

/// The sizes of messages, in bytes.
pub const SIZES: [usize; 6] = [16, 125, 1024, 16 * 1024, 64 * 1024, 1024 * 1024];

/// What a message is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Ascii,
    Unicode,
    Binary,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Ascii, Self::Unicode, Self::Binary];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Ascii => "ascii",
            Self::Unicode => "unicode",
            Self::Binary => "binary",
        }
    }
}

/// A payload of exactly `size` bytes.
pub fn payload(kind: Kind, size: usize) -> Vec<u8> {
    let text = match kind {
        Kind::Binary => return (0..size).map(|at| (at * 31 + (at >> 8)) as u8).collect(),
        Kind::Ascii => "Gruesse are ASCII ",
        Kind::Unicode => "Žluťoučký kůň – 麒麟 🦄 ",
    };
    let all = text.repeat(size / text.len() + 1);
    let end = (0..=size).rev().find(|&end| all.is_char_boundary(end)).unwrap_or(0);
    let mut bytes = all.as_bytes()[..end].to_vec();
    bytes.resize(size, b'.');
    bytes
}

/// `count` messages as they are on the wire, from a client (masked) or from a server.
pub fn stream(kind: Kind, size: usize, masked: bool, count: usize) -> Vec<u8> {
    let role = if masked { Role::Client } else { Role::Server };
    let mut sender = Session::new(role, SessionOptions::default());
    let payload = payload(kind, size);
    let buffer_type = match kind {
        Kind::Binary => BufferType::BinaryMessage,
        Kind::Ascii | Kind::Unicode => BufferType::Utf8Message,
    };
    let mut out = Vec::new();
    for _ in 0..count {
        sender
            .write(buffer_type, &payload, &mut out)
            .expect("nothing forbids it");
    }
    out
}

/// A socket of which the same bytes are read again and again, at most `CHUNK` at a time, and which takes all that is
/// written, from one buffer or from several.
#[derive(Debug)]
pub struct Replay<'a> {
    all: &'a [u8],
    rest: &'a [u8],
    repeats: usize,
}

/// As much as a socket gives at once.
pub const CHUNK: usize = 64 * 1024;

impl<'a> Replay<'a> {
    pub const fn new(bytes: &'a [u8], repeats: usize) -> Self {
        Self {
            all: bytes,
            rest: &[],
            repeats,
        }
    }

    fn next(&mut self, room: usize) -> &'a [u8] {
        if self.rest.is_empty() && self.repeats > 0 {
            self.repeats -= 1;
            self.rest = self.all;
        }
        let (chunk, rest) = self.rest.split_at(self.rest.len().min(room).min(CHUNK));
        self.rest = rest;
        chunk
    }
}

impl io::Read for Replay<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let chunk = self.next(room.len());
        room[..chunk.len()].copy_from_slice(chunk);
        Ok(chunk.len())
    }
}

impl io::Write for Replay<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(slices.iter().map(|slice| slice.len()).sum())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncRead for Replay<'_> {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, room: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let chunk = self.next(room.remaining());
        room.put_slice(chunk);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Replay<'_> {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
