//! The vectors of Project Wycheproof for RS256 and ES256, all of them.
//!
//! Wycheproof calls some signatures acceptable: DigestInfo without its NULL, which RFC 8017 §9.2 lets a verifier
//! tolerate for old signers. RFC 7518 §3.3 has no old signers, so these are refused like the invalid ones.

use keyfob_core::error::Check;
use keyfob_core::jws::{Es256, Key, Rs256, Verifier};
use wycheproof::{TestResult, ecdsa, rsa_pkcs1_verify as rsa};

/// How many vectors were of each kind.
#[derive(Debug, Default, Eq, PartialEq)]
struct Count {
    valid: usize,
    acceptable: usize,
    invalid: usize,
}

impl Count {
    fn add(&mut self, expected: TestResult, got: Result<(), Check>, name: &str) {
        let (count, expected) = match expected {
            TestResult::Valid => (&mut self.valid, Ok(())),
            TestResult::Acceptable => (&mut self.acceptable, Err(Check::BadSignature)),
            TestResult::Invalid => (&mut self.invalid, Err(Check::BadSignature)),
        };
        assert_eq!(got, expected, "{name}");
        *count += 1;
    }
}

fn rs256(file: rsa::TestName) -> Count {
    let mut count = Count::default();
    for group in rsa::TestSet::load(file).unwrap().test_groups {
        let key = Key::Rsa { modulus: &group.key.n, exponent: &group.key.e };
        for test in group.tests {
            let name = format!("{file:?} {}: {}", test.tc_id, test.comment);
            count.add(test.result, Rs256.verify(key, &test.msg, &test.sig), &name);
        }
    }
    count
}

// REQ: JOSE-14
#[test]
fn rs256_2048() {
    assert_eq!(rs256(rsa::TestName::Rsa2048Sha256), Count { valid: 9, acceptable: 1, invalid: 249 });
}

// REQ: JOSE-14
#[test]
fn rs256_3072() {
    assert_eq!(rs256(rsa::TestName::Rsa3072Sha256), Count { valid: 8, acceptable: 1, invalid: 250 });
}

// REQ: JOSE-14
#[test]
fn rs256_4096() {
    assert_eq!(rs256(rsa::TestName::Rsa4096Sha256), Count { valid: 7, acceptable: 1, invalid: 250 });
}

// REQ: JOSE-16
#[test]
fn es256() {
    let mut count = Count::default();
    for group in ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256P1363).unwrap().test_groups {
        let Some((4, point)) = group.key.key.split_first().map(|(form, point)| (*form, point)) else {
            panic!("a compressed key")
        };
        let (x, y) = point.split_at(32);
        for test in group.tests {
            let name = format!("{}: {}", test.tc_id, test.comment);
            count.add(test.result, Es256.verify(Key::P256 { x, y }, &test.msg, &test.sig), &name);
        }
    }
    assert_eq!(count, Count { valid: 173, acceptable: 0, invalid: 89 });
}
