//! Forged signatures and keys that are none, against each verifier itself: one row, one outcome.

mod tables;

use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{Odd, U2048};
use keyfob_core::error::Check;
use keyfob_core::jws::{EdDsa, Es256, Es384, Key, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512, Verifier};
use sha2::{Digest, Sha256};

use crate::tables::jose::{self, part};

const MESSAGE: &[u8] = b"header.payload";

const BAD: Result<(), Check> = Err(Check::BadSignature);

fn number(octets: &[u8]) -> U2048 {
    let mut whole = [0; 256];
    whole[256 - octets.len()..].copy_from_slice(octets);
    U2048::from_be_slice(&whole)
}

fn octets(number: &U2048) -> Vec<u8> {
    number.to_be_bytes().as_ref().to_vec()
}

/// Whatever is encoded, signed with the private key: m^d mod n.
fn signed(encoded: &[u8]) -> Vec<u8> {
    let modulus = Odd::new(number(&part("rsa1", "n"))).expect("it is odd");
    let parameters = FixedMontyParams::new_vartime(modulus);
    let base = FixedMontyForm::new(&number(encoded), &parameters);
    octets(&base.pow(&number(&part("rsa1", "d"))).retrieve())
}

fn rsa(verifier: &dyn Verifier, exponent: &[u8], signature: &[u8]) -> Result<(), Check> {
    verifier.verify(Key::Rsa { modulus: &part("rsa1", "n"), exponent }, MESSAGE, signature)
}

const E: &[u8] = &[1, 0, 1];

/// DigestInfo of SHA-256 without the digest (RFC 8017 §9.2 note 1).
const DIGEST_INFO: [u8; 19] =
    [0x30, 0x31, 0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20];

/// `00 01`, so much padding, and this behind it; then octets of `rest` up to 256.
fn block(kind: u8, padding: &[u8], parts: &[&[u8]], rest: u8) -> Vec<u8> {
    let mut block = [&[0, kind], padding, &parts.concat()].concat();
    assert!(block.len() <= 256);
    block.resize(256, rest);
    block
}

// REQ: JOSE-14
#[test]
fn padding_of_pkcs1() {
    let hash = &Sha256::digest(MESSAGE)[..];
    let info = &DIGEST_INFO[..];
    let ones = |length| vec![0xFF; length];
    // One octet of the padding is something else.
    let holed = |place: usize, octet| {
        let mut padding = ones(202);
        padding[place] = octet;
        padding
    };
    let no_null = [0x30, 0x2F, 0x30, 11, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 4, 0x20];
    let long_form = [0x30, 0x81, 0x31, 0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20];
    let indefinite = [0x30, 0x80, 0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20];
    let mut sha384 = DIGEST_INFO;
    sha384[14] = 2;
    let mut inner = DIGEST_INFO;
    inner[3] = 12;
    let attacks: [(&str, Vec<u8>, Result<(), Check>); 24] = [
        ("right", block(1, &ones(202), &[&[0], info, hash], 0), Ok(())),
        ("block type 0", block(0, &ones(202), &[&[0], info, hash], 0), BAD),
        ("block type 2", block(2, &ones(202), &[&[0], info, hash], 0), BAD),
        ("first octet 1", [&[1][..], &block(1, &ones(202), &[&[0], info, hash], 0)[1..]].concat(), BAD),
        ("padding of zeros", block(1, &[0; 202], &[&[0], info, hash], 0), BAD),
        ("first octet of the padding", block(1, &holed(0, 0xFE), &[&[0], info, hash], 0), BAD),
        ("middle octet of the padding", block(1, &holed(100, 0x7F), &[&[0], info, hash], 0), BAD),
        ("last octet of the padding", block(1, &holed(201, 0), &[&[0], info, hash], 0), BAD),
        ("separator 1", block(1, &ones(202), &[&[1], info, hash], 0), BAD),
        ("no separator", block(1, &ones(203), &[info, hash], 0), BAD),
        ("eight octets of padding, zeros behind", block(1, &ones(8), &[&[0], info, hash], 0), BAD),
        ("eight octets of padding, ones behind", block(1, &ones(8), &[&[0], info, hash], 0xFF), BAD),
        ("no padding", block(1, &[], &[&[0], info, hash], 0), BAD),
        ("one octet behind", block(1, &ones(201), &[&[0], info, hash, &[0]], 0), BAD),
        ("digest in the middle", block(1, &ones(100), &[&[0], info, hash, &[0x42; 102]], 0), BAD),
        ("no DigestInfo", block(1, &ones(221), &[&[0], hash], 0), BAD),
        ("DigestInfo without NULL", block(1, &ones(204), &[&[0], &no_null, hash], 0), BAD),
        ("length in the long form", block(1, &ones(201), &[&[0], &long_form, hash], 0), BAD),
        ("indefinite length", block(1, &ones(202), &[&[0], &indefinite, hash], 0), BAD),
        ("wrong inner length", block(1, &ones(202), &[&[0], &inner, hash], 0), BAD),
        ("another digest's name", block(1, &ones(202), &[&[0], &sha384, hash], 0), BAD),
        ("digest cut", block(1, &ones(203), &[&[0], info, &hash[..31]], 0), BAD),
        ("digest of something else", block(1, &ones(202), &[&[0], info, &Sha256::digest(b"x")], 0), BAD),
        ("digest twice", block(1, &ones(170), &[&[0], info, hash, hash], 0), BAD),
    ];
    for (name, encoded, outcome) in attacks {
        assert_eq!(rsa(&Rs256, E, &signed(&encoded)), outcome, "{name}");
    }
}

