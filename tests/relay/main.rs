//! Signing in with the browser of another device, by way of a relay: an honest one, and one that an attacker owns.

#[path = "../tables/mod.rs"]
mod tables;

mod answers;
mod attacks;
mod drivers;
mod redirects;
mod requests;
mod secrets;
mod times;

use keyfob_core::{
    client::Client,
    error::Error,
    flow::{Action, Flow, Relayed},
    relay::Relay,
};
use keyfob_tests::{
    answer::Answer,
    clock::later,
    link::{Link, received},
    outcome::Tokens,
    relay::RELAY,
    seeds,
    server::{Received, Server},
    stations::{ENOUGH, Hand, Happening},
};

/// Room for what the server and the relay choose.
const ROOM: usize = 512;

/// A device, and the driver's work done by hand, at any time.
struct Device {
    flow: Relayed<'static, ROOM>,
    hand: Hand,
    /// Milliseconds since the start.
    time: u64,
}

/// What a flow wants, without what it borrows.
#[derive(Debug)]
enum Wants {
    Connected { until: u64 },
    Send(Received),
    Show { code: String, complete: Option<String>, until: u64, seconds: u32 },
}

impl Device {
    fn new(client: &'static Client<'static>) -> Self {
        Self::at(client, &RELAY, Link::default())
    }

    fn at(client: &'static Client<'static>, relay: &'static Relay<'static>, link: Link) -> Self {
        let flow = Relayed::new(client, relay, seeds::seed(1), later(0)).expect("the settings are right");
        Self { flow, hand: Hand { link }, time: 0 }
    }

    fn server(&self) -> std::cell::RefMut<'_, Server> {
        self.hand.link.server()
    }

    fn wants(&self) -> Result<Wants, Error> {
        Ok(match self.flow.poll(later(self.time), &mut [0; ENOUGH])? {
            Action::Connected(until) => Wants::Connected { until },
            Action::Display(code) => Wants::Show {
                code: code.user_code().into(),
                complete: code.verification_uri_complete().map(str::to_owned),
                until: code.until(),
                seconds: code.seconds_left(),
            },
            Action::Send(request) => Wants::Send(received(&request)),
            other => panic!("what is {other:?}?"),
        })
    }

    /// The request that is due.
    #[track_caller]
    fn request(&self) -> Received {
        match self.wants() {
            Ok(Wants::Send(request)) => request,
            other => panic!("no request: {other:?}"),
        }
    }

    /// The code on the screen.
    #[track_caller]
    fn code(&self) -> String {
        match self.wants() {
            Ok(Wants::Show { code, .. }) => code,
            other => panic!("no code: {other:?}"),
        }
    }

    /// Time passes until there is something to send.
    #[track_caller]
    fn wait(&mut self) {
        while let Ok(Wants::Connected { until } | Wants::Show { until, .. }) = self.wants() {
            assert!(until > self.time, "it does not go on");
            self.time = until;
        }
    }

    fn tell(&mut self, happening: &Happening) -> Result<Option<Tokens>, Error> {
        self.hand.tell_at(&mut self.flow, happening, later(self.time))
    }

    /// An answer comes.
    fn hear(&mut self, answer: Answer) -> Result<Option<Tokens>, Error> {
        self.tell(&Happening::Response(answer))
    }

    /// The next request is sent, and its answer comes.
    #[track_caller]
    fn ask(&mut self) -> Result<Option<Tokens>, Error> {
        self.wait();
        let request = self.request();
        let answer = self.server().answer(request);
        self.hear(answer)
    }

    /// Goes on to the end.
    #[track_caller]
    fn finish(&mut self) -> Result<Tokens, Error> {
        for _ in 0..8 {
            self.wait();
            if let Some(tokens) = self.wants().and_then(|_| self.ask())? {
                return Ok(tokens);
            }
        }
        panic!("it does not end");
    }

    /// The code is on the screen, and a person has entered it.
    #[track_caller]
    fn entered(client: &'static Client<'static>) -> Self {
        let mut device = Self::new(client);
        while !matches!(device.wants(), Ok(Wants::Show { .. })) {
            assert_eq!(device.ask(), Ok(None));
        }
        let code = device.code();
        device.server().enter(&code);
        device
    }

    /// A person enters the code, and all goes on to the end.
    #[track_caller]
    fn finish_entered(&mut self) -> Result<Tokens, Error> {
        assert_eq!(self.ask(), Ok(None));
        let code = self.code();
        self.server().enter(&code);
        self.finish()
    }

    /// How it tells the relay that it ended.
    fn closing(&self) -> Option<String> {
        let mut out = [0; ENOUGH];
        let request = self.flow.closing(later(self.time), &mut out).expect("there is room")?;
        let ending = keyfob_tests::form::in_body(request.body(), "ending");
        self.server().answer(received(&request));
        Some(ending)
    }

    /// The name of its mailbox.
    fn mailbox(&self) -> String {
        self.server().relay.mailboxes.keys().next_back().expect("one was opened").clone()
    }
}

/// The power fails, and comes back.
fn restored(device: &Device, client: &'static Client<'static>) -> Device {
    let mut snapshot = [0; ENOUGH];
    let length = device.flow.save(later(device.time), &mut snapshot).expect("the flow goes on");
    let flow = Relayed::restore(client, &RELAY, &snapshot[..length], later(device.time)).expect("whole");
    Device { flow, hand: Hand { link: device.hand.link.clone() }, time: device.time }
}
