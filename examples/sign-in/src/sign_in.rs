//! A sign-in: by the best way there is, and by the next one where that is closed.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use keyfob_core::{
    client::Client,
    error::Error,
    flow::{AuthorizationCode, DeviceAuthorization, Flow, Relayed},
    metadata::Metadata,
    plan::Way,
    portal::Site,
    secret::Seed,
};
use keyfob_std::{
    Clock, Failure, SystemClock,
    entropy::SystemEntropy,
    http::HttpsClient,
    portal::Portal,
    run,
    user_agent::{Desktop, UserAgent},
};

use crate::{
    advice,
    arguments::Arguments,
    device::Device,
    paste::Paste,
    portal::{self, Terminal},
    problem::{Problem, Stage},
    relay::Patient,
    report::{Report, Step, Trip, Visit},
    settings::Settings,
    tokens::Tokens,
    ways::Ways,
};

/// What every way needs.
pub struct SignIn<'s> {
    pub arguments: &'s Arguments,
    pub settings: &'s Settings<'s>,
    pub report: &'s Arc<dyn Report>,
    pub metadata: Metadata<'s>,
    pub http: &'s mut HttpsClient,
    pub clock: &'s mut SystemClock,
    pub buffer: &'s mut [u8],
    /// The issuer is the one in this process.
    pub demo: bool,
    /// Whether somebody was shown an address or a code on the present way.
    pub asked: Arc<AtomicBool>,
}

