//! Signs a user in from a terminal: at a demo issuer in this process, or at a real server.
#![forbid(unsafe_code)]

mod advice;
mod after;
mod arguments;
mod device;
mod paste;
mod problem;
mod report;
mod settings;
mod tokens;

use std::{
    process::{self, ExitCode},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use keyfob_core::{
    client::Client,
    error::Error,
    flow::{AuthorizationCode, DeviceAuthorization, Flow},
    secret::{Buffer, Seed},
};
use keyfob_demo_issuer::DemoIssuer;
use keyfob_std::{
    Clock, Failure, SystemClock, entropy::SystemEntropy, http::HttpsClient, redirect::Loopback, run,
    user_agent::Desktop,
};

use crate::{
    after::Session,
    arguments::Arguments,
    device::Device,
    paste::Paste,
    problem::{Problem, Stage},
    report::{Report, Step, Visit, Way},
    settings::Settings,
    tokens::Tokens,
};

fn main() -> ExitCode {
    let arguments = match Arguments::read() {
        Ok(arguments) => Arc::new(arguments),
        Err(code) => return code,
    };
    let report = report::choose(&arguments);
    let (words, handler) = (arguments.clone(), report.clone());
    // Without the handler an interrupt ends the program as it ends any other.
    let _ = ctrlc::set_handler(move || process::exit(fail(&Problem::Interrupted, &words, &*handler).into()));
    match sign_in(&arguments, &report) {
        Ok(()) if report.is_broken() => fail(&Problem::Output, &arguments, &*report).into(),
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => fail(&problem, &arguments, &*report).into(),
    }
}

fn fail(problem: &Problem, arguments: &Arguments, report: &dyn Report) -> u8 {
    let advice = advice::on(problem, arguments);
    report.error(&advice);
    advice.class.exit_code()
}

fn sign_in(arguments: &Arguments, report: &Arc<dyn Report>) -> Result<(), Problem> {
    let settings = Settings::new(arguments)?;
    let mut http = settings.https_client()?;
    let demo =
        if arguments.issuer.is_none() { Some(DemoIssuer::start().map_err(Problem::Demo)?) } else { None };
    if let Some(demo) = &demo {
        report.demo(demo.issuer());
    }
    let issuer = arguments.issuer.as_deref().or(demo.as_ref().map(DemoIssuer::issuer)).unwrap_or_default();
    report.progress(Step::Discovering);
    let mut clock = SystemClock::new();
    let mut document = Buffer::<8192>::new();
    let metadata = settings::discover(issuer, &mut http, &mut clock, &mut document)?;

    let loopback = if arguments.device { None } else { settings.listen()? };
    let redirect_uri = settings.redirect_uri(loopback.as_ref());
    let client = settings.client(metadata, &redirect_uri);
    let mut buffer = Buffer::<32768>::new();
    let way = SignIn { arguments, report, client: &client, demo: demo.is_some() };
    let tokens = if arguments.device {
        way.on_another_device(&mut http, &mut clock, &mut buffer)?
    } else {
        way.in_a_browser(loopback, &redirect_uri, &mut http, &mut clock, &mut buffer)?
    };
    report.signed_in(issuer, settings.scope(), &tokens);
    Session {
        client: &client,
        http: &mut http,
        clock: &mut clock,
        buffer: &mut buffer,
        report: &**report,
        tokens,
        demo: demo.is_some(),
    }
    .go_on(&arguments.then)
}

/// A sign-in, one way or the other.
struct SignIn<'s> {
    arguments: &'s Arguments,
    report: &'s Arc<dyn Report>,
    client: &'s Client<'s>,
    demo: bool,
}

impl SignIn<'_> {
    fn in_a_browser(
        &self,
        loopback: Option<Loopback>,
        redirect_uri: &str,
        http: &mut HttpsClient,
        clock: &mut SystemClock,
        buffer: &mut [u8],
    ) -> Result<Tokens, Problem> {
        let mut flow = AuthorizationCode::<2048>::new(self.client, seed()?, clock.now()).map_err(failed)?;
        let (arguments, demo) = (self.arguments, self.demo);
        let shown = Arc::new(AtomicBool::new(false));
        let visit = {
            let (report, redirect_uri, seconds) =
                (self.report.clone(), redirect_uri.to_owned(), arguments.timeout);
            let shown = shown.clone();
            move |url: &str, way| {
                shown.store(true, Ordering::Relaxed);
                report.authorize(&Visit { url, redirect_uri: &redirect_uri, seconds, way, demo })
            }
        };
        let outcome = match loopback {
            Some(loopback) => {
                let way = if arguments.no_browser { Way::ByHand } else { Way::Browser };
                let desktop = Desktop::new(loopback).show(move |url| visit(url, way));
                let report = self.report.clone();
                let desktop = desktop.on_progress(move |progress| {
                    report.progress(Step::of(progress, shown.load(Ordering::Relaxed)));
                });
                let mut desktop = if arguments.no_browser { desktop.without_browser() } else { desktop };
                run(&mut flow, http, &mut desktop, clock, buffer, Tokens::copy)
            }
            None => {
                let mut paste = Paste::new(&**self.report, |url| visit(url, Way::Paste));
                run(&mut flow, http, &mut paste, clock, buffer, Tokens::copy)
            }
        };
        signed_in(outcome, &flow)
    }

    fn on_another_device(
        &self,
        http: &mut HttpsClient,
        clock: &mut SystemClock,
        buffer: &mut [u8],
    ) -> Result<Tokens, Problem> {
        let mut flow = DeviceAuthorization::<2048>::new(self.client, seed()?, clock.now()).map_err(failed)?;
        let mut device = Device::new(&**self.report, self.arguments.timeout, !self.arguments.no_qr);
        let outcome = run(&mut flow, http, &mut device, clock, buffer, Tokens::copy);
        if device.is_late() { Err(failed(Error::Expired)) } else { signed_in(outcome, &flow) }
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
