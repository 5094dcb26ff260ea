//! A terminal whose users change all day: signs them in by phone or on its own screen, and out again.
#![forbid(unsafe_code)]

mod arguments;
mod brand;
mod browser;
mod debts;
mod farewell;
mod found;
mod kiosk;
mod page;
mod server;
mod settings;
mod shared;
mod user_agent;
mod words;
mod worker;

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use base64ct::{Base64UrlUnpadded, Encoding};
use clap::Parser;
use keyfob_core::{entropy::Entropy, plan::Plan, secret::Buffer};
use keyfob_demo_issuer::DemoIssuer;
use keyfob_std::{SystemClock, entropy::SystemEntropy, http::HttpsClient};

use crate::{
    arguments::Arguments,
    brand::Brand,
    browser::Browser,
    debts::Debts,
    farewell::Farewell,
    kiosk::Kiosk,
    server::Site,
    settings::{Fault, Settings},
    shared::Shared,
    worker::{ROOM, Worker},
};

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("kiosk: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Fault> {
    let ends = Arc::new(AtomicBool::new(false));
    let handler = Arc::clone(&ends);
    ctrlc::set_handler(move || handler.store(true, Ordering::Relaxed))?;
    let settings = Settings::new(arguments)?;
    let mut http = settings::https_client(arguments)?;
    let debts = Debts::open(settings::state(arguments)?.as_deref())?;
    let demo = if arguments.issuer.is_none() { Some(DemoIssuer::start()?) } else { None };
    let issuer = arguments.issuer.as_deref().or(demo.as_ref().map(DemoIssuer::issuer)).unwrap_or_default();

    let listener = TcpListener::bind(listen(arguments))?;
    let authority = listener.local_addr()?.to_string();
    let farewell = farewell(arguments, &authority);
    let shared = Arc::new(Shared::new(Kiosk::new(arguments.limits(), arguments.language)));
    let site = Site {
        shared: Arc::clone(&shared),
        brand: brand(arguments)?,
        server: host(issuer).to_owned(),
        authority,
        key: key()?,
        farewell: arguments.post_logout_path.clone().unwrap_or(FAREWELL.to_owned()),
        is_farewell: {
            let farewell = Arc::clone(&farewell);
            Box::new(move |query| farewell.is_back(query))
        },
    };
    let page = site.url();
    site.serve(listener)?;
    let browser =
        if arguments.open { Some(Browser::start(arguments.browser.as_deref(), &page)?) } else { None };
    // A browser of this program's own knows the address; nobody else has to.
    if browser.is_none() {
        println!("kiosk page on {page}");
    }

    let mut clock = SystemClock::new();
    let mut document = Buffer::<16_384>::new();
    if !wait_for_server(issuer, &mut http, &mut clock, &shared, &ends) {
        return Ok(());
    }
    let metadata = settings::discover(issuer, &mut http, &mut clock, &mut document)?;
    let scope = settings.scope();
    let phone = settings.client(metadata, &scope);
    let screen = settings.on_screen(&phone);
    Worker {
        plan: Plan::new(&metadata, settings.abilities()),
        settings: &settings,
        phone: &phone,
        screen: &screen,
        buffer: Buffer::<ROOM>::new(),
        shared,
        http,
        clock,
        debts,
        farewell,
        browser,
        page,
    }
    .work(&ends);
    Ok(())
}

/// Asks for the server's metadata until it comes: a terminal is switched on before its network. `false`: the program is
/// to end.
fn wait_for_server(
    issuer: &str,
    http: &mut HttpsClient,
    clock: &mut SystemClock,
    shared: &Shared,
    ends: &AtomicBool,
) -> bool {
    let mut document = Buffer::<16_384>::new();
    while let Err(failure) = settings::discover(issuer, http, clock, &mut document) {
        eprintln!("kiosk: the server's metadata: {failure}");
        shared.with(|kiosk, now| kiosk.out_of_order(now));
        for _ in 0..RETRY {
            if ends.load(Ordering::Relaxed) {
                return false;
            }
            thread::sleep(Duration::from_millis(100));
        }
    }
    true
}

fn listen(arguments: &Arguments) -> SocketAddr {
    let port = if arguments.issuer.is_some() { PORT } else { 0 };
    arguments.listen.unwrap_or((Ipv4Addr::LOCALHOST, port).into())
}

/// Where the server sends the browser after a sign-out, if that is registered there. The demo issuer takes any place.
fn farewell(arguments: &Arguments, authority: &str) -> Arc<Farewell> {
    let path = arguments.post_logout_path.as_deref();
    let path = path.or(if arguments.issuer.is_none() { Some(FAREWELL) } else { None });
    Arc::new(Farewell::new(path.map(|path| format!("http://{authority}{path}"))))
}

fn brand(arguments: &Arguments) -> Result<Brand, Fault> {
    let logo = match &arguments.logo {
        Some(path) => {
            fs::read_to_string(path).map_err(|error| format!("--logo {}: {error}", path.display()))?
        }
        None => String::new(),
    };
    if !logo.is_empty() && !logo.trim_start().starts_with("<svg") {
        return Err("--logo: the file has to begin with <svg".into());
    }
    Ok(Brand::new(&arguments.name, arguments.colour, logo))
}

/// The path of the page: 192 random bits.
fn key() -> Result<String, Fault> {
    let mut key = [0; 24];
    SystemEntropy.fill(&mut key)?;
    Ok(Base64UrlUnpadded::encode_string(&key))
}

/// The host of an issuer.
fn host(issuer: &str) -> &str {
    let rest = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
    rest.split(['/', '?']).next().unwrap_or(rest)
}

/// The page's port at a real server, for what is registered there.
const PORT: u16 = 8253;
const FAREWELL: &str = "/signed-out";

/// Tenths of seconds between two tries to reach the server.
const RETRY: u32 = 50;
