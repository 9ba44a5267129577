//! The platform's random bytes: none is given out twice, and none is left out (RFC 6455 §5.3, §10.3).
#![cfg(all(feature = "std", not(all(target_arch = "wasm32", target_os = "unknown"))))]

use std::collections::HashSet;

use websocket_component::{PlatformRandom, RandomSource};

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    PlatformRandom.fill(&mut bytes).expect("the system has random bytes");
    bytes
}

#[test]
fn no_nonce_comes_twice_whatever_else_is_asked_for() {
    let mut nonces = HashSet::new();
    for _ in 0..2000 {
        assert!(nonces.insert(random::<16>()));
        random::<3>();
        random::<1024>();
        random::<1>();
    }
}

#[test]
fn bytes_that_come_one_by_one_are_as_random_as_others() {
    let zeros = (0..4096).filter(|_| random::<1>() == [0]).count();
    assert!(zeros < 128, "{zeros} of 4096, where 16 are likely");
}

#[test]
fn more_bytes_than_are_fetched_at_once_are_all_random() {
    let bytes = random::<10_000>();
    let zeros = bytes.iter().filter(|byte| **byte == 0).count();
    assert!(zeros < 200, "{zeros} of 10,000, where 39 are likely");
    assert!(bytes.windows(16).collect::<HashSet<_>>().len() == bytes.len() - 15);
}
