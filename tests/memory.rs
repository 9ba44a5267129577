//! What a connection costs in memory, whatever its peer claims: counted at the allocator.
#![cfg(not(any(miri, all(target_arch = "wasm32", target_os = "unknown"))))]
#![allow(clippy::unwrap_used, reason = "a wrong test panics")]

mod support;

use core::hint::black_box;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use support::*;
use websocket_component::{Action, ActionQueue, Handle, Property, Role, Session, SessionOptions, internal_buffer_size};

/// Room for the entries of a handle's two queues, and what the test itself copies of a pong.
const QUEUES: usize = 1000;

/// The most bytes of the heap that `work` had at once, in this thread: the test runner allocates beside it.
fn peak(work: impl FnOnce()) -> usize {
    let counted = allocation_counter::measure(work);
    assert!(
        counted.bytes_current >= 0,
        "what it frees of its own would hide as much"
    );
    counted.bytes_max.try_into().unwrap()
}

/// A peer's stream of good frames, frames that claim more than they have, and noise.
fn stream(role: Role) -> impl Strategy<Value = Vec<u8>> {
    let first = prop::sample::select(vec![0x81_u8, 0x82, 0x01, 0x02, 0x00, 0x80, 0x89, 0x8A, 0x88]);
    let good =
        (first.clone(), vec(any::<u8>(), 0..300)).prop_map(move |(first, payload)| frame_to(role, first, &payload));
    let claim = (
        first,
        prop::sample::select(vec![u64::MAX >> 1, 1 << 53, 1 << 32, 1 << 30, 70_000]),
    )
        .prop_map(move |(first, length)| {
            let mask = if role == Role::Server { 0x80 } else { 0 };
            [&[first, mask | 127][..], &length.to_be_bytes(), &KEY].concat()
        });
    let noise = vec(any::<u8>(), 0..40);
    vec(prop_oneof![6 => good, 1 => claim, 1 => noise], 0..20).prop_map(|pieces| pieces.concat())
}

/// All that a session does with a stream that comes in chunks of this size.
fn receive_all(role: Role, stream: &mut [u8], size: usize) {
    let mut session = Session::new(role, SessionOptions::default());
    let (mut start, mut end) = (0, 0);
    while end < stream.len() {
        end = (end + size).min(stream.len());
        while let Ok(step) = session.receive(&mut stream[start..end]) {
            if step.consumed == 0 {
                break;
            }
            start += step.consumed;
        }
    }
}

/// Has a handle receive, and answer, all of a stream that comes in chunks of this size.
fn act_on_all(handle: &mut Handle<u32>, mut stream: &[u8], size: usize) {
    while handle.receive(None, 0).is_ok() {
        loop {
            let Ok(action) = handle.get_action(ActionQueue::All) else {
                return;
            };
            let Some(context) = action.action_context() else { break };
            let bytes = match action {
                Action::ReceiveFromNetwork { .. } if stream.is_empty() => return,
                Action::ReceiveFromNetwork { buffer, .. } => {
                    let read = buffer.len().min(stream.len()).min(size);
                    buffer[..read].copy_from_slice(&stream[..read]);
                    stream = &stream[read..];
                    read
                }
                Action::SendToNetwork { buffers, .. } => buffers.concat().len(),
                _ => 0,
            };
            handle.complete_action(context, bytes).unwrap();
        }
    }
}

#[test]
fn a_peer_cannot_make_a_session_allocate_at_all_nor_a_handle_more_than_its_buffers() {
    assert!(
        peak(|| drop(black_box(vec![0_u8; 100]))) >= 100,
        "the allocator is watched"
    );
    let mut runner = TestRunner::default();
    let cases = prop_oneof![Just(Role::Client), Just(Role::Server)]
        .prop_flat_map(|role| (Just(role), stream(role), prop_oneof![1..50_usize, Just(usize::MAX)]));
    runner
        .run(&cases, |(role, stream, size)| {
            let mut input = stream.clone();
            prop_assert_eq!(peak(|| receive_all(role, &mut input, size.min(stream.len() + 1))), 0);

            let (receive_size, send_size) = (1000, 500);
            let mut handle = open(
                role,
                vec![
                    Property::ReceiveBufferSize(receive_size),
                    Property::SendBufferSize(send_size),
                ],
            );
            let bound = internal_buffer_size(receive_size, send_size) + QUEUES;
            let used = peak(|| act_on_all(&mut handle, &stream, size));
            prop_assert!(used <= bound, "{} bytes of {}", used, bound);
            Ok(())
        })
        .unwrap();
}
