//! A server that misbehaves: every trick, in every answer of a sign-in and a refresh, and what exactly comes of it.

use keyfob_core::error::{Check, Error, ErrorCode, Name};
use keyfob_tests::{
    answer::{Answer, text},
    bodies::{Asked, Body},
    clients::KIOSK,
    clock::NOW,
    keys::{FIRST, jwk_set},
    server::{SUBJECT, metadata},
    stations::{ENOUGH, Station, Step},
    walk::Walk,
};
use serde_json::json;

/// The questions of a sign-in, in their order, and of a refresh.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Question {
    Discovery,
    Keys,
    Token,
    UserInfo,
    Refresh,
}

use Question::{Discovery, Keys, Refresh, Token, UserInfo};

impl Question {
    const ALL: [Self; 5] = [Discovery, Keys, Token, UserInfo, Refresh];

    fn is_token(self) -> bool {
        matches!(self, Token | Refresh)
    }

    fn walk(self) -> Walk {
        Walk::from(match self {
            Refresh => Station::refresh(&KIOSK, Step::Send),
            _ => Station::code(&KIOSK, Step::Exchange),
        })
    }

    /// What a good server answers.
    fn answer(self) -> Answer {
        match self {
            Discovery => Answer::json(200, &metadata()),
            Keys => Answer::json(200, &jwk_set(&[FIRST])),
            UserInfo => Answer::json(200, &json!({ "sub": SUBJECT, "email": "alice@example.org" })),
            Token | Refresh => self.walk().answer().0,
        }
    }

    /// The member without which there is nothing.
    fn member(self) -> (&'static str, Name) {
        match self {
            Discovery => ("issuer", Name::Issuer),
            Keys => ("keys", Name::Keys),
            Token | Refresh => ("access_token", Name::AccessToken),
            UserInfo => ("sub", Name::Sub),
        }
    }

    /// Whether the same came of it. A document is kept as it stands; there what was there before ends it.
    fn is_same(self, told: &Result<String, Error>, good: &Result<String, Error>) -> bool {
        match (told, good) {
            (Ok(told), Ok(good)) if self == UserInfo => told.trim_end().ends_with(&good[1..]),
            _ => told == good,
        }
    }

    /// What comes of an answer that arrives in pieces of this length, and whether the flow is over then.
    fn hear(self, answer: &Answer, piece: usize) -> (Result<String, Error>, bool) {
        let places: Vec<_> = (1..answer.body.len()).filter(|place| place % piece == 0).collect();
        let asked = match self {
            Discovery => Asked::Discovery,
            Keys => Asked::KeysForToken,
            UserInfo => Asked::UserInfo,
            Token | Refresh => {
                let walk = self.walk();
                let (_, keep, acted) = walk.answer();
                let mut flow = walk.start_at(&acted);
                let told = walk.hear_split(&mut *flow, answer, keep, ENOUGH, &places);
                return (told.map(|tokens| format!("{tokens:?}")), flow.save(NOW, &mut [0; ENOUGH]).is_err());
            }
        };
        let body = Body { name: "an answer", asked, answer: answer.clone() };
        (body.read(&mut [0; ENOUGH], &places), false)
    }
}

/// A trick, and what must come of it.
struct Trick {
    name: &'static str,
    play: fn(Answer, Question) -> Answer,
    outcome: Outcome,
}

/// What comes of a trick.
#[derive(Clone, Copy)]
enum Outcome {
    /// The same as without it.
    Good,
    /// This, and a token request can be made again: the server's word was not heard.
    Unheard(Check),
    /// This, and the code or refresh token is used up.
    Heard(Check),
    /// It depends on the question; tokens are used up where it is an error.
    Depends(fn(Question) -> Option<Error>),
}

use Outcome::{Depends, Good, Heard, Unheard};

fn body(answer: Answer, change: impl FnOnce(String) -> String) -> Answer {
    let text = change(String::from_utf8(answer.body).expect("text"));
    Answer { body: text.into(), ..answer }
}