/// What PSS encodes, with something wrong in it.
struct Pss {
    salt: usize,
    /// What the salt is made of.
    octet: u8,
    /// The octet before the salt.
    one: u8,
    /// One octet of the padding.
    padding: Option<usize>,
    trailer: u8,
    /// The highest bit, which the modulus has and the encoding must not.
    top: bool,
    mask_hash: fn(&[u8]) -> Vec<u8>,
}

const PSS: Pss = Pss {
    salt: 32,
    octet: 0x5A,
    one: 1,
    padding: None,
    trailer: 0xBC,
    top: false,
    mask_hash: |input| hash(input),
};

fn hash(input: &[u8]) -> Vec<u8> {
    Sha256::digest(input).to_vec()
}

impl Pss {
    fn encode(&self) -> Vec<u8> {
        let salt = vec![self.octet; self.salt];
        let seed = hash(&[&[0; 8], &hash(MESSAGE)[..], &salt].concat());
        let mut block = vec![0; 256 - 33 - self.salt - 1];
        if let Some(place) = self.padding {
            block[place] = 1;
        }
        block.push(self.one);
        block.extend(&salt);
        let mask = (0_u32..).flat_map(|count| (self.mask_hash)(&[&seed[..], &count.to_be_bytes()].concat()));
        block.iter_mut().zip(mask).for_each(|(octet, mask)| *octet ^= mask);
        block[0] &= 0x7F;
        block[0] |= u8::from(self.top) << 7;
        [&block[..], &seed, &[self.trailer]].concat()
    }
}

// REQ: JOSE-15
#[test]
fn padding_of_pss() {
    let mask_hash = |input: &[u8]| sha2::Sha512::digest(input).to_vec();
    let attacks = [
        ("right", PSS, Ok(())),
        ("no salt", Pss { salt: 0, ..PSS }, BAD),
        ("salt of 20 octets", Pss { salt: 20, ..PSS }, BAD),
        ("salt of 31 octets", Pss { salt: 31, ..PSS }, BAD),
        ("salt of 33 octets", Pss { salt: 33, ..PSS }, BAD),
        ("salt of 64 octets", Pss { salt: 64, ..PSS }, BAD),
        ("the longest salt", Pss { salt: 222, ..PSS }, BAD),
        ("trailer of RFC 8017's elder", Pss { trailer: 0xCC, ..PSS }, BAD),
        ("no trailer", Pss { trailer: 0, ..PSS }, BAD),
        ("0 before the salt", Pss { one: 0, ..PSS }, BAD),
        ("2 before the salt", Pss { one: 2, ..PSS }, BAD),
        ("first octet of the padding", Pss { padding: Some(0), ..PSS }, BAD),
        ("last octet of the padding", Pss { padding: Some(189), ..PSS }, BAD),
        ("another mask", Pss { mask_hash, ..PSS }, BAD),
    ];
    for (name, pss, outcome) in attacks {
        let encoded = pss.encode();
        assert_eq!(rsa(&Ps256, E, &signed(&encoded)), outcome, "{name}");
        assert_eq!(rsa(&Rs256, E, &signed(&encoded)), BAD, "{name} as PKCS #1");
    }
    // With the highest bit it can be signed only if it is below the modulus, which the salt decides.
    let below = (0..=255).filter_map(|octet| {
        let top = Pss { octet, top: true, ..PSS }.encode();
        (number(&top) < number(&part("rsa1", "n"))).then_some((octet, top))
    });
    for (octet, top) in below.take(4) {
        assert_eq!(rsa(&Ps256, E, &signed(&Pss { octet, ..PSS }.encode())), Ok(()));
        assert_eq!(rsa(&Ps256, E, &signed(&top)), BAD);
    }
}

