//! What the programs with a flow or an exchange have in common: a driver without a network.

use core::hint::black_box;

use keyfob_core::{
    Keep,
    client::Client,
    error::{Check, Error},
    exchange::{Exchange, Jwks},
    flow::{Action, Event, Flow, Redirect, RefreshToken},
    http::{Incoming, Request, Response},
    jws::{Algorithm, Key, MAX_SIGNATURE, SignError, Signer, Verifier},
    metadata::Metadata,
    relay::Opener,
    secret::Seed,
    session::{self, Session},
    time::{Now, UnixTime},
};

use crate::Given;

/// A signer of which the compiler knows nothing.
pub struct OpaqueSigner;

impl Signer for OpaqueSigner {
    fn algorithm(&self) -> Algorithm {
        black_box(Algorithm::Es256)
    }

    #[inline(never)]
    fn public_key(&self) -> Key<'_> {
        black_box(Key::P256 { x: &[1; 32], y: &[2; 32] })
    }

    fn key_id(&self) -> Option<&str> {
        black_box(Some("key"))
    }

    #[inline(never)]
    fn sign(&self, message: &[u8], signature: &mut [u8; MAX_SIGNATURE]) -> Result<usize, SignError> {
        black_box((message, signature));
        black_box(Ok(64))
    }
}

/// A server.
pub const SERVER: Metadata<'static> = Metadata::new("https://op.example")
    .authorization_endpoint("https://op.example/authorize")
    .jwks_uri("https://op.example/jwks")
    .token_endpoint("https://op.example/token")
    .userinfo_endpoint("https://op.example/userinfo");

/// A verifier, and an opener of seals, of which the compiler knows nothing.
pub struct Opaque;

impl Verifier for Opaque {
    fn algorithm(&self) -> Algorithm {
        black_box(Algorithm::Es256)
    }

    #[inline(never)]
    fn hash<'h>(&self, input: &[u8], out: &'h mut [u8; 64]) -> &'h [u8] {
        black_box(input);
        black_box(out)
    }

    #[inline(never)]
    fn verify(&self, key: Key<'_>, message: &[u8], signature: &[u8]) -> Result<(), Check> {
        black_box((key, message, signature));
        black_box(Ok(()))
    }
}

impl Opener for Opaque {
    #[inline(never)]
    fn public_key(&self, private_key: &[u8; 32]) -> [u8; 32] {
        black_box(*private_key)
    }

    #[inline(never)]
    fn open(&self, private_key: &[u8; 32], mailbox: &str, sealed: &mut [u8]) -> bool {
        black_box((private_key, mailbox, sealed));
        black_box(true)
    }
}

/// Some seed.
pub fn seed(given: &Given<'_>) -> [u8; 32] {
    given.bytes.first_chunk().copied().unwrap_or_default()
}

/// Some moment.
pub fn now(given: &Given<'_>) -> Now {
    Now::known(given.number, UnixTime::from_seconds(given.number))
}

/// Drives a flow with whatever answers come.
pub fn drive(flow: &mut dyn Flow, given: Given<'_>) -> Result<usize, Error> {
    let mut now = now(&given);
    let Given { text, bytes, buffer, .. } = given;
    loop {
        let saved = flow.save(now, buffer);
        black_box((saved.is_ok(), flow.refusal()));
        if let Some(request) = flow.closing(now, buffer)? {
            show(&request);
        }
        match flow.poll(now, buffer)? {
            Action::Authorize(url) => {
                black_box(url);
                let redirect = if black_box(true) { Redirect::Url(text) } else { Redirect::Form(text) };
                flow.handle(now, Event::Redirect(redirect))?;
            }
            Action::Connected(until) => {
                now.uptime = black_box(until);
                flow.handle(now, Event::Nudge)?;
            }
            Action::Display(code) => {
                now.uptime = black_box(code).until();
                flow.handle(now, Event::Nudge)?;
            }
            Action::Send(request) => {
                let keep = show(&request);
                let (response, rest) = take_in(Incoming::new(keep, buffer), bytes, text);
                let tokens = match flow.handle(now, Event::Response(response)) {
                    Err(Error::KeysNeeded) => {
                        let keep = show(&flow.keys(&response)?);
                        let (keys, _) = take_in(Incoming::new(keep, rest), bytes, text);
                        flow.handle(now, Event::Response(response.with_keys(keys.keys()?)))?
                    }
                    Err(error) if black_box(error) == Error::Misuse => {
                        flow.handle(now, if black_box(true) { Event::Timeout } else { Event::NotSent })?
                    }
                    tokens => tokens?,
                };
                if let Some(tokens) = tokens {
                    black_box((tokens.scope(), tokens.refresh_token(), tokens.expires_in()));
                    return Ok(tokens.access_token().len());
                }
            }
            _ => return Ok(0),
        }
    }
}

