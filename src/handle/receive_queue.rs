use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::ops::Range;

use crate::error::Error;
use crate::frame::MAX_HEADER_LENGTH;
use crate::handle::action::{Action, ActionContext, ReceivedBuffer};
use crate::handle::memory::Memory;
use crate::session::{FrameStart, Received, Role, Session};
use crate::wire::{BufferType, CloseStatus, Opcode};

/// The receives, first in, first out, and the bytes that the network has brought.
#[derive(Debug)]
pub struct ReceiveQueue<C> {
    ops: VecDeque<ReceiveOp<C>>,
    outstanding: Option<(ActionContext, Outstanding)>,
    /// What was read and not yet parsed, in the receive area.
    unread: Range<usize>,
    /// A pong that is made and could not be handed out yet.
    owed_pong: Option<Range<usize>>,
    /// Where compressed messages are decompressed to.
    inflated: Box<[u8]>,
}

/// One call of `Handle::receive`.
#[derive(Debug)]
struct ReceiveOp<C> {
    context: C,
    buffer: Option<Vec<u8>>,
    cancelled: bool,
}

#[derive(Clone, Debug)]
enum Outstanding {
    Pong(Range<usize>),
    Read(Range<usize>),
    Cancelled,
    /// Payload in the handle's memory.
    Data(BufferType, Range<usize>),
    /// So many bytes that were decompressed.
    Inflated(BufferType, usize),
    /// So many bytes in the caller's buffer.
    DataInBuffer(BufferType, usize),
    Close(CloseStatus, Range<usize>),
}

impl<C> ReceiveQueue<C> {
    pub fn new() -> Self {
        Self {
            ops: VecDeque::new(),
            outstanding: None,
            unread: 0..0,
            owed_pong: None,
            inflated: Box::default(),
        }
    }

    /// Compressed messages may come, and are given out so many bytes at a time.
    #[cfg(feature = "deflate")]
    pub fn make_room(&mut self, size: usize) {
        self.inflated = vec![0; size].into();
    }

    pub fn push(&mut self, context: C, buffer: Option<Vec<u8>>) {
        self.ops.push_back(ReceiveOp {
            context,
            buffer,
            cancelled: false,
        });
    }

