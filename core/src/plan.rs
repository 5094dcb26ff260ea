//! Which way a user can sign in on this device: what the server offers, and what the device has.
//!
//! ```
//! use keyfob_core::{
//!     error::{Error, ErrorCode},
//!     metadata::Metadata,
//!     plan::{Ability, Plan, Way},
//! };
//!
//! const SERVER: Metadata = Metadata::new("https://op.example")
//!     .authorization_endpoint("https://op.example/authorize")
//!     .device_authorization_endpoint("https://op.example/device")
//!     .token_endpoint("https://op.example/token");
//! let mut plan = Plan::new(&SERVER, &[Ability::Screen, Ability::Network, Ability::Relay]);
//! assert_eq!(plan.way(), Some(Way::DeviceAuthorization));
//! // The administrator has blocked it: the next one, and never this one again.
//! let blocked = Error::Refused(ErrorCode::UnauthorizedClient);
//! assert_eq!(plan.fall_back(blocked, false), Some(Way::Relay));
//! ```

use crate::{
    error::{Check, Error, ErrorCode, Name},
    metadata::Metadata,
};

/// A way to sign a user in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Way {
    /// The user enters a code, or scans one, at the server's own page ([`flow::DeviceAuthorization`](crate::flow::DeviceAuthorization),
    /// RFC 8628).
    DeviceAuthorization,
    /// The browser on the same machine comes back to a listener (RFC 8252 §7.3).
    Loopback,
    /// A service on the internet holds the authorization response until the device fetches it.
    Relay,
    /// The user copies the address that the browser ends at to the device's [portal](crate::portal), or types it in.
    Paste,
    /// The server sends the user's phone to the device's [portal](crate::portal). Over plain http it is insecure
    /// (RFC 9700 §2.6).
    Portal,
}

/// What a device has, or its maker allows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Ability {
    /// A browser that its user can use.
    Browser,
    /// A portal over plain http may take the response: named by its danger, like
    /// [`Client::insecure_lan_redirect`](crate::client::Client::insecure_lan_redirect).
    InsecureLanRedirect,
    /// Keys or a terminal, on which an address can be typed or pasted.
    Keys,
    /// A network in which the user's phone reaches it.
    Network,
    /// A name and a certificate that phones trust, for a portal over https.
    PortalCertificate,
    /// A relay, and an account there.
    Relay,
    /// Something that shows a code and an address: a display, or a terminal.
    Screen,
}

/// Why a way cannot be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Reason {
    /// The server, or its administrator, does not let this client go this way.
    Blocked(ErrorCode),
    /// The settings, here or at the server, do not allow it.
    Config(Error),
    /// It was tried, and did not work.
    Failed(Error),
    /// The device lacks this.
    Lacks(Ability),
    /// The response would cross the network unencrypted, and that was not allowed.
    Insecure,
    /// The server has no such endpoint.
    NoEndpoint(Name),
    /// What it needs outside of the device did not answer.
    Unreachable,
}

/// The ways in their order, and what is known of each.
///
/// The device grant comes first on a device without a browser, the listener where there is one. A way that was found
/// blocked is out for good, so that falling back ends after as many steps as there are ways.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    ways: [(Way, Option<Reason>); Self::WAYS],
    chosen: Option<Way>,
}

impl Plan {
    /// How many ways there are.
    pub const WAYS: usize = 5;

    /// The plan for this server and a device with these abilities.
    pub fn new(metadata: &Metadata<'_>, abilities: &[Ability]) -> Self {
        let browser = abilities.contains(&Ability::Browser);
        let (first, second) = if browser {
            (Way::Loopback, Way::DeviceAuthorization)
        } else {
            (Way::DeviceAuthorization, Way::Loopback)
        };
        let ways = [first, second, Way::Relay, Way::Paste, Way::Portal];
        let mut plan = Self { ways: ways.map(|way| (way, rejected(way, metadata, abilities))), chosen: None };
        // With a certificate of its own, the portal is as safe as a relay, and nobody is between (PORTAL-03).
        if abilities.contains(&Ability::PortalCertificate)
            && let [_, _, _, paste, portal] = &mut plan.ways
        {
            core::mem::swap(paste, portal);
        }
        plan
    }

    /// The way to go: the one that was chosen, or the first that can be used. `None`: there is none.
    pub fn way(&self) -> Option<Way> {
        self.chosen.or_else(|| self.ways().next())
    }

    /// All ways that can be used, the best first.
    pub fn ways(&self) -> impl Iterator<Item = Way> {
        self.ways.iter().filter(|(_, reason)| reason.is_none()).map(|(way, _)| *way)
    }

    /// All others, each with the reason.
    pub fn rejected(&self) -> impl Iterator<Item = (Way, Reason)> {
        self.ways.iter().filter_map(|(way, reason)| reason.map(|reason| (*way, reason)))
    }