/// Keeps a session with whatever comes.
pub fn keep(client: &'static Client<'static>, given: Given<'_>) -> Result<usize, Error> {
    let now = now(&given);
    let mut session = Session::<256>::new(client, &Seed::new(seed(&given))?)?;
    session = session.margin(1).idle_expiry(1).start_within(1).keep_id_token();
    let Given { text, bytes, buffer, .. } = given;
    let mut flow = RefreshToken::<64>::new(client, text, None)?;
    loop {
        black_box((
            session.scope(),
            session.subject(),
            session.issued(),
            session.refusal(),
            session.trouble(),
        ));
        session.rejected(now, text)?;
        let keep = match session.poll(now, buffer)? {
            session::Action::Ready { .. } => {
                return Ok(session.access_token(now).map_or(0, |token| token.expose().len()));
            }
            session::Action::SignIn { reason } => {
                black_box(reason);
                let keep = show_flow(&flow, now, buffer)?;
                let (response, _) = take_in(Incoming::new(keep, buffer), bytes, text);
                if let Some(tokens) = flow.handle(now, Event::Response(response))? {
                    session.sign_in(now, &tokens)?;
                }
                continue;
            }
            session::Action::Send(request) => Some(show(&request)),
            action => {
                black_box(&action);
                None
            }
        };
        let (event, rest) = happening(keep, buffer, bytes, text);
        match (session.handle(now, event), event) {
            (Err(Error::KeysNeeded), session::Event::Response(response)) => {
                let keep = show(&session.keys(&response)?);
                let (keys, _) = take_in(Incoming::new(keep, rest), bytes, text);
                session.handle(now, session::Event::Response(response.with_keys(keys.keys()?)))?;
            }
            (outcome, _) => outcome?,
        }
        if black_box(false) {
            session.sign_out();
        }
    }
}

fn show_flow(flow: &dyn Flow, now: Now, buffer: &mut [u8]) -> Result<Keep, Error> {
    match flow.poll(now, buffer)? {
        Action::Send(request) => Ok(show(&request)),
        _ => Err(Error::Misuse),
    }
}

/// Whatever may happen to a session.
pub fn happening<'b>(
    keep: Option<Keep>,
    buffer: &'b mut [u8],
    bytes: &'b [u8],
    text: &str,
) -> (session::Event<'b>, &'b mut [u8]) {
    if let Some(keep) = keep {
        let (response, rest) = take_in(Incoming::new(keep, buffer), bytes, text);
        return (session::Event::Response(response), rest);
    }
    let event = match black_box(0) {
        0 => session::Event::Loaded(bytes),
        1 => session::Event::NotSent,
        2 => session::Event::NotStored,
        3 => session::Event::Stored,
        _ => session::Event::Timeout,
    };
    (event, buffer)
}

/// Whatever answer comes to a request for keys.
pub fn response<'b>(buffer: &'b mut [u8], bytes: &[u8], text: &str) -> Result<Response<'b>, Error> {
    let keep = Jwks::new(&KEYS).request(Now::unknown(0), &mut []).map(|request| request.keep())?;
    Ok(take_in(Incoming::new(keep, buffer), bytes, text).0)
}

static KEYS: Client<'static> = Client::new(SERVER, "client").algorithms(&[&Opaque]);

/// Does an exchange with whatever answer comes.
pub fn fetch<E: Exchange>(
    exchange: &E,
    given: Given<'_>,
    use_it: impl FnOnce(E::Output<'_>) -> usize,
) -> Result<usize, Error> {
    let now = now(&given);
    let Given { text, bytes, buffer, .. } = given;
    let keep = show(&exchange.request(now, buffer)?);
    exchange.response(take_in(Incoming::new(keep, buffer), bytes, text).0).map(use_it)
}

/// Looks at a request from all sides, and gives what to keep of its answer.
fn show(request: &Request<'_>) -> Keep {
    black_box((request.method(), request.url(), request.body()));
    request.headers().for_each(|header| {
        black_box(header);
    });
    request.keep()
}

fn take_in<'b>(mut incoming: Incoming<'b>, body: &[u8], header: &str) -> (Response<'b>, &'b mut [u8]) {
    incoming.status(black_box(200));
    incoming.header(header, body);
    while incoming.body(body) {}
    incoming.finish()
}
