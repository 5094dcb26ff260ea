//! Every flow in every step × every trouble × a loss of power, and then on to the end: it is the same as without the
//! trouble, or one of the ends that the flow's documentation names.

use std::{collections::BTreeSet, fs, path::Path};

use keyfob_core::error::Error;
use keyfob_tests::{
    answer::Answer,
    clock::NOW,
    conversation,
    server::Return,
    stations::{ENOUGH, Happening, Kind, stations},
    walk::{End, Walk},
};

fn walks() -> impl Iterator<Item = Walk> {
    stations().into_iter().filter(|station| !station.step.is_end()).map(Walk::from)
}

/// Lengths from 0 to one more than enough: the edges, and some between.
fn lengths(enough: usize) -> BTreeSet<usize> {
    let between = (1..32).map(|part| enough * part / 32);
    between.chain([0, 1, enough.saturating_sub(1), enough, enough + 1]).collect()
}

/// The length that does.
fn enough(mut with: impl FnMut(usize) -> Result<(), Error>) -> usize {
    match with(0) {
        Err(Error::BufferTooSmall { needed }) => needed,
        _ => 0,
    }
}

/// Every name that has an `impl Flow for` in the core is a kind of station, and no other is.
#[test]
fn every_flow_has_stations() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src/flow");
    let mut flows = BTreeSet::new();
    let files = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    for file in files.filter(|path| path.extension().is_some_and(|end| end == "rs")) {
        let source = fs::read_to_string(file).expect("a source");
        let names = source.lines().filter_map(|line| line.strip_prefix("impl")?.split_once(" Flow for "));
        flows.extend(names.map(|(_, name)| name.split('<').next().unwrap_or_default().to_owned()));
    }
    let kinds: BTreeSet<_> = Kind::ALL.iter().map(|kind| kind.flow()).collect();
    assert_eq!(flows, kinds);
    let seen: BTreeSet<_> = walks().map(|walk| walk.station().kind.flow()).collect();
    assert_eq!(seen, kinds);
    let spoken: BTreeSet<_> =
        conversation::ALL.iter().map(|conversation| conversation.grant.kind().flow()).collect();
    assert_eq!(spoken, kinds, "both drivers are asked for the length that does");
}

// REQ: SM-14, SM-07
#[test]
fn a_short_buffer_for_the_action_and_for_the_snapshot() {
    for walk in walks() {
        let good = walk.finish(walk.start());
        assert!(good.is_ok(), "{good:?}");
        let poll = |length| walk.start().poll(NOW, &mut vec![0; length]).map(drop);
        for length in lengths(enough(poll)) {
            let flow = walk.start();
            let before = walk.shown(&*flow);
            let long = flow.poll(NOW, &mut vec![0; length]).is_ok();
            assert_eq!(long, length >= enough(poll));
            assert_eq!(walk.shown(&*flow), before);
            assert_eq!(walk.finish(flow), good, "{length}");
        }
        let save = |length| walk.start().save(NOW, &mut vec![0; length]).map(drop);
        for length in lengths(enough(save)) {
            let flow = walk.start();
            assert_eq!(flow.save(NOW, &mut vec![0; length]).is_ok(), length >= enough(save));
            assert_eq!(walk.finish(flow), good, "{length}");
        }
    }
}

// REQ: SM-14, REDIR-08, REDIR-23
#[test]
fn a_redirect_cut_at_every_character() {
    for walk in walks() {
        let at_user = walk.station().redirect.clone().filter(|_| !walk.sends());
        let Some(redirect) = at_user else { continue };
        let good = walk.finish(walk.start());
        let (Return::Form(text) | Return::Url(text)) = &redirect;
        for length in 0..text.len() {
            let cut = text[..length].to_owned();
            let cut = if matches!(redirect, Return::Form(_)) { Return::Form(cut) } else { Return::Url(cut) };
            let mut flow = walk.start();
            let before = walk.shown(&*flow);
            let told = walk.tell(&mut *flow, &Happening::Redirect(cut));
            assert!(matches!(told, Err(Error::Check(_))), "cut to {length}: {told:?}");
            assert_eq!(walk.shown(&*flow), before, "cut to {length}");
            // Once in a while on to the end.
            if length % 16 == 0 {
                assert_eq!(walk.finish(flow), good, "cut to {length}");
            }
        }
    }
}

/// What can become of a request, and how the flow may end then.
struct Ends {
    /// All went well.
    good: End,
    /// The server acted, and the same was sent again.
    again: End,
}

