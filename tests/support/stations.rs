//! All flows in all their steps, for what must hold everywhere; and the driver's work, done by hand.

use keyfob_core::{
    Keep,
    client::Client,
    error::Error,
    flow::{
        Action, AuthorizationCode, ClientCredentials, DeviceAuthorization, Event, Flow, Redirect,
        RefreshToken, Relayed,
    },
    http::Response,
    time::Now,
};

use crate::{
    answer::Answer,
    clients::{
        ASSERTION, BACKEND, DAEMON, HOLDING, KIOSK, POSTED, PUSHED, PUSHED_BACKEND, PUSHED_SIGNING, ROBOT,
        SIGNING, SIGNING_DAEMON,
    },
    clock::{NOW, later},
    keys::jwk_set,
    link::Link,
    outcome::Tokens,
    relay::{QUERIED, RELAY, RELAYED, RELAYED_SIGNING},
    seeds,
    server::{Received, Return, refusal},
};

/// Room that the flows here have for what the server chooses.
pub const ROOM: usize = 64;

/// The same for a device, whose server chooses four texts.
pub const DEVICE_ROOM: usize = 256;

/// The same for what a relay holds.
pub const RELAY_ROOM: usize = 256;

/// A length that does for every buffer.
pub const ENOUGH: usize = 16 * 1024;

/// The kind of a flow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// [`AuthorizationCode`].
    AuthorizationCode,
    /// [`ClientCredentials`].
    ClientCredentials,
    /// The same with [`ASSERTION`].
    JwtBearer,
    /// [`DeviceAuthorization`].
    DeviceAuthorization,
    /// [`RefreshToken`].
    RefreshToken,
    /// [`Relayed`].
    Relayed,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 6] = [
        Self::AuthorizationCode,
        Self::ClientCredentials,
        Self::DeviceAuthorization,
        Self::JwtBearer,
        Self::RefreshToken,
        Self::Relayed,
    ];

    /// The name of the flow.
    pub fn flow(self) -> String {
        match self {
            Self::JwtBearer => Self::ClientCredentials.flow(),
            kind => format!("{kind:?}"),
        }
    }

    /// A flow of this kind from its snapshot.
    ///
    /// # Errors
    /// Those of the flow.
    pub fn restore(
        self,
        client: &'static Client<'static>,
        snapshot: &[u8],
        now: Now,
    ) -> Result<Box<dyn Flow>, Error> {
        Ok(match self {
            Self::AuthorizationCode => Box::new(AuthorizationCode::<ROOM>::restore(client, snapshot, now)?),
            Self::ClientCredentials => Box::new(ClientCredentials::<ROOM>::restore(client, snapshot, None)?),
            Self::JwtBearer => {
                Box::new(ClientCredentials::<ROOM>::restore(client, snapshot, Some(ASSERTION))?)
            }

            Self::DeviceAuthorization => {
                Box::new(DeviceAuthorization::<DEVICE_ROOM>::restore(client, snapshot, now)?)
            }
            Self::RefreshToken => Box::new(RefreshToken::<ROOM>::restore(client, snapshot, None)?),
            Self::Relayed => Box::new(Relayed::<RELAY_ROOM>::restore(client, &RELAY, snapshot, now)?),
        })
    }
}

/// A step of a flow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step {
    /// Code flow: the user is at the server.
    Authorize,
    /// Relay: a browser was let in.
    Connected,
    /// Device: the user has the code.
    Display,
    /// All is done.
    Done,
    /// Code flow: the code is to be exchanged.
    Exchange,
    /// Relay: the response is to be asked for, and it is there.
    Fetch,
    /// An answer was lost.
    Lost,
    /// Code flow: the request is to be pushed.
    Push,
    /// Device: the server is to be asked, and the user has entered the code.
    Poll,
    /// The server refused.
    Refused,
    /// All but the code flow: the request is to be sent.
    Send,
    /// All but the code flow: it is to be sent once more.
    SendAgain,
    /// Device: codes are to be asked for.
    Start,
    /// Device: they are to be asked for once more.
    StartAgain,
}

