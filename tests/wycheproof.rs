//! The vectors of Project Wycheproof for every algorithm, all of them, and those of algorithms that look alike.
//!
//! Wycheproof calls some signatures acceptable: DigestInfo without its NULL, which RFC 8017 §9.2 lets a verifier
//! tolerate for old signers. RFC 7518 §3.3 has no old signers, so these nine are refused like the invalid ones.
//!
//! A tag of HMAC that is cut to half is a valid vector there. JOSE does not cut tags (RFC 7518 §3.2), so it is refused;
//! and so is every secret of less than 32 octets.

use keyfob_core::error::Check;
use keyfob_core::jws::{
    Ed25519, EdDsa, Es256, Es384, Hs256, Key, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512, Verifier,
};
use wycheproof::{
    HashFunction, TestResult, ecdsa, eddsa, mac, rsa_pkcs1_verify as rsa, rsa_pss_verify as pss,
};

/// How many vectors were of each kind.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Count {
    valid: usize,
    acceptable: usize,
    invalid: usize,
}

const fn count(valid: usize, acceptable: usize, invalid: usize) -> Count {
    Count { valid, acceptable, invalid }
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

fn rsassa_pkcs1(verifier: &dyn Verifier, files: &[(rsa::TestName, Count)]) {
    for (file, expected) in files {
        let mut count = Count::default();
        for group in rsa::TestSet::load(*file).unwrap().test_groups {
            let key = Key::Rsa { modulus: &group.key.n, exponent: &group.key.e };
            for test in group.tests {
                let name = format!("{file:?} {}: {}", test.tc_id, test.comment);
                count.add(test.result, verifier.verify(key, &test.msg, &test.sig), &name);
            }
        }
        assert_eq!(count, *expected, "{file:?}");
    }
}

// REQ: JOSE-14
#[test]
fn rs256() {
    let files = [
        (rsa::TestName::Rsa2048Sha256, count(9, 1, 249)),
        (rsa::TestName::Rsa3072Sha256, count(8, 1, 250)),
        (rsa::TestName::Rsa4096Sha256, count(7, 1, 250)),
    ];
    rsassa_pkcs1(&Rs256, &files);
}

// REQ: JOSE-25
#[test]
fn rs384() {
    let files = [
        (rsa::TestName::Rsa2048Sha384, count(7, 1, 250)),
        (rsa::TestName::Rsa3072Sha384, count(7, 1, 251)),
        (rsa::TestName::Rsa4096Sha384, count(7, 1, 251)),
    ];
    rsassa_pkcs1(&Rs384, &files);
}

// REQ: JOSE-25
#[test]
fn rs512() {
    let files = [
        (rsa::TestName::Rsa2048Sha512, count(8, 1, 250)),
        (rsa::TestName::Rsa3072Sha512, count(8, 1, 251)),
        (rsa::TestName::Rsa4096Sha512, count(7, 1, 251)),
    ];
    rsassa_pkcs1(&Rs512, &files);
}

/// A key of 8192 bits is not taken, whatever it signs.
// REQ: JWKS-07
#[test]
fn rsa_with_8192_bits() {
    use rsa::TestName::{Rsa8192Sha256, Rsa8192Sha384, Rsa8192Sha512};
    let files: [(rsa::TestName, &dyn Verifier); 3] =
        [(Rsa8192Sha256, &Rs256), (Rsa8192Sha384, &Rs384), (Rsa8192Sha512, &Rs512)];
    let mut refused = 0;
    for (file, verifier) in files {
        for group in rsa::TestSet::load(file).unwrap().test_groups {
            let key = Key::Rsa { modulus: &group.key.n, exponent: &group.key.e };
            for test in group.tests {
                assert_eq!(verifier.verify(key, &test.msg, &test.sig), Err(Check::KeyInvalid));
                refused += 1;
            }
        }
    }
    assert_eq!(refused, 776);
}

/// Verifies the vectors of a file whose parameters are those of RFC 7518 §3.5 for this verifier. All others are
/// refused, also where the file calls them valid: another digest, another mask, another length of the salt.
fn rsassa_pss(
    verifier: &dyn Verifier,
    hash: HashFunction,
    salt: usize,
    files: &[(pss::TestName, Count, usize)],
) {
    for (file, expected, expected_others) in files {
        let (mut count, mut others) = (Count::default(), 0);
        for group in pss::TestSet::load(*file).unwrap().test_groups {
            let key = Key::Rsa { modulus: &group.key.n, exponent: &group.key.e };
            let ours = (group.hash, group.mgf_hash, group.salt_size) == (hash, Some(hash), salt);
            for test in group.tests {
                let name = format!("{file:?} {}: {}", test.tc_id, test.comment);
                let got = verifier.verify(key, &test.msg, &test.sig);
                if ours {
                    count.add(test.result, got, &name);
                } else {
                    // What is wrong with this one is that its salt has our length.
                    let right = test.comment.as_ref() == format!("s_len changed to {salt}")
                        && (group.hash, group.mgf_hash) == (hash, Some(hash));
                    let expected = if right { Ok(()) } else { Err(Check::BadSignature) };
                    assert_eq!(got, expected, "{name}");
                    others += 1;
                }
            }
        }
        assert_eq!((count, others), (*expected, *expected_others), "{file:?}");
    }
}

// REQ: JOSE-15
#[test]
fn ps256() {
    let files = [
        (pss::TestName::RsaPss2048Sha256Mgf1SaltLen32, count(63, 0, 45), 0),
        (pss::TestName::RsaPss3072Sha256Mgf1SaltLen32, count(63, 0, 45), 0),
        (pss::TestName::RsaPss4096Sha256Mgf1SaltLen32, count(63, 0, 45), 0),
        (pss::TestName::RsaPss2048Sha256Mgf1SaltLen0, count(0, 0, 0), 103),
        (pss::TestName::RsaPss2048Sha256Mgf1Sha1_20, count(0, 0, 0), 108),
        (pss::TestName::RsaPss2048Sha512_256Mgf1SaltLen32, count(0, 0, 0), 115),
        (pss::TestName::RsaPss2048Shake128, count(0, 0, 0), 114),
        (pss::TestName::RsaPssmisc, count(1, 0, 0), 149),
    ];
    rsassa_pss(&Ps256, HashFunction::Sha2_256, 32, &files);
}

// REQ: JOSE-25
#[test]
fn ps384() {
    let files = [
        (pss::TestName::RsaPss2048Sha384Mgf1SaltLen48, count(95, 0, 46), 0),
        (pss::TestName::RsaPss4096Sha384Mgf1SaltLen48, count(95, 0, 46), 0),
        (pss::TestName::RsaPssmisc, count(1, 0, 0), 149),
    ];
    rsassa_pss(&Ps384, HashFunction::Sha2_384, 48, &files);
}

// REQ: JOSE-25
#[test]
fn ps512() {
    let files = [
        (pss::TestName::RsaPss4096Sha512Mgf1SaltLen64, count(132, 0, 47), 0),
        (pss::TestName::RsaPss4096Sha512Mgf1SaltLen32, count(0, 0, 0), 177),
        (pss::TestName::RsaPss2048Sha512Mgf1Sha256SaltLen32WithParams, count(0, 0, 0), 178),
        (pss::TestName::RsaPssmisc, count(1, 0, 0), 149),
    ];
    rsassa_pss(&Ps512, HashFunction::Sha2_512, 64, &files);
}

/// What a verifier says to the vectors of a file with signatures that are r and s.
fn ecdsa(
    file: ecdsa::TestName,
    verifier: &dyn Verifier,
    key: for<'k> fn(&'k [u8], &'k [u8]) -> Key<'k>,
    mut look: impl FnMut(TestResult, Result<(), Check>, &str),
) {
    for group in ecdsa::TestSet::load(file).unwrap().test_groups {
        let Some((4, point)) = group.key.key.split_first().map(|(form, point)| (*form, point)) else {
            panic!("a compressed key")
        };
        let (x, y) = point.split_at(point.len() / 2);
        for test in group.tests {
            let name = format!("{}: {}", test.tc_id, test.comment);
            look(test.result, verifier.verify(key(x, y), &test.msg, &test.sig), &name);
        }
    }
}

// REQ: JOSE-16
#[test]
fn es256() {
    let mut found = Count::default();
    let key: for<'k> fn(&'k [u8], &'k [u8]) -> Key<'k> = |x, y| Key::P256 { x, y };
    ecdsa(ecdsa::TestName::EcdsaSecp256r1Sha256P1363, &Es256, key, |expected, got, name| {
        found.add(expected, got, name);
    });
    assert_eq!(found, count(173, 0, 89));
    // With another digest it is no signature of this algorithm.
    let mut others = 0;
    ecdsa(ecdsa::TestName::EcdsaSecp256r1Sha512P1363, &Es256, key, |_, got, name| {
        assert_eq!(got, Err(Check::BadSignature), "{name}");
        others += 1;
    });
    assert_eq!(others, 332);
}

// REQ: JOSE-25
#[test]
fn es384() {
    let mut found = Count::default();
    let key: for<'k> fn(&'k [u8], &'k [u8]) -> Key<'k> = |x, y| Key::P384 { x, y };
    ecdsa(ecdsa::TestName::EcdsaSecp384r1Sha384P1363, &Es384, key, |expected, got, name| {
        found.add(expected, got, name);
    });
    assert_eq!(found, count(193, 0, 87));
    let mut others = 0;
    ecdsa(ecdsa::TestName::EcdsaSecp384r1Sha512P1363, &Es384, key, |_, got, name| {
        assert_eq!(got, Err(Check::BadSignature), "{name}");
        others += 1;
    });
    assert_eq!(others, 318);
}

// REQ: JOSE-17, JOSE-18
#[test]
fn eddsa() {
    for verifier in [&EdDsa as &dyn Verifier, &Ed25519] {
        let mut found = Count::default();
        for group in eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap().test_groups {
            for test in group.tests {
                let name = format!("{}: {}", test.tc_id, test.comment);
                let got = verifier.verify(Key::Ed25519 { x: &group.key.pk }, &test.msg, &test.sig);
                found.add(test.result, got, &name);
            }
        }
        assert_eq!(found, count(88, 0, 63));
    }
}

// REQ: JOSE-09, CFG-15
#[test]
fn hs256() {
    let (mut whole, mut cut, mut weak) = (Count::default(), 0, 0);
    for group in mac::TestSet::load(mac::TestName::HmacSha256).unwrap().test_groups {
        for test in group.tests {
            let name = format!("{}: {}", test.tc_id, test.comment);
            let got = Hs256.verify(Key::Secret(&test.key), &test.msg, &test.tag);
            if group.key_size < 256 {
                assert_eq!(got, Err(Check::KeyTooWeak), "{name}");
                weak += 1;
            } else if group.tag_size < 256 {
                assert_eq!(got, Err(Check::BadSignature), "{name}");
                cut += 1;
            } else {
                whole.add(test.result, got, &name);
            }
        }
    }
    assert_eq!((whole, cut, weak), (count(30, 0, 54), 84, 6));
}