    /// Why a way cannot be used; `None` if it can.
    pub fn reason(&self, way: Way) -> Option<Reason> {
        self.ways.iter().find(|(found, _)| *found == way).and_then(|(_, reason)| *reason)
    }

    /// The user wants this way.
    ///
    /// # Errors
    /// The reason why it cannot be used; the plan is as it was.
    pub fn choose(&mut self, way: Way) -> Result<(), Reason> {
        match self.reason(way) {
            Some(reason) => Err(reason),
            None => {
                self.chosen = Some(way);
                Ok(())
            }
        }
    }

    /// A sign-in on the present [way](Plan::way) has ended with `error`; `asked` tells whether a user was shown a code or
    /// sent to the server before. Gives the way to go on with by itself.
    ///
    /// `None`: there is none left, or another way would not help. A user who said no is not asked again in another way,
    /// nor does a sign-in that nobody finished start again by itself; the plan is as it was then, and so is what can be
    /// chosen. `access_denied` before anybody was asked is the server's policy.
    pub fn fall_back(&mut self, error: Error, asked: bool) -> Option<Way> {
        let way = self.way()?;
        let (reason, whole) = judge(error, asked)?;
        self.reject(way, reason, whole)
    }

    /// What the present [way](Plan::way) needs outside of the device did not answer: the relay, above all. Gives the way to
    /// go on with.
    pub fn unreachable(&mut self) -> Option<Way> {
        let way = self.way()?;
        self.reject(way, Reason::Unreachable, false)
    }

    /// Rejects a way, or all that use its grant.
    fn reject(&mut self, rejected: Way, reason: Reason, whole: bool) -> Option<Way> {
        for (way, place) in &mut self.ways {
            let same = *way == rejected || whole && is_code(*way) == is_code(rejected);
            if same && place.is_none() {
                *place = Some(reason);
            }
        }
        self.chosen = None;
        self.way()
    }
}

/// Why another way may do better, and whether that is so of all ways of the same grant.
const fn judge(error: Error, asked: bool) -> Option<(Reason, bool)> {
    Some(match error {
        Error::Refused(
            code @ (ErrorCode::UnauthorizedClient
            | ErrorCode::UnsupportedGrantType
            | ErrorCode::UnsupportedResponseType),
        ) => (Reason::Blocked(code), true),
        Error::Refused(code @ ErrorCode::AccessDenied) if !asked => (Reason::Blocked(code), true),
        // What the client asks for in one way may be allowed in another.
        Error::Refused(
            code @ (ErrorCode::InvalidRequest | ErrorCode::InvalidScope | ErrorCode::InvalidTarget),
        ) if !asked => (Reason::Blocked(code), false),
        Error::Config(_) => (Reason::Config(error), false),
        Error::RelayUnavailable => (Reason::Unreachable, false),
        Error::Check(Check::PkceUnsupported | Check::ResponseTypeUnsupported) => {
            (Reason::Config(error), true)
        }
        Error::Check(Check::MissingMember(
            name @ (Name::AuthorizationEndpoint | Name::DeviceAuthorizationEndpoint),
        )) => (Reason::NoEndpoint(name), true),
        Error::Check(Check::HttpStatus(404 | 405 | 501)) if !asked => (Reason::Failed(error), false),
        _ => return None,
    })
}

/// Whether the way is the code flow.
const fn is_code(way: Way) -> bool {
    !matches!(way, Way::DeviceAuthorization)
}

fn rejected(way: Way, metadata: &Metadata<'_>, abilities: &[Ability]) -> Option<Reason> {
    let has = |ability: Ability| abilities.contains(&ability);
    let lacks = |ability: Ability| if has(ability) { None } else { Some(Reason::Lacks(ability)) };
    let (endpoint, name) = match way {
        Way::DeviceAuthorization => {
            (metadata.device_authorization_endpoint, Name::DeviceAuthorizationEndpoint)
        }
        _ => (metadata.authorization_endpoint, Name::AuthorizationEndpoint),
    };
    if endpoint.is_none() {
        return Some(Reason::NoEndpoint(name));
    }
    match way {
        Way::DeviceAuthorization => lacks(Ability::Screen),
        Way::Loopback => lacks(Ability::Browser),
        Way::Relay => lacks(Ability::Screen).or(lacks(Ability::Relay)),
        // Typed on the device itself, or on its portal.
        Way::Paste => {
            lacks(Ability::Screen).or(if has(Ability::Keys) { None } else { lacks(Ability::Network) })
        }
        Way::Portal if has(Ability::PortalCertificate) => lacks(Ability::Screen).or(lacks(Ability::Network)),
        Way::Portal => {
            let insecure = if has(Ability::InsecureLanRedirect) { None } else { Some(Reason::Insecure) };
            lacks(Ability::Screen).or(lacks(Ability::Network)).or(insecure)
        }
    }
}
