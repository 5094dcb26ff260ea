//! The command line.

use std::{net::SocketAddr, path::PathBuf};

use clap::Parser;

use crate::{brand::Colour, kiosk::Limits, words};

/// A terminal whose users change all day: signs them in by phone or on its own screen, and out again.
///
/// Without options it starts a demo issuer in this process: no account is needed, and nothing leaves this machine. With
/// --issuer and --client-id it signs in at a real server.
#[derive(Debug, Parser)]
#[command(name = "kiosk", version, max_term_width = 100)]
pub struct Arguments {
    #[arg(help = "The server, exactly as it names itself, to the last slash: https://tenant.auth0.com/")]
    #[arg(long, value_name = "URL", requires = "client_id", help_heading = SERVER)]
    pub issuer: Option<String>,

    /// The application, as it is registered there: a public one
    #[arg(long, value_name = "ID", requires = "issuer", help_heading = SERVER)]
    pub client_id: Option<String>,

    /// Sign in at the demo issuer, which is what happens without --issuer
    #[arg(long, conflicts_with = "issuer", help_heading = SERVER)]
    pub demo: bool,

    /// Trust only the certificate authorities in this PEM file, not those of the system
    #[arg(long, value_name = "FILE", help_heading = SERVER)]
    pub ca_file: Option<PathBuf>,

    /// What to ask for, separated by spaces
    #[arg(long, value_name = "SCOPE", default_value = "openid profile email", help_heading = SERVER)]
    pub scope: String,

    /// Where the browser comes back to from a sign-in on this screen; port 0 takes a free one
    /// [default: http://127.0.0.1:8252/callback]
    #[arg(long, value_name = "URI", help_heading = SERVER)]
    pub redirect_uri: Option<String>,

    /// Sign out at the server too, which sends the browser back to this path of --listen, as it is registered there
    #[arg(long, value_name = "PATH", value_parser = path, help_heading = SERVER)]
    pub post_logout_path: Option<String>,

    /// The server does not say when a user has logged in (`auth_time`): do without this check
    #[arg(long, help_heading = SERVER)]
    pub without_auth_time: bool,

    /// Sign in by phone only, never on this screen
    #[arg(long, help_heading = SERVER)]
    pub phone_only: bool,

    /// Where this terminal is in the network of its users' phones: for servers without a device grant, a phone is let in here
    /// with a code, and its user brings back the address that the browser ends at
    #[arg(long, value_name = "ADDRESS", value_parser = network, help_heading = SERVER)]
    pub lan: Option<SocketAddr>,

    /// The server sends the phone back to --lan itself, to the path of --redirect-uri, unencrypted (against RFC 9700 §2.6)
    #[arg(long, requires = "lan", help_heading = SERVER)]
    pub insecure_lan_redirect: bool,

    /// A relay, which holds the response of a phone until this terminal fetches it
    #[arg(long, value_name = "URL", requires_all = ["relay_device", "relay_secret_file"], help_heading = SERVER)]
    pub relay: Option<String>,

    /// This terminal's name at the relay
    #[arg(long, value_name = "ID", requires = "relay", help_heading = SERVER)]
    pub relay_device: Option<String>,

    /// A file with this terminal's secret at the relay
    #[arg(long, value_name = "FILE", requires = "relay", help_heading = SERVER)]
    pub relay_secret_file: Option<PathBuf>,

    /// Where the page for the browser is served, on this machine [default: 127.0.0.1:8253]
    #[arg(long, value_name = "ADDRESS", value_parser = loopback, help_heading = TERMINAL)]
    pub listen: Option<SocketAddr>,

    /// Start a full-screen browser, with a fresh profile after every user who was at the server with it
    #[arg(long, help_heading = TERMINAL)]
    pub open: bool,

    /// The browser to start: a Chromium [default: the one that is found]
    #[arg(long, value_name = "PROGRAM", requires = "open", help_heading = TERMINAL)]
    pub browser: Option<PathBuf>,

    /// What the terminal is called
    #[arg(long, value_name = "TEXT", default_value = "", help_heading = TERMINAL)]
    pub name: String,

    /// The colour of the buttons
    #[arg(long, value_name = "#RRGGBB", default_value = "#0b57d0", value_parser = colour, help_heading = TERMINAL)]
    pub colour: Colour,

    /// A logo: a file with one `<svg>` element, without styles and scripts
    #[arg(long, value_name = "FILE", help_heading = TERMINAL)]
    pub logo: Option<PathBuf>,