/// The least number whose cube is not below `floor`.
fn cube_root(floor: &U2048) -> U2048 {
    let cube = |root: &U2048| root.wrapping_mul(root).wrapping_mul(root);
    let (mut root, mut bit) = (U2048::ZERO, U2048::ONE.shl_vartime(680));
    while bit != U2048::ZERO {
        let next = root.wrapping_add(&bit);
        if cube(&next) < *floor {
            root = next;
        }
        bit = bit.shr_vartime(1);
    }
    root.wrapping_add(&U2048::ONE)
}

/// Without any private key: the cube of a number begins with what a lax verifier wants to see (CVE-2006-4339).
// REQ: JOSE-14
#[test]
fn cubes_for_exponent_3() {
    let digest = hash(MESSAGE);
    for padding in [0, 1, 8, 16] {
        for rest in [0, 0x80] {
            let floor = block(1, &vec![0xFF; padding], &[&[0], &DIGEST_INFO, &digest], rest);
            let begins = 3 + padding + DIGEST_INFO.len() + digest.len();
            let root = cube_root(&number(&floor));
            let cube = octets(&root.wrapping_mul(&root).wrapping_mul(&root));
            assert_eq!(cube[..begins], floor[..begins], "this is a forgery");
            assert_eq!(rsa(&Rs256, &[3], &octets(&root)), BAD);
        }
    }
}

// REQ: JOSE-14, JOSE-15
#[test]
fn numbers_that_are_no_signatures() {
    let modulus = part("rsa1", "n");
    let mut less = modulus.clone();
    *less.last_mut().expect("is there") -= 1;
    let one = octets(&U2048::ONE);
    let verifiers: [&dyn Verifier; 6] = [&Ps256, &Ps384, &Ps512, &Rs256, &Rs384, &Rs512];
    for verifier in verifiers {
        let name = verifier.algorithm().name();
        let right = jose::sign_by("rsa1", name, MESSAGE);
        assert_eq!(rsa(verifier, E, &right), Ok(()), "{name}");
        for bad in [
            &[][..],
            &[0],
            &[0; 256],
            &one,
            &less,
            &modulus,
            &[0xFF; 256],
            &right[..255],
            &right[1..],
            &[&[0], &right[..]].concat(),
            &[&right[..], &[0]].concat(),
            &[0; 512],
            &[0; 513],
        ] {
            assert_eq!(rsa(verifier, E, bad), BAD, "{name}, {} octets", bad.len());
        }
        for other in verifiers.map(|other| other.algorithm().name()) {
            let outcome = if other == name { Ok(()) } else { BAD };
            assert_eq!(
                rsa(verifier, E, &jose::sign_by("rsa1", other, MESSAGE)),
                outcome,
                "{other} as {name}"
            );
        }
        assert_eq!(rsa(verifier, &[3], &right), BAD, "{name}");
        for exponent in [&[][..], &[0], &[1], &[2], &[1, 0, 0], &[1, 0, 0, 0, 1]] {
            assert_eq!(rsa(verifier, exponent, &right), Err(Check::KeyInvalid), "{name}");
        }
        for length in [0, 64, 128, 255] {
            let key = Key::Rsa { modulus: &modulus[256 - length..], exponent: E };
            assert_eq!(verifier.verify(key, MESSAGE, &right), Err(Check::KeyTooWeak), "{name}, {length}");
        }
    }
}

/// The same number modulo n, which is not below n (RFC 8017 §5.2.2).
// REQ: JOSE-14
#[test]
fn a_signature_and_the_modulus_together() {
    let modulus = part("rsa1", "n");
    let key = Key::Rsa { modulus: &modulus, exponent: E };
    let mut tried = 0;
    for message in 0..=255_u8 {
        let good = number(&jose::sign_by("rsa1", "RS256", &[message]));
        let more = good.wrapping_add(&number(&modulus));
        // It must fit in as many octets as before.
        if more > good {
            assert_eq!(Rs256.verify(key, &[message], &octets(&good)), Ok(()));
            assert_eq!(Rs256.verify(key, &[message], &octets(&more)), BAD);
            tried += 1;
        }
        if tried == 4 {
            return;
        }
    }
    panic!("there are such signatures");
}

