use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::ops::Range;

use crate::error::{Error, Misuse};
use crate::frame::{Header, MAX_HEADER_LENGTH};
use crate::handle::action::{Action, ActionContext, Completed, Progress};
use crate::handle::memory::Memory;
use crate::session::{FrameStart, Masking, Session};
use crate::wire::{BufferType, Opcode};

/// The sends, first in, first out.
pub struct SendQueue<C> {
    ops: VecDeque<SendOp<C>>,
    outstanding: Option<(ActionContext, Outstanding)>,
}

/// One call of `Handle::send`.
pub struct SendOp<C> {
    pub context: C,
    pub buffer_type: BufferType,
    /// The caller's payload.
    pub given: Given,
    /// The payload sent instead: compressed, or that of a close.
    pub made: Option<Vec<u8>>,
    pub start: FrameStart,
    stage: Stage,
    cancelled: bool,
}

/// A payload from the caller.
pub enum Given {
    Nothing,
    Vec(Vec<u8>),
    Shared(Box<dyn AsRef<[u8]> + Send + Sync>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// This many bytes of the payload were written, in whole frames.
    Sent(usize),
    /// Only the header of the single frame was written, because the caller takes one buffer at a time.
    HeaderSent,
    /// Everything was written, or the rest never will be.
    Done,
}

#[derive(Debug)]
enum Outstanding {
    Write(Write),
    Complete,
}

/// The bytes of an action: first in the handle's memory, then in the payload.
#[derive(Clone, Debug)]
struct Write {
    internal: Range<usize>,
    payload: Range<usize>,
    then: Stage,
}

impl<C> SendQueue<C> {
    pub const fn new() -> Self {
        Self {
            ops: VecDeque::new(),
            outstanding: None,
        }
    }

    pub fn push(&mut self, op: SendOp<C>) {
        self.ops.push_back(op);
    }

    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    /// Whether a header was written without its payload: no other frame may be written now.
    pub fn is_inside_frame(&self) -> bool {
        let header_is_out = matches!(
            &self.outstanding,
            Some((
                _,
                Outstanding::Write(Write {
                    then: Stage::HeaderSent,
                    ..
                })
            ))
        );
        header_is_out || self.ops.front().is_some_and(|op| op.stage == Stage::HeaderSent)
    }

    /// Prepares the next action, if there is one, for a caller with room for `slots` buffers.
    pub fn next(
        &mut self,
        context: ActionContext,
        session: &mut Session,
        memory: &mut Memory,
        slots: usize,
    ) -> Result<bool, Error> {
        let (None, Some(op)) = (&self.outstanding, self.ops.front()) else {
            return Ok(false);
        };
        let next = match op.stage {
            Stage::Done => Outstanding::Complete,
            Stage::HeaderSent => Outstanding::Write(Write {
                internal: 0..0,
                payload: 0..op.payload().len(),
                then: Stage::Done,
            }),
            Stage::Sent(sent) => Outstanding::Write(op.next_frame(sent, session, memory, slots)?),
        };
        self.outstanding = Some((context, next));
        Ok(true)
    }

    /// The action that is handed out.
    pub fn action<'a>(&'a self, memory: &'a Memory) -> Action<'a, C> {
        let (Some((action_context, outstanding)), Some(op)) = (&self.outstanding, self.ops.front()) else {
            return Action::NoAction;
        };
        let (action_context, buffer_type, context) = (*action_context, op.buffer_type, &op.context);
        match outstanding {
            Outstanding::Complete => Action::IndicateSendComplete {
                cancelled: op.cancelled,
                buffer_type,
                application_context: context,
                action_context,
            },
            Outstanding::Write(write) => {
                let internal = memory.bytes(write.internal.clone());
                let payload = &op.payload()[write.payload.clone()];
                let buffers = if internal.is_empty() {
                    [payload, &[]]
                } else {
                    [internal, payload]
                };
                Action::SendToNetwork {
                    buffers,
                    buffer_type,
                    application_context: Some(context),
                    action_context,
                }
            }
        }
    }

    /// Completes the action if it belongs to this queue.
    pub fn complete(&mut self, context: ActionContext, bytes: usize) -> Result<Progress<C>, Misuse> {
        if let Some((outstanding, Outstanding::Write(write))) = &self.outstanding
            && *outstanding == context
            && bytes > write.len()
        {
            return Err(Misuse::BytesTooMany);
        }
        let Some((_, outstanding)) = self.outstanding.take_if(|(outstanding, _)| *outstanding == context) else {
            return Ok(Progress::Unknown);
        };
        Ok(match (outstanding, self.ops.front_mut()) {
            (Outstanding::Write(write), Some(op)) => op.written(&write, bytes),
            (Outstanding::Write(_), None) => Progress::Unknown,
            (Outstanding::Complete, _) => match self.ops.pop_front() {
                Some(op) => Progress::Done(op.into_completed()),
                None => Progress::Unknown,
            },
        })
    }

    /// Cancels every send.
    pub fn cancel_all(&mut self) {
        for op in &mut self.ops {
            op.cancel();
        }
    }

    /// All that is queued, back for the caller.
    pub fn into_completed(self) -> Vec<Completed<C>> {
        self.ops.into_iter().map(SendOp::into_completed).collect()
    }
}

impl Write {
    const fn len(&self) -> usize {
        (self.internal.end - self.internal.start) + (self.payload.end - self.payload.start)
    }
}

impl Given {
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Nothing => &[],
            Self::Vec(bytes) => bytes,
            Self::Shared(bytes) => (**bytes).as_ref(),
        }
    }
}

