//! Keyfob on microcontrollers: [`run`] drives any flow with a transport and a user agent, as in `keyfob-std`,
//! with `async` and without a heap.
//!
//! The transport is [`http::Client`] over what [`Connect`](connect::Connect) opens: TCP of [`net`], or TLS around it. The
//! browser of a phone comes in by a [`portal`].
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

#[cfg(test)]
extern crate std;

mod clock;
pub mod connect;
pub mod entropy;
mod failure;
#[cfg(feature = "flash")]
pub mod flash_store;
pub mod http;
mod log;
#[cfg(feature = "mdns")]
pub mod mdns;
mod moment;
pub mod net;
pub mod portal;
pub mod serial_console;
pub mod session;
#[cfg(feature = "tls")]
pub mod tls;
pub mod user_agent;

use core::{
    future::{Future, poll_fn},
    pin::pin,
    time::Duration,
};

use keyfob_core::{
    Keep,
    error::Error,
    exchange::Exchange,
    flow::{Action, Event, Flight, Flow, UserCode},
    http::{Demand, Incoming, Request},
    token::TokenResponse,
};

pub use crate::clock::{Clock, SystemClock};
pub use crate::failure::Failure;

use crate::{
    http::{Http, HttpError},
    log::event,
    moment::Moment,
    user_agent::{Progress, UserAgent, UserAgentError},
};

/// Times that a request is tried which surely did not reach the server.
const TRIES: u32 = 3;

/// How long a code is shown before its time left is shown anew.
const TICK: Duration = Duration::from_secs(1);