/// A modulus of 8 n + 1 bits: what PSS encodes is one octet shorter than the modulus (RFC 8017 §8.1.2).
// REQ: JOSE-15
#[test]
fn pss_under_a_modulus_of_odd_length() {
    let mut modulus = [0xFF; 257];
    modulus[0] = 1;
    for first in [0, 1] {
        let mut signature = [0x42; 257];
        signature[0] = first;
        let key = Key::Rsa { modulus: &modulus, exponent: E };
        assert_eq!(Ps256.verify(key, MESSAGE, &signature), BAD);
    }
}

/// The orders of P-256 and P-384, and the primes of their fields (SP 800-186 §3.2.1).
const ORDER_384: &str = "________________________________x2NNgfQ3Ld9YGg2ySLCneuzsGWrMxSlz";
const PRIME_256: &str = "_____wAAAAEAAAAAAAAAAAAAAAD_______________8";
const PRIME_384: &str = "__________________________________________7_____AAAAAAAAAAD_____";

// REQ: JOSE-16
#[test]
fn ecdsa_with_numbers_out_of_range() {
    let secret = jose::P384.sign(MESSAGE);
    let (x, y) = (part("ec1", "x"), part("ec1", "y"));
    let [x384, y384] = jose::P384.coordinates();
    let order_384 = jose::decode(ORDER_384).expect("base64url");
    type Curve<'k> = (&'k dyn Verifier, Key<'k>, Vec<u8>, Vec<u8>);
    let curves: [Curve<'_>; 2] = [
        (&Es256, Key::P256 { x: &x, y: &y }, jose::sign_by("ec1", "ES256", MESSAGE), jose::ORDER.to_vec()),
        (&Es384, Key::P384 { x: &x384, y: &y384 }, secret, order_384),
    ];
    for (verifier, key, good, order) in curves {
        let length = order.len();
        assert_eq!(verifier.verify(key, MESSAGE, &good), Ok(()));
        let (r, s) = good.split_at(length);
        let one = [&vec![0; length - 1][..], &[1]].concat();
        let (zero, most) = (vec![0; length], vec![0xFF; length]);
        // r and s of nothing (CVE-2022-21449), and everything else that is not from 1 to the order less one.
        for bad in [&zero, &order, &most] {
            for (r, s) in [(&bad[..], s), (r, bad), (bad, bad), (&zero, bad), (bad, &one), (&one, bad)] {
                assert_eq!(verifier.verify(key, MESSAGE, &[r, s].concat()), BAD);
            }
        }
        for bad in [[s, r].concat(), [&one[..], &one].concat(), [r, r].concat(), good[1..].to_vec()] {
            assert_eq!(verifier.verify(key, MESSAGE, &bad), BAD);
        }
        for length in [0, 1, 32, 63, 64, 65, 95, 96, 97, 128, 132, 512] {
            if length != good.len() {
                let mut bad = good.clone();
                bad.resize(length, 0);
                assert_eq!(verifier.verify(key, MESSAGE, &bad), BAD, "{length} octets");
            }
        }
        assert_eq!(verifier.verify(key, b"another", &good), BAD);
    }
}

// REQ: JWKS-08
#[test]
fn points_that_are_not_on_the_curve() {
    let (x, y) = (part("ec1", "x"), part("ec1", "y"));
    let [x384, y384] = jose::P384.coordinates();
    let key_256: for<'k> fn(&'k [u8], &'k [u8]) -> Key<'k> = |x, y| Key::P256 { x, y };
    let key_384: for<'k> fn(&'k [u8], &'k [u8]) -> Key<'k> = |x, y| Key::P384 { x, y };
    let curves: [(&dyn Verifier, _, _, _, _); 2] =
        [(&Es256, key_256, x, y, PRIME_256), (&Es384, key_384, x384, y384, PRIME_384)];
    for (verifier, key, x, y, prime) in curves {
        let prime = jose::decode(prime).expect("base64url");
        let (zero, one) = (vec![0; x.len()], [&vec![0; x.len() - 1][..], &[1]].concat());
        let signature = vec![1; 2 * x.len()];
        assert_eq!(verifier.verify(key(&x, &y), MESSAGE, &signature), BAD, "the point is good");
        let longer = [&[0], &x[..]].concat();
        let pairs: [(&[u8], &[u8]); 11] = [
            (&y, &x),
            (&x, &x),
            (&zero, &zero),
            (&one, &one),
            (&prime, &y),
            (&x, &prime),
            (&longer, &y),
            (&x[1..], &y),
            (&x, &y[1..]),
            (&[], &[]),
            (&x, &[]),
        ];
        for (x, y) in pairs {
            assert_eq!(verifier.verify(key(x, y), MESSAGE, &signature), Err(Check::KeyInvalid));
        }
    }
}

