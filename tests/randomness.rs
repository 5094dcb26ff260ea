//! `state`, `nonce` and `code_verifier` come from the seed, and no two are alike.

use std::collections::HashSet;

use base64ct::{Base64UrlUnpadded, Encoding};
use keyfob_core::{error::Error, flow::AuthorizationCode, secret::Seed};
use keyfob_tests::{
    clients::KIOSK,
    clock::NOW,
    form,
    keys::base64url,
    seeds::{self, Counting},
    stations::Hand,
};
use sha2::{Digest, Sha256};

/// What a flow made of its seed.
struct Derived {
    state: String,
    nonce: String,
    verifier: String,
}

impl Derived {
    /// As they come out on the wire.
    fn of(seed: Seed) -> Self {
        let mut flow = AuthorizationCode::<64>::new(&KIOSK, seed, NOW).expect("the settings are right");
        let hand = Hand::default();
        let url = hand.url(&flow);
        let redirect = hand.visit(&flow);
        hand.redirect(&mut flow, &redirect).expect("the response is right");
        let (request, _) = hand.request(&flow).expect("goes on").expect("a request");
        let verifier = form::in_body(request.body.as_bytes(), "code_verifier");
        assert_eq!(form::in_url(&url, "code_challenge"), base64url(Sha256::digest(&verifier)));
        Self { state: form::in_url(&url, "state"), nonce: form::in_url(&url, "nonce"), verifier }
    }

    fn texts(&self) -> [&str; 3] {
        [&self.state, &self.nonce, &self.verifier]
    }
}

fn octets(text: &str) -> Vec<u8> {
    Base64UrlUnpadded::decode_vec(text).expect("base64url without padding")
}

/// Bits in which two texts differ.
fn distance(left: &str, right: &str) -> u32 {
    octets(left).iter().zip(octets(right)).map(|(left, right)| (left ^ right).count_ones()).sum()
}

// REQ: RNG-02, RNG-04, RNG-05, PKCE-01, PKCE-03
#[test]
fn ten_thousand_seeds_give_thirty_thousand_values() {
    const SEEDS: u64 = 10_000;
    let mut all = HashSet::new();
    let mut before: Option<Derived> = None;
    // Of the three of one flow, and of each with the one of the seed before, which differs in a bit or a few.
    let mut distances = [0u64; 6];
    for number in 1..=SEEDS {
        let derived = Derived::of(seeds::seed(number));
        let [state, nonce, verifier] = derived.texts();
        for text in derived.texts() {
            assert_eq!(octets(text).len(), 32);
            assert!(all.insert(text.to_owned()), "{text} comes twice");
        }
        let pairs = [(state, nonce), (state, verifier), (nonce, verifier)];
        for (place, (left, right)) in pairs.into_iter().enumerate() {
            distances[place] += u64::from(distance(left, right));
        }
        if let Some(before) = &before {
            for (place, (left, right)) in before.texts().into_iter().zip(derived.texts()).enumerate() {
                distances[3 + place] += u64::from(distance(left, right));
            }
        }
        before = Some(derived);
    }
    assert_eq!(all.len() as u64, 3 * SEEDS);
    // Of 2,560,000 bits half differ; 5 σ are 4,000.
    for distance in distances {
        assert!((1_276_000..=1_284_000).contains(&distance), "{distances:?}");
    }
}

