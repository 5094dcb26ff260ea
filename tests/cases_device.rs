//! The time lines of `spec/cases-device.json`: when a device asks, what it makes of each answer, and when it ends.

mod tables;

use keyfob_core::client::Client;
use keyfob_core::error::{Error, ErrorCode};
use keyfob_core::flow::{Action, DeviceAuthorization, Event, Flow};
use keyfob_core::http::{Incoming, Response};
use keyfob_core::time::Now;
use keyfob_core::{Keep, metadata::Metadata};
use serde_json::{Value, json};

use crate::tables::outcome::{self, Step};
use crate::tables::{Answer, CLIENT_ID, Case, Cut, SERVER, Tally, cases, seed};

const TABLE: &str = include_str!("spec/cases-device.json");

const DEVICE: Metadata<'static> = SERVER.device_authorization_endpoint("https://op.example.com/device");
static CLIENT: Client<'static> = Client::oauth(DEVICE, CLIENT_ID).scope(&["profile"]);

/// Every poll comes so much later than the table allows.
const MARGIN: u64 = DeviceAuthorization::<512>::MARGIN as u64;

#[test]
fn the_margin_is_small() {
    assert_eq!(MARGIN, 100);
}

// REQ: DEV-03, DEV-04, DEV-05, DEV-06, DEV-07, DEV-08, DEV-11, DEV-13, DEV-14, DEV-15, DEV-16, DEV-17, DEV-18
// REQ: DEV-19, DEV-20, DEV-21, HTTP-19, INTEROP-02, INTEROP-06, INTEROP-08, INTEROP-10
#[test]
fn every_time_line_has_its_one_course() {
    Tally::all("cases-device", &cases(TABLE), &[], |case, tally| {
        tally.compare(case, "", &Line::new(case, Cut::Whole, 0, false).run(), &expected(case));
    });
}

/// 49.7 days of uptime are 2^32 milliseconds.
// REQ: CLOCK-09
#[test]
fn every_time_line_passes_the_end_of_32_bits() {
    for base in [(1 << 32) - 1000, u64::MAX - 10_000_000] {
        Tally::all("cases-device late", &cases(TABLE), &[], |case, tally| {
            tally.compare(case, "", &Line::new(case, Cut::Whole, base, false).run(), &expected(case));
        });
    }
}

// REQ: SM-14, SM-11
#[test]
fn every_time_line_survives_a_power_cut_after_every_step() {
    Tally::all("cases-device with power cuts", &cases(TABLE), &[], |case, tally| {
        tally.compare(case, "", &Line::new(case, Cut::Whole, 0, true).run(), &expected(case));
    });
}

// REQ: JSON-18, QA-06
#[test]
fn every_time_line_in_pieces_is_the_same() {
    Tally::all("cases-device in pieces", &cases(TABLE), &[], |case, tally| {
        let body = case.member("start").to_string();
        for cut in Answer::json(body.as_bytes()).cuts() {
            let seen = Line::new(case, cut, 0, false).run();
            tally.compare(case, &format!(" {cut:?}"), &seen, &expected(case));
        }
    });
}

/// What the table says of the steps, as [`Line::run`] writes it.
fn expected(case: &Case) -> Value {
    let steps = case.member("steps").as_array().expect("steps");
    let step = |step: &Value| match (&step["wait"], &step["end"], &step["reject_start"]) {
        (wait @ Value::Number(_), ..) => json!({ "wait": wait }),
        (_, end @ Value::String(_), _) => {
            json!({ "end": end, "after": step["wait_to_end"].as_u64().unwrap_or(0) })
        }
        (.., reject) => json!({ "end": reject, "after": 0 }),
    };
    steps.iter().map(step).collect()
}

/// A device on one of the time lines.
struct Line<'t> {
    case: &'t Case,
    cut: Cut,
    restored: bool,
    /// What the uptime begins with; it changes with a power cut.
    base: u64,
    /// Milliseconds since the codes came.
    time: u64,
    /// How much of them is owed to the margin.
    late: u64,
    flow: DeviceAuthorization<'static, 1024>,
}

impl<'t> Line<'t> {
    fn new(case: &'t Case, cut: Cut, base: u64, restored: bool) -> Self {
        let flow = DeviceAuthorization::new(&CLIENT, seed(), Now::unknown(base)).expect("a good client");
        Self { case, cut, restored, base, time: 0, late: 0, flow }
    }

    fn now(&self) -> Now {
        Now::unknown(self.base + self.time)
    }

    fn run(mut self) -> Value {
        let mut seen = Vec::new();
        let start = json!({ "status": 200, "body": self.case.member("start") });
        let mut answer = start;
        let steps = self.case.member("steps").as_array().expect("steps").clone();
        for next in steps.iter().skip(1).map(Some).chain([None]) {
            let ended = self.answer(&answer);
            let step = ended.map_or_else(|| self.wait(), |end| json!({ "end": end, "after": 0 }));
            let goes_on = step["wait"].is_number();
            seen.push(step);
            match next {
                Some(next) if goes_on => answer = next.clone(),
                _ => break,
            }
        }
        seen.into()
    }

