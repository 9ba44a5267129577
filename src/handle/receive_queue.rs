use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::ops::Range;

use crate::error::{Error, Misuse};
use crate::frame::MAX_HEADER_LENGTH;
use crate::handle::action::{Action, ActionContext, Completed, Progress, ReceivedBuffer};
use crate::handle::memory::{Block, Memory};
use crate::session::{FrameStart, Received, Role, Session};
use crate::wire::{BufferType, CloseStatus, Opcode};

/// The receives, first in, first out, and the bytes that the network has brought.
pub struct ReceiveQueue<C> {
    ops: VecDeque<ReceiveOp<C>>,
    outstanding: Option<(ActionContext, Outstanding)>,
    /// Bytes read and not yet parsed, in the receive area.
    unread: Range<usize>,
    owed_pong: Option<OwedPong>,
    /// The buffer for decompressed bytes.
    inflated: Box<[u8]>,
}

/// One call of `Handle::receive`.
struct ReceiveOp<C> {
    context: C,
    room: Room,
    cancelled: bool,
}

/// Where a receive delivers data.
pub enum Room {
    /// In the handle's memory.
    Internal,
    Vec(Vec<u8>),
    Block(Box<dyn Block>),
}

/// A pong that was not handed out yet.
enum OwedPong {
    /// To the ping with this payload.
    To(Range<usize>),
    /// Made, and at this place.
    Made(Range<usize>),
}

#[derive(Clone, Debug)]
enum Outstanding {
    Pong(Range<usize>),
    Read(Range<usize>),
    Cancelled,
    /// Payload in the handle's memory.
    Data(BufferType, Range<usize>),
    /// This many decompressed bytes.
    Inflated(BufferType, usize),
    /// This many bytes in the caller's buffer.
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

    /// Accepts compressed messages, which are given out at most this many bytes at a time.
    #[cfg(feature = "deflate")]
    pub fn make_room(&mut self, size: usize) {
        self.inflated = vec![0; size.min(MAX_INFLATED)].into();
    }

