//! The command line.

use std::{env, net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{Parser, ValueEnum, builder::NonEmptyStringValueParser};

use crate::{
    advice::{Advice, Class},
    report::{Json, Report},
};

/// Signs a user in with a browser, checks everything that comes back, and says who it was.
///
/// Without options it starts a demo issuer in this process and signs in there: no account is needed, and
/// nothing leaves this machine. With --issuer and --client-id it signs in at a real server.
#[derive(Debug, Parser)]
#[command(name = "sign-in", version, max_term_width = 100, override_usage = USAGE, after_help = EXIT_CODES)]
#[command(after_long_help = format!("{AUTH0}\n\n{EXIT_CODES}"))]
pub struct Arguments {
    #[arg(help = "The server, exactly as it names itself, to the last slash: https://tenant.auth0.com/")]
    #[arg(long, value_name = "URL", requires = "client_id", help_heading = SERVER)]
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub issuer: Option<String>,

    /// The application, as it is registered there
    #[arg(long, value_name = "ID", requires = "issuer", help_heading = SERVER)]
    pub client_id: Option<String>,

    /// A file with the application's secret; without one it is a public client
    #[arg(long, value_name = "FILE", requires = "issuer", help_heading = SERVER)]
    pub client_secret_file: Option<PathBuf>,

    /// How the application authenticates [default: basic with a secret, none without]
    #[arg(long, value_name = "METHOD", value_enum, help_heading = SERVER)]
    pub client_auth: Option<ClientAuth>,

    #[arg(help = REDIRECT_URI, long_help = format!("{REDIRECT_URI}\n\n{REDIRECT_URI_KINDS}"))]
    #[arg(long, value_name = "URI", help_heading = SERVER)]
    pub redirect_uri: Option<String>,

    /// Trust only the certificate authorities in this PEM file, not those of the system
    #[arg(long, value_name = "FILE", help_heading = SERVER)]
    pub ca_file: Option<PathBuf>,

    /// Signatures to accept on ID tokens
    #[arg(long, value_name = "ALG", value_enum, ignore_case = true, value_delimiter = ',', help_heading = SERVER)]
    #[arg(default_value = "RS256,ES256")]
    pub id_token_alg: Vec<Alg>,

    /// What to ask for, separated by spaces [default: openid profile email]
    #[arg(long, value_name = "SCOPE", help_heading = REQUEST)]
    pub scope: Vec<String>,

    /// Auth0: the API that the access token is for
    #[arg(long, value_name = "API", help_heading = REQUEST)]
    pub audience: Option<String>,

    /// Auth0: the identity provider to go to at once, as google-oauth2
    #[arg(long, value_name = "NAME", help_heading = REQUEST)]
    pub connection: Option<String>,

    /// Auth0: the organization to sign in to; the ID token must name it
    #[arg(long, value_name = "ORG", help_heading = REQUEST)]
    pub organization: Option<String>,

    /// Auth0: the ticket of an invitation to an organization
    #[arg(long, value_name = "TICKET", help_heading = REQUEST)]
    pub invitation: Option<String>,

    /// Auth0: the page to begin with, as signup
    #[arg(long, value_name = "PAGE", help_heading = REQUEST)]
    pub screen_hint: Option<String>,

    /// Who probably signs in: an address or a name
    #[arg(long, value_name = "USER", help_heading = REQUEST)]
    pub login_hint: Option<String>,

    /// What the server shall ask, even if it need not
    #[arg(long, value_name = "WHAT", value_enum, value_delimiter = ',', help_heading = REQUEST)]
    pub prompt: Vec<Prompt>,

    /// Seconds since the user last logged in, at the most; 0 asks for a login now
    #[arg(long, value_name = "SECONDS", help_heading = REQUEST)]
    pub max_age: Option<u32>,

    /// Ways of authentication wished for, best first, separated by spaces
    #[arg(long, value_name = "ACR", help_heading = REQUEST)]
    pub acr_values: Vec<String>,

    /// Languages for the server's pages, best first, separated by spaces
    #[arg(long, value_name = "LANG", help_heading = REQUEST)]
    pub ui_locales: Vec<String>,

    /// A resource that the access token is for (RFC 8707); may be repeated
    #[arg(long, value_name = "URI", help_heading = REQUEST)]
    pub resource: Vec<String>,

    /// What exactly the access is for: a JSON list of objects (RFC 9396)
    #[arg(long, value_name = "JSON", help_heading = REQUEST)]
    pub authorization_details: Option<String>,

    /// Take tokens that serve whoever has them, also where the server would bind them to a key (DPoP)
    #[arg(long, help_heading = REQUEST)]
    pub bearer: bool,

    /// Send the request to the server first, and the browser with a reference to it (RFC 9126)
    #[arg(long, help_heading = REQUEST)]
    pub par: bool,

    /// Any other parameter of the request; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = parameter, help_heading = REQUEST)]
    pub param: Vec<(String, String)>,

    #[arg(help = WAYS_HELP, long_help = format!("{WAYS_HELP}\n\n{WAYS_HELP_MORE}"))]
    #[arg(long, value_name = "WAY", value_enum, value_delimiter = ',', help_heading = WAYS)]
    pub way: Vec<Way>,

    /// List the ways to sign in, with the reason for each that cannot be used, and end
    #[arg(long, help_heading = WAYS)]
    pub ways: bool,

    /// Sign in on another device, as a TV does: short for --way device
    #[arg(long, conflicts_with_all = ["redirect_uri", "no_browser", "way"], help_heading = WAYS)]
    pub device: bool,

    /// Only print the address to open
    #[arg(long, help_heading = WAYS)]
    pub no_browser: bool,

    /// The relay that holds the response for this machine until it is fetched
    #[arg(long, value_name = "URL", requires = "relay_device_file", help_heading = WAYS)]
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub relay: Option<String>,

    /// A file with this machine's account at the relay, as ID:SECRET
    #[arg(long, value_name = "FILE", requires = "relay", help_heading = WAYS)]
    pub relay_device_file: Option<PathBuf>,

    /// Let the response come to the relay in the address, from a server that cannot post it
    #[arg(long, requires = "relay", help_heading = WAYS)]
    pub relay_query: bool,

    /// This machine's address in the network, where a phone is shown a page; port 0 takes any free one
    #[arg(long, value_name = "IP:PORT", help_heading = WAYS)]
    pub portal: Option<SocketAddr>,

    /// Let the response come back to --portal: whoever listens on the network can read it
    #[arg(long, requires = "portal", help_heading = WAYS)]
    pub insecure_lan_redirect: bool,

    /// What to do after the sign-in, in this order
    #[arg(long, value_name = "ACTION", value_enum, value_delimiter = ',', help_heading = RUN)]
    pub then: Vec<Then>,

    /// Seconds to wait for the user
    #[arg(long, value_name = "SECONDS", default_value_t = 600, help_heading = RUN)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub timeout: u32,

    /// Draw no QR code beside a code
    #[arg(long, help_heading = RUN)]
    pub no_qr: bool,

    /// For scripts: one JSON object a line on standard output, and nothing else
    #[arg(long, help_heading = RUN)]
    pub json: bool,

    /// Print the tokens, which are as good as a password
    #[arg(long, help_heading = RUN)]
    pub show_tokens: bool,
}

/// How a client authenticates.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum ClientAuth {
    /// A public client, without a secret
    None,
    /// client_secret_basic
    Basic,
    /// The same without form-encoding, for servers that do not decode
    BasicRaw,
    /// client_secret_post
    Post,
}

