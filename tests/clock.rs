//! What can be judged without a clock that is set, and where a device without one gets the date from.

use keyfob_core::{
    client::Client,
    error::{Check, Error, Name},
    flow::{AuthorizationCode, Event, Flow},
    http::Incoming,
    id_token::{Proof, Times},
    time::{Date, Floor, Now, UnixTime},
};
use keyfob_embassy::Clock;
use keyfob_tests::{
    answer::Answer,
    clients::KIOSK,
    clock::{NOW, TODAY, TestClock},
    conversation::{Conversation, SIGN_IN},
    executor::block_on,
    fault::Fault,
    id_token::Forgery,
    keys::jwk_set,
    link::World,
    outcome::{Outcome, Tokens},
    person::{Deed, Person},
    seeds,
    stations::{ENOUGH, Hand, token_keep},
};

const fn at(seconds: u64) -> UnixTime {
    UnixTime::from_seconds(seconds)
}

/// Every day of this many years, counted one by one: its number since 1970, year, month and day of the month.
fn days(years: std::ops::Range<u64>) -> Vec<(u64, u64, usize, u64)> {
    let (mut found, mut number) = (Vec::new(), 0);
    for year in years {
        let leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
        for (month, length) in [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31].into_iter().enumerate() {
            for day in 1..=length + u64::from(leap && month == 1) {
                found.push((number, year, month, day));
                number += 1;
            }
        }
    }
    found
}

const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

#[test]
fn every_day_is_read_in_both_forms() {
    let all = days(1970..2410);
    for (number, year, month, day) in &all {
        let seconds = number * 86_400 + 8 * 3600 + 49 * 60 + 37;
        let weekday = (*number % 7) as usize;
        for (place, weekday_name) in WEEKDAYS.iter().enumerate() {
            let text = format!("{weekday_name}, {day:02} {} {year:04} 08:49:37 GMT", MONTHS[*month]);
            let right = (place == weekday).then_some(at(seconds));
            assert_eq!(UnixTime::from_http_date(text.as_bytes()), right, "{text}");
        }
        let text = format!("{year:04}-{:02}-{day:02}T08:49:37Z", month + 1);
        assert_eq!(UnixTime::from_rfc3339(&text), Some(at(seconds)), "{text}");
    }
    assert_eq!(UnixTime::from_rfc3339("9999-12-31T23:59:59Z"), Some(UnixTime::MAX));
    assert_eq!(UnixTime::from_http_date(b"Fri, 31 Dec 9999 23:59:59 GMT"), Some(UnixTime::MAX));
}

#[test]
fn only_one_form_of_an_http_date_is_read() {
    // RFC 9110 §5.6.7 has the first three; the first alone is not obsolete.
    assert_eq!(UnixTime::from_http_date(b"Sun, 06 Nov 1994 08:49:37 GMT"), Some(at(784_111_777)));
    assert_eq!(UnixTime::from_http_date(b"Thu, 01 Jan 1970 00:00:00 GMT"), Some(at(0)));
    for text in [
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "sun, 06 nov 1994 08:49:37 gmt",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        " Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun,06 Nov 1994 08:49:37 GMT",
        "Mon, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Now 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:60 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Wed, 31 Nov 1994 08:49:37 GMT",
        "Thu, 29 Feb 2100 08:49:37 GMT",
        "Wed, 31 Dec 1969 23:59:59 GMT",
        "Sat, 01 Jan 0000 00:00:00 GMT",
        "Sun, 06 Nov 19940 08:49:37 GMT",
        "Sun, +6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
    ] {
        assert_eq!(UnixTime::from_http_date(text.as_bytes()), None, "{text:?}");
    }
    let good = b"Sun, 06 Nov 1994 08:49:37 GMT";
    for place in 0..good.len() {
        assert_eq!(UnixTime::from_http_date(&good[..place]), None, "cut at {place}");
        let mut other = *good;
        other[place] = 0xFF;
        assert_eq!(UnixTime::from_http_date(&other), None, "broken at {place}");
    }
}