impl Ends {
    fn of(walk: &Walk, acted: &keyfob_tests::server::Server) -> Self {
        let ends = Self { good: walk.finish(walk.start()), again: walk.finish(walk.start_at(acted)) };
        assert!(ends.good.is_ok(), "{:?}", ends.good);
        let over = matches!(ends.again, Err(Error::AnswerLost | Error::Refused(_)));
        assert!(ends.again.is_ok() || over, "{:?}", ends.again);
        ends
    }

    #[track_caller]
    fn check(&self, end: &End, what: &str) {
        let known = [&self.good, &self.again, &Err(Error::AnswerLost), &Err(Error::RelayUnavailable)];
        assert!(known.contains(&end), "{what}: {end:?}");
    }
}

// REQ: SM-14, HTTP-17, HTTP-18
#[test]
fn a_request_that_got_no_answer() {
    for walk in walks().filter(Walk::sends) {
        let (_, _, acted) = walk.answer();
        let ends = Ends::of(&walk, &acted);
        let mut flow = walk.start();
        assert_eq!(walk.tell(&mut *flow, &Happening::NotSent), Ok(None));
        assert_eq!(walk.finish(flow), ends.good, "it was not sent");
        for server in [None, Some(&acted)] {
            let mut flow = server.map_or_else(|| walk.start(), |server| walk.start_at(server));
            let end = match walk.tell(&mut *flow, &Happening::Timeout) {
                Ok(tokens) => {
                    assert_eq!(tokens, None);
                    walk.finish(flow)
                }
                Err(error) => {
                    assert_eq!(walk.finish(flow), Err(error), "it is over");
                    Err(error)
                }
            };
            ends.check(&end, "no answer");
            assert!(server.is_none() || end != ends.good || end == ends.again, "{end:?}");
        }
    }
}

/// The answer is cut at every octet, in buffers of every length; then the power fails.
// REQ: SM-14, SM-07, JSON-04, HTTP-14, ERR-09, QA-06
#[test]
fn an_answer_cut_at_every_octet_in_every_length() {
    let mut runs = 0;
    for walk in walks().filter(Walk::sends) {
        let place = format!("{:?} {:?}", walk.station().client, walk.station().step);
        let (answer, keep, acted) = walk.answer();
        let ends = Ends::of(&walk, &acted);
        let hear = |answer: &Answer, length| {
            let mut flow = walk.start_at(&acted);
            (walk.hear(&mut *flow, answer, keep, length), flow)
        };
        let needed = enough(|length| hear(&answer, length).0.map(drop));
        let before = walk.shown(&*walk.start_at(&acted));
        // The way by a relay is long, and its arithmetic slow.
        let relayed = walk.station().kind == Kind::Relayed;
        let whole = answer.body.len();
        let cuts = |cut: &usize| !relayed || cut.is_multiple_of(16) || whole - cut < 2;
        for length in lengths(needed) {
            for cut in (0..=whole).filter(cuts) {
                runs += 1;
                let (told, flow) = hear(&answer.clone().short(cut), length);
                match told {
                    Ok(tokens) => {
                        assert!(cut == answer.body.len() && length >= needed, "{place}: {cut}, {length}");
                        let end = if tokens.is_some() { Ok(tokens) } else { walk.finish(flow) };
                        assert_eq!(end, ends.good, "{place}: {length}");
                    }
                    // Nothing was lost: the same answer is good in a longer buffer.
                    Err(Error::BufferTooSmall { needed: named }) => {
                        assert_eq!((cut, named), (answer.body.len(), needed), "{place}: {length}");
                        assert_eq!(walk.shown(&*flow), before, "{place}: {length}");
                        assert_eq!(walk.finish(flow), ends.again, "{place}: {length}");
                        let (told, flow) = hear(&answer, named);
                        let end = told.and_then(|tokens| match tokens {
                            Some(tokens) => Ok(Some(tokens)),
                            None => walk.finish(flow),
                        });
                        assert_eq!(end, ends.good, "{place}: {length}");
                    }
                    // What the server gave is used up, or the flow goes on and asks once more.
                    Err(_) => {
                        assert!(cut < answer.body.len(), "{place}: {cut}, {length}: {told:?}");
                        ends.check(&walk.finish(flow), &format!("{place} cut to {cut} in {length}"));
                    }
                }
            }
        }
    }
    println!("{runs} answers");
    assert!(runs > 10_000 && ENOUGH > 4096);
}
