//! What is done to each byte: unmasking and checking in place, against memcpy and simdutf8 over as many bytes.

use std::hint::black_box;

use websocket_component::{MaskKey, Received, Role, Session, SessionOptions, Utf8Validator};
use websocket_component_benches::report::Report;
use websocket_component_benches::turns::Contender;
use websocket_component_benches::{Kind, SIZES, payload, stream};

pub fn run(report: &mut Report) {
    let names = ["mask", "memcpy"];
    report.suite("mask", &["bytes"], &names);
    for size in SIZES {
        let source = payload(Kind::Binary, size);
        let (mut masked, mut copy) = (source.clone(), source.clone());
        let key = MaskKey([0x37, 0xFA, 0x21, 0x3D]);
        let mut contenders: [Contender<'_>; 2] = [
            (
                names[0],
                Box::new(|| all(size, || _ = black_box(key).apply(black_box(&mut masked)))),
            ),
            (
                names[1],
                Box::new(|| all(size, || black_box(&mut copy).copy_from_slice(black_box(&source)))),
            ),
        ];
        report.compare(&[&size.to_string()], &mut contenders);
    }

    // a frame is received over and over: what one turn unmasks, the next one masks; and binary is not looked at
    let names = ["receive", "memcpy"];
    report.suite("receive masked binary", &["bytes"], &names);
    for size in SIZES {
        let frame = stream(Kind::Binary, size, true, 1);
        let (mut input, mut copy) = (frame.clone(), frame.clone());
        let mut session = Session::new(Role::Server, SessionOptions::default());
        let mut contenders: [Contender<'_>; 2] = [
            (
                names[0],
                Box::new(|| {
                    all(size, || {
                        let step = session.receive(black_box(&mut input)).expect("it is in order");
                        assert!(matches!(step.received, Received::Data { .. }));
                    })
                }),
            ),
            (
                names[1],
                Box::new(|| all(size, || black_box(&mut copy).copy_from_slice(black_box(&frame)))),
            ),
        ];
        report.compare(&[&size.to_string()], &mut contenders);
    }

    let names = ["validate", "simdutf8"];
    report.suite("validate", &["kind", "bytes"], &names);
    for kind in [Kind::Ascii, Kind::Unicode] {
        for size in SIZES {
            let text = payload(kind, size);
            let mut contenders: [Contender<'_>; 2] = [
                (
                    names[0],
                    Box::new(|| all(size, || Utf8Validator::default().push(black_box(&text)).expect("UTF-8"))),
                ),
                (
                    names[1],
                    Box::new(|| {
                        all(size, || {
                            _ = simdutf8::basic::from_utf8(black_box(&text)).expect("UTF-8")
                        })
                    }),
                ),
            ];
            report.compare(&[kind.name(), &size.to_string()], &mut contenders);
        }
    }
}

/// Does it to 256 KiB or one piece; gives how many bytes that were.
fn all(size: usize, mut work: impl FnMut()) -> usize {
    let count = (256 * 1024 / size).max(1);
    for _ in 0..count {
        work();
    }
    count * size
}