#[test]
fn dates_of_rfc_3339() {
    for (text, seconds) in [
        ("1985-04-12T23:20:50.52Z", 482_196_050),
        ("1996-12-19T16:39:57-08:00", 851_042_397),
        ("1970-01-01t00:00:00z", 0),
        ("1970-01-01T01:00:00+01:00", 0),
        ("2027-01-15T08:00:00-00:00", TODAY),
        ("2027-01-15T08:00:00.000000000000000000001Z", TODAY),
        ("2027-01-16T07:59:00+23:59", TODAY),
    ] {
        assert_eq!(UnixTime::from_rfc3339(text), Some(at(seconds)), "{text}");
    }
    for text in [
        "",
        "2027-01-15",
        "2027-01-15T08:00Z",
        "2027-01-15T08:00:00",
        "2027-01-15 08:00:00Z",
        "2027-01-15T08:00:00,5Z",
        "2027-01-15T08:00:00.Z",
        "2027-01-15T08:00:60Z",
        "2027-01-15T24:00:00Z",
        "2027-1-15T08:00:00Z",
        "2027-13-15T08:00:00Z",
        "2027-00-15T08:00:00Z",
        "2027-02-29T08:00:00Z",
        "2027-01-15T08:00:00+01",
        "2027-01-15T08:00:00+0100",
        "2027-01-15T08:00:00+24:00",
        "2027-01-15T08:00:00Z ",
        "+2027-01-15T08:00:00Z",
        "1937-01-01T12:00:27.87+00:20",
        "1969-12-31T23:59:59Z",
        // Where it was written, 1970 had not begun.
        "1969-12-31T23:59:59-00:01",
        "1970-01-01T00:00:00+00:01",
        "٢٠٢٧-01-15T08:00:00Z",
    ] {
        assert_eq!(UnixTime::from_rfc3339(text), None, "{text:?}");
    }
}

// REQ: CLOCK-03, CLOCK-04, CLOCK-06
#[test]
fn a_floor_only_goes_forward() {
    let least = |floor: &Floor, uptime| match floor.now(uptime).date {
        Date::AtLeast(date) => date.seconds(),
        other => panic!("{other:?}"),
    };
    let mut floor = Floor::UNKNOWN;
    assert_eq!(floor.now(7), Now::unknown(7));
    assert_eq!(floor.judge(7, at(1)), Now::known(7, at(1)));
    floor.observe(at(TODAY), 10_000);
    assert_eq!(least(&floor, 10_000), TODAY);
    assert_eq!((least(&floor, 10_999), least(&floor, 11_000)), (TODAY, TODAY + 1));
    // A count that goes backwards is no time that has passed.
    assert_eq!(least(&floor, 0), TODAY);
    // Earlier than it must be by now, later than any date: nothing changes.
    let before = floor;
    for date in [0, TODAY, TODAY + 4, TODAY + 5, UnixTime::MAX.seconds() + 1, u64::MAX] {
        floor.observe(at(date), 15_000);
        assert_eq!(floor, before, "{date}");
    }
    floor.observe(at(TODAY + 6), 15_000);
    assert_eq!(least(&floor, 15_000), TODAY + 6);
    // What a clock shows that is not set.
    let floor = Floor::new(at(TODAY));
    for date in [0, 1, 946_684_800, TODAY - 1] {
        assert_eq!(floor.judge(0, at(date)), floor.now(0), "{date}");
    }
    assert_eq!(floor.judge(0, at(TODAY)), Now::known(0, at(TODAY)));
    // No value overflows.
    let mut last = Floor::new(at(u64::MAX));
    last.observe(at(5), u64::MAX);
    assert_eq!(least(&last, u64::MAX), u64::MAX);
    assert_eq!(last.judge(u64::MAX, at(u64::MAX)).date, Date::Known(at(u64::MAX)));
}

// REQ: CLOCK-11
#[test]
fn an_answer_has_one_date_or_none() {
    let good = "Fri, 15 Jan 2027 08:00:00 GMT";
    let of = |headers: &[(&str, &str)]| {
        let mut incoming = Incoming::new(token_keep(), &mut []);
        headers.iter().for_each(|(name, value)| incoming.header(name, value.as_bytes()));
        incoming.finish().0.date()
    };
    assert_eq!(of(&[]), None);
    assert_eq!(of(&[("Date", good)]), Some(at(TODAY)));
    assert_eq!(of(&[("dAtE", "  Fri, 15 Jan 2027 08:00:00 GMT\t")]), Some(at(TODAY)));
    assert_eq!(of(&[("Last-Modified", good), ("Expires", good)]), None);
    assert_eq!(of(&[("Date", "0")]), None);
    for twice in [[good, good], [good, "0"], ["0", good]] {
        assert_eq!(of(&twice.map(|value| ("date", value))), None, "{twice:?}");
    }
    assert_eq!(of(&[("date", good), ("date", "0"), ("date", good)]), None);
}

/// What comes of a sign-in at `now` when the token response is dated so.
fn sign_in(client: &Client<'_>, now: Now, date: Option<&str>, forge: Forgery) -> Result<Times, Error> {
    let mut flow = AuthorizationCode::<64>::new(client, seeds::seed(1), NOW).expect("right");
    let hand = Hand::default();
    hand.link.server().forge = Some(forge);
    let redirect = hand.visit(&flow);
    hand.redirect(&mut flow, &redirect).expect("right");
    let (mut answer, keep) = hand.answer(&flow);
    answer.headers.extend(date.map(|date| ("Date".into(), date.into())));
    let mut buffer = [0; ENOUGH];
    let (response, rest) = answer.read(keep, &mut buffer);
    assert!(matches!(flow.handle(now, Event::Response(response)), Err(Error::KeysNeeded)));
    let keep = flow.keys(&response)?.keep();
    let keys = Answer::json(200, &jwk_set(&hand.link.server().keys)).read(keep, rest).0.keys()?;
    let tokens = flow.handle(now, Event::Response(response.with_keys(keys)))?.expect("tokens");
    Ok(tokens.id_token().expect("somebody signed in").checked().time)
}