impl Step {
    /// Whether nothing comes behind it.
    pub fn is_end(self) -> bool {
        matches!(self, Self::Done | Self::Lost | Self::Refused)
    }
}

/// A flow in one of its steps.
pub struct Station {
    /// What it is.
    pub kind: Kind,
    /// Where it is.
    pub step: Step,
    /// Whose it is.
    pub client: &'static Client<'static>,
    /// The flow.
    pub flow: Box<dyn Flow>,
    /// Its server, and the user at it.
    pub hand: Hand,
    /// The right response, if the flow was at the server.
    pub redirect: Option<Return>,
}

/// Every flow of every client, in every step.
pub fn stations() -> Vec<Station> {
    let codes = [Step::Authorize, Step::Exchange, Step::Done, Step::Lost, Step::Refused];
    let refreshes = [Step::Send, Step::SendAgain, Step::Done, Step::Lost, Step::Refused];
    let devices =
        [Step::Start, Step::StartAgain, Step::Display, Step::Poll, Step::Done, Step::Lost, Step::Refused];
    let clients: [&'static Client<'static>; 6] = [&KIOSK, &BACKEND, &POSTED, &ROBOT, &HOLDING, &SIGNING];
    let mut all: Vec<_> = clients
        .into_iter()
        .flat_map(|client| {
            let codes = codes.map(|step| Station::code(client, step));
            let devices = devices.map(|step| Station::device(client, step));
            codes.into_iter().chain(devices).chain(refreshes.map(|step| Station::refresh(client, step)))
        })
        .collect();
    let pushing: [&'static Client<'static>; 3] = [&PUSHED, &PUSHED_BACKEND, &PUSHED_SIGNING];
    for client in pushing {
        all.push(Station::code(client, Step::Push));
        all.extend(codes.map(|step| Station::code(client, step)));
    }
    let relayed = [
        Step::Start,
        Step::StartAgain,
        Step::Display,
        Step::Poll,
        Step::Connected,
        Step::Fetch,
        Step::Exchange,
        Step::Done,
        Step::Lost,
        Step::Refused,
    ];
    all.extend(relayed.map(|step| Station::relayed(&RELAYED, step)));
    all.push(Station::relayed(&QUERIED, Step::Fetch));
    all.extend([Step::Push, Step::Start, Step::Display].map(|step| Station::relayed(&RELAYED_SIGNING, step)));
    for kind in [Kind::ClientCredentials, Kind::JwtBearer] {
        all.extend(refreshes.map(|step| Station::without_user(kind, step)));
    }
    all.extend(refreshes.map(|step| Station::credentials(&SIGNING_DAEMON, step)));
    all
}

impl Station {
    /// A code flow in this step.
    pub fn code(client: &'static Client<'static>, step: Step) -> Self {
        let hand = Hand::default();
        let flow =
            AuthorizationCode::<ROOM>::new(client, seeds::seed(1), NOW).expect("the settings are right");
        let mut flow: Box<dyn Flow> = Box::new(flow);
        let kind = Kind::AuthorizationCode;
        if step == Step::Push {
            return Self { kind, step, client, flow, hand, redirect: None };
        }
        if hand.request(&*flow).expect("the flow goes on").is_some() {
            hand.push(&mut *flow);
        }
        let redirect = hand.visit(&*flow);
        if step != Step::Authorize {
            hand.redirect(&mut *flow, &redirect).expect("the response is right");
            hand.finish(&mut *flow, step);
        }
        Self { kind, step, client, flow, hand, redirect: Some(redirect) }
    }

    /// A device in this step.
    pub fn device(client: &'static Client<'static>, step: Step) -> Self {
        let hand = Hand::default();
        let kind = Kind::DeviceAuthorization;
        let flow = DeviceAuthorization::<DEVICE_ROOM>::new(client, seeds::seed(1), NOW);
        let mut flow: Box<dyn Flow> = Box::new(flow.expect("the settings are right"));
        if matches!(step, Step::StartAgain | Step::Lost) {
            assert!(matches!(flow.handle(NOW, Event::Timeout), Ok(None)));
        }
        match step {
            Step::Start | Step::StartAgain => {}
            Step::Lost | Step::Refused => hand.finish(&mut *flow, step),
            _ => hand.show_code(&mut *flow),
        }
        if matches!(step, Step::Poll | Step::Done) {
            flow = hand.let_pass(kind, client, &*flow);
            hand.finish(&mut *flow, step);
        }
        Self { kind, step, client, flow, hand, redirect: None }
    }

