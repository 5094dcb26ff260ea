//! The ways to sign in: which one comes first, and which one after it.

use keyfob_core::{
    error::{Error, Name},
    metadata::Metadata,
    plan::{Ability, Plan, Reason, Way},
};
use keyfob_std::{Failure, user_agent::UserAgentError};

use crate::{
    arguments::{self, Arguments},
    problem::Problem,
};

/// The plan for this server and machine, and what the user wants of it.
pub struct Ways {
    plan: Plan,
    /// These only, in this order; all, the best first, if there are none.
    wanted: Vec<Way>,
}

impl Ways {
    pub fn new(metadata: &Metadata<'_>, abilities: &[Ability], wanted: Vec<Way>) -> Self {
        Self { plan: Plan::new(metadata, abilities), wanted }
    }

    /// The way to begin with; if there is none, why the one that was wanted most is not.
    pub fn first(&mut self) -> Result<Way, (Way, Reason)> {
        if let Some(way) = self.take() {
            return Ok(way);
        }
        let mut rejected = self.plan.rejected();
        let wanted = |(way, _): &(Way, Reason)| self.wanted.first().is_none_or(|wanted| wanted == way);
        Err(rejected.find(wanted).unwrap_or((Way::Loopback, Reason::Unreachable)))
    }

    /// The way to go on with after a problem, and what was wrong with the present one. `asked`: somebody has been shown
    /// something already. `None`: no other one would help, or none is left.
    pub fn after(&mut self, way: Way, problem: &Problem, asked: bool) -> Option<(Way, Reason)> {
        let Problem::Failed { failure, .. } = problem else { return None };
        match failure {
            // All other settings are the same in every way.
            Failure::Flow(Error::Config(name)) if !OF_A_WAY.contains(name) => None,
            // Before anybody is asked the relay is spoken to, and the server only where requests are pushed.
            Failure::Http(_) if way == Way::Relay && !asked => self.plan.unreachable(),
            Failure::Flow(error) => self.plan.fall_back(*error, asked),
            Failure::UserAgent(UserAgentError::Listen(_)) => self.plan.unreachable(),
            _ => None,
        }?;
        Some((self.take()?, self.plan.reason(way)?))
    }

    /// All ways: those that can be used, the best first, and the others, each with the reason.
    pub fn all(&self) -> impl Iterator<Item = (Way, Option<Reason>)> {
        let usable = self.plan.ways().map(|way| (way, None));
        usable.chain(self.plan.rejected().map(|(way, reason)| (way, Some(reason))))
    }

    /// The best way that is left, which is the present one from now on.
    fn take(&mut self) -> Option<Way> {
        let usable = |way: &Way| self.plan.reason(*way).is_none();
        let way =
            if self.wanted.is_empty() { self.plan.way() } else { self.wanted.iter().copied().find(usable) };
        way.filter(|way| self.plan.choose(*way).is_ok())
    }
}

/// Settings of one way.
const OF_A_WAY: [Name; 5] =
    [Name::AuthorizationEndpoint, Name::DeviceId, Name::DeviceSecret, Name::RedirectUri, Name::Relay];

/// The ways that the options name; none: whichever is best.
pub fn wanted(arguments: &Arguments) -> Vec<Way> {
    if arguments.device {
        return vec![Way::DeviceAuthorization];
    }
    if !arguments.way.is_empty() {
        return arguments.way.iter().map(|way| (*way).into()).collect();
    }
    // The address says who takes the response there.
    let redirect_uri = arguments.redirect_uri.as_deref();
    redirect_uri
        .map(|uri| if uri.starts_with("http://") { Way::Loopback } else { Way::Paste })
        .into_iter()
        .collect()
}

/// The name for options and scripts.
pub fn name(way: Way) -> &'static str {
    match way {
        Way::DeviceAuthorization => "device",
        Way::Loopback => "loopback",
        Way::Paste => "paste",
        Way::Portal => "portal",
        Way::Relay => "relay",
        _ => "other",
    }
}

/// What it is, for a person: a part of a sentence.
pub fn words(way: Way) -> &'static str {
    match way {
        Way::DeviceAuthorization => "a code that is entered on another device",
        Way::Loopback => "the browser on this machine",
        Way::Paste => "a browser anywhere, and its last address copied by hand",
        Way::Portal => "a phone in this network, which comes back to this machine",
        Way::Relay => "a browser anywhere, which comes back to the relay",
        _ => "another way",
    }
}