fn header(mut answer: Answer, name: &str, value: &str) -> Answer {
    answer.headers.push((name.into(), value.into()));
    answer
}

fn status(answer: Answer, status: u16) -> Answer {
    Answer { status, ..answer }
}

fn content_type(mut answer: Answer, value: &str) -> Answer {
    answer.headers[0].1 = value.into();
    answer
}

/// One more member at the front.
fn with(answer: Answer, member: &str) -> Answer {
    body(answer, |text| text.replacen('{', &format!("{{{member},"), 1))
}

/// A member of this value in place of the one without which there is nothing.
fn instead(answer: Answer, question: Question, value: &str) -> Answer {
    let (name, _) = question.member();
    body(answer, |text| {
        let text = text.replacen(&format!("\"{name}\":"), &format!("\"{name}\":{value},\"x\":"), 1);
        assert!(text.contains(value));
        text
    })
}

fn missing(question: Question) -> Error {
    Check::MissingMember(question.member().1).into()
}

fn wrong_type(question: Question) -> Option<Error> {
    Some(Check::WrongType(question.member().1).into())
}

fn duplicate(question: Question) -> Option<Error> {
    Some(Check::DuplicateMember(question.member().1).into())
}

macro_rules! tricks {
    ($($name:literal, $play:expr => $outcome:expr;)*) => {
        &[$(Trick { name: $name, play: $play, outcome: $outcome }),*]
    };
}

