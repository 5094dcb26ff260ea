//! The network between a client and the server, for both drivers.

use std::{cell::RefCell, cell::RefMut, collections::VecDeque, rc::Rc};

use keyfob_core::http::{Incoming, Request};

use crate::{
    answer::Answer,
    clock::TestClock,
    executor::pause,
    fault::Fault,
    server::{Received, Server},
    transcript::Transcript,
};

/// A server and the way to it.
#[derive(Debug)]
pub struct World {
    /// The server.
    pub server: Server,
    /// The time there is.
    pub clock: TestClock,
    /// What was said.
    pub transcript: Transcript,
    /// One for each request; when they are used up all goes well.
    pub faults: VecDeque<Fault>,
    /// The uptime of each request.
    pub times: Vec<u64>,
    /// Octets in which bodies are delivered at a time.
    pub piece: usize,
    /// What is on its way as octets.
    pub asked: Option<Received>,
    answer: Option<(Answer, Fault)>,
    before: Option<Answer>,
}

impl Default for World {
    fn default() -> Self {
        Self {
            server: Server::default(),
            clock: TestClock::default(),
            transcript: Transcript::default(),
            faults: VecDeque::new(),
            times: Vec::new(),
            piece: usize::MAX,
            asked: None,
            answer: None,
            before: None,
        }
    }
}

/// A handle of a [`World`]; clones lead to the same.
#[derive(Clone, Debug, Default)]
pub struct Link(Rc<RefCell<World>>);

/// What went wrong below.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Broken {
    /// No connection could be made.
    Connect,
    /// The connection broke.
    Protocol {
        /// The server may have seen the request.
        maybe_sent: bool,
    },
    /// No answer came in time.
    Timeout,
}

impl Link {
    /// The world at the other end.
    pub fn world(&self) -> RefMut<'_, World> {
        self.0.borrow_mut()
    }

    /// The server at the other end.
    pub fn server(&self) -> RefMut<'_, Server> {
        RefMut::map(self.0.borrow_mut(), |world| &mut world.server)
    }

    /// Lets these things happen, one to each request from now on.
    pub fn faults(&self, faults: &[Fault]) {
        self.world().faults.extend(faults);
    }

    /// Sends a request.
    ///
    /// # Errors
    /// As the next fault has it.
    pub fn transmit(&self, request: &Request<'_>) -> Result<(), Broken> {
        self.world().transmit(received(request))
    }

    /// Hands over the answer to the last request.
    ///
    /// # Errors
    /// As the last fault has it.
    pub fn deliver(&self, incoming: &mut Incoming<'_>) -> Result<(), Broken> {
        self.world().deliver(incoming)
    }
}

impl World {
    /// Lets a request leave.
    ///
    /// # Errors
    /// As the next fault has it.
    pub fn transmit(&mut self, request: Received) -> Result<(), Broken> {
        let fault = self.faults.pop_front().unwrap_or_default();
        self.times.push(self.clock.now().uptime);
        self.transcript.request(&request);
        match fault {
            Fault::NotSent => {
                self.transcript.note("not sent");
                return Err(Broken::Connect);
            }
            Fault::Answer(status, content_type, body) => {
                self.answer = Some((Answer::new(status, content_type, body), fault));
                return Ok(());
            }
            _ => {}
        }
        let answer = self.server.answer(request);
        let answer = match (fault, self.before.replace(answer.clone())) {
            (Fault::Stale, Some(before)) => before,
            _ => answer,
        };
        self.answer = Some((altered(answer, fault), fault));
        if matches!(fault, Fault::SentAndBroken) {
            self.transcript.note("the connection broke while it was sent");
            return Err(Broken::Protocol { maybe_sent: true });
        }
        Ok(())
    }

    /// Whether the server cannot be reached now.
    pub fn is_away(&self) -> bool {
        matches!(self.faults.front(), Some(Fault::NotSent))
    }

    /// The answer to the last request, and whether it is cut.
    ///
    /// # Errors
    /// If none comes.
    ///
    /// # Panics
    /// If there was no request.
    pub fn arrive(&mut self) -> Result<(Answer, bool), Broken> {
        let (answer, fault) = self.answer.take().expect("a request came before");
        match fault {
            Fault::NoAnswer => {
                self.clock.advance(30_000);
                self.transcript.note("no answer");
                return Err(Broken::Timeout);
            }
            Fault::Slow(milliseconds) => self.clock.advance(milliseconds),
            _ => {}
        }
        self.transcript.answer(&answer);
        Ok((answer, matches!(fault, Fault::Cut(_))))
    }

    fn deliver(&mut self, incoming: &mut Incoming<'_>) -> Result<(), Broken> {
        let (answer, cut) = self.arrive()?;
        answer.head(incoming);
        let wanted = answer.body.chunks(self.piece.clamp(1, 1 << 24)).all(|piece| incoming.body(piece));
        if wanted && cut {
            self.transcript.note("the connection broke");
            return Err(Broken::Protocol { maybe_sent: true });
        }
        Ok(())
    }
}

/// The request as it goes over the wire.
pub fn received(request: &Request<'_>) -> Received {
    Received {
        method: request.method().as_str().into(),
        url: request.url().into(),
        headers: request.headers().map(|(name, value)| (name.into(), value.into())).collect(),
        body: std::str::from_utf8(request.body()).expect("requests are ASCII").into(),
    }
}

fn altered(mut answer: Answer, fault: Fault) -> Answer {
    match fault {
        Fault::ContentType(content_type) => answer.headers[0].1 = content_type.into(),
        Fault::Corrupt(place) => answer.body[place] ^= 0x10,
        Fault::Cut(length) | Fault::Short(length) => return answer.short(length),
        Fault::Extra(octets) => return answer.extra(octets),
        Fault::Header(name, value) => answer.headers.push((name.into(), value.into())),
        Fault::Status(status) => answer.status = status,
        Fault::Twice => answer.body = [answer.body.clone(), answer.body].concat(),
        _ => {}
    }
    answer
}

macro_rules! told {
    ($driver:ident, $broken:expr) => {{
        use $driver::http::{HttpError, HttpErrorKind};
        match $broken {
            Broken::Connect => HttpError::new(HttpErrorKind::Connect, false),
            Broken::Protocol { maybe_sent } => HttpError::new(HttpErrorKind::Protocol, maybe_sent),
            Broken::Timeout => HttpError::new(HttpErrorKind::Timeout, true),
        }
    }};
}

impl keyfob_std::http::Http for Link {
    fn send(&mut self, request: &Request<'_>) -> Result<(), keyfob_std::http::HttpError> {
        self.transmit(request).map_err(|broken| told!(keyfob_std, broken))
    }

    fn receive(&mut self, incoming: &mut Incoming<'_>) -> Result<(), keyfob_std::http::HttpError> {
        self.deliver(incoming).map_err(|broken| told!(keyfob_std, broken))
    }
}

/// Other tasks get their turn before and after everything.
impl keyfob_embassy::http::Http for Link {
    type Error = Broken;

    async fn send(&mut self, request: &Request<'_>) -> Result<(), keyfob_embassy::http::HttpError<Broken>> {
        pause().await;
        let outcome = self.transmit(request);
        pause().await;
        outcome.map_err(|broken| told!(keyfob_embassy, broken).because(broken))
    }

    async fn receive(
        &mut self,
        incoming: &mut Incoming<'_>,
    ) -> Result<(), keyfob_embassy::http::HttpError<Broken>> {
        pause().await;
        let outcome = self.deliver(incoming);
        pause().await;
        outcome.map_err(|broken| told!(keyfob_embassy, broken).because(broken))
    }
}