/// A signature algorithm.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
#[value(rename_all = "UPPER")]
pub enum Alg {
    Rs256,
    Es256,
}

/// What a server can be told to ask.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Prompt {
    /// For consent
    Consent,
    /// For a new account
    Create,
    /// For a login
    Login,
    /// For nothing: fail instead
    None,
    /// Which account to use
    SelectAccount,
}

/// A way to sign in.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Way {
    /// A code, and where to enter it on another device
    Device,
    /// This machine's browser, which comes back by itself
    Loopback,
    /// Another device's browser, which comes back to a service that holds the response for this machine
    Relay,
    /// A browser anywhere; the address that it ends at is brought back by hand
    Paste,
    /// A phone in the same network, which comes back to a page on this machine
    Portal,
}

/// What to do when the user is signed in.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Then {
    /// Fetch the claims that the UserInfo endpoint has
    Userinfo,
    /// Refresh the tokens once; asks for offline_access
    Refresh,
    /// Revoke the tokens, and say where the browser signs out at the server; comes last
    Logout,
}

impl Arguments {
    /// Reads the command line; if it only asks for help, or is wrong, what to exit with.
    pub fn read() -> Result<Self, ExitCode> {
        Self::try_parse().map_err(|error| answer(&error))
    }
}

fn answer(error: &clap::Error) -> ExitCode {
    // Help and version are no errors.
    if !error.use_stderr() {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    if env::args_os().any(|argument| argument == "--json") {
        Json::new(false).error(&usage(error));
    } else {
        let _ = error.print();
    }
    Class::Usage.exit_code().into()
}

/// What is wrong with the command line, for scripts.
fn usage(error: &clap::Error) -> Advice {
    let text = error.render().to_string();
    let mut paragraphs = text.split("\n\n").map(|paragraph| {
        let words = paragraph.trim().trim_start_matches("error: ").trim_start_matches("tip: ");
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        let (first, rest) = words.split_at(words.chars().next().map_or(0, char::len_utf8));
        format!("{}{rest}.", first.to_uppercase())
    });
    let message = paragraphs.next().unwrap_or_default();
    let tip = if text.contains("tip: ") { paragraphs.next() } else { None };
    let tip = tip.map(|tip| format!("{tip} ")).unwrap_or_default();
    Advice::new(Class::Usage, message, format!("{tip}See sign-in --help for the options."))
}

fn parameter(text: &str) -> Result<(String, String), &'static str> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as name=value"),
    }
}