    /// Nothing is queued, handed out, or waiting to be parsed.
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty() && self.unread.is_empty()
    }

    pub const fn owes_pong(&self) -> bool {
        self.owed_pong.is_some()
    }

    pub const fn pong_is_outstanding(&self) -> bool {
        matches!(self.outstanding, Some((_, Outstanding::Pong(_))))
    }

    /// Prepares the next action, if there is one. While `pong_must_wait`, a pong is made but not handed out.
    pub fn next(
        &mut self,
        context: ActionContext,
        session: &mut Session,
        memory: &mut Memory,
        pong_must_wait: bool,
    ) -> Result<bool, Error> {
        if self.outstanding.is_some() {
            return Ok(false);
        }
        let Some(op) = self.ops.front() else { return Ok(false) };
        let next = if op.cancelled {
            Outstanding::Cancelled
        } else if let Some(pong) = self.owed_pong.take() {
            Outstanding::Pong(pong)
        } else {
            self.parse(session, memory)?
        };
        match next {
            Outstanding::Pong(pong) if pong_must_wait => {
                self.owed_pong = Some(pong);
                Ok(false)
            }
            next => {
                self.outstanding = Some((context, next));
                Ok(true)
            }
        }
    }

    /// The action that is handed out.
    pub fn action<'a>(&'a mut self, memory: &'a mut Memory) -> Action<'a, C> {
        let (Some((action_context, outstanding)), Some(op)) = (self.outstanding.clone(), self.ops.front()) else {
            return Action::NoAction;
        };
        let application_context = &op.context;
        let buffer = match outstanding {
            Outstanding::Pong(pong) => {
                return Action::SendToNetwork {
                    buffers: [memory.bytes(pong), &[]],
                    buffer_type: BufferType::PingPong,
                    application_context: None,
                    action_context,
                };
            }
            Outstanding::Read(free) => {
                let buffer = memory.bytes_mut(free);
                return Action::ReceiveFromNetwork {
                    buffer,
                    application_context,
                    action_context,
                };
            }
            Outstanding::Cancelled => ReceivedBuffer::Cancelled,
            Outstanding::Data(buffer_type, range) => ReceivedBuffer::Data {
                buffer_type,
                data: memory.bytes(range),
            },
            Outstanding::Inflated(buffer_type, length) => ReceivedBuffer::Data {
                buffer_type,
                data: &self.inflated[..length],
            },
            Outstanding::DataInBuffer(buffer_type, length) => {
                let buffer = op.buffer.as_deref().unwrap_or_default();
                ReceivedBuffer::Data {
                    buffer_type,
                    data: &buffer[..length],
                }
            }
            Outstanding::Close(status, reason) => ReceivedBuffer::CloseStatus {
                status,
                reason: memory.bytes(reason),
            },
        };
        Action::IndicateReceiveComplete {
            buffer,
            application_context,
            action_context,
        }
    }

    /// Completes the action if it is this queue's.
    pub fn complete(&mut self, context: ActionContext, bytes: usize) {
        let Some((_, outstanding)) = self.outstanding.take_if(|(outstanding, _)| *outstanding == context) else {
            return;
        };
        match outstanding {
            Outstanding::Pong(_) => {}
            // a count that cannot be is the caller's mistake, and counts as no read at all
            Outstanding::Read(free) if (1..=free.len()).contains(&bytes) => self.unread.end = free.start + bytes,
            Outstanding::Read(_) => {
                if let Some(op) = self.ops.front_mut() {
                    op.cancelled = true;
                }
            }
            _ => drop(self.ops.pop_front()),
        }
    }

    /// Cancels every receive; an owed pong is forgotten.
    pub fn cancel_all(&mut self) {
        self.owed_pong = None;
        for op in &mut self.ops {
            op.cancelled = true;
        }
    }

    /// Goes through the unread bytes up to the next thing that the caller must see or do.
    fn parse(&mut self, session: &mut Session, memory: &mut Memory) -> Result<Outstanding, Error> {
        // only called with an op at the head
        let buffer = self.ops.front_mut().and_then(|op| op.buffer.as_mut());
        let limit = buffer.as_ref().map_or(usize::MAX, |buffer| buffer.len());
        let origin = self.unread.start;
        let absolute = |range: Range<usize>| origin + range.start..origin + range.end;
        let step = session.receive_at_most(memory.bytes_mut(self.unread.clone()), limit, &mut self.inflated)?;
        self.unread.start += step.consumed;
        Ok(match (step.received, buffer) {
            (Received::NeedMore, _) => Outstanding::Read(self.free_part(session.role(), memory)),
            (Received::Ping(payload), _) => Outstanding::Pong(make_pong(absolute(payload), session, memory)?),
            (Received::Pong(payload), _) => Outstanding::Data(BufferType::PingPong, absolute(payload)),
            (
                Received::Data {
                    buffer_type, payload, ..
                },
                None,
            ) => Outstanding::Data(buffer_type, absolute(payload)),
            (
                Received::Data {
                    buffer_type, payload, ..
                },
                Some(buffer),
            ) => {
                buffer[..payload.len()].copy_from_slice(memory.bytes(absolute(payload.clone())));
                Outstanding::DataInBuffer(buffer_type, payload.len())
            }
            (
                Received::Inflated {
                    buffer_type, payload, ..
                },
                None,
            ) => Outstanding::Inflated(buffer_type, payload.len()),
            (
                Received::Inflated {
                    buffer_type, payload, ..
                },
                Some(buffer),
            ) => {
                buffer[..payload.len()].copy_from_slice(&self.inflated[..payload.len()]);
                Outstanding::DataInBuffer(buffer_type, payload.len())
            }
            (Received::Close { status, reason }, _) => {
                // nothing comes after a close: the receives behind this one have nothing to wait for
                for op in self.ops.iter_mut().skip(1) {
                    op.cancelled = true;
                }
                Outstanding::Close(status, absolute(reason))
            }
        })
    }

    /// Moves the unread bytes to the front of the receive area and returns the part behind them. It is never
    /// empty: at most 138 bytes wait for more, and the area has 256 at least.
    fn free_part(&mut self, role: Role, memory: &mut Memory) -> Range<usize> {
        let front = pong_headroom(role);
        let area = memory.receive_area();
        area.copy_within(self.unread.clone(), front);
        self.unread = front..front + self.unread.len();
        self.unread.end..memory.receive_size()
    }
}

/// A pong is made where its ping stands. A client's pong has a masking key, which the ping had not, so its header
/// begins four bytes earlier; those are kept free in front of all that is read.
const fn pong_headroom(role: Role) -> usize {
    match role {
        Role::Client => 4,
        Role::Server => 0,
    }
}

/// Turns the ping with this payload into its pong, in place (RFC 6455 §5.5.3).
fn make_pong(payload: Range<usize>, session: &mut Session, memory: &mut Memory) -> Result<Range<usize>, Error> {
    let header = session.frame_header(FrameStart::control(Opcode::Pong), payload.len() as u64)?;
    let mut bytes = [0; MAX_HEADER_LENGTH];
    let size = header.encode(&mut bytes);
    let pong = payload.start - size..payload.end;
    memory
        .bytes_mut(pong.start..payload.start)
        .copy_from_slice(&bytes[..size]);
    if let Some(mask) = header.mask {
        mask.apply(memory.bytes_mut(payload));
    }
    Ok(pong)
}