fn least(date: u64) -> Now {
    Now { date: Date::AtLeast(at(date)), uptime: NOW.uptime }
}

const DATED: Option<&str> = Some("Fri, 15 Jan 2027 08:00:00 GMT");
const UNKNOWN: Now = Now::unknown(NOW.uptime);

// REQ: CLOCK-02, CLOCK-03, CLOCK-11, IDT-09, IDT-10, IDT-12, IDT-24
#[test]
fn what_is_proven_and_what_is_assumed() {
    let plain: Forgery = |_| {};
    let with_nbf: Forgery = |draft| draft.claims["nbf"] = TODAY.into();
    let times = |now, date, forge| {
        sign_in(&KIOSK, now, date, forge)
            .map(|times| (times.expires, times.not_before, times.issued, times.auth_time))
    };
    use Proof::{Assumed, NotAsked, Proven};
    let sure = Ok((Proven, NotAsked, Proven, NotAsked));
    let trusting = Ok((Assumed, NotAsked, Proven, NotAsked));
    let not_set = Err(Error::Check(Check::ClockNotSet));
    let expired = Err(Error::Check(Check::Expired));
    // A clock that is set needs no date, and another's changes nothing.
    assert_eq!(times(NOW, None, plain), sure);
    assert_eq!(times(NOW, DATED, plain), sure);
    assert_eq!(times(NOW, Some("Thu, 15 Jan 2099 08:00:00 GMT"), plain), sure);
    // Without one, the server's word is what there is.
    assert_eq!(times(UNKNOWN, DATED, plain), trusting);
    assert_eq!(times(UNKNOWN, None, plain), not_set);
    assert_eq!(times(UNKNOWN, Some("Fri, 15 Jan 2027"), plain), not_set);
    assert_eq!(times(UNKNOWN, DATED, with_nbf), Ok((Assumed, Proven, Proven, NotAsked)));
    // A floor alone shows what is over, and nothing else.
    assert_eq!(times(least(0), None, plain), not_set);
    assert_eq!(times(least(TODAY + 359), None, plain), not_set);
    assert_eq!(times(least(TODAY + 360), None, plain), expired);
    assert_eq!(times(least(TODAY - 1_000_000), DATED, plain), trusting);
    // Of the two the later one holds.
    assert_eq!(times(least(TODAY + 359), DATED, plain), trusting);
    assert_eq!(times(least(TODAY + 360), DATED, plain), expired);
    assert_eq!(times(UNKNOWN, Some("Fri, 15 Jan 2027 08:05:59 GMT"), plain), trusting);
    assert_eq!(times(UNKNOWN, Some("Fri, 15 Jan 2027 08:06:00 GMT"), plain), expired);
}

// REQ: IDT-10, IDT-11, IDT-12, IDT-16
#[test]
fn the_servers_own_date_refuses_what_a_clock_would() {
    let refused = |check: Check| Err(Error::Check(check));
    for (forge, check) in [
        ((|draft| draft.claims["iat"] = (TODAY + 61).into()) as Forgery, Check::IssuedInFuture),
        (|draft| draft.claims["nbf"] = (TODAY + 61).into(), Check::NotYetValid),
        (|draft| draft.claims["exp"] = (TODAY - 60).into(), Check::Expired),
        (|draft| draft.claims["exp"] = "soon".into(), Check::ClaimType(Name::Exp)),
    ] {
        assert_eq!(sign_in(&KIOSK, UNKNOWN, DATED, forge), refused(check));
        assert_eq!(sign_in(&KIOSK, NOW, None, forge), refused(check));
    }
    let strict = KIOSK.max_issued_age(100).max_age(200);
    let aged: Forgery = |draft| {
        draft.claims["iat"] = (TODAY - 100).into();
        draft.claims["auth_time"] = (TODAY - 260).into();
    };
    for (now, date, proof) in [(NOW, None, Proof::Proven), (UNKNOWN, DATED, Proof::Assumed)] {
        let times = sign_in(&strict, now, date, aged).expect("just right");
        assert_eq!((times.issued, times.auth_time), (proof, proof));
        let later: Forgery = |draft| {
            draft.claims["iat"] = (TODAY - 101).into();
            draft.claims["auth_time"] = TODAY.into();
        };
        assert_eq!(sign_in(&strict, now, date, later), refused(Check::IssuedTooLongAgo));
        let later: Forgery = |draft| draft.claims["auth_time"] = (TODAY - 261).into();
        assert_eq!(sign_in(&strict, now, date, later), refused(Check::AuthenticationTooOld));
    }
}

