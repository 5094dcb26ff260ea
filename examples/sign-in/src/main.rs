//! Signs a user in from a terminal: at a demo issuer in this process, or at a real server.
#![forbid(unsafe_code)]

mod advice;
mod after;
mod arguments;
mod paste;
mod problem;
mod report;
mod settings;
mod tokens;

use std::{
    process::{self, ExitCode},
    sync::Arc,
};

use keyfob_core::{
    flow::{AuthorizationCode, Flow},
    secret::{Buffer, Seed},
};
use keyfob_demo_issuer::DemoIssuer;
use keyfob_std::{Clock, SystemClock, entropy::SystemEntropy, run, user_agent::Desktop};

use crate::{
    after::Session,
    arguments::Arguments,
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

    let loopback = settings.listen()?;
    let redirect_uri = settings.redirect_uri(loopback.as_ref());
    let client = settings.client(metadata, &redirect_uri);
    let failed = |error| Problem::of(Stage::SignIn, error, None);
    let seed = Seed::draw(&mut SystemEntropy).map_err(failed)?;
    let mut flow = AuthorizationCode::<2048>::new(&client, seed, clock.now()).map_err(failed)?;
    let mut buffer = Buffer::<32768>::new();
    let visit = {
        let (report, redirect_uri, seconds) = (report.clone(), redirect_uri.clone(), arguments.timeout);
        let demo = demo.is_some();
        move |url: &str, way| {
            report.authorize(&Visit { url, redirect_uri: &redirect_uri, seconds, way, demo })
        }
    };
    let outcome = match loopback {
        Some(loopback) => {
            let way = if arguments.no_browser { Way::ByHand } else { Way::Browser };
            let desktop = Desktop::new(loopback).show(move |url| visit(url, way));
            let report = report.clone();
            let desktop = desktop.on_progress(move |progress| report.progress(progress.into()));
            let mut desktop = if arguments.no_browser { desktop.without_browser() } else { desktop };
            run(&mut flow, &mut http, &mut desktop, &mut clock, &mut buffer, Tokens::copy)
        }
        None => {
            let mut paste = Paste::new(&**report, |url| visit(url, Way::Paste));
            run(&mut flow, &mut http, &mut paste, &mut clock, &mut buffer, Tokens::copy)
        }
    };
    let tokens = outcome
        .map_err(|failure| Problem::of(Stage::SignIn, failure, flow.refusal()))?
        .map_err(|error| Problem::of(Stage::SignIn, error, None))?;
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
