//! From a station on to the end of the flow, as often as one likes: each time flow and server are as they were there.

use keyfob_core::{
    Keep,
    error::Error,
    flow::{Action, Event, Flow},
};

use crate::{
    answer::Answer,
    clock::NOW,
    keys::jwk_set,
    outcome::Tokens,
    server::{Return, Server},
    stations::{ENOUGH, Happening, Shown, Station},
};

/// How a walk ended.
pub type End = Result<Option<Tokens>, Error>;

/// Actions of the longest flow.
const STEPS: usize = 16;

/// The walk from a station to the end.
pub struct Walk {
    station: Station,
    server: Server,
    snapshot: Vec<u8>,
}

impl Walk {
    /// From this station, which is no end.
    pub fn from(station: Station) -> Self {
        let server = station.hand.link.server().clone();
        let snapshot = station.hand.shown(&*station.flow).saved.expect("the flow goes on");
        Self { station, server, snapshot }
    }

    /// Where it starts.
    pub fn station(&self) -> &Station {
        &self.station
    }

    /// The flow after a loss of power, at the server as it was at the station.
    pub fn start(&self) -> Box<dyn Flow> {
        self.start_at(&self.server)
    }

    /// The flow after a loss of power, at a server that knows this.
    pub fn start_at(&self, server: &Server) -> Box<dyn Flow> {
        *self.station.hand.link.server() = server.clone();
        self.restored(&self.snapshot)
    }

    fn restored(&self, snapshot: &[u8]) -> Box<dyn Flow> {
        self.station.kind.restore(self.station.client, snapshot, NOW).expect("nothing was changed")
    }

    /// All that a flow shows to the outside.
    pub fn shown(&self, flow: &dyn Flow) -> Shown {
        self.station.hand.shown(flow)
    }

    /// Whether the next action is a request.
    pub fn sends(&self) -> bool {
        self.station.hand.request(&*self.start()).is_ok_and(|request| request.is_some())
    }

    /// The answer to that request, and the server after it.
    pub fn answer(&self) -> (Answer, Keep, Server) {
        let (answer, keep) = self.station.hand.answer(&*self.start());
        (answer, keep, self.station.hand.link.server().clone())
    }

    /// Tells a flow what happened.
    ///
    /// # Errors
    /// Those of the flow.
    pub fn tell(&self, flow: &mut dyn Flow, happening: &Happening) -> End {
        self.station.hand.tell(flow, happening)
    }

    /// Reads an answer in a buffer of this length. Keys have a buffer of their own.
    ///
    /// # Errors
    /// Those of the flow.
    pub fn hear(&self, flow: &mut dyn Flow, answer: &Answer, keep: Keep, length: usize) -> End {
        self.hear_split(flow, answer, keep, length, &[])
    }

    /// The same, its body split at these places.
    ///
    /// # Errors
    /// Those of the flow.
    pub fn hear_split(
        &self,
        flow: &mut dyn Flow,
        answer: &Answer,
        keep: Keep,
        length: usize,
        places: &[usize],
    ) -> End {
        let (mut buffer, mut room) = ([0; ENOUGH], [0; ENOUGH]);
        let (response, _) = answer.read_split(keep, &mut buffer[..length], places);
        let tokens = match flow.handle(NOW, Event::Response(response)) {
            Err(Error::KeysNeeded) => {
                let keep = flow.keys(&response)?.keep();
                let keys = Answer::json(200, &jwk_set(&self.station.hand.link.server().keys));
                let keys = keys.read(keep, &mut room).0.keys()?;
                flow.handle(NOW, Event::Response(response.with_keys(keys)))?
            }
            outcome => outcome?,
        };
        Ok(tokens.as_ref().map(Tokens::of))
    }

    /// Leads a flow on to its end, with a loss of power before every action. The user's browser comes back with what
    /// the server gave it.
    ///
    /// # Errors
    /// Those of the flow.
    ///
    /// # Panics
    /// If it does not end.
    pub fn finish(&self, mut flow: Box<dyn Flow>) -> End {
        let hand = &self.station.hand;
        let mut redirect: Option<Return> = self.station.redirect.clone();
        for _ in 0..STEPS {
            if let Ok(snapshot) = self.shown(&*flow).saved {
                flow = self.restored(&snapshot);
            }
            let happening = match flow.poll(NOW, &mut [0; ENOUGH])? {
                Action::Authorize(_) => {
                    Happening::Redirect(redirect.take().unwrap_or_else(|| hand.visit(&*flow)))
                }
                Action::Send(_) => Happening::Response(hand.answer(&*flow).0),
                Action::Connected(_) | Action::Display(_) => {
                    flow = hand.let_pass(self.station.kind, self.station.client, &*flow);
                    continue;
                }
                Action::Done => return Ok(None),
                other => panic!("what is {other:?}?"),
            };
            if let Some(tokens) = self.tell(&mut *flow, &happening)? {
                assert_eq!(flow.save(NOW, &mut [0; ENOUGH]), Err(Error::Misuse), "nothing is left to save");
                return Ok(Some(tokens));
            }
        }
        panic!("it does not end")
    }
}