impl<C> SendOp<C> {
    pub const fn new(
        context: C,
        buffer_type: BufferType,
        given: Given,
        made: Option<Vec<u8>>,
        start: FrameStart,
    ) -> Self {
        Self {
            context,
            buffer_type,
            given,
            made,
            start,
            stage: Stage::Sent(0),
            cancelled: false,
        }
    }

    fn payload(&self) -> &[u8] {
        self.made.as_deref().unwrap_or_else(|| self.given.as_bytes())
    }

    fn into_completed(self) -> Completed<C> {
        Completed {
            application_context: self.context,
            buffer: match self.given {
                Given::Vec(bytes) => Some(bytes),
                Given::Nothing | Given::Shared(_) => None,
            },
        }
    }

    /// Continues behind the written bytes. A send that is cancelled before its first byte ends alone. One that is
    /// cancelled later leaves the peer with an incomplete message, and one that later messages are compressed against
    /// cannot be left out.
    fn written(&mut self, write: &Write, bytes: usize) -> Progress<C> {
        let is_compressed = self.made.is_some() && !self.start.opcode.is_control();
        let stands_alone = self.stage == Stage::Sent(0) && bytes == 0 && !is_compressed;
        if bytes == write.len() && !self.cancelled {
            self.stage = write.then;
            return Progress::Continues;
        }
        let is_aborted = self.cancelled;
        self.cancel();
        if is_aborted || stands_alone {
            Progress::Continues
        } else {
            Progress::Torn
        }
    }

    fn cancel(&mut self) {
        self.cancelled |= self.stage != Stage::Done;
        self.stage = Stage::Done;
    }

    /// Makes the frame that comes after `sent` bytes of the payload.
    fn next_frame(
        &self,
        sent: usize,
        session: &mut Session,
        memory: &mut Memory,
        slots: usize,
    ) -> Result<Write, Error> {
        if self.start.opcode.is_control() {
            let header = session.frame_header(self.start, self.payload().len() as u64)?;
            return Ok(copy_frame(
                header,
                self.payload(),
                memory,
                memory.control_area(),
                Stage::Done,
            ));
        }
        if session.masking() == Masking::FreshKey {
            return self.next_masked_frame(sent, session, memory);
        }
        let header = session.frame_header(self.start, self.payload().len() as u64)?;
        let masked = header.mask.is_some();
        let fits = Header::size(header.length, masked) + self.payload().len() <= memory.send_size();
        if slots == 1 && fits {
            return Ok(copy_frame(
                header,
                self.payload(),
                memory,
                memory.send_area(),
                Stage::Done,
            ));
        }
        let internal = write_header(header, memory, memory.send_area());
        Ok(if slots == 1 && !self.payload().is_empty() {
            Write {
                internal,
                payload: 0..0,
                then: Stage::HeaderSent,
            }
        } else {
            Write {
                internal,
                payload: 0..self.payload().len(),
                then: Stage::Done,
            }
        })
    }

    /// A masked copy has to fit into the send buffer, so a long payload is sent as several frames, each whole.
    fn next_masked_frame(&self, sent: usize, session: &mut Session, memory: &mut Memory) -> Result<Write, Error> {
        let rest = &self.payload()[sent..];
        let piece = &rest[..rest.len().min(max_masked_payload(memory.send_size()))];
        let last = piece.len() == rest.len();
        let first = sent == 0;
        let start = FrameStart {
            fin: self.start.fin && last,
            rsv: if first { self.start.rsv } else { 0 },
            opcode: if first { self.start.opcode } else { Opcode::Continuation },
        };
        let header = session.frame_header(start, piece.len() as u64)?;
        let then = if last {
            Stage::Done
        } else {
            Stage::Sent(sent + piece.len())
        };
        Ok(copy_frame(header, piece, memory, memory.send_area(), then))
    }
}

/// The longest payload whose masked frame fits into `space` bytes.
pub fn max_masked_payload(space: usize) -> usize {
    // the header grows with the payload: of its three sizes, take the one that leaves most room
    [(14, usize::MAX), (8, 0xFFFF), (6, 125)]
        .into_iter()
        .map(|(header, longest)| space.saturating_sub(header).min(longest))
        .filter(|&payload| Header::size(payload as u64, true) + payload <= space)
        .max()
        .unwrap_or(0)
}

fn write_header(header: Header, memory: &mut Memory, area: Range<usize>) -> Range<usize> {
    let mut bytes = [0; MAX_HEADER_LENGTH];
    let size = header.encode(&mut bytes);
    let range = area.start..area.start + size;
    memory.bytes_mut(range.clone()).copy_from_slice(&bytes[..size]);
    range
}

/// Makes a whole frame at the start of `area`, which has room for it.
fn copy_frame(header: Header, payload: &[u8], memory: &mut Memory, area: Range<usize>, then: Stage) -> Write {
    let head = write_header(header, memory, area);
    let body = head.end..head.end + payload.len();
    let copy = memory.bytes_mut(body.clone());
    copy.copy_from_slice(payload);
    if let Some(mask) = header.mask {
        mask.apply(copy);
    }
    Write {
        internal: head.start..body.end,
        payload: 0..0,
        then,
    }
}

#[cfg(test)]
mod tests {
    use super::max_masked_payload;
    use crate::frame::Header;

    #[test]
    fn the_longest_masked_payload_fits_and_one_byte_more_does_not() {
        for space in (16..1000).chain(65_500..65_600).chain([4096, 1 << 20]) {
            let payload = max_masked_payload(space);
            assert!(Header::size(payload as u64, true) + payload <= space, "{space}");
            let longer = payload + 1;
            assert!(Header::size(longer as u64, true) + longer > space, "{space}");
        }
        assert_eq!(max_masked_payload(16), 10);
        assert_eq!(max_masked_payload(4096), 4088);
    }
}
