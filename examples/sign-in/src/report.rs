//! What is told, to a person or to a script.

mod human;
mod json;
mod qr;
mod text;

use std::sync::Arc;

use keyfob_core::{
    flow::UserCode,
    id_token::Checked,
    plan::{Reason, Way},
    portal::Invitation,
};
use keyfob_std::user_agent::Progress;
use serde_json::Value;

use crate::{advice::Advice, arguments::Arguments, tokens::Tokens};

pub use self::human::Human;
pub use self::json::Json;
pub use self::text::duration;

/// Who is told what happens.
///
/// Nothing here fails: whether something could not be written is asked at the end.
pub trait Report: Send + Sync {
    /// The demo issuer is there.
    fn demo(&self, issuer: &str);

    /// Something begins.
    fn progress(&self, step: Step);

    /// The ways to sign in: those that can be used, the best first, and the others with the reason.
    fn ways(&self, ways: &[(Way, Option<Reason>)]);

    /// A sign-in begins, this way.
    fn way(&self, way: Way);

    /// One way did not work, and the program goes on with another.
    fn fall_back(&self, from: Way, reason: Reason, to: Way);

    /// The user has to go to an address.
    fn authorize(&self, visit: &Visit<'_>);

    /// The user has to enter a code on another device; `qr`: a QR code is welcome, where it can be drawn.
    fn user_code(&self, code: &UserCode<'_>, qr: bool);

    /// The code is good for so many seconds still. It comes every second.
    fn time_left(&self, seconds: u64);

    /// A phone in the network can come in, with a code; `qr` as before.
    fn invitation(&self, invitation: &Invitation<'_>, qr: bool);

    /// Another device's browser was let in, and signs the user in now.
    fn connected(&self);

    /// Somebody is trying: wrong codes so far, and responses that were not of this sign-in.
    fn warn(&self, wrong_codes: u16, strangers: u16);

    /// The code is of no use any more.
    fn user_code_over(&self);

    /// The user is signed in at `issuer`; `asked` is the scope that was asked for.
    fn signed_in(&self, issuer: &str, asked: &[&str], way: Way, tokens: &Tokens);

    /// The UserInfo endpoint answered about the same user.
    fn user_info(&self, claims: &Value);

    /// The tokens were refreshed; `rotated`: the refresh token is another one now.
    fn refreshed(&self, tokens: &Tokens, rotated: bool);

    /// The tokens are gone; `revoked`: at the server too. At `url`, if there is one, the browser signs out.
    fn signed_out(&self, revoked: bool, url: Option<&str>);

    /// It did not work.
    fn error(&self, advice: &Advice);

    /// Whether some of it could not be written.
    fn is_broken(&self) -> bool;
}

/// What the options ask for.
pub fn choose(arguments: &Arguments) -> Arc<dyn Report> {
    if arguments.json {
        Arc::new(Json::new(arguments.show_tokens))
    } else {
        Arc::new(Human::new(arguments.show_tokens))
    }
}

/// What begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step {
    Checking,
    Discovering,
    Exchanging,
    /// What was pasted is not the answer to this sign-in.
    OtherAddress,
    Pushing,
    Refreshing,
    SigningOut,
    UserInfo,
    /// Something that this program does not know of.
    Working,
}

impl Step {
    /// The name for scripts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Checking => "checking",
            Self::Discovering => "discovering",
            Self::Exchanging => "exchanging",
            Self::OtherAddress => "other_address",
            Self::Pushing => "pushing",
            Self::Refreshing => "refreshing",
            Self::SigningOut => "signing_out",
            Self::UserInfo => "userinfo",
            Self::Working => "working",
        }
    }

    /// What a person reads.
    pub fn words(self) -> &'static str {
        match self {
            Self::Checking => "Fetching the server's keys and checking the ID token…",
            Self::Discovering => "Asking the server for its endpoints…",
            Self::Exchanging => "Exchanging the code for tokens…",
            Self::OtherAddress => {
                "That address does not answer this sign-in. Please paste the one the browser ended at."
            }
            Self::Pushing => "Sending the request to the server…",
            Self::Refreshing => "Refreshing the tokens…",
            Self::SigningOut => "Revoking the tokens…",
            Self::UserInfo => "Asking for more about the user…",
            Self::Working => "Working…",
        }
    }
}

impl Step {
    /// What a sign-in does, which has or has not shown the user an address yet.
    pub fn of(progress: Progress, shown: bool) -> Self {
        match progress {
            Progress::Exchanging if shown => Self::Exchanging,
            Progress::Exchanging => Self::Pushing,
            Progress::FetchingKeys => Self::Checking,
            _ => Self::Working,
        }
    }
}

/// An address for the user to go to.
pub struct Visit<'v> {
    pub url: &'v str,
    pub redirect_uri: &'v str,
    /// How long the program waits.
    pub seconds: u32,
    pub trip: Trip,
    /// Whether the address is the demo issuer's.
    pub demo: bool,
}

/// How the user gets there and back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Trip {
    /// The browser is opened, and comes back by itself.
    Browser,
    /// The user opens the address; the browser comes back by itself.
    ByHand,
    /// The user opens the address, and brings the final one back.
    Paste,
}

/// What is said when another device's browser was let in.
const CONNECTED: &str = "Another device is signing in. If it is not yours, give up with Ctrl-C.";

/// A check that was passed.
pub struct Passed {
    /// What was checked, by its RFC name.
    pub name: &'static str,
    /// What that means.
    pub words: String,
}

/// The checks that an ID token passed.
pub fn passed(checked: &Checked) -> Vec<Passed> {
    let signature = format!("{}, by a key of the issuer", checked.algorithm.name());
    let optional = [
        (checked.nonce, "nonce", "answers this very request"),
        (checked.access_token, "at_hash", "belongs to the access token"),
        (checked.code, "c_hash", "belongs to the code"),
        (checked.auth_time, "auth_time", "the login is as recent as asked for"),
        (checked.acr, "acr", "the login was as strong as asked for"),
        (checked.organization, "org_id", "the organization is the one asked for"),
    ];
    let always = [
        ("signature", signature.as_str()),
        ("iss", "the issuer is the server that was asked"),
        ("aud", "meant for this application"),
        ("exp", "not expired, and not from the future"),
    ];
    let optional = optional.into_iter().filter(|(passed, ..)| *passed).map(|(_, name, words)| (name, words));
    always.into_iter().chain(optional).map(|(name, words)| Passed { name, words: words.to_owned() }).collect()
}