    /// A sign-in by way of a relay in this step.
    pub fn relayed(client: &'static Client<'static>, step: Step) -> Self {
        let hand = Hand::default();
        let kind = Kind::Relayed;
        let flow = Relayed::<RELAY_ROOM>::new(client, &RELAY, seeds::seed(1), NOW);
        let mut flow: Box<dyn Flow> = Box::new(flow.expect("the settings are right"));
        let of = |flow| Self { kind, step, client, flow, hand: Hand::default(), redirect: None };
        if step == Step::Push {
            return of(flow);
        }
        if client_id(client) == "signing" {
            hand.push(&mut *flow);
        }
        if step == Step::StartAgain {
            assert!(matches!(flow.handle(NOW, Event::Timeout), Ok(None)));
        }
        if !matches!(step, Step::Start | Step::StartAgain) {
            hand.show_code(&mut *flow);
        }
        if !matches!(step, Step::Start | Step::StartAgain | Step::Display) {
            flow = hand.let_pass(kind, client, &*flow);
        }
        if !matches!(step, Step::Start | Step::StartAgain | Step::Display | Step::Poll) {
            hand.show_code(&mut *flow);
        }
        if !matches!(step, Step::Start | Step::StartAgain | Step::Display | Step::Poll | Step::Connected) {
            flow = hand.let_pass(kind, client, &*flow);
        }
        if matches!(step, Step::Exchange | Step::Done | Step::Lost | Step::Refused) {
            hand.show_code(&mut *flow);
            hand.finish(&mut *flow, step);
        }
        Self { hand, ..of(flow) }
    }

    /// A refresh in this step.
    pub fn refresh(client: &'static Client<'static>, step: Step) -> Self {
        let hand = Hand::default();
        let scope = if client_id(client) == "robot" { "read" } else { "openid" };
        let token = hand.link.server().session(client_id(client), scope);
        let flow = RefreshToken::<ROOM>::new(client, &token, None).expect("the settings are right");
        Self::sent(Kind::RefreshToken, step, client, Box::new(flow), hand)
    }

    /// A flow without a user in this step: client credentials of [`DAEMON`], or the assertion of [`ROBOT`].
    pub fn without_user(kind: Kind, step: Step) -> Self {
        if kind != Kind::JwtBearer {
            return Self::credentials(&DAEMON, step);
        }
        let flow = ClientCredentials::<ROOM>::jwt_bearer(&ROBOT, ASSERTION, seeds::seed(1));
        Self::sent(kind, step, &ROBOT, Box::new(flow.expect("the settings are right")), Hand::default())
    }

    /// Client credentials in this step.
    pub fn credentials(client: &'static Client<'static>, step: Step) -> Self {
        let flow = ClientCredentials::<ROOM>::new(client, seeds::seed(1)).expect("the settings are right");
        Self::sent(Kind::ClientCredentials, step, client, Box::new(flow), Hand::default())
    }

    /// A flow of one request in this step.
    fn sent(
        kind: Kind,
        step: Step,
        client: &'static Client<'static>,
        mut flow: Box<dyn Flow>,
        hand: Hand,
    ) -> Self {
        match step {
            Step::Send => {}
            Step::SendAgain => assert!(matches!(flow.handle(NOW, Event::Timeout), Ok(None))),
            Step::Lost => {
                assert!(matches!(flow.handle(NOW, Event::Timeout), Ok(None)));
                hand.finish(&mut *flow, step);
            }
            step => hand.finish(&mut *flow, step),
        }
        Self { kind, step, client, flow, hand, redirect: None }
    }
}