    /// The server answers; what ends the flow is told.
    fn answer(&mut self, answer: &Value) -> Option<String> {
        let keep = self.keep();
        self.time += answer["took"].as_u64().unwrap_or(0);
        let now = self.now();
        let mut buffer = [0; 2048];
        let handled = match answer["transport"].as_str() {
            Some("timeout") => self.flow.handle(now, Event::Timeout),
            Some("refused") => self.flow.handle(now, Event::NotSent),
            _ => {
                let response = read(answer, keep, self.cut, &mut buffer);
                self.flow.handle(now, Event::Response(response))
            }
        };
        match handled {
            Ok(Some(tokens)) => {
                assert_eq!(tokens.access_token(), "AT");
                return Some("ok".into());
            }
            Ok(None) => {}
            Err(error) => return Some(self.named(error)),
        }
        self.power_cut();
        None
    }

    /// Waits until it is time to ask, or over.
    fn wait(&mut self) -> Value {
        let begin = self.time;
        let shown = match self.flow.poll(self.now(), &mut []) {
            Ok(Action::Display(code)) => code,
            Err(error) => return json!({ "end": self.named(error), "after": 0 }),
            other => panic!("{}: {other:?}", self.case.id),
        };
        let start = self.case.member("start");
        assert_eq!(shown.user_code(), start["user_code"]);
        let uri = start.get("verification_uri").unwrap_or(&start["verification_url"]);
        assert_eq!(shown.verification_uri(), *uri);
        let until = shown.until() - self.base;
        let poll = shown.next_poll();
        // All the way there is the same to show.
        for time in [begin, (begin + until) / 2, until - 1] {
            self.time = time;
            let again = self.flow.poll(self.now(), &mut []);
            let Ok(Action::Display(again)) = again else { panic!("{}: {again:?} at {time}", self.case.id) };
            assert_eq!((again.until(), again.next_poll()), (self.base + until, poll));
        }
        self.time = until;
        match self.flow.poll(self.now(), &mut [0; 1024]) {
            Ok(Action::Send(_)) => {
                assert_eq!(poll, Some(self.base + until));
                self.late += MARGIN;
                json!({ "wait": until - begin - MARGIN })
            }
            Err(error) => {
                assert_eq!(poll, None);
                let after = until - begin + self.late;
                json!({ "end": self.named(error), "after": after })
            }
            other => panic!("{}: {other:?}", self.case.id),
        }
    }

    /// The power fails, and the uptime starts anew.
    fn power_cut(&mut self) {
        if self.restored && self.flow.poll(self.now(), &mut []).is_ok() {
            let mut snapshot = [0; 1024];
            let length = self.flow.save(self.now(), &mut snapshot).expect("the flow goes on");
            self.base = (self.base + 7_654_321) % 10_000_019;
            self.flow =
                DeviceAuthorization::restore(&CLIENT, &snapshot[..length], self.now()).expect("whole");
            let mut again = [0; 1024];
            assert_eq!(self.flow.save(self.now(), &mut again), Ok(length));
            assert_eq!(snapshot, again);
        }
    }

    fn keep(&self) -> Keep {
        match self.flow.poll(self.now(), &mut [0; 1024]) {
            Ok(Action::Send(request)) => request.keep(),
            other => panic!("{}: {other:?}", self.case.id),
        }
    }

    /// The table's name for an end.
    fn named(&self, error: Error) -> String {
        match error {
            Error::Expired | Error::Refused(ErrorCode::ExpiredToken) => "DeviceExpired".into(),
            Error::Refused(ErrorCode::AccessDenied) => "DeviceDenied".into(),
            error => {
                let outcome = outcome::of(error, Step::Token, self.flow.refusal());
                let name = outcome["err"].as_str().expect("a name");
                outcome["arg"].as_str().map_or(name.into(), |argument| format!("{name}:{argument}"))
            }
        }
    }
}

fn read<'b>(answer: &Value, keep: Keep, cut: Cut, buffer: &'b mut [u8]) -> Response<'b> {
    let status = answer["status"].as_u64().and_then(|status| u16::try_from(status).ok()).expect("a status");
    let body = if answer["token"] == true {
        json!({ "access_token": "AT", "token_type": "Bearer", "expires_in": 3600 })
    } else if answer["body"].is_object() {
        answer["body"].clone()
    } else if answer.get("interval").is_some() {
        json!({ "error": answer["error"], "interval": answer["interval"] })
    } else {
        json!({ "error": answer["error"] })
    };
    let html = answer["html"] == true;
    let body = if html { "<h1>Sorry</h1>".into() } else { body.to_string() };
    let mut incoming = Incoming::new(keep, buffer);
    incoming.status(status);
    incoming.header("Content-Type", if html { b"text/html" } else { b"application/json" });
    if let Some(seconds) = answer["retry_after"].as_u64() {
        incoming.header("Retry-After", seconds.to_string().as_bytes());
    }
    let place = match cut {
        Cut::Octets => {
            body.as_bytes().chunks(1).for_each(|octet| {
                incoming.body(octet);
            });
            return incoming.finish().0;
        }
        Cut::At(place) => place.min(body.len()),
        Cut::Whole => 0,
    };
    let (first, second) = body.as_bytes().split_at(place);
    if incoming.body(first) {
        incoming.body(second);
    }
    incoming.finish().0
}
