//! Keys and their age.

use keyfob_core::{
    cache::{Age, KeyCache},
    client::Client,
    error::{Check, Error, Name},
    exchange::{Exchange, Jwks},
    time::{Date, Now, UnixTime},
};
use keyfob_tests::{
    answer::Answer,
    clients::KIOSK,
    clock::{NOW, TODAY, later},
    keys::{FIRST, SECOND, TestKey, jwk_set},
};

type Cache = KeyCache<512>;

fn answer(keys: &[TestKey], cache_control: Option<&str>) -> Answer {
    let mut answer = Answer::json(200, &jwk_set(keys));
    answer.headers.extend(cache_control.map(|value| ("Cache-Control".into(), value.into())));
    answer
}

fn take(cache: &mut Cache, now: Now, answer: &Answer) -> Result<(), Error> {
    let mut buffer = [0; 2048];
    let jwks = Jwks::new(&KIOSK);
    let keep = jwks.request(NOW, &mut []).expect("it needs no room").keep();
    cache.asked(now);
    cache.take(now, &answer.read(keep, &mut buffer).0)
}

/// The seconds for which the keys are fresh.
fn lifetime(cache: &Cache) -> u64 {
    (0..=100_000)
        .find(|&second| !cache.age().is_fresh(later(second * 1000)))
        .expect("at some time they are old")
}

// REQ: JWKS-15
#[test]
fn keys_are_kept_as_long_as_the_server_says() {
    for (header, seconds) in [
        (None, 3600),
        (Some("max-age=0"), 60),
        (Some("max-age=59"), 60),
        (Some("max-age=61"), 61),
        (Some("public, max-age=7200, must-revalidate"), 7200),
        (Some("Max-Age=7200"), 7200),
        (Some("max-age=86401"), 86_400),
        (Some("max-age=1000000000"), 86_400),
        (Some("max-age=99999999999999999999"), 86_400),
        (Some("no-store"), 60),
        (Some("no-cache, max-age=7200"), 60),
        (Some("s-maxage=7200"), 3600),
        (Some("max-age=-1"), 3600),
        (Some("max-age=x"), 3600),
        (Some("max-age="), 3600),
        (Some(""), 3600),
    ] {
        let mut cache = Cache::new();
        assert!(!cache.age().is_fresh(NOW) && cache.age().may_fetch(NOW));
        take(&mut cache, NOW, &answer(&[FIRST], header)).expect("right");
        assert_eq!(lifetime(&cache), seconds, "{header:?}");
        assert_eq!(cache.keys().len(), 1);
    }
}

// REQ: JWKS-14
#[test]
fn a_failed_fetch_keeps_the_old_keys() {
    let mut cache = Cache::new();
    take(&mut cache, NOW, &answer(&[FIRST], Some("max-age=120"))).expect("right");
    let before = cache.keys().as_bytes().to_vec();
    let broken = Answer::new(200, "application/json", "{");
    for (answer, error) in [
        (Answer::new(503, "text/html", "busy"), Check::HttpStatus(503).into()),
        (Answer::new(200, "text/html", "<h1>Hotel"), Check::ContentType.into()),
        (broken, Check::JsonEof.into()),
        (answer(&[FIRST; 7], None), Error::InputTooLarge(Name::Keys)),
    ] {
        assert_eq!(take(&mut cache, later(60_000), &answer), Err(error));
        assert_eq!(cache.keys().as_bytes(), before);
        assert_eq!(lifetime(&cache), 120, "with their age");
    }
    // They serve on when they are old.
    assert!(!cache.age().is_fresh(later(200_000)));
    let client: Client<'_> = KIOSK.keys(cache.keys());
    assert!(format!("{client:?}").contains("kiosk") && cache.keys().len() == 1);
    take(&mut cache, later(200_000), &answer(&[FIRST, SECOND], None)).expect("right");
    assert_eq!(cache.keys().len(), 2);
}

// REQ: JWKS-12
#[test]
fn a_server_is_asked_once_a_minute() {
    let mut cache = Cache::new();
    take(&mut cache, NOW, &answer(&[FIRST], None)).expect("right");
    let mut fetches = 0;
    for second in 0..100 {
        let now = later(second * 600);
        if cache.age().may_fetch(now) {
            take(&mut cache, now, &answer(&[FIRST], None)).expect("right");
            fetches += 1;
        }
    }
    assert_eq!(fetches, 0, "a hundred tokens with strange keys, within a minute");
    assert!(cache.age().may_fetch(later(60_000)));
    assert!(!cache.age().may_fetch(Now { uptime: 0, ..NOW }), "a count that goes backwards wins nothing");
}

// REQ: JWKS-21
#[test]
fn keys_outlive_a_restart() {
    let mut cache = Cache::new();
    take(&mut cache, NOW, &answer(&[FIRST, SECOND], Some("max-age=600"))).expect("right");
    let mut stored = [0; 600];
    let needed = match cache.save(&mut []) {
        Err(Error::BufferTooSmall { needed }) => needed,
        other => panic!("{other:?}"),
    };
    assert!(cache.save(&mut stored[..needed - 1]).is_err());
    assert_eq!(cache.save(&mut stored), Ok(needed));
    let stored = &stored[..needed];
    let at = |date| Now { uptime: 0, date };
    let day = |seconds| Date::Known(UnixTime::from_seconds(TODAY + seconds));
    for (date, fresh) in [
        (day(0), true),
        (day(599), true),
        (day(600), false),
        (day(1_000_000_000), false),
        (Date::Known(UnixTime::from_seconds(TODAY - 1)), false),
        (Date::Unknown, false),
        (Date::AtLeast(UnixTime::from_seconds(TODAY)), false),
    ] {
        let mut restored = Cache::new();
        restored.restore(at(date), stored).expect("whole");
        assert_eq!(restored.keys().as_bytes(), cache.keys().as_bytes());
        assert_eq!(restored.age().is_fresh(at(date)), fresh, "{date:?}");
        if date == day(599) {
            assert!(!restored.age().is_fresh(Now { uptime: 1000, date }), "its age counts on");
        }
    }
    for place in 0..needed {
        let mut damaged = stored.to_vec();
        damaged[place] ^= 4;
        let mut restored = Cache::new();
        assert_eq!(restored.restore(NOW, &damaged), Err(Error::Snapshot), "{place}");
        assert!(restored.keys().is_empty());
    }
    for length in 0..needed {
        assert_eq!(Cache::new().restore(NOW, &stored[..length]), Err(Error::Snapshot));
    }
    assert_eq!(KeyCache::<16>::new().restore(NOW, stored), Err(Error::InputTooLarge(Name::Keys)));
}

// REQ: DISC-19
#[test]
fn metadata_are_fetched_once_a_day() {
    let mut age = Age::METADATA;
    let mut fetches = 0;
    for sign_in in 0..10 {
        let now = later(sign_in * 8_000_000);
        if !age.is_fresh(now) && age.may_fetch(now) {
            age.asked(now);
            age.fetched(now);
            fetches += 1;
        }
    }
    assert_eq!(fetches, 1);
    assert!(age.is_fresh(later(86_399_999)) && !age.is_fresh(later(86_400_000)));
    // Endpoints that fail again and again are reason enough, but not every second.
    assert!(age.may_fetch(later(60_000)) && !age.may_fetch(later(59_999)));
}