/// The identifier of one of our clients, as its `Debug` shows it.
pub fn client_id(client: &Client<'_>) -> &'static str {
    let shown = format!("{client:?}");
    let known = ["kettle", "kiosk", "back end", "posted", "pushed", "robot", "other", "holding", "signing"];
    known.into_iter().find(|id| shown.starts_with(&format!("Client({id} at"))).expect("a known client")
}

/// The driver's work, done by hand.
#[derive(Debug, Default)]
pub struct Hand {
    /// The way to the server.
    pub link: Link,
}

/// All that a flow shows to the outside.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Shown {
    /// What it does next.
    pub next: Result<String, Error>,
    /// What it remembers.
    pub saved: Result<Vec<u8>, Error>,
}

/// Something that a flow can be told.
#[derive(Clone, Debug)]
pub enum Happening {
    /// The request did not leave.
    NotSent,
    /// The user is in a hurry.
    Nudge,
    /// The browser came back.
    Redirect(Return),
    /// The server answered.
    Response(Answer),
    /// No answer came.
    Timeout,
}

impl Hand {
    /// The URL that the flow sends its user to.
    pub fn url(&self, flow: &dyn Flow) -> String {
        match flow.poll(NOW, &mut [0; ENOUGH]) {
            Ok(Action::Authorize(url)) => url.into(),
            other => panic!("not at the server: {other:?}"),
        }
    }

    /// The user goes to the server; gives the way back.
    pub fn visit(&self, flow: &dyn Flow) -> Return {
        let url = self.url(flow);
        self.link.server().authorize(&url)
    }

    /// The device gets its codes, or the next news.
    pub fn show_code(&self, flow: &mut dyn Flow) {
        let codes = Happening::Response(self.answer(flow).0);
        assert_eq!(self.tell(flow, &codes), Ok(None));
    }

    /// The user enters the code, and the time for the next poll comes, without any on the clock.
    pub fn let_pass(&self, kind: Kind, client: &'static Client<'static>, flow: &dyn Flow) -> Box<dyn Flow> {
        let until = match flow.poll(NOW, &mut []) {
            Ok(Action::Display(code)) => {
                self.link.server().enter(code.user_code());
                code.until() - NOW.uptime
            }
            Ok(Action::Connected(until)) => until - NOW.uptime,
            other => panic!("no code to enter: {other:?}"),
        };
        let mut snapshot = [0; ENOUGH];
        let length = flow.save(later(until), &mut snapshot).expect("the flow goes on");
        kind.restore(client, &snapshot[..length], NOW).expect("whole")
    }

    /// All that the flow shows to the outside: what it does next, and what it remembers.
    pub fn shown(&self, flow: &dyn Flow) -> Shown {
        let mut snapshot = [0; ENOUGH];
        let saved = flow.save(NOW, &mut snapshot).map(|length| snapshot[..length].to_vec());
        let next = match flow.poll(NOW, &mut [0; ENOUGH]) {
            Ok(Action::Authorize(url)) => Ok(url.to_owned()),
            Ok(Action::Connected(until)) => Ok(format!("connected until {until}")),
            Ok(Action::Display(code)) => {
                Ok(format!("{} {code:?} until {}", code.instructions("it"), code.until()))
            }
            Ok(Action::Send(_)) => self.request(flow).map(|request| format!("{request:?}")),
            Ok(other) => Ok(format!("{other:?}")),
            Err(error) => Err(error),
        };
        Shown { next, saved }
    }

    /// The user comes back.
    ///
    /// # Errors
    /// Those of the flow.
    pub fn redirect(&self, flow: &mut dyn Flow, redirect: &Return) -> Result<(), Error> {
        let redirect = match redirect {
            Return::Form(form) => Redirect::Form(form),
            Return::Url(url) => Redirect::Url(url),
        };
        flow.handle(NOW, Event::Redirect(redirect)).map(|tokens| assert!(tokens.is_none()))
    }

