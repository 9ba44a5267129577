use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::connection::{Config, Connection, options_of};
#[cfg(feature = "deflate")]
use crate::deflate::Agreement;
use crate::error::Error;
use crate::random::RandomSource;
#[cfg(feature = "deflate")]
use crate::session::DeflateSettings;
use crate::session::{Role, Session, SessionOptions};

/// The result of a handshake.
#[derive(Clone, Debug, Default)]
pub struct Established {
    pub subprotocol: Option<String>,
    #[cfg(feature = "deflate")]
    pub deflate: Option<(Agreement, DeflateSettings)>,
}

/// The parts that a finished handshake leaves for a connection or a session.
pub struct Parts {
    pub role: Role,
    pub established: Established,
    pub config: Config,
    pub random: Box<dyn RandomSource>,
    /// Bytes that came behind the handshake.
    pub unread: Vec<u8>,
    /// Bytes that the handshake has still to transmit.
    pub unsent: Vec<u8>,
}

impl Parts {
    pub fn connection(mut self) -> Result<Connection, Error> {
        let (unread, unsent, config) = (self.unread, self.unsent, self.config);
        let subprotocol = self.established.subprotocol.take();
        let session = session(self.role, options_of(&config), self.established, self.random);
        let mut connection = Connection::over(session, config);
        connection.subprotocol = subprotocol.map(String::into_boxed_str);
        connection.endpoint.output.extend(&unsent);
        connection.endpoint.is_unseen = !unread.is_empty();
        connection.input.push_owned(unread);
        Ok(connection)
    }

    pub fn session(self) -> (Session, Vec<u8>) {
        let options = SessionOptions {
            limits: self.config.limits,
            ..SessionOptions::default()
        };
        let session = session(self.role, options, self.established, self.random);
        (session, self.unread)
    }
}

fn session(role: Role, options: SessionOptions, established: Established, random: Box<dyn RandomSource>) -> Session {
    #[cfg_attr(
        not(feature = "deflate"),
        expect(unused_mut, unused_variables, reason = "as with it")
    )]
    let (mut session, established) = (Session::with_random(role, options, random), established);
    #[cfg(feature = "deflate")]
    if let Some((agreement, settings)) = established.deflate {
        session.enable_deflate(&agreement, settings);
    }
    session
}

/// Reads at least one byte.
#[cfg(feature = "std")]
pub fn read(stream: &mut impl std::io::Read, chunk: &mut [u8]) -> std::io::Result<usize> {
    loop {
        match stream.read(chunk) {
            Ok(0) => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