/// The order of the group of Ed25519, little-endian (RFC 8032 §5.1).
const ORDER_25519: [u8; 32] = [
    0xED, 0xD3, 0xF5, 0x5C, 0x1A, 0x63, 0x12, 0x58, 0xD6, 0x9C, 0xF7, 0xA2, 0xDE, 0xF9, 0xDE, 0x14, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// The points of small order, in every way in which they can be written.
fn small_order() -> Vec<[u8; 32]> {
    let eight = jose::decode("JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_AU").expect("base64url");
    let other = jose::decode("xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA3o").expect("base64url");
    let little = |first: u8, middle: u8, last: u8| {
        let mut octets = [middle; 32];
        (octets[0], octets[31]) = (first, last);
        octets
    };
    let mut points = vec![
        little(0, 0, 0),
        little(1, 0, 0),
        little(0xEC, 0xFF, 0x7F),
        // At the prime and above it.
        little(0xED, 0xFF, 0x7F),
        little(0xEE, 0xFF, 0x7F),
    ];
    for point in [eight, other] {
        let point: [u8; 32] = point.try_into().expect("32 octets");
        points.push(point);
    }
    let signs = points.clone().into_iter().map(|mut point| {
        point[31] ^= 0x80;
        point
    });
    points.extend(signs);
    points
}

// REQ: JOSE-17, JWKS-09
#[test]
fn ed25519_of_small_order_and_above_the_order() {
    let x = part("ed1", "x");
    let good = jose::sign_by("ed1", "EdDSA", MESSAGE);
    let verify = |x: &[u8], signature: &[u8]| EdDsa.verify(Key::Ed25519 { x }, MESSAGE, signature);
    assert_eq!(verify(&x, &good), Ok(()));
    let (r, s) = good.split_at(32);
    // S + L, as often as it fits in 32 octets.
    let mut above = s.to_vec();
    for times in 1..=14 {
        let mut carry = 0;
        for (octet, order) in above.iter_mut().zip(ORDER_25519) {
            carry += u16::from(*octet) + u16::from(order);
            *octet = carry as u8;
            carry >>= 8;
        }
        assert_eq!(carry, 0);
        assert_eq!(verify(&x, &[r, &above].concat()), BAD, "S + {times} L");
    }
    let zero = [0; 32];
    for bad in [[r, &zero].concat(), [r, &ORDER_25519].concat(), [r, &[0xFF; 32]].concat(), vec![0; 64]] {
        assert_eq!(verify(&x, &bad), BAD);
    }
    let points = small_order();
    assert_eq!(points.len(), 14);
    for point in &points {
        assert_eq!(verify(&x, &[&point[..], s].concat()), BAD);
        assert_eq!(verify(&x, &[&point[..], &zero].concat()), BAD);
        for r in &points {
            // Under such a key this would verify for one message in eight, or for all.
            for message in 0..8_u8 {
                let key = Key::Ed25519 { x: point };
                let got = EdDsa.verify(key, &[message], &[&r[..], &zero].concat());
                assert_eq!(got, Err(Check::KeyInvalid), "{point:?}");
            }
        }
    }
    for length in [0, 1, 32, 63, 65, 96, 128] {
        let mut bad = good.clone();
        bad.resize(length, 0);
        assert_eq!(verify(&x, &bad), BAD, "{length} octets");
    }
    for length in [0, 31, 33, 57, 64] {
        let mut bad = x.clone();
        bad.resize(length, 0);
        assert_eq!(verify(&bad, &good), Err(Check::KeyInvalid), "{length} octets");
    }
    // y = 2 is of no point.
    let mut none = [0; 32];
    none[0] = 2;
    assert_eq!(verify(&none, &good), Err(Check::KeyInvalid));
}