    /// The request that the flow wants sent.
    ///
    /// # Errors
    /// Those of the flow.
    pub fn request(&self, flow: &dyn Flow) -> Result<Option<(Received, Keep)>, Error> {
        Ok(match flow.poll(NOW, &mut [0; ENOUGH])? {
            Action::Send(request) => Some((
                Received {
                    method: request.method().as_str().into(),
                    url: request.url().into(),
                    headers: request.headers().map(|(name, value)| (name.into(), value.into())).collect(),
                    body: String::from_utf8(request.body().to_vec()).expect("requests are ASCII"),
                },
                request.keep(),
            )),
            _ => None,
        })
    }

    /// The request is pushed.
    ///
    /// # Panics
    /// If the flow does not take the answer.
    pub fn push(&self, flow: &mut dyn Flow) {
        let answer = Happening::Response(self.answer(flow).0);
        assert_eq!(self.tell(flow, &answer), Ok(None));
    }

    /// The server's answer to the request that the flow wants sent.
    pub fn answer(&self, flow: &dyn Flow) -> (Answer, Keep) {
        let request = self.request(flow).expect("the flow goes on").expect("there is a request");
        (self.link.server().answer(request.0), request.1)
    }

    /// Tells the flow what happened. Keys are not fetched; if they are needed they are at hand.
    ///
    /// # Errors
    /// Those of the flow.
    pub fn tell(&self, flow: &mut dyn Flow, happening: &Happening) -> Result<Option<Tokens>, Error> {
        self.tell_at(flow, happening, NOW)
    }

    /// The same at another time.
    ///
    /// # Errors
    /// Those of the flow.
    pub fn tell_at(
        &self,
        flow: &mut dyn Flow,
        happening: &Happening,
        now: Now,
    ) -> Result<Option<Tokens>, Error> {
        let mut buffer = [0; ENOUGH];
        let event = match happening {
            Happening::NotSent => Event::NotSent,
            Happening::Nudge => Event::Nudge,
            Happening::Redirect(Return::Form(form)) => Event::Redirect(Redirect::Form(form)),
            Happening::Redirect(Return::Url(url)) => Event::Redirect(Redirect::Url(url)),
            Happening::Response(answer) => {
                let keep = match flow.poll(now, &mut [0; ENOUGH]) {
                    Ok(Action::Send(request)) => request.keep(),
                    _ => token_keep(),
                };
                let (response, rest) = answer.read(keep, &mut buffer);
                return self.respond(flow, response, rest, now);
            }
            Happening::Timeout => Event::Timeout,
        };
        flow.handle(now, event).map(|tokens| tokens.as_ref().map(Tokens::of))
    }

    fn respond(
        &self,
        flow: &mut dyn Flow,
        response: Response<'_>,
        rest: &mut [u8],
        now: Now,
    ) -> Result<Option<Tokens>, Error> {
        let tokens = match flow.handle(now, Event::Response(response)) {
            Err(Error::KeysNeeded) => {
                let keep = flow.keys(&response)?.keep();
                let keys = Answer::json(200, &jwk_set(&self.link.server().keys)).read(keep, rest).0.keys()?;
                flow.handle(now, Event::Response(response.with_keys(keys)))?
            }
            outcome => outcome?,
        };
        Ok(tokens.as_ref().map(Tokens::of))
    }

    /// Ends the flow in this way; nothing happens for a step that is no end.
    ///
    /// # Panics
    /// If the flow does not end so.
    pub fn finish(&self, flow: &mut dyn Flow, step: Step) {
        let outcome = match step {
            Step::Done => {
                let answer = self.answer(flow).0;
                self.tell(flow, &Happening::Response(answer)).map(drop)
            }
            Step::Lost => self.tell(flow, &Happening::Timeout).map(drop),
            Step::Refused => self.tell(flow, &Happening::Response(refusal(400, "invalid_grant"))).map(drop),
            _ => return,
        };
        assert_eq!(outcome.is_ok(), step == Step::Done, "{outcome:?}");
    }
}

/// What a token request keeps of its answer.
pub fn token_keep() -> Keep {
    let flow = RefreshToken::<ROOM>::new(&ROBOT, "token", None).expect("the settings are right");
    match flow.poll(NOW, &mut [0; ENOUGH]) {
        Ok(Action::Send(request)) => request.keep(),
        other => panic!("no request: {other:?}"),
    }
}