    pub fn push(&mut self, context: C, room: Room) {
        self.ops.push_back(ReceiveOp {
            context,
            room,
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
            Some(Outstanding::Cancelled)
        } else if self.owed_pong.is_none() {
            self.parse(session, memory)?
        } else {
            None
        };
        let next = match next {
            Some(next) => next,
            None => {
                let pong = self.pong(session, memory)?;
                if pong_must_wait {
                    return Ok(false);
                }
                self.owed_pong = None;
                Outstanding::Pong(pong)
            }
        };
        self.outstanding = Some((context, next));
        Ok(true)
    }

    /// Makes the pong that is owed. It stays owed if the random source gives no masking key now.
    fn pong(&mut self, session: &mut Session, memory: &mut Memory) -> Result<Range<usize>, Error> {
        let pong = match &self.owed_pong {
            Some(OwedPong::To(ping)) => make_pong(ping.clone(), session, memory)?,
            Some(OwedPong::Made(pong)) => pong.clone(),
            None => 0..0,
        };
        self.owed_pong = Some(OwedPong::Made(pong.clone()));
        Ok(pong)
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
            Outstanding::DataInBuffer(buffer_type, length) => ReceivedBuffer::Data {
                buffer_type,
                data: op.room.bytes(length),
            },
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

    /// Completes the action if it belongs to this queue.
    pub fn complete(&mut self, context: ActionContext, bytes: usize) -> Result<Progress<C>, Misuse> {
        let Some((_, outstanding)) = self.outstanding.as_ref().filter(|(own, _)| *own == context) else {
            return Ok(Progress::Unknown);
        };
        let most = match outstanding {
            Outstanding::Pong(range) | Outstanding::Read(range) => range.len(),
            _ => usize::MAX,
        };
        if bytes > most {
            return Err(Misuse::BytesTooMany);
        }
        Ok(match self.outstanding.take() {
            Some((_, Outstanding::Pong(_))) if 0 < bytes && bytes < most => Progress::Torn,
            Some((_, Outstanding::Pong(_))) | None => Progress::Continues,
            Some((_, Outstanding::Read(free))) => {
                self.unread.end = free.start + bytes;
                if let (0, Some(op)) = (bytes, self.ops.front_mut()) {
                    op.cancelled = true;
                }
                Progress::Continues
            }
            Some(_) => match self.ops.pop_front() {
                Some(op) => Progress::Done(op.into_completed()),
                None => Progress::Continues,
            },
        })
    }

    /// Cancels every receive; an owed pong is forgotten.
    pub fn cancel_all(&mut self) {
        self.owed_pong = None;
        for op in &mut self.ops {
            op.cancelled = true;
        }
    }

    /// All that is queued, back for the caller.
    pub fn into_completed(self) -> Vec<Completed<C>> {
        self.ops.into_iter().map(ReceiveOp::into_completed).collect()
    }

    /// Parses the unread bytes up to the next thing that the caller must see or do; `None` if that is to write a pong.
    fn parse(&mut self, session: &mut Session, memory: &mut Memory) -> Result<Option<Outstanding>, Error> {
        // only called with an op at the head
        let mut room = Room::Internal;
        let room = self.ops.front_mut().map_or(&mut room, |op| &mut op.room);
        let origin = self.unread.start;
        let absolute = |range: Range<usize>| origin + range.start..origin + range.end;
        let step = session.receive_at_most(memory.bytes_mut(self.unread.clone()), room.size(), &mut self.inflated)?;
        self.unread.start += step.consumed;
        Ok(Some(match step.received {
            Received::NeedMore => Outstanding::Read(self.free_part(session.role(), memory)),
            Received::Ping(payload) => {
                self.owed_pong = Some(OwedPong::To(absolute(payload)));
                return Ok(None);
            }
            Received::Pong(payload) => Outstanding::Data(BufferType::PingPong, absolute(payload)),
            Received::Data {
                buffer_type, payload, ..
            } => {
                let payload = absolute(payload);
                if room.copy_from(memory.bytes(payload.clone())) {
                    Outstanding::DataInBuffer(buffer_type, payload.len())
                } else {
                    Outstanding::Data(buffer_type, payload)
                }
            }
            Received::Inflated {
                buffer_type, payload, ..
            } => {
                if room.copy_from(&self.inflated[..payload.len()]) {
                    Outstanding::DataInBuffer(buffer_type, payload.len())
                } else {
                    Outstanding::Inflated(buffer_type, payload.len())
                }
            }
            Received::Close { status, reason } => {
                // nothing follows a close: the receives behind this one would wait in vain
                for op in self.ops.iter_mut().skip(1) {
                    op.cancelled = true;
                }
                Outstanding::Close(status, absolute(reason))
            }
        }))
    }

    /// Moves the unread bytes to the front of the receive area and returns the part behind them. It is never empty: at
    /// most 138 bytes wait for more, and the area has at least 256.
    fn free_part(&mut self, role: Role, memory: &mut Memory) -> Range<usize> {
        let front = pong_headroom(role);
        let area = memory.receive_area();
        area.copy_within(self.unread.clone(), front);
        self.unread = front..front + self.unread.len();
        self.unread.end..memory.receive_size()
    }
}

impl<C> ReceiveOp<C> {
    fn into_completed(self) -> Completed<C> {
        Completed {
            application_context: self.context,
            buffer: match self.room {
                Room::Vec(buffer) => Some(buffer),
                Room::Internal | Room::Block(_) => None,
            },
        }
    }
}

impl Room {
    /// The most bytes that it can hold.
    pub fn size(&self) -> usize {
        match self {
            Self::Internal => usize::MAX,
            Self::Vec(buffer) => buffer.len(),
            Self::Block(block) => block.size(),
        }
    }

    fn bytes(&self, length: usize) -> &[u8] {
        match self {
            Self::Internal => &[],
            Self::Vec(buffer) => &buffer[..length],
            Self::Block(block) => block.bytes(0..length),
        }
    }

    /// Copies data to the caller's buffer; false if there is none.
    fn copy_from(&mut self, data: &[u8]) -> bool {
        match self {
            Self::Internal => return false,
            Self::Vec(buffer) => buffer[..data.len()].copy_from_slice(data),
            Self::Block(block) => block.bytes_mut(0..data.len()).copy_from_slice(data),
        }
        true
    }
}

/// The most bytes that are decompressed at once.
#[cfg(feature = "deflate")]
const MAX_INFLATED: usize = 64 * 1024;

/// A pong is made in place of its ping. A client's pong has a masking key, unlike the ping, so its header begins four
/// bytes earlier; these bytes are kept free in front of the read area.
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