const TRICKS: &[Trick] = tricks! {
    // The body, as a whole.
    "nothing", |answer, _| answer => Good;
    "it has a byte order mark", |answer, _| body(answer, |text| format!("\u{FEFF}{text}")) => Good;
    "white space all around", |answer, _| body(answer, |text| format!(" \t\r\n{text}\r\n ")) => Good;
    "two byte order marks", |answer, _| body(answer, |text| format!("\u{FEFF}\u{FEFF}{text}")) =>
        Heard(Check::JsonSyntax);
    "half of it", |answer, _| { let half = answer.body.len() / 2; answer.short(half) } => Heard(Check::JsonEof);
    "all but the last brace", |answer, _| { let most = answer.body.len() - 1; answer.short(most) } =>
        Heard(Check::JsonEof);
    "an empty body", |answer, _| answer.short(0) => Heard(Check::JsonEof);
    "white space only", |answer, _| body(answer, |_| "  \n".into()) => Heard(Check::JsonEof);
    "it comes twice", |answer, _| body(answer, |text| text.repeat(2)) => Heard(Check::JsonTrailing);
    "a list around it", |answer, _| body(answer, |text| format!("[{text}]")) => Heard(Check::JsonNotObject);
    "a text", |answer, _| body(answer, |_| "\"ok\"".into()) => Heard(Check::JsonNotObject);
    "null", |answer, _| body(answer, |_| "null".into()) => Heard(Check::JsonNotObject);
    "a web page said to be JSON", |answer, _| body(answer, |_| "<!doctype html>".into()) =>
        Heard(Check::JsonSyntax);
    "a form", |answer, _| body(answer, |_| "access_token=a&token_type=bearer".into()) => Heard(Check::JsonSyntax);
    "JSONP", |answer, _| body(answer, |text| format!("cb({text})")) => Heard(Check::JsonSyntax);
    "a guard against JSONP", |answer, _| body(answer, |text| format!(")]}}',\n{text}")) => Heard(Check::JsonSyntax);
    "UTF-16", |answer, _| Answer {
        body: String::from_utf8_lossy(&answer.body).encode_utf16().flat_map(u16::to_be_bytes).collect(),
        ..answer
    } => Heard(Check::JsonSyntax);
    "gzip that nobody announced", |answer, _| Answer { body: vec![0x1F, 0x8B, 8, 0], ..answer } =>
        Heard(Check::JsonSyntax);
    // Octets that do not belong there.
    "NUL before it", |answer, _| body(answer, |text| format!("\0{text}")) => Heard(Check::JsonSyntax);
    "NUL behind it", |answer, _| body(answer, |text| format!("{text}\0")) => Heard(Check::JsonTrailing);
    "NUL in a text", |answer, _| with(answer, "\"x\":\"a\0b\"") => Heard(Check::JsonSyntax);
    "NUL between members", |answer, _| with(answer, "\"x\":1\0") => Heard(Check::JsonSyntax);
    "no UTF-8", |answer, _| Answer { body: [b"{\"x\":\"\xFF\",".as_slice(), &answer.body[1..]].concat(), ..answer } =>
        Heard(Check::JsonUtf8);
    "an overlong slash", |answer, _| {
        Answer { body: [b"{\"x\":\"\xC0\xAF\",".as_slice(), &answer.body[1..]].concat(), ..answer }
    } => Heard(Check::JsonUtf8);
    "half a character in a member nobody wants", |answer, _| with(answer, r#""x":"\ud800""#) => Good;
    // JSON that is none.
    "a comma too many", |answer, _| body(answer, |text| text[..text.len() - 1].to_owned() + ",}") =>
        Heard(Check::JsonSyntax);
    "quotes of another kind", |answer, _| with(answer, "'x':1") => Heard(Check::JsonSyntax);
    "a comment", |answer, _| with(answer, "/* x */ \"x\":1") => Heard(Check::JsonSyntax);
    "NaN", |answer, _| with(answer, "\"x\":NaN") => Heard(Check::JsonSyntax);
    "a number with a leading zero", |answer, _| with(answer, "\"x\":01") => Heard(Check::JsonSyntax);
    "a hexadecimal number", |answer, _| with(answer, "\"x\":0x10") => Heard(Check::JsonSyntax);
    // Too much of it.
    "deep nesting", |answer, _| with(answer, &format!("\"x\":{}1{}", "[".repeat(16), "]".repeat(16))) =>
        Heard(Check::JsonDepth);
    "a hundred thousand brackets", |answer, _| with(answer, &format!("\"x\":{}", "[".repeat(100_000))) =>
        Heard(Check::JsonDepth);
    "a number of 100,000 digits", |answer, _| with(answer, &format!("\"x\":{}", "9".repeat(100_000))) =>
        Depends(|question| (question == UserInfo).then_some(TOO_SMALL));
    "an exponent of 100,000 digits", |answer, _| with(answer, &format!("\"x\":1e{}", "9".repeat(100_000))) =>
        Depends(|question| (question == UserInfo).then_some(TOO_SMALL));
    "100 KiB that nobody wants", |answer, _| answer.extra(100 * 1024) =>
        Depends(|question| (question == UserInfo).then_some(TOO_SMALL));
    "600 KiB that nobody wants", |answer, _| answer.extra(600 * 1024) =>
        Depends(|_| Some(Error::InputTooLarge(Name::Body)));
    "10,000 members that nobody wants", |answer, _| {
        with(answer, &(0..10_000).map(|number| format!("\"{number}\":[]")).collect::<Vec<_>>().join(","))
    } => Depends(|question| (question == UserInfo).then_some(TOO_SMALL));
    // Members.
    "the member that matters is a number", |answer, question| instead(answer, question, "1") =>
        Depends(wrong_type);
    "it is true", |answer, question| instead(answer, question, "true") => Depends(wrong_type);
    "it is an object", |answer, question| instead(answer, question, "{\"a\":\"b\"}") => Depends(wrong_type);
    "it is null", |answer, question| instead(answer, question, "null") => Depends(wrong_type);
    "it is missing", |answer, question| {
        let name = question.member().0;
        body(answer, |text| text.replacen(&format!("\"{name}\""), "\"x\"", 1))
    } => Depends(|question| Some(missing(question)));
    "it comes twice, first a wrong one", |answer, question| {
        with(answer, &format!("\"{}\":\"evil\"", question.member().0))
    } => Depends(duplicate);
    "it comes twice, last a wrong one", |answer, question| {
        let name = question.member().0;
        body(answer, |text| format!("{},\"{name}\":\"evil\"}}", &text[..text.len() - 1]))
    } => Depends(duplicate);
    "it comes twice, once as an escape", |answer, question| {
        let name = question.member().0;
        let escaped = format!("\\u00{:02x}{}", name.as_bytes()[0], &name[1..]);
        with(answer, &format!("\"{escaped}\":\"evil\""))
    } => Depends(duplicate);
    "it stands inside another", |answer, question| {
        with(answer, &format!("\"x\":{{\"{}\":\"evil\"}}", question.member().0))
    } => Good;
    "its name in capitals beside it", |answer, question| {
        with(answer, &format!("\"{}\":\"evil\"", question.member().0.to_uppercase()))
    } => Good;
    "an error with 200", |answer, _| body(answer, |_| r#"{"error":"invalid_grant"}"#.into()) =>
        Depends(|question| Some(match question {
            Token | Refresh => Error::Refused(ErrorCode::InvalidGrant),
            _ => missing(question),
        }));
    "an error beside success", |answer, _| with(answer, r#""error":"invalid_grant""#) =>
        Depends(|question| question.is_token().then_some(Check::ConflictingResponse.into()));
    // Headers.
    "compressed", |answer, _| header(answer, "Content-Encoding", "gzip") => Unheard(Check::ContentType);
    "compressed, and longer than anything", |answer, _| {
        header(answer.extra(600 * 1024), "Content-Encoding", "br")
    } => Unheard(Check::ContentType);
    "a redirect, and longer than anything", |answer, _| status(answer.extra(600 * 1024), 307) =>
        Unheard(Check::HttpRedirect);
    "compressed in two ways", |answer, _| header(answer, "content-encoding", "deflate, br") =>
        Unheard(Check::ContentType);
    "said to be as it is", |answer, _| header(answer, "Content-Encoding", "identity") => Good;
    "two media types", |answer, _| header(answer, "Content-Type", "text/html") => Unheard(Check::BadHeader);
    "two media types that are the same", |answer, _| header(answer, "CONTENT-TYPE", "application/json") =>
        Depends(|_| Some(Check::BadHeader.into()));
    "two in one header", |answer, _| content_type(answer, "application/json, text/html") =>
        Unheard(Check::ContentType);
    "a web page", |answer, _| content_type(answer, "text/html") => Unheard(Check::ContentType);
    "plain text", |answer, _| content_type(answer, "text/plain") => Unheard(Check::ContentType);
    "JSON of another kind", |answer, _| content_type(answer, "application/problem+json") =>
        Unheard(Check::ContentType);
    "a media type that only begins so", |answer, _| content_type(answer, "application/jsonp") =>
        Unheard(Check::ContentType);
    "no media type", |mut answer, _| { answer.headers.clear(); answer } => Unheard(Check::ContentType);
    "a media type with parameters", |answer, _| content_type(answer, "Application/JSON ;charset=\"utf-8\"") => Good;
    "1,000 headers", |mut answer, _| {
        answer.headers.extend((0..1000).map(|number| (format!("X-{number}"), "x".repeat(99))));
        answer
    } => Good;
    "a header without an end", |answer, _| header(answer, "X", &"x".repeat(1 << 20)) => Good;
    "a wait without an end", |answer, _| header(answer, "Retry-After", "99999999999999999999") => Good;
    // The status.
    "301", |answer, _| header(status(answer, 301), "Location", "https://evil.example/") =>
        Unheard(Check::HttpRedirect);
    "302", |answer, _| header(status(answer, 302), "Location", "//evil.example/") => Unheard(Check::HttpRedirect);
    "303", |answer, _| header(status(answer, 303), "Location", "/token2") => Unheard(Check::HttpRedirect);
    "307", |answer, _| header(status(answer, 307), "Location", "https://op.example/token") =>
        Unheard(Check::HttpRedirect);
    "308", |answer, _| header(status(answer, 308), "Location", "http://op.example/token") =>
        Unheard(Check::HttpRedirect);
    "a redirect by a header alone", |answer, _| header(answer, "Location", "https://evil.example/") => Good;
    "201", |answer, _| status(answer, 201) => Depends(|_| Some(Check::HttpStatus(201).into()));
    "204", |answer, _| status(answer, 204).short(0) => Depends(|_| Some(Check::HttpStatus(204).into()));
    "206", |answer, _| status(answer, 206) => Depends(|_| Some(Check::HttpStatus(206).into()));
    "304", |answer, _| status(answer, 304).short(0) => Unheard(Check::HttpStatus(304));
    "401", |answer, _| header(status(answer, 401), "WWW-Authenticate", "Basic realm=\"x\"") =>
        Unheard(Check::HttpStatus(401));
    "407", |answer, _| status(answer, 407) => Unheard(Check::HttpStatus(407));
    "429", |answer, _| status(answer, 429) => Unheard(Check::HttpStatus(429));
    "500", |answer, _| status(answer, 500) => Unheard(Check::HttpStatus(500));
    "503 with a page", |answer, _| content_type(status(answer, 503), "text/html") => Unheard(Check::HttpStatus(503));
    "999", |answer, _| status(answer, 999) => Unheard(Check::HttpStatus(999));
    "0", |answer, _| status(answer, 0) => Unheard(Check::HttpStatus(0));
};

/// Stands for a buffer that is too small for a whole document; the length depends on the document.
const TOO_SMALL: Error = Error::BufferTooSmall { needed: 0 };

// REQ: QA-05, HTTP-06, HTTP-09, HTTP-11, HTTP-12, HTTP-13, HTTP-15, JSON-02, JSON-03, JSON-04, JSON-05, JSON-08
#[test]
fn every_trick_in_every_answer() {
    let mut faults = Vec::new();
    for question in Question::ALL {
        let right = question.answer();
        let (good, over) = question.hear(&right, usize::MAX);
        assert!(good.is_ok() && over == question.is_token(), "{question:?}: {good:?}");
        for Trick { name, play, outcome } in TRICKS {
            let answer = play(right.clone(), question);
            let (error, used_up) = match *outcome {
                Good => (None, true),
                Unheard(check) => (Some(check.into()), false),
                Heard(check) => (Some(check.into()), true),
                Depends(error) => (error(question), true),
            };
            // Dripping, in pieces, and at once.
            for piece in [1, 1460, usize::MAX] {
                if piece == 1 && answer.body.len() > 4096 {
                    continue;
                }
                let (told, over) = question.hear(&answer, piece);
                let right = match error {
                    None => question.is_same(&told, &good),
                    Some(TOO_SMALL) => told == Err(Error::BufferTooSmall { needed: answer.body.len() }),
                    Some(error) => told == Err(error),
                };
                let ended = !question.is_token() || over == used_up;
                if !right || !ended {
                    faults.push(format!("{question:?}, {name}, {piece}: {told:.90?}, over: {over}"));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}:\n{}", faults.len(), faults.join("\n"));
}

/// An answer that is right, to another question.
// REQ: QA-05
#[test]
fn every_answer_to_every_other_question() {
    for question in Question::ALL {
        for other in Question::ALL.into_iter().filter(|other| other.member() != question.member()) {
            let (told, over) = question.hear(&other.answer(), usize::MAX);
            assert_eq!(told, Err(missing(question)), "{other:?} for {question:?}");
            assert_eq!(over, question.is_token());
        }
    }
    let keys = Answer::new(200, "application/jwk-set+json", text(&jwk_set(&[FIRST])));
    assert!(Keys.hear(&keys, 1).0.is_ok(), "keys have a media type of their own");
}