impl SignIn<'_> {
    /// Signs a user in. Each way is tried once.
    pub fn by(&mut self, mut ways: Ways) -> Result<(Way, Tokens), Problem> {
        let mut way = ways.first().map_err(|(way, reason)| advice::way::none(way, reason).on(way))?;
        loop {
            self.asked.store(false, Ordering::Relaxed);
            self.report.way(way);
            let problem = match self.attempt(way) {
                Ok(tokens) => return Ok((way, tokens)),
                Err(problem) => problem.on(way),
            };
            let asked = self.asked.load(Ordering::Relaxed);
            let Some((next, reason)) = ways.after(way, &problem, asked) else { return Err(problem) };
            self.report.fall_back(way, reason, next);
            way = next;
        }
    }

    fn attempt(&mut self, way: Way) -> Result<Tokens, Problem> {
        match way {
            Way::DeviceAuthorization => self.on_another_device(),
            Way::Loopback => self.in_this_machines_browser(),
            Way::Portal => self.at_the_portal(),
            Way::Relay => self.by_the_relay(),
            // A page for a phone is asked for by its address.
            _ => match self.arguments.portal {
                Some(address) => self.by_hand_at_the_portal(address),
                None => self.by_hand(),
            },
        }
    }

    fn at_the_portal(&mut self) -> Result<Tokens, Problem> {
        let site = portal::site(&self.metadata).callback(portal::CALLBACK);
        let mut portal = self.portal(self.arguments.portal, site)?;
        let redirect_uri = format!("http://{}{}", portal.host(), portal::CALLBACK);
        self.with_a_code(Way::Portal, &redirect_uri, &mut portal)
    }

    fn by_hand_at_the_portal(&mut self, address: SocketAddr) -> Result<Tokens, Problem> {
        let site = portal::site(&self.metadata).paste(&self.metadata);
        let mut portal = self.portal(Some(address), site)?;
        self.with_a_code(Way::Paste, self.settings.pasted_redirect_uri(), &mut portal)
    }

    fn portal<'p>(
        &self,
        address: Option<SocketAddr>,
        site: Site<'p>,
    ) -> Result<Portal<'p, Terminal>, Problem> {
        let address = address.ok_or_else(|| failed(Error::Misuse))?;
        let front = Terminal::new(self.report.clone(), self.asked.clone(), !self.arguments.no_qr);
        Portal::bind(address, site, seed()?, front).map_err(|error| Problem::of(Stage::SignIn, error, None))
    }

    fn by_the_relay(&mut self) -> Result<Tokens, Problem> {
        let account = self.settings.relay().ok_or_else(|| failed(Error::Misuse))?;
        let (relay, redirect_uri) = (account.relay(), format!("{}/callback", account.base));
        let client = self.settings.client(self.metadata, Way::Relay, &redirect_uri);
        let flow = Relayed::<4096>::new(&client, &relay, seed()?, self.clock.now()).map_err(failed)?;
        self.with_a_screen(&mut Patient::new(flow))
    }

    fn in_this_machines_browser(&mut self) -> Result<Tokens, Problem> {
        let (loopback, redirect_uri) = self.settings.listen()?;
        let trip = if self.arguments.no_browser { Trip::ByHand } else { Trip::Browser };
        let (visit, report, asked) =
            (self.visit(&redirect_uri, trip), self.report.clone(), self.asked.clone());
        let desktop = Desktop::new(loopback).show(visit).on_progress(move |progress| {
            report.progress(Step::of(progress, asked.load(Ordering::Relaxed)));
        });
        let mut desktop = if self.arguments.no_browser { desktop.without_browser() } else { desktop };
        self.with_a_code(Way::Loopback, &redirect_uri, &mut desktop)
    }

    fn by_hand(&mut self) -> Result<Tokens, Problem> {
        let (report, redirect_uri) = (self.report.clone(), self.settings.pasted_redirect_uri());
        let mut paste = Paste::new(&*report, self.visit(redirect_uri, Trip::Paste));
        self.with_a_code(Way::Paste, redirect_uri, &mut paste)
    }

    fn on_another_device(&mut self) -> Result<Tokens, Problem> {
        let client = self.settings.client(self.metadata, Way::DeviceAuthorization, "");
        let mut flow =
            DeviceAuthorization::<2048>::new(&client, seed()?, self.clock.now()).map_err(failed)?;
        self.with_a_screen(&mut flow)
    }

    /// A flow that shows a code here, and nothing else.
    fn with_a_screen(&mut self, flow: &mut dyn Flow) -> Result<Tokens, Problem> {
        let report = self.report.clone();
        let mut device = Device::new(&*report, &self.asked, self.arguments.timeout, !self.arguments.no_qr);
        let outcome = run(flow, self.http, &mut device, self.clock, self.buffer, Tokens::copy);
        if device.is_late() { Err(failed(Error::Expired)) } else { signed_in(outcome, flow) }
    }

    /// The code flow, with this user agent.
    fn with_a_code(
        &mut self,
        way: Way,
        redirect_uri: &str,
        user_agent: &mut impl UserAgent,
    ) -> Result<Tokens, Problem> {
        let client: Client<'_> = self.settings.client(self.metadata, way, redirect_uri);
        let mut flow = AuthorizationCode::<2048>::new(&client, seed()?, self.clock.now()).map_err(failed)?;
        let outcome = run(&mut flow, self.http, user_agent, self.clock, self.buffer, Tokens::copy);
        signed_in(outcome, &flow)
    }

    /// Shows the user the address to go to, and notes that somebody was asked.
    fn visit(&self, redirect_uri: &str, trip: Trip) -> impl FnMut(&str) + 'static {
        let (report, asked, redirect_uri) =
            (self.report.clone(), self.asked.clone(), redirect_uri.to_owned());
        let (seconds, demo) = (self.arguments.timeout, self.demo);
        move |url: &str| {
            asked.store(true, Ordering::Relaxed);
            report.authorize(&Visit { url, redirect_uri: &redirect_uri, seconds, trip, demo });
        }
    }
}

fn seed() -> Result<Seed, Problem> {
    Seed::draw(&mut SystemEntropy).map_err(failed)
}

fn failed(error: Error) -> Problem {
    Problem::of(Stage::SignIn, error, None)
}

fn signed_in(outcome: Result<Result<Tokens, Error>, Failure>, flow: &dyn Flow) -> Result<Tokens, Problem> {
    outcome.map_err(|failure| Problem::of(Stage::SignIn, failure, flow.refusal()))?.map_err(failed)
}
