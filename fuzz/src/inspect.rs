use websocket_component::inspect::{Direction, Inspector, Options, RecordKind, Stage};

/// A conversation: the first byte has its extension, then come pieces, each with a byte for its direction and its
/// length. No byte may be lost, and what is asked for must come, whatever it is.
pub fn inspect(data: &[u8]) {
    let Some((&first, mut rest)) = data.split_first() else {
        return;
    };
    let extensions = [
        "",
        "permessage-deflate",
        "permessage-deflate; server_no_context_takeover",
        "other",
    ];
    let mut inspector = Inspector::new(Options {
        extensions: extensions[usize::from(first) % extensions.len()],
        is_mid_stream: first & 0x10 != 0,
        is_http2: first & 0x20 != 0,
    });
    let mut sent = [Vec::new(), Vec::new()];
    while let Some((&head, after)) = rest.split_first() {
        let (piece, later) = after.split_at(after.len().min(usize::from(head >> 1)));
        let direction = if head & 1 == 0 {
            Direction::ToServer
        } else {
            Direction::ToClient
        };
        // one length in 128 stands for bytes that are missing
        if head >> 1 == 0x7F {
            inspector.push_missing(direction, 100, 0.0);
            sent[direction as usize].extend([None; 100]);
        }
        inspector.push(direction, piece, 0.0);
        sent[direction as usize].extend(piece.iter().copied().map(Some));
        rest = later;
    }
    inspector.finish();
    for direction in [Direction::ToServer, Direction::ToClient] {
        let mut rebuilt = Vec::new();
        for record in inspector
            .records()
            .iter()
            .filter(|record| record.direction == direction)
        {
            assert_eq!(record.start, rebuilt.len() as u64);
            let mut at = record.start;
            while at < record.end.min(inspector.length(direction)) {
                let bytes = inspector.bytes(direction, at..record.end);
                let missing = inspector
                    .gaps(direction, at..record.end)
                    .next()
                    .filter(|gap| gap.start == at);
                rebuilt.extend(bytes.iter().copied().map(Some));
                rebuilt.extend(missing.iter().flat_map(|gap| gap.clone()).map(|_| None));
                at = rebuilt.len() as u64;
            }
        }
        assert_eq!(rebuilt, sent[direction as usize]);
    }
    for number in 0..inspector.records().len() as u32 {
        for stage in [Stage::Wire, Stage::Unmasked, Stage::Inflated] {
            inspector.payload(number, stage, 100);
        }
    }
    for number in 0..inspector.messages().len() as u32 {
        inspector.message_payload(number, Stage::Inflated, 10_000);
        let last = inspector.messages()[number as usize].last;
        assert!(matches!(inspector.records()[last as usize].kind, RecordKind::Frame(_)));
    }
}
