//! One run of a driver against the server.

use keyfob_core::{
    client,
    error::Error,
    flow::{AuthorizationCode, ClientCredentials, DeviceAuthorization, Flow, RefreshToken, Relayed},
};
use keyfob_embassy::{connect::Connect, http::Client};

use crate::{
    clients::{DAEMON, KIOSK},
    clock::NOW,
    executor::block_on,
    fault::Fault,
    link::{Link, World},
    outcome::{Outcome, Tokens},
    person::{Deed, Person},
    relay::{RELAY, RELAYED},
    seeds,
    stations::Kind,
    time_driver::simulate,
    wire::{Framing, OverWire, Served, Wire},
};

/// What is run.
#[derive(Clone, Copy, Debug)]
pub enum Grant {
    /// A sign-in.
    AuthorizationCode,
    /// Access for the client itself.
    ClientCredentials,
    /// A sign-in by way of another device.
    DeviceAuthorization,
    /// A sign-in by way of a relay.
    Relayed,
    /// A refresh of a session that the server knows, with this scope.
    RefreshToken(&'static str),
}

/// One run: who takes part, and what happens.
#[derive(Clone, Copy, Debug)]
pub struct Conversation {
    /// The name of its transcript.
    pub name: &'static str,
    /// The client.
    pub client: &'static client::Client<'static>,
    /// What is run.
    pub grant: Grant,
    /// How the server is set up.
    pub server: fn(&mut World),
    /// What happens to the requests.
    pub faults: &'static [Fault],
    /// What the person does.
    pub deeds: &'static [Deed],
    /// The length of the driver's buffer.
    pub buffer: usize,
}

/// A sign-in where all goes well.
pub const SIGN_IN: Conversation = Conversation {
    name: "sign-in",
    client: &KIOSK,
    grant: Grant::AuthorizationCode,
    server: |_| {},
    faults: &[],
    deeds: &[Deed::Return],
    buffer: 8192,
};

/// A refresh where all goes well.
pub const REFRESH: Conversation =
    Conversation { name: "refresh", grant: Grant::RefreshToken("openid email offline_access"), ..SIGN_IN };

/// A sign-in on another device, where all goes well: the user needs a while to find the phone.
pub const DEVICE: Conversation = Conversation {
    name: "device",
    grant: Grant::DeviceAuthorization,
    deeds: &[Deed::Wait(7000), Deed::Return],
    ..SIGN_IN
};

/// A sign-in by way of a relay, where all goes well.
pub const BY_RELAY: Conversation = Conversation {
    name: "relay",
    client: &RELAYED,
    grant: Grant::Relayed,
    deeds: &[Deed::Wait(1500), Deed::Return],
    ..SIGN_IN
};

/// Access for the client itself, where all goes well.
pub const OWN: Conversation =
    Conversation { name: "client credentials", client: &DAEMON, grant: Grant::ClientCredentials, ..SIGN_IN };

/// One for each kind of flow, where all goes well.
pub const ALL: &[Conversation] = &[SIGN_IN, DEVICE, BY_RELAY, OWN, REFRESH];

impl Grant {
    /// The kind of the flow.
    pub fn kind(self) -> Kind {
        match self {
            Self::AuthorizationCode => Kind::AuthorizationCode,
            Self::ClientCredentials => Kind::ClientCredentials,
            Self::DeviceAuthorization => Kind::DeviceAuthorization,
            Self::RefreshToken(_) => Kind::RefreshToken,
            Self::Relayed => Kind::Relayed,
        }
    }
}

/// How a conversation went.
#[derive(Debug)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// What the flow made of each redirect.
    pub judged: Vec<Option<Error>>,
    /// The world afterwards.
    pub link: Link,
}

impl Conversation {
    /// The world of it, and its flow.
    pub fn prepare(&self) -> (Link, Box<dyn Flow>) {
        let link = Link::default();
        link.faults(self.faults);
        (self.server)(&mut link.world());
        let flow = match self.grant {
            Grant::AuthorizationCode => self.code_flow(),
            Grant::ClientCredentials => Box::new(
                ClientCredentials::<64>::new(self.client, seeds::seed(1)).expect("the settings are right"),
            ),

            Grant::DeviceAuthorization => {
                let flow = DeviceAuthorization::<256>::new(self.client, seeds::seed(1), NOW);
                Box::new(flow.expect("the settings are right"))
            }
            Grant::Relayed => {
                let flow = Relayed::<512>::new(self.client, &RELAY, seeds::seed(1), NOW);
                Box::new(flow.expect("the settings are right"))
            }
            Grant::RefreshToken(scope) => {
                let token = link.server().session("kiosk", scope);
                Box::new(RefreshToken::<64>::new(self.client, &token, None).expect("the settings are right"))
            }
        };
        (link, flow)
    }

    fn code_flow(&self) -> Box<dyn Flow> {
        let flow = AuthorizationCode::<64>::new(self.client, seeds::seed(1), NOW);
        Box::new(flow.expect("the settings are right"))
    }

    /// Runs it through the desktop's driver.
    pub fn run_std(&self) -> Report {
        let (link, mut flow) = self.prepare();
        let mut person = Person::new(link.clone(), self.deeds);
        let mut clock = link.world().clock.clone();
        let mut buffer = vec![0; self.buffer];
        let result =
            keyfob_std::run(&mut *flow, &mut link.clone(), &mut person, &mut clock, &mut buffer, |tokens| {
                Tokens::of(&tokens)
            });
        Report::new(result.into(), person, link)
    }

    /// Runs it through the chip's driver.
    pub fn run_embassy(&self) -> Report {
        let (link, mut flow) = self.prepare();
        let mut person = Person::new(link.clone(), self.deeds);
        let mut clock = link.world().clock.clone();
        let mut buffer = vec![0; self.buffer];
        let mut http = link.clone();
        let run =
            keyfob_embassy::run(&mut *flow, &mut http, &mut person, &mut clock, &mut buffer, |tokens| {
                Tokens::of(&tokens)
            });
        let result = block_on(run);
        Report::new(result.into(), person, link)
    }

    /// Runs it through the chip's driver and its HTTP client, over streams in memory that give so many octets at a
    /// time. The second result is the number of connections.
    pub fn run_wire(&self, framing: Framing, piece: usize) -> (Report, usize) {
        let (link, flow) = self.prepare();
        let mut wire = Wire::new(Served { link: link.clone(), framing });
        wire.piece = piece;
        let report = simulate(self.run_over(&wire, link, flow), Vec::new());
        (report, wire.traffic.connections.get())
    }

    /// Runs it through the chip's driver and its HTTP client, over any streams.
    pub async fn run_over(&self, connect: &impl Connect, link: Link, mut flow: Box<dyn Flow>) -> Report {
        let mut person = Person::new(link.clone(), self.deeds);
        let mut clock = link.world().clock.clone();
        let mut buffer = vec![0; self.buffer];
        let mut http = OverWire::<_> { client: Client::new(connect), link: link.clone() };
        let run =
            keyfob_embassy::run(&mut *flow, &mut http, &mut person, &mut clock, &mut buffer, |tokens| {
                Tokens::of(&tokens)
            });
        let result = run.await;
        Report::new(result.into(), person, link)
    }
}

impl Report {
    fn new(outcome: Outcome, person: Person, link: Link) -> Self {
        assert_eq!(person.finished, Some(matches!(outcome, Outcome::Tokens(_))), "the user hears of the end");
        link.world().transcript.note(&outcome.to_string());
        Self { outcome, judged: person.judged, link }
    }
}
