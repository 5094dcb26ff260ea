//! A header line with challenges.

#![no_main]

use keyfob_core::http::Challenges;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut challenges = 0;
    let mut over = false;
    for challenge in Challenges::read(data) {
        assert!(!over, "an error is the last");
        challenges += 1;
        let Ok(challenge) = challenge else {
            over = true;
            continue;
        };
        assert!(!challenge.scheme().is_empty() && challenge.scheme().is_ascii());
        challenge.error();
        for name in ["error", "scope", "realm"] {
            let mut out = vec![0; data.len()];
            let value = challenge.parameter(name, &mut out).expect("no longer than the line");
            assert!(value.is_none_or(|value| value.bytes().all(|octet| matches!(octet, 0x20..=0x7E))));
        }
    }
    assert!(challenges <= data.len());
});
