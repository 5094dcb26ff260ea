//! What a device that may not know the date makes of a certificate's time.

use std::{cell::RefCell, rc::Rc};

use keyfob_core::time::{Date, UnixTime};
use keyfob_embassy::tls::TlsError;
use rcgen::date_time_ymd;

use crate::{
    certificates::{Authority, Identity, Kind},
    honest::Honest,
    network::{Device, End, Network, TODAY},
};

/// Years when a certificate is valid, from January to January.
type Years = (i32, i32);

fn chain(leaf: Years, intermediate: Years) -> (Authority, Identity) {
    let root = Authority::new("root", Kind::P256);
    let time = |years: Years| (date_time_ymd(years.0, 1, 1), date_time_ymd(years.1, 1, 1));
    let below = root.intermediate("below", Kind::P256, |params| {
        (params.not_before, params.not_after) = time(intermediate);
    });
    let identity = below.issue(&["op.example"], Kind::P256, |params| {
        (params.not_before, params.not_after) = time(leaf);
    });
    (root, identity.behind(&below))
}

fn at(date: Date, leaf: Years, intermediate: Years) -> Result<(), End> {
    let (root, identity) = chain(leaf, intermediate);
    let heard = Rc::new(RefCell::new(Vec::new()));
    let network = Network::new({
        let heard = heard.clone();
        move || Honest::new(&identity, &heard)
    });
    let end = Device::new(&[root.der()]).date(date).fetch(&network).end;
    assert_eq!(end.is_ok(), !heard.borrow().is_empty());
    end
}

const EXPIRED: Result<(), End> = Err(End::Refused(TlsError::Expired));
const EARLY: Result<(), End> = Err(End::Refused(TlsError::NotYetValid));

// REQ: HTTP-05, DRV-10
#[test]
fn known() {
    let known = Date::Known(TODAY);
    assert_eq!(at(known, (2026, 2027), (2020, 2030)), Ok(()));
    assert_eq!(at(known, (2025, 2026), (2020, 2030)), EXPIRED);
    assert_eq!(at(known, (2027, 2028), (2020, 2030)), EARLY);
    assert_eq!(at(known, (2026, 2027), (2020, 2026)), EXPIRED, "the intermediate");
    assert_eq!(at(known, (2026, 2027), (2027, 2030)), EARLY, "the intermediate");
}

/// The first and the last second.
#[test]
fn to_the_second() {
    const START: u64 = 1_767_225_600; // 2026-01-01
    const END: u64 = 1_798_761_600; // 2027-01-01
    let known = |seconds| at(Date::Known(UnixTime::from_seconds(seconds)), (2026, 2027), (2020, 2030));
    assert_eq!(known(START - 1), EARLY);
    assert_eq!(known(START), Ok(()));
    assert_eq!(known(END), Ok(()));
    assert_eq!(known(END + 1), EXPIRED);
    let floor = |seconds| at(Date::AtLeast(UnixTime::from_seconds(seconds)), (2026, 2027), (2020, 2030));
    assert_eq!(floor(START - 1), Ok(()));
    assert_eq!(floor(END), Ok(()));
    assert_eq!(floor(END + 1), EXPIRED);
}

/// What has expired is refused; whether a time has come cannot be judged.
#[test]
fn a_floor() {
    let floor = Date::AtLeast(TODAY);
    assert_eq!(at(floor, (2026, 2027), (2020, 2030)), Ok(()));
    assert_eq!(at(floor, (2031, 2032), (2030, 2040)), Ok(()), "the device was on a shelf");
    assert_eq!(at(floor, (2025, 2026), (2020, 2030)), EXPIRED);
    assert_eq!(at(floor, (2026, 2027), (2020, 2026)), EXPIRED, "the intermediate");
    // There was never a moment when both were valid.
    assert_eq!(at(floor, (2031, 2032), (2020, 2030)), EXPIRED);
    assert_eq!(at(floor, (2026, 2027), (2030, 2040)), EXPIRED);
    // A floor that is no date is one that was given by name.
    assert_eq!(at(Date::AtLeast(UnixTime::from_seconds(0)), (2026, 2027), (2020, 2030)), Ok(()));
}

/// Nothing passes where nothing is known.
#[test]
fn unknown() {
    assert_eq!(at(Date::Unknown, (2026, 2027), (2020, 2030)), Err(End::Refused(TlsError::DateUnknown)));
}
