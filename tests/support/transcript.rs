//! What was said, readable in review. All secrets in it are test values.

use std::{env, fmt::Write, fs, path::PathBuf};

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::Value;

use crate::{
    answer::Answer,
    server::{Received, Return},
};

/// Bodies longer than this are shown cut.
const SHOWN: usize = 4096;

/// What was said, from first to last.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Transcript(String);

impl Transcript {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A line about what happened.
    pub fn note(&mut self, text: &str) {
        self.line(&format!("# {text}\n"));
    }

    /// A request left.
    pub fn request(&mut self, request: &Received) {
        self.line(&format!("> {} {}", request.method, request.url));
        self.headers(&request.headers);
        self.body(request.body.as_bytes());
    }

    /// An answer arrived.
    pub fn answer(&mut self, answer: &Answer) {
        self.line(&format!("< {}", answer.status));
        self.headers(&answer.headers);
        self.body(&answer.body);
        if let Some(claims) = id_token_claims(&answer.body) {
            self.note(&format!("its ID token says {claims}"));
        }
    }

    /// The user was sent to the server.
    pub fn open(&mut self, url: &str) {
        self.line(&format!("> browser\n{}\n", url.replace(['?', '&'], "\n  ")));
    }

    /// The user came back.
    pub fn redirect(&mut self, redirect: &Return) {
        let (kind, text) = match redirect {
            Return::Form(form) => (" with a form", form),
            Return::Url(url) => ("", url),
        };
        self.line(&format!("< browser{kind}\n{}\n", text.replace(['?', '&'], "\n  ")));
    }

    fn headers(&mut self, headers: &[(String, String)]) {
        for (name, value) in headers {
            self.line(&format!("{name}: {value}"));
        }
    }

    fn body(&mut self, body: &[u8]) {
        let (shown, rest) = body.split_at(body.len().min(SHOWN));
        if !shown.is_empty() {
            self.line("");
            self.line(&String::from_utf8_lossy(shown));
        }
        if !rest.is_empty() {
            self.line(&format!("… and {} octets more", rest.len()));
        }
        self.line("");
    }

    fn line(&mut self, text: &str) {
        writeln!(self.0, "{text}").expect("a string takes everything");
    }
}

/// The claims in the ID token in a token response, as text.
fn id_token_claims(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let claims = body.get("id_token")?.as_str()?.split('.').nth(1)?;
    String::from_utf8(Base64UrlUnpadded::decode_vec(claims).ok()?).ok()
}

/// Compares `transcript` with the one that is kept as `transcripts/<name>.txt`; writes it if the environment
/// has `UPDATE_TRANSCRIPTS=1`.
///
/// # Panics
/// If they differ.
#[track_caller]
pub fn compare(name: &str, transcript: &Transcript) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("transcripts");
    let path =
        folder.join(name.replace(|other: char| !other.is_ascii_alphanumeric(), "_")).with_extension("txt");
    if env::var("UPDATE_TRANSCRIPTS").is_ok_and(|value| value == "1") {
        fs::create_dir_all(&folder).expect("the folder of transcripts");
        fs::write(&path, transcript.as_str()).expect("a transcript");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == transcript.as_str(),
        "`{}` differs; if that is meant, run again with UPDATE_TRANSCRIPTS=1. Now it is:\n{}",
        path.display(),
        transcript.as_str()
    );
}