/// HMAC (RFC 2104), written out.
fn hmac(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    let block = |pad: u8| {
        let mut block = [pad; 64];
        block.iter_mut().zip(key).for_each(|(place, octet)| *place ^= octet);
        block
    };
    let inner = Sha256::new().chain_update(block(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(block(0x5C)).chain_update(inner).finalize().into()
}

// REQ: RNG-02, RNG-05
#[test]
fn values_are_hkdf_expand_of_the_seed() {
    // RFC 4231 §4.2, with its key filled up with zeros, which changes nothing.
    let mut key = [0; 32];
    key[..20].fill(0x0B);
    assert_eq!(hmac(&key, b"Hi There")[..4], [0xB0, 0x34, 0x4C, 0x61]);
    for number in 1..=100 {
        let derived = Derived::of(seeds::seed(number));
        // RFC 5869 §2.3 with L = 32: T(1) = HMAC(PRK, info | 0x01).
        let expand = |info: &str| base64url(hmac(&seeds::octets(number), &[info.as_bytes(), &[1]].concat()));
        assert_eq!(derived.texts(), [&expand("state"), &expand("nonce"), &expand("code_verifier")]);
    }
}

// REQ: RNG-03, RNG-06
#[test]
fn a_source_that_fails_gives_no_seed() {
    for failing in [1, 2] {
        let mut source = Counting { failing: Some(failing), ..Counting::default() };
        assert_eq!(Seed::draw(&mut source).err(), Some(Error::Entropy));
        assert!(Seed::draw(&mut source).is_ok(), "a later trial works");
    }
    for octet in [0, 1, 0xFF] {
        assert_eq!(Seed::new([octet; 32]).err(), Some(Error::Entropy));
    }
    struct Stuck;
    impl keyfob_core::entropy::Entropy for Stuck {
        fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
            out.iter_mut().zip(0..).for_each(|(place, octet)| *place = octet);
            Ok(())
        }
    }
    assert_eq!(Seed::draw(&mut Stuck).err(), Some(Error::Entropy));
}

/// A generator of each generation of `rand_core`, as chips' libraries have them.
mod generators {
    use std::{convert::Infallible, fmt::Error, num::NonZeroU32};

    /// It counts, or fails.
    pub struct Chip(pub Option<u8>);

    impl Chip {
        fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
            let first = self.0.ok_or(Error)?;
            out.iter_mut().zip(first..).for_each(|(place, octet)| *place = octet);
            Ok(())
        }
    }

    impl rand_core_0_6::RngCore for Chip {
        fn next_u32(&mut self) -> u32 {
            0
        }

        fn next_u64(&mut self) -> u64 {
            0
        }

        fn fill_bytes(&mut self, _: &mut [u8]) {
            panic!("it can fail");
        }

        fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), rand_core_0_6::Error> {
            self.fill(out).map_err(|_| NonZeroU32::MIN.into())
        }
    }

    impl rand_core_0_6::CryptoRng for Chip {}

    impl rand_core_0_9::TryRngCore for Chip {
        type Error = Error;

        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            Ok(0)
        }

        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            Ok(0)
        }

        fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
            self.fill(out)
        }
    }

    impl rand_core_0_9::TryCryptoRng for Chip {}

    /// [`Chip`] for the last generation, whose trait has the names of the one before.
    pub struct NewChip(pub Chip);

    impl rand_core_0_10::TryRng for NewChip {
        type Error = Error;

        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            Ok(0)
        }

        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            Ok(0)
        }

        fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
            self.0.fill(out)
        }
    }

    impl rand_core_0_10::TryCryptoRng for NewChip {}

    /// One that cannot fail is one of those that can.
    pub struct Sure;

    impl rand_core_0_10::TryRng for Sure {
        type Error = Infallible;

        fn try_next_u32(&mut self) -> Result<u32, Infallible> {
            Ok(0)
        }

        fn try_next_u64(&mut self) -> Result<u64, Infallible> {
            Ok(0)
        }

        fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
            out.iter_mut().zip(1..).for_each(|(place, octet)| *place = octet);
            Ok(())
        }
    }

    impl rand_core_0_10::TryCryptoRng for Sure {}
}

// REQ: RNG-01
#[test]
fn generators_of_every_generation() {
    use generators::{Chip, NewChip, Sure};
    use keyfob_core::error::Error;
    use keyfob_embassy::entropy::{Entropy, RandCore06, RandCore09, RandCore010};

    fn filled(mut source: impl Entropy) -> Result<[u8; 4], Error> {
        let mut out = [0; 4];
        source.fill(&mut out)?;
        Ok(out)
    }

    let expected = Ok([1, 2, 3, 4]);
    assert_eq!(filled(RandCore06(Chip(Some(1)))), expected);
    assert_eq!(filled(RandCore09(Chip(Some(1)))), expected);
    assert_eq!(filled(RandCore010(NewChip(Chip(Some(1))))), expected);
    assert_eq!(filled(RandCore010(Sure)), expected);
    assert_eq!(filled(RandCore06(Chip(None))), Err(Error::Entropy));
    assert_eq!(filled(RandCore09(Chip(None))), Err(Error::Entropy));
    assert_eq!(filled(RandCore010(NewChip(Chip(None)))), Err(Error::Entropy));
}
