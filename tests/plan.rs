//! Which way a user can sign in: every device, every server, every refusal.

use std::collections::BTreeSet;

use keyfob_core::{
    error::{Check, Error, ErrorCode, Name},
    metadata::Metadata,
    plan::{Ability, Plan, Reason, Way},
};

const CODE: Metadata<'static> = Metadata::new("https://op.example")
    .authorization_endpoint("https://op.example/authorize")
    .token_endpoint("https://op.example/token");
const BOTH: Metadata<'static> = CODE.device_authorization_endpoint("https://op.example/device");
const DEVICE: Metadata<'static> = Metadata::new("https://op.example")
    .device_authorization_endpoint("https://op.example/device")
    .token_endpoint("https://op.example/token");
const NEITHER: Metadata<'static> =
    Metadata::new("https://op.example").token_endpoint("https://op.example/token");

const ALL: [Ability; 7] = [
    Ability::Browser,
    Ability::InsecureLanRedirect,
    Ability::Keys,
    Ability::Network,
    Ability::PortalCertificate,
    Ability::Relay,
    Ability::Screen,
];

fn ways(server: &Metadata<'_>, abilities: &[Ability]) -> Vec<Way> {
    Plan::new(server, abilities).ways().collect()
}

fn every_device() -> impl Iterator<Item = Vec<Ability>> {
    (0..1u32 << ALL.len()).map(|set| {
        let has = |(place, ability): (usize, &Ability)| (set >> place & 1 == 1).then_some(*ability);
        ALL.iter().enumerate().filter_map(has).collect()
    })
}

// REQ: PORTAL-01
#[test]
fn the_best_way_comes_first() {
    use Ability::{
        Browser, InsecureLanRedirect, Keys, Network, PortalCertificate, Relay as WithRelay, Screen,
    };
    use Way::{DeviceAuthorization, Loopback, Paste, Portal, Relay};
    for (server, abilities, expected) in [
        (BOTH, &[Screen, Network][..], &[DeviceAuthorization, Paste][..]),
        (BOTH, &[Screen, Network, WithRelay], &[DeviceAuthorization, Relay, Paste]),
        (
            BOTH,
            &[Screen, Network, WithRelay, InsecureLanRedirect],
            &[DeviceAuthorization, Relay, Paste, Portal],
        ),
        (
            BOTH,
            &[Screen, Network, WithRelay, PortalCertificate],
            &[DeviceAuthorization, Relay, Portal, Paste],
        ),
        (BOTH, &[Screen, Network, Browser], &[Loopback, DeviceAuthorization, Paste]),
        (BOTH, &[Browser], &[Loopback]),
        (BOTH, &[Screen], &[DeviceAuthorization]),
        (BOTH, &[Screen, Keys], &[DeviceAuthorization, Paste]),
        (BOTH, &[], &[]),
        (CODE, &[Screen, Network], &[Paste]),
        (CODE, &[Screen, Network, InsecureLanRedirect], &[Paste, Portal]),
        (CODE, &[Screen, WithRelay], &[Relay]),
        (DEVICE, &[Screen, Browser, Network, WithRelay], &[DeviceAuthorization]),
        (NEITHER, &ALL, &[]),
    ] {
        assert_eq!(ways(&server, abilities), expected, "{abilities:?}");
        assert_eq!(Plan::new(&server, abilities).way(), expected.first().copied());
    }
}

// REQ: PORTAL-01, PORTAL-02, DEV-28
#[test]
fn every_way_is_usable_or_has_a_reason() {
    for abilities in every_device() {
        for server in [BOTH, CODE, DEVICE, NEITHER] {
            let plan = Plan::new(&server, &abilities);
            let usable: Vec<_> = plan.ways().collect();
            let rejected: Vec<_> = plan.rejected().collect();
            assert_eq!(usable.len() + rejected.len(), Plan::WAYS);
            for (way, reason) in rejected {
                assert!(!usable.contains(&way) && plan.reason(way) == Some(reason));
                match reason {
                    Reason::Lacks(ability) => assert!(!abilities.contains(&ability), "{way:?}"),
                    Reason::Insecure => {
                        assert!(way == Way::Portal && !abilities.contains(&Ability::InsecureLanRedirect))
                    }
                    Reason::NoEndpoint(Name::DeviceAuthorizationEndpoint) => {
                        assert_eq!(way, Way::DeviceAuthorization)
                    }
                    Reason::NoEndpoint(Name::AuthorizationEndpoint) => {
                        assert_ne!(way, Way::DeviceAuthorization)
                    }
                    other => panic!("{other:?}"),
                }
            }
            // A redirect over plain http never comes before the device grant, nor unasked.
            if usable.contains(&Way::Portal) && !abilities.contains(&Ability::PortalCertificate) {
                assert!(abilities.contains(&Ability::InsecureLanRedirect));
                assert_eq!(usable.last(), Some(&Way::Portal));
            }
        }
    }
}