const UNSET: fn(&mut World) = |world| world.clock = TestClock::at(Now::unknown(0));

// REQ: CLOCK-02, CLOCK-11
#[test]
fn a_device_without_a_clock_signs_in_by_the_date_of_the_answer() {
    const DATED: &[Fault] = &[Fault::Header("date", "Fri, 15 Jan 2027 08:00:00 GMT")];
    const LATE: &[Fault] = &[Fault::Header("date", "Fri, 15 Jan 2027 08:06:00 GMT")];
    for run in [Conversation::run_embassy, Conversation::run_std] {
        let outcome = |faults| run(&Conversation { server: UNSET, faults, ..SIGN_IN }).outcome;
        assert_eq!(outcome(DATED).tokens().subject.as_deref(), Some("alice"));
        assert_eq!(outcome(&[]), Outcome::Flow(Check::ClockNotSet.into()));
        assert_eq!(outcome(LATE), Outcome::Flow(Check::Expired.into()));
    }
}

// REQ: CLOCK-03, CLOCK-11
#[test]
fn the_chip_goes_on_from_the_dates_of_its_server() {
    use keyfob_embassy::SystemClock;
    let mut clock = SystemClock::new();
    let conversation =
        Conversation { faults: &[Fault::Header("date", "Fri, 15 Jan 2027 08:00:00 GMT")], ..SIGN_IN };
    let (link, mut flow) = conversation.prepare();
    let (mut http, mut person) = (link.clone(), Person::new(link, &[Deed::Return]));
    let mut buffer = [0; 8192];
    let done = |tokens: keyfob_core::token::TokenResponse<'_>| Tokens::of(&tokens);
    let run = keyfob_embassy::run(&mut *flow, &mut http, &mut person, &mut clock, &mut buffer, done);
    assert_eq!(Outcome::from(block_on(run)).tokens().subject.as_deref(), Some("alice"));
    let Date::AtLeast(date) = clock.now().date else { panic!("{clock:?}") };
    assert!((TODAY..TODAY + 60).contains(&date.seconds()), "{date:?}");
    // What is set before the firmware was built is not set; what comes later is.
    let mut clock = SystemClock::not_before(at(TODAY));
    for date in [0, 1, 946_684_800] {
        clock.set(Date::Known(at(date)));
        assert!(matches!(clock.now().date, Date::AtLeast(date) if date >= at(TODAY)), "{date}");
    }
    // A clock that counts for nothing does not stand in the way of a better date.
    clock.observe(at(TODAY + 1000));
    assert!(matches!(clock.now().date, Date::AtLeast(date) if date >= at(TODAY + 1000)));
    clock.set(Date::Known(at(TODAY + 5000)));
    assert!(matches!(clock.now().date, Date::Known(date) if date >= at(TODAY + 5000)));
    clock.observe(at(TODAY + 9000));
    assert!(matches!(clock.now().date, Date::Known(date) if date < at(TODAY + 9000)));
    clock.set(Date::Unknown);
    assert!(matches!(clock.now().date, Date::AtLeast(date) if date < at(TODAY + 5000)));
}

// REQ: CLOCK-03
#[test]
fn the_desktop_knows_a_clock_that_is_not_set() {
    use keyfob_std::{Clock, SystemClock};
    assert!(matches!(SystemClock::new().now().date, Date::Known(date) if date > at(1_700_000_000)));
    let mut ahead = SystemClock::new().not_before(UnixTime::MAX);
    assert!(matches!(ahead.now().date, Date::AtLeast(date) if date >= UnixTime::MAX));
}

// REQ: CLOCK-09
#[test]
fn a_count_of_32_bits_is_no_end() {
    const WRAP: u64 = 1 << 32;
    let start = Now { uptime: WRAP - 1000, ..NOW };
    let client = KIOSK.lifetime(60);
    let flow = AuthorizationCode::<64>::new(&client, seeds::seed(1), start).expect("right");
    let poll = |uptime| flow.poll(Now { uptime, ..NOW }, &mut [0; ENOUGH]).map(|_| ());
    assert_eq!(poll(WRAP - 1), Ok(()));
    assert_eq!(poll(WRAP + 59_000), Ok(()));
    assert_eq!(poll(WRAP + 59_001), Err(Error::Expired));
    let mut floor = Floor::UNKNOWN;
    floor.observe(at(TODAY), WRAP - 1000);
    assert_eq!(floor.now(WRAP + 1000).date, Date::AtLeast(at(TODAY + 2)));
}
