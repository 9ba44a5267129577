//! The run loop of the component over a blocking TCP stream: what every caller of `Handle` does.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};

use websocket_component::{
    Action, ActionContext, ActionQueue, Buffer, BufferType, CloseStatus, Error, Handle, ReceivedBuffer, State,
};

/// What the loop keeps of an action once its buffers are dealt with.
enum Done {
    Nothing,
    Data(BufferType, Vec<u8>),
    Close(CloseStatus),
}

/// Runs a connection whose handshake is done until it is closed. `unread` are bytes that came behind the handshake;
/// `on_message` gets each message and returns the answer.
pub fn run(
    stream: &mut TcpStream,
    handle: &mut Handle<()>,
    mut unread: Vec<u8>,
    mut on_message: impl FnMut(BufferType, Vec<u8>) -> Option<Vec<u8>>,
) -> io::Result<()> {
    let mut message = Vec::new();
    while handle.receive(None, ()).is_ok() {
        loop {
            let (context, bytes, done) = match handle.get_action(ActionQueue::All) {
                Ok(action) => match act(stream, &mut unread, action)? {
                    Some(taken) => taken,
                    None => break,
                },
                Err(error) => return fail(stream, handle, error),
            };
            handle.complete_action(context, bytes).map_err(io::Error::other)?;
            match done {
                Done::Nothing => {}
                Done::Data(BufferType::PingPong, _) => break,
                Done::Data(buffer_type, data) => {
                    message.extend(data);
                    if buffer_type.is_final()
                        && let Some(answer) = on_message(buffer_type, std::mem::take(&mut message))
                    {
                        handle
                            .send(buffer_type, Some(Buffer::Data(answer)), ())
                            .map_err(io::Error::other)?;
                    }
                }
                Done::Close(status) if handle.state() == State::CloseReceived => {
                    let buffer = Buffer::CloseStatus {
                        status,
                        reason: Vec::new(),
                    };
                    handle
                        .send(BufferType::Close, Some(buffer), ())
                        .map_err(io::Error::other)?;
                }
                Done::Close(_) => {}
            }
        }
        if handle.state() == State::Aborted {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    stream.shutdown(Shutdown::Write)
}

/// Takes one action; `None` if there is none.
fn act(
    stream: &mut TcpStream,
    unread: &mut Vec<u8>,
    action: Action<'_, ()>,
) -> io::Result<Option<(ActionContext, usize, Done)>> {
    Ok(Some(match action {
        Action::NoAction => return Ok(None),
        Action::SendToNetwork {
            buffers,
            action_context,
            ..
        } => {
            let bytes = buffers.concat();
            stream.write_all(&bytes)?;
            (action_context, bytes.len(), Done::Nothing)
        }
        Action::ReceiveFromNetwork {
            buffer, action_context, ..
        } => {
            let read = if unread.is_empty() {
                stream.read(buffer)?
            } else {
                unread.as_slice().read(buffer)?
            };
            unread.drain(..read.min(unread.len()));
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            (action_context, read, Done::Nothing)
        }
        Action::IndicateSendComplete { action_context, .. } => (action_context, 0, Done::Nothing),
        Action::IndicateReceiveComplete {
            buffer, action_context, ..
        } => {
            let done = match buffer {
                ReceivedBuffer::Cancelled => Done::Nothing,
                ReceivedBuffer::Data { buffer_type, data } => Done::Data(buffer_type, data.to_vec()),
                ReceivedBuffer::CloseStatus { status, .. } => Done::Close(status),
            };
            (action_context, 0, done)
        }
    }))
}

/// RFC 6455 §7.1.7: says why in a close frame, and closes.
fn fail(stream: &mut TcpStream, handle: &mut Handle<()>, error: Error) -> io::Result<()> {
    let status = error.close_status().unwrap_or(CloseStatus::PROTOCOL_ERROR);
    let close = Buffer::CloseStatus {
        status,
        reason: Vec::new(),
    };
    if handle.send(BufferType::Close, Some(close), ()).is_ok() {
        while let Some((context, bytes, _)) = act(
            stream,
            &mut Vec::new(),
            handle.get_action(ActionQueue::Send).map_err(io::Error::other)?,
        )? {
            handle.complete_action(context, bytes).map_err(io::Error::other)?;
        }
    }
    stream.shutdown(Shutdown::Write)
}