    /// The language that each user finds: en, de, fr or es
    #[arg(long, value_name = "TAG", default_value = "en", value_parser = language, help_heading = TERMINAL)]
    pub language: usize,

    /// Seconds without a touch after which a user is signed out
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = seconds(), help_heading = TERMINAL)]
    pub idle: u32,

    /// Seconds before, at which the user is warned
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = seconds(), help_heading = TERMINAL)]
    pub warning: u32,

    /// Seconds that a session lasts at the most
    #[arg(long, value_name = "SECONDS", default_value_t = 900, value_parser = seconds(), help_heading = TERMINAL)]
    pub session: u32,

    /// Seconds for a user to sign in
    #[arg(long, value_name = "SECONDS", default_value_t = 180, value_parser = seconds(), help_heading = TERMINAL)]
    pub wait: u32,

    /// A folder for what the server is still to be told of users who are gone
    /// [default: $STATE_DIRECTORY, or keyfob-kiosk in the user's state folder]
    #[arg(long, value_name = "FOLDER", help_heading = TERMINAL)]
    pub state: Option<PathBuf>,

    /// Write nothing to the disk: after a loss of power, tokens live until they expire
    #[arg(long, conflicts_with = "state", help_heading = TERMINAL)]
    pub memory_only: bool,
}

const SERVER: &str = "Server and application";
const TERMINAL: &str = "This terminal";

impl Arguments {
    /// How long to wait for what.
    pub fn limits(&self) -> Limits {
        let Self { idle, warning, session, wait, .. } = *self;
        Limits { idle, warning: warning.min(idle), session, wait }
    }
}

fn seconds() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=86_400)
}

fn colour(text: &str) -> Result<Colour, &'static str> {
    Colour::read(text).ok_or("write it as #0b57d0")
}

fn language(tag: &str) -> Result<usize, &'static str> {
    words::find(tag).ok_or("there are en, de, fr and es")
}

fn loopback(text: &str) -> Result<SocketAddr, &'static str> {
    let address: SocketAddr = text.parse().map_err(|_| "write it as 127.0.0.1:8253")?;
    if address.ip().is_loopback() { Ok(address) } else { Err("the page is for this machine only: 127.0.0.1") }
}

fn network(text: &str) -> Result<SocketAddr, &'static str> {
    let address: SocketAddr = text.parse().map_err(|_| "write it as 192.168.4.20:8254")?;
    if address.ip().is_unspecified() { Err("name the one address that phones reach") } else { Ok(address) }
}

fn path(text: &str) -> Result<String, &'static str> {
    let good = |octet: u8| octet.is_ascii_alphanumeric() || b"-._~/".contains(&octet);
    let is_path = text.len() > 1 && text.starts_with('/') && !text.ends_with('/') && !text.starts_with("//");
    if is_path && text.bytes().all(good) { Ok(text.to_owned()) } else { Err("write it as /signed-out") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(["kiosk"].into_iter().chain(line.split_whitespace()))
    }

    #[test]
    fn the_command_is_well_formed() {
        <Arguments as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn nothing_is_needed_and_two_options_are_enough() {
        let arguments = parse("").expect("no option is needed");
        let Limits { idle, warning, session, wait } = arguments.limits();
        assert_eq!((idle, warning, session, wait), (60, 15, 900, 180));
        assert!(parse("--issuer https://t.example/ --client-id a").is_ok());
        assert!(parse("--demo --idle 30 --language de --colour #ffd400").is_ok());
    }

    // REQ: CDX-06
    #[test]
    fn nothing_is_asked_for_that_outlives_a_user() {
        let scope = parse("").expect("no option is needed").scope;
        assert_eq!(scope, "openid profile email");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in [
            "--issuer https://t.example/",
            "--client-id a",
            "--demo --issuer https://t.example/ --client-id a",
            "--listen 0.0.0.0:80",
            "--listen 192.168.4.20:80",
            "--listen 127.0.0.1",
            "--lan 0.0.0.0:8254",
            "--insecure-lan-redirect",
            "--relay https://relay.example",
            "--relay-device a",
            "--language xx",
            "--colour red",
            "--idle 0",
            "--post-logout-path signed-out",
            "--post-logout-path //other.example",
            "--post-logout-path /a?b",
            "--browser chromium",
            "--state s --memory-only",
            "stray",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