const USAGE: &str = "\
sign-in [OPTIONS]
       sign-in --issuer URL --client-id ID [OPTIONS]";

const REDIRECT_URI: &str = "Where the browser comes back to [default: http://127.0.0.1:8252/callback]";
const REDIRECT_URI_KINDS: &str = "\
With http to 127.0.0.1 or [::1] this program listens there; port 0 stands for any free port. With https or a scheme such \
as com.example.app:/callback it cannot listen: it asks you to paste the final address.";

const WAYS_HELP: &str = "Sign in by these ways only, in this order [default: those that server and machine allow, the best first]";
const WAYS_HELP_MORE: &str = "\
Where a way turns out to be blocked, the next one is taken. Who names a single way gets this one or an error.";

const SERVER: &str = "Server and application";
const REQUEST: &str = "What to ask for";
const WAYS: &str = "How to sign in";
const RUN: &str = "This run";

const AUTH0: &str = "\
Auth0:
  Register an application of type Native, add http://127.0.0.1:8252/callback to its Allowed Callback
  URLs, then:
    sign-in --issuer https://TENANT.auth0.com/ --client-id CLIENT_ID";

const EXIT_CODES: &str = "\
Exit codes:
  0  the user is signed in, and everything after it was done
  1  something else went wrong
  2  the options, or the settings on this side, are wrong
  3  the user said no or gave up, or would have had to do something
  4  the network failed, or the server is in trouble: try again later
  5  the server refused: its settings for this application do not fit
  6  a check failed: nothing that the server sent was accepted
  7  the time ran out";

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(["sign-in"].into_iter().chain(line.split_whitespace()))
    }

    #[test]
    fn the_command_is_well_formed() {
        <Arguments as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn nothing_is_needed_and_two_options_are_enough() {
        let arguments = parse("").expect("no option is needed");
        assert_eq!((arguments.issuer, arguments.timeout), (None, 600));
        assert_eq!(arguments.id_token_alg, [Alg::Rs256, Alg::Es256]);
        let arguments = parse("--issuer https://t.example/ --client-id a").expect("two options do");
        assert_eq!(arguments.issuer.as_deref(), Some("https://t.example/"));
    }

    #[test]
    fn lists_are_repeated_or_separated() {
        let arguments =
            parse("--then userinfo,refresh,logout --param a=b=c --param d= --prompt login,select_account");
        let arguments = arguments.expect("is right");
        assert_eq!(arguments.then, [Then::Userinfo, Then::Refresh, Then::Logout]);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(arguments.param, [pair("a", "b=c"), pair("d", "")]);
        assert_eq!(arguments.prompt, [Prompt::Login, Prompt::SelectAccount]);
        let arguments = parse("--way relay,device --way paste").expect("is right");
        assert_eq!(arguments.way, [Way::Relay, Way::Device, Way::Paste]);
        let arguments = parse("--id-token-alg es256").expect("case does not matter");
        assert_eq!(arguments.id_token_alg, [Alg::Es256]);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in [
            "--issuer https://t.example/",
            "--client-id a",
            "--client-secret-file f",
            "--client-secret s",
            "--param name",
            "--param =value",
            "--then nothing",
            "--timeout 0",
            "--id-token-alg none",
            "--issuer a --issuer b --client-id c",
            "--device --no-browser",
            "--device --way paste",
            "--way telephone",
            "--relay https://relay.example",
            "--relay-device-file f",
            "--portal kettle.local",
            "--insecure-lan-redirect",
            "--device --redirect-uri com.example.app:/cb",
            "stray",
        ] {
            let error = parse(line).expect_err(line);
            let advice = usage(&error);
            assert!(error.use_stderr() && advice.message.len() > 10, "{line}: {}", advice.message);
            assert!(
                !advice.message.contains("error:") && !advice.message.contains('\n'),
                "{}",
                advice.message
            );
        }
    }
}