/// Drives `flow` to its end and gives its tokens to `done`, for they borrow `buffer`.
///
/// Requests and responses lie in `buffer` in turn; 8 KiB do for most servers.
///
/// However it ends, a relay is told ([`Flow::closing`]) after the user agent; no answer of it is needed.
///
/// The future can be dropped at any time. If a request was on its way then, the flow takes its answer for lost:
/// a code is never sent twice. A user code on the screen is hidden. Whatever lies in `buffer` stays there until the buffer is used again or dropped.
///
/// # Errors
/// [`Failure`] says who failed. A refusal's text is in [`Flow::refusal`] then.
pub async fn run<R, H: Http>(
    flow: &mut dyn Flow,
    http: &mut H,
    user_agent: &mut impl UserAgent,
    clock: &mut impl Clock,
    buffer: &mut [u8],
    done: impl FnOnce(TokenResponse<'_>) -> R,
) -> Result<R, Failure<H::Error>> {
    let mut guest = Guest { user_agent, stays: true };
    let result = drive(flow, http, guest.user_agent, clock, buffer, done).await;
    guest.user_agent.finished(result.as_ref().err()).await;
    guest.stays = false;
    close(flow, http, clock, buffer).await;
    result
}

async fn drive<R, H: Http>(
    flow: &mut dyn Flow,
    http: &mut H,
    user_agent: &mut impl UserAgent,
    clock: &mut impl Clock,
    buffer: &mut [u8],
    done: impl FnOnce(TokenResponse<'_>) -> R,
) -> Result<R, Failure<H::Error>> {
    let mut flight = Flight::new(flow, clock.now());
    let mut screen = Screen::new(user_agent);
    let length = buffer.len();
    let mut opened = false;
    let mut unsent = None;
    let mut moment = Moment::default();
    loop {
        let action = match flight.poll(moment.of(clock), buffer) {
            Err(Error::SignaturePending) => {
                moment.nap(clock).await?;
                continue;
            }
            action => action?,
        };
        moment.pass();
        match action {
            Action::Authorize(url) => {
                if !opened {
                    screen.user_agent.open(url).await?;
                }
                opened = !authorize(&mut flight, screen.user_agent, clock, buffer).await?;
            }
            // What was pushed is too old to be followed now, but the browser has followed it.
            Action::Send(_) if opened && !screen.user_agent.reopens() => {
                flight.handle(clock.now(), Event::NotSent)?;
                opened = !authorize(&mut flight, screen.user_agent, clock, buffer).await?;
            }
            Action::Display(code) => {
                unsent = None;
                screen.display(&code).await?;
                let until = code.until();
                if screen.user_agent.is_hurried() {
                    flight.handle(clock.now(), Event::Nudge)?;
                }
                let wait = Duration::from_millis(until.saturating_sub(clock.now().uptime));
                clock.sleep(wait.min(TICK)).await;
            }
            Action::Connected(until) => {
                unsent = None;
                screen.connected();
                if screen.user_agent.is_hurried() {
                    flight.handle(clock.now(), Event::Nudge)?;
                }
                let wait = Duration::from_millis(until.saturating_sub(clock.now().uptime));
                clock.sleep(wait.min(TICK)).await;
            }
            // It was given up; the flow knows nothing better than to send it at once.
            Action::Send(_) if let Some(error) = unsent.take() => return Err(error),
            Action::Send(request) => {
                opened = false;
                screen.user_agent.progress(Progress::Exchanging);
                let keep = request.keep();
                let mut incoming = match beside(screen.user_agent, send(http, clock, &request)).await {
                    Ok(()) => Incoming::new(keep, buffer),
                    Err(error) => {
                        let event = if error.maybe_sent() { Event::Timeout } else { Event::NotSent };
                        if flight.handle(clock.now(), event).is_err() {
                            return Err(error.into());
                        }
                        unsent = (!error.maybe_sent()).then_some(error.into());
                        continue;
                    }
                };
                if let Err(error) = beside(screen.user_agent, http.receive(&mut incoming)).await {
                    flight.handle(clock.now(), Event::Timeout).or(Err(error))?;
                    continue;
                }
                let (response, rest) = incoming.finish();
                if let Some(date) = response.date() {
                    clock.observe(date);
                }
                let taken = length.saturating_sub(rest.len());
                let tokens = match flight.handle(clock.now(), Event::Response(response)) {
                    Err(Error::KeysNeeded) => {
                        screen.user_agent.progress(Progress::FetchingKeys);
                        let request = flight.flow().keys(&response)?;
                        let keep = request.keep();
                        beside(screen.user_agent, send(http, clock, &request)).await?;
                        let mut incoming = Incoming::new(keep, rest);
                        beside(screen.user_agent, http.receive(&mut incoming)).await?;
                        let keys = incoming.finish().0.keys().map_err(|error| behind(taken, error))?;
                        flight.handle(clock.now(), Event::Response(response.with_keys(keys)))?
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

/// A user agent that is told when the driver is dropped.
struct Guest<'u, U: UserAgent> {
    user_agent: &'u mut U,
    stays: bool,
}

impl<U: UserAgent> Drop for Guest<'_, U> {
    fn drop(&mut self) {
        if self.stays {
            self.user_agent.hide();
        }
    }
}

/// A user agent, and whether it shows a code, which it does not do longer than the driver runs.
struct Screen<'u, U: UserAgent> {
    user_agent: &'u mut U,
    shows: bool,
    connected: bool,
}

impl<'u, U: UserAgent> Screen<'u, U> {
    fn new(user_agent: &'u mut U) -> Self {
        Self { user_agent, shows: false, connected: false }
    }

    async fn display(&mut self, code: &UserCode<'_>) -> Result<(), UserAgentError> {
        self.shows = true;
        self.user_agent.display(code).await
    }

    /// The code has served; others must not try it.
    fn connected(&mut self) {
        if core::mem::take(&mut self.shows) {
            self.user_agent.hide();
        }
        if !core::mem::replace(&mut self.connected, true) {
            self.user_agent.connected();
        }
    }
}

impl<U: UserAgent> Drop for Screen<'_, U> {
    fn drop(&mut self) {
        if self.shows {
            self.user_agent.hide();
        }
    }
}

/// Does some work, while the user agent attends to who waits for it.
async fn beside<F: Future>(user_agent: &mut impl UserAgent, work: F) -> F::Output {
    let (mut work, mut attend) = (pin!(work), pin!(user_agent.attend()));
    let mut attends = true;
    poll_fn(|context| {
        let output = work.as_mut().poll(context);
        if attends && output.is_pending() {
            attends = attend.as_mut().poll(context).is_pending();
        }
        output
    })
    .await
}

/// Tells a relay how the flow ended ([`Flow::closing`]). What comes of it does not matter. [`run`] does it at its end; who
/// drops its future in the middle, for a key that gives up, calls it then.
pub async fn close<H: Http>(flow: &dyn Flow, http: &mut H, clock: &mut impl Clock, buffer: &mut [u8]) {
    if let Ok(Some(request)) = flow.closing(clock.now(), buffer) {
        let keep = request.keep();
        if http.send(&request).await.is_ok() {
            let _ = http.receive(&mut Incoming::new(keep, buffer)).await;
        }
    }
}

/// Sends a request, again if it surely did not reach the server.
async fn send<H: Http>(
    http: &mut H,
    clock: &mut impl Clock,
    request: &Request<'_>,
) -> Result<(), HttpError<H::Error>> {
    let mut tries = 1;
    loop {
        match http.send(request).await {
            Err(error) if !error.maybe_sent() && tries < TRIES => {
                event!("it was not sent, and is tried again in {} s", tries);
                clock.sleep(Duration::from_secs(tries.into())).await;
                tries += 1;
            }
            outcome => return outcome,
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

/// Waits for one redirect, and tells whether it was the right one. A stranger's does not end the wait.
async fn authorize<E>(
    flight: &mut Flight<'_>,
    user_agent: &mut impl UserAgent,
    clock: &mut impl Clock,
    buffer: &mut [u8],
) -> Result<bool, Failure<E>> {
    let Some(redirect) = user_agent.redirect(buffer).await? else { return Ok(false) };
    let outcome = flight.handle(clock.now(), Event::Redirect(redirect)).map(|_| ());
    user_agent.judged(outcome.err());
    match outcome {
        Err(error) if error.is_stray_redirect() => Ok(false),
        outcome => Ok(outcome.map(|()| true)?),
    }
}

/// Does one exchange: discovery, keys, UserInfo. Where the server [demands](keyfob_core::http::Demand) more, it is
/// done once more.
///
/// # Errors
/// [`Failure::Http`] if no answer came, [`Failure::Flow`] if it was wrong.
pub async fn fetch<'b, E: Exchange, H: Http>(
    exchange: &E,
    http: &mut H,
    clock: &mut impl Clock,
    buffer: &'b mut [u8],
) -> Result<E::Output<'b>, Failure<H::Error>> {
    let length = buffer.len();
    let (mut buffer, mut demand) = (buffer, None);
    loop {
        let taken = length.saturating_sub(buffer.len());
        let keep = ask(exchange, demand, http, clock, buffer).await.map_err(|failure| match failure {
            Failure::Flow(error) => behind(taken, error).into(),
            failure => failure,
        })?;
        let mut incoming = Incoming::new(keep, buffer);
        http.receive(&mut incoming).await?;
        let (response, rest) = incoming.finish();
        match response.demand() {
            wanted @ Some(_) if demand.is_none() => demand = wanted,
            _ => return exchange.response(response).map_err(|error| behind(taken, error).into()),
        }
        // What is demanded lies in front.
        buffer = rest;
    }
}

/// Sends the request of an exchange.
async fn ask<E: Exchange, H: Http>(
    exchange: &E,
    demand: Option<Demand<'_>>,
    http: &mut H,
    clock: &mut impl Clock,
    buffer: &mut [u8],
) -> Result<Keep, Failure<H::Error>> {
    let mut moment = Moment::default();
    loop {
        let now = moment.of(clock);
        let request = match demand {
            None => exchange.request(now, buffer),
            Some(demand) => exchange.request_again(now, demand, buffer),
        };
        match request {
            Err(Error::SignaturePending) => moment.nap(clock).await?,
            request => {
                let request = request?;
                http.send(&request).await?;
                return Ok(request.keep());
            }
        }
    }
}
