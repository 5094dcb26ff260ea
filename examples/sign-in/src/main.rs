//! Signs a user in from a terminal: at a demo issuer in this process, or at a real server.
#![forbid(unsafe_code)]

mod advice;
mod after;
mod arguments;
mod device;
mod machine;
mod paste;
mod portal;
mod problem;
mod relay;
mod report;
mod settings;
mod sign_in;
mod tokens;
mod ways;

use std::{
    process::{self, ExitCode},
    sync::Arc,
};

use keyfob_core::secret::Buffer;
use keyfob_demo_issuer::DemoIssuer;
use keyfob_std::SystemClock;

use crate::{
    after::Session,
    arguments::Arguments,
    problem::Problem,
    report::{Report, Step},
    settings::Settings,
    sign_in::SignIn,
    ways::Ways,
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

    let ways = Ways::new(&metadata, &machine::abilities(arguments), ways::wanted(arguments));
    if arguments.ways {
        report.ways(&ways.all().collect::<Vec<_>>());
        return Ok(());
    }
    let mut buffer = Buffer::<32768>::new();
    let mut attempt = SignIn {
        arguments,
        settings: &settings,
        report,
        metadata,
        http: &mut http,
        clock: &mut clock,
        buffer: &mut buffer,
        demo: demo.is_some(),
        asked: Arc::default(),
    };
    let (way, tokens) = attempt.by(ways)?;
    report.signed_in(issuer, settings.scope(), way, &tokens);
    let client = settings.client(metadata, way, "");
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