/// Every way once, for every device, whatever the server says.
#[test]
fn falling_back_ends() {
    let errors = [
        Error::Refused(ErrorCode::UnauthorizedClient),
        Error::Refused(ErrorCode::UnsupportedGrantType),
        Error::Refused(ErrorCode::AccessDenied),
        Error::Refused(ErrorCode::InvalidScope),
        Error::Config(Name::RedirectUri),
        Error::Check(Check::PkceUnsupported),
        Error::Check(Check::HttpStatus(404)),
    ];
    for abilities in every_device() {
        for error in errors {
            for unreachable in [false, true] {
                let mut plan = Plan::new(&BOTH, &abilities);
                let mut tried = BTreeSet::new();
                let mut steps = 0;
                while let Some(way) = plan.way() {
                    assert!(tried.insert(format!("{way:?}")), "{way:?} comes twice");
                    let next = if unreachable { plan.unreachable() } else { plan.fall_back(error, false) };
                    assert_eq!(next, plan.way());
                    assert!(plan.reason(way).is_some());
                    steps += 1;
                }
                assert!(steps <= Plan::WAYS);
                assert_eq!(plan.fall_back(error, false), None);
                assert_eq!(plan.unreachable(), None);
            }
        }
    }
}

#[test]
fn a_blocked_grant_is_blocked_in_all_its_ways() {
    let mut plan = Plan::new(&BOTH, &ALL);
    assert_eq!(plan.way(), Some(Way::Loopback));
    let blocked = ErrorCode::UnauthorizedClient;
    assert_eq!(plan.fall_back(Error::Refused(blocked), true), Some(Way::DeviceAuthorization));
    for way in [Way::Loopback, Way::Relay, Way::Paste, Way::Portal] {
        assert_eq!(plan.reason(way), Some(Reason::Blocked(blocked)), "{way:?}");
    }
    assert_eq!(plan.fall_back(Error::Refused(blocked), false), None);
    // A relay that does not answer is out alone.
    let mut plan = Plan::new(&CODE, &[Ability::Screen, Ability::Network, Ability::Relay]);
    assert_eq!(plan.unreachable(), Some(Way::Paste));
    assert_eq!(plan.rejected().last().map(|(way, _)| way), Some(Way::Portal));
    assert_eq!(plan.reason(Way::Relay), Some(Reason::Unreachable));
}

/// No is no, and what another way does not help is left to the user.
// REQ: DEV-02, CDX-01
#[test]
fn nobody_is_asked_again_by_itself() {
    for error in [
        Error::Refused(ErrorCode::AccessDenied),
        Error::Refused(ErrorCode::ExpiredToken),
        Error::Refused(ErrorCode::InvalidClient),
        Error::Refused(ErrorCode::ServerError),
        Error::Refused(ErrorCode::InvalidScope),
        Error::Expired,
        Error::AnswerLost,
        Error::Check(Check::IssuerMismatch),
        Error::Check(Check::HttpStatus(500)),
        Error::Misuse,
    ] {
        let mut plan = Plan::new(&BOTH, &ALL);
        let before = format!("{plan:?}");
        assert_eq!(plan.fall_back(error, true), None, "{error}");
        assert_eq!(format!("{plan:?}"), before, "{error}");
    }
    // The same word before anybody was asked is the server's policy.
    let mut plan = Plan::new(&BOTH, &[Ability::Screen, Ability::Network]);
    assert_eq!(plan.fall_back(Error::Refused(ErrorCode::AccessDenied), false), Some(Way::Paste));
}

#[test]
fn the_user_chooses() {
    let mut plan = Plan::new(&BOTH, &[Ability::Screen, Ability::Network, Ability::Relay]);
    assert_eq!(plan.choose(Way::Paste), Ok(()));
    assert_eq!(plan.way(), Some(Way::Paste));
    assert_eq!(plan.choose(Way::Loopback), Err(Reason::Lacks(Ability::Browser)));
    assert_eq!(plan.choose(Way::Portal), Err(Reason::Insecure));
    assert_eq!(plan.way(), Some(Way::Paste));
    // What was chosen and is blocked is not the choice any more.
    let blocked = Error::Refused(ErrorCode::UnauthorizedClient);
    assert_eq!(plan.fall_back(blocked, true), Some(Way::DeviceAuthorization));
    assert_eq!(plan.choose(Way::Paste), Err(Reason::Blocked(ErrorCode::UnauthorizedClient)));
}