impl From<arguments::Way> for Way {
    fn from(way: arguments::Way) -> Self {
        match way {
            arguments::Way::Device => Self::DeviceAuthorization,
            arguments::Way::Loopback => Self::Loopback,
            arguments::Way::Paste => Self::Paste,
            arguments::Way::Portal => Self::Portal,
            arguments::Way::Relay => Self::Relay,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use clap::{Parser, ValueEnum};
    use keyfob_core::error::ErrorCode;

    use super::*;
    use crate::problem::Stage;

    const SERVER: Metadata<'static> = Metadata::new("https://op.example")
        .authorization_endpoint("https://op.example/authorize")
        .device_authorization_endpoint("https://op.example/device")
        .token_endpoint("https://op.example/token");

    const BLOCKED: Error = Error::Refused(ErrorCode::UnauthorizedClient);

    fn ways(abilities: &[Ability], wanted: &[Way]) -> Ways {
        Ways::new(&SERVER, abilities, wanted.to_vec())
    }

    fn problem(failure: impl Into<Failure>) -> Problem {
        Problem::of(Stage::SignIn, failure, None)
    }

    #[test]
    fn the_best_way_comes_first_and_the_next_best_after_it() {
        let mut ways = ways(&[Ability::Screen, Ability::Relay, Ability::Keys], &[]);
        assert_eq!(ways.first(), Ok(Way::DeviceAuthorization));
        let next = ways.after(Way::DeviceAuthorization, &problem(BLOCKED), false);
        assert_eq!(next, Some((Way::Relay, Reason::Blocked(ErrorCode::UnauthorizedClient))));
        // All that is left is of the same grant.
        assert_eq!(ways.after(Way::Relay, &problem(BLOCKED), true), None);
    }

    #[test]
    fn a_listener_that_cannot_be_had_is_no_end() {
        let mut ways = ways(&[Ability::Screen, Ability::Browser], &[]);
        assert_eq!(ways.first(), Ok(Way::Loopback));
        let taken = UserAgentError::Listen(io::ErrorKind::AddrInUse.into());
        let next = ways.after(Way::Loopback, &problem(taken), false);
        assert_eq!(next, Some((Way::DeviceAuthorization, Reason::Unreachable)));
    }

    #[test]
    fn only_what_is_wanted_is_taken() {
        let all = [Ability::Screen, Ability::Browser, Ability::Keys];
        let mut both = ways(&all, &[Way::Paste, Way::DeviceAuthorization]);
        assert_eq!(both.first(), Ok(Way::Paste));
        let next = both.after(Way::Paste, &problem(BLOCKED), true).map(|(way, _)| way);
        assert_eq!(next, Some(Way::DeviceAuthorization));
        assert_eq!(both.after(Way::DeviceAuthorization, &problem(BLOCKED), false), None);

        let mut alone = ways(&all, &[Way::DeviceAuthorization]);
        assert_eq!(alone.first(), Ok(Way::DeviceAuthorization));
        assert_eq!(alone.after(Way::DeviceAuthorization, &problem(BLOCKED), false), None);
        let mut lacking = ways(&all, &[Way::Portal, Way::Relay]);
        assert_eq!(lacking.first(), Err((Way::Portal, Reason::Lacks(Ability::Network))));
    }

    #[test]
    fn a_no_is_a_no() {
        let mut ways = ways(&[Ability::Screen, Ability::Browser, Ability::Keys], &[]);
        let way = ways.first().expect("there is one");
        for error in [Error::Refused(ErrorCode::AccessDenied), Error::Expired] {
            assert_eq!(ways.after(way, &problem(error), true), None, "{error}");
        }
        assert_eq!(ways.after(way, &problem(UserAgentError::Cancelled), true), None);
        assert_eq!(ways.after(way, &Problem::Interrupted, false), None);
        assert_eq!(ways.all().filter(|(_, reason)| reason.is_none()).count(), 3);
    }

    #[test]
    fn options_name_ways() {
        let wanted = |line: &str| {
            let line = ["sign-in"].into_iter().chain(line.split_whitespace());
            wanted(&Arguments::try_parse_from(line).expect("is right"))
        };
        assert_eq!(wanted(""), []);
        assert_eq!(wanted("--device"), [Way::DeviceAuthorization]);
        assert_eq!(wanted("--way relay,portal"), [Way::Relay, Way::Portal]);
        assert_eq!(wanted("--redirect-uri http://127.0.0.1:0/cb"), [Way::Loopback]);
        assert_eq!(wanted("--redirect-uri https://app.example/cb"), [Way::Paste]);
        assert_eq!(wanted("--way paste --redirect-uri http://127.0.0.1:8252/cb"), [Way::Paste]);
        for way in arguments::Way::value_variants() {
            let value = way.to_possible_value().expect("it is shown");
            assert_eq!(value.get_name(), name((*way).into()));
        }
    }
}
