//! A session that lies in a store: from power-on through a refresh.

use keyfob_core::{
    client::Client,
    error::Error,
    flow::{Event as FlowEvent, Flow, RefreshToken},
    session::{Action, Event, Session, Slot},
    time::Now,
};

use crate::{
    Measure,
    flows::SERVER,
    peer::{Credulous, NOW, REFRESHED, TOKEN, receive, seed, sent},
    text::Text,
};

/// Measures the way from power-on to the first access token, and the next refresh.
pub fn measure(measure: Measure<'_>) {
    let client = Client::new(SERVER, "public").algorithms(&[&Credulous]);
    let mut store = [const { Text::<512>::new() }; 2];
    let mut buffer = [0; 1024];
    {
        let mut session = Session::<256>::new(&client, &seed()).expect("a client");
        assert_eq!(run(&mut session, &mut store, NOW, &mut buffer, AGAIN), Ok((false, 0)));
        sign_in(&mut session, &client);
        assert_eq!(run(&mut session, &mut store, NOW, &mut buffer, AGAIN), Ok((true, 0)));
    }
    let mut session = Session::<256>::new(&client, &seed()).expect("a client");
    measure("session_start", &mut || {
        assert_eq!(run(&mut session, &mut store, NOW, &mut buffer, AGAIN), Ok((true, 1)));
    });
    let later = Now { uptime: 3_600_000, ..NOW };
    measure("session_refresh", &mut || {
        assert_eq!(run(&mut session, &mut store, later, &mut buffer, REFRESHED), Ok((true, 1)));
    });
}

fn sign_in(session: &mut Session<'_, 256>, client: &Client<'_>) {
    let mut buffer = [0; 1024];
    let mut flow = RefreshToken::<64>::new(client, TOKEN, None).expect("a token");
    let keep = sent(flow.poll(NOW, &mut buffer));
    let (response, _) = receive(keep, &mut buffer, REFRESHED);
    let Ok(Some(tokens)) = flow.handle(NOW, FlowEvent::Response(response)) else { panic!("no tokens") };
    session.sign_in(NOW, &tokens).expect("room");
}

/// Does what the session asks for; whether there is an access token then, and the requests that it took.
fn run(
    session: &mut Session<'_, 256>,
    store: &mut [Text<512>; 2],
    now: Now,
    buffer: &mut [u8],
    answer: &[u8],
) -> Result<(bool, u32), Error> {
    let mut requests = 0;
    loop {
        let event = match session.poll(now, buffer)? {
            Action::Load { slot } => Event::Loaded(store[place(slot)].octets()),
            Action::Store { slot, record } => {
                store[place(slot)].set(record);
                Event::Stored
            }
            Action::Erase { slot } => {
                store[place(slot)].set(&[]);
                Event::Stored
            }
            Action::Send(request) => {
                requests += 1;
                Event::Response(receive(request.keep(), buffer, answer).0)
            }
            Action::Ready { .. } => return Ok((true, requests)),
            _ => return Ok((false, requests)),
        };
        session.handle(now, event)?;
    }
}

fn place(slot: Slot) -> usize {
    usize::from(slot == Slot::Second)
}

/// The answer to a refresh token, with another in its place.
const AGAIN: &[u8] = br#"{"access_token":"WCjA8Iw_qR1cWgqYkE1cVpYkK1BnkFqPk8rCXHgP5Zk","expires_in":3600,"refresh_token":"k8rCXHgP5ZkWCjA8Iw_qR1cWgqYkE1cVpYkK1BnkFqP","scope":"openid","token_type":"Bearer"}"#;
