//! Keyfob on desktops and kiosks: [`run`] drives any flow with a transport and a user agent.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod clock;
pub mod entropy;
mod failure;
pub mod http;
pub mod redirect;
pub mod user_agent;

use std::time::Duration;

use keyfob_core::{
    error::Error,
    exchange::Exchange,
    flow::{Action, Event, Flow},
    http::{Incoming, Request, Response},
    token::TokenResponse,
};

pub use crate::clock::{Clock, SystemClock};
pub use crate::failure::Failure;

use crate::{
    http::Http,
    user_agent::{Progress, UserAgent},
};

/// Times that a request is tried which surely did not reach the server.
const TRIES: u32 = 3;

/// Drives `flow` to its end and gives its tokens to `done`, for they borrow `buffer`.
///
/// Requests and responses lie in `buffer` in turn; 8 KiB do for most servers.
///
/// # Errors
/// [`Failure`] says who failed. A refusal's text is in [`Flow::refusal`] then.
pub fn run<R>(
    flow: &mut dyn Flow,
    http: &mut impl Http,
    user_agent: &mut impl UserAgent,
    clock: &mut impl Clock,
    buffer: &mut [u8],
    done: impl FnOnce(TokenResponse<'_>) -> R,
) -> Result<R, Failure> {
    let result = drive(flow, http, user_agent, clock, buffer, done);
    user_agent.finished(result.as_ref().err());
    result
}

fn drive<R>(
    flow: &mut dyn Flow,
    http: &mut impl Http,
    user_agent: &mut impl UserAgent,
    clock: &mut impl Clock,
    buffer: &mut [u8],
    done: impl FnOnce(TokenResponse<'_>) -> R,
) -> Result<R, Failure> {
    let length = buffer.len();
    let mut opened = false;
    let mut tries = 0;
    loop {
        match flow.poll(clock.now(), buffer)? {
            Action::Authorize(url) => {
                if !opened {
                    user_agent.open(url)?;
                    opened = true;
                }
                authorize(flow, user_agent, clock, buffer)?;
            }
            Action::Send(request) => {
                user_agent.progress(Progress::Exchanging);
                let keep = request.keep();
                let mut incoming = match http.send(&request) {
                    Ok(()) => Incoming::new(keep, buffer),
                    Err(error) if !error.maybe_sent() => {
                        tries += 1;
                        if tries >= TRIES {
                            return Err(error.into());
                        }
                        flow.handle(clock.now(), Event::NotSent)?;
                        clock.sleep(Duration::from_secs(tries.into()));
                        continue;
                    }
                    Err(error) => {
                        flow.handle(clock.now(), Event::Timeout).or(Err(error))?;
                        continue;
                    }
                };
                if let Err(error) = http.receive(&mut incoming) {
                    flow.handle(clock.now(), Event::Timeout).or(Err(error))?;
                    continue;
                }
                let (response, rest) = incoming.finish();
                let taken = length.saturating_sub(rest.len());
                let tokens = match flow.handle(clock.now(), Event::Response(response)) {
                    Err(Error::KeysNeeded) => {
                        user_agent.progress(Progress::FetchingKeys);
                        let request = flow.keys(&response)?;
                        let keys = send(http, &request, rest)?.keys();
                        let response = response.with_keys(keys.map_err(|error| behind(taken, error))?);
                        flow.handle(clock.now(), Event::Response(response))?
                    }
                    outcome => outcome?,
                };
                if let Some(tokens) = tokens {
                    return Ok(done(tokens));
                }
            }
            // Flows end with their tokens; none is handed in twice.
            _ => return Err(Error::Misuse.into()),
        }
    }
}

/// The keys lie behind what was kept of the response, so the whole buffer has to be so much longer.
fn behind(taken: usize, error: Error) -> Error {
    match error {
        Error::BufferTooSmall { needed } => Error::BufferTooSmall { needed: taken.saturating_add(needed) },
        error => error,
    }
}

/// Waits for one redirect. A stranger's does not end the wait.
fn authorize(
    flow: &mut dyn Flow,
    user_agent: &mut impl UserAgent,
    clock: &mut impl Clock,
    buffer: &mut [u8],
) -> Result<(), Failure> {
    let Some(redirect) = user_agent.redirect(buffer)? else { return Ok(()) };
    let outcome = flow.handle(clock.now(), Event::Redirect(redirect)).map(|_| ());
    user_agent.judged(outcome.err());
    match outcome {
        Err(error) if error.is_stray_redirect() => Ok(()),
        outcome => Ok(outcome?),
    }
}

/// Does one exchange: discovery, keys, UserInfo.
///
/// # Errors
/// [`Failure::Http`] if no answer came, [`Failure::Flow`] if it was wrong.
pub fn fetch<'b, E: Exchange>(
    exchange: &E,
    http: &mut impl Http,
    buffer: &'b mut [u8],
) -> Result<E::Output<'b>, Failure> {
    let request = exchange.request(buffer)?;
    let keep = request.keep();
    http.send(&request)?;
    let mut incoming = Incoming::new(keep, buffer);
    http.receive(&mut incoming)?;
    Ok(exchange.response(incoming.finish().0)?)
}

fn send<'b>(
    http: &mut impl Http,
    request: &Request<'_>,
    buffer: &'b mut [u8],
) -> Result<Response<'b>, Failure> {
    http.send(request)?;
    let mut incoming = Incoming::new(request.keep(), buffer);
    http.receive(&mut incoming)?;
    Ok(incoming.finish().0)
}
