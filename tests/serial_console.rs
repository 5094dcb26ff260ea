//! What a serial console shows while somebody signs in on another device.

use std::{cell::RefCell, collections::VecDeque, convert::Infallible, rc::Rc};

use embedded_io_async::{ErrorType, Read, Write};
use keyfob_core::{
    error::{Error, ErrorCode},
    flow::{Redirect, UserCode},
    portal::{Alphabet, Ending, Portal, Screen, Site},
    qr::{Characters, QrCode},
    time::Now,
};
use keyfob_embassy::{
    Failure,
    portal::{Front, Press},
    run,
    serial_console::{SerialConsole, WithKeys},
    user_agent::{UserAgent, UserAgentError},
};
use keyfob_tests::{
    clients::SERVER,
    conversation::{Conversation, DEVICE, SIGN_IN},
    executor::{block_on, pause, polls},
    link::Broken,
    outcome::Tokens,
    person::Person,
    seeds,
};

/// What has arrived at the other end of the line.
#[derive(Clone, Default)]
struct Line(Rc<RefCell<Vec<u8>>>);

impl Line {
    fn text(&self) -> String {
        String::from_utf8(self.0.borrow().clone()).expect("UTF-8")
    }
}

impl ErrorType for Line {
    type Error = Infallible;
}

/// A line that takes a few octets at a time.
impl Write for Line {
    async fn write(&mut self, octets: &[u8]) -> Result<usize, Infallible> {
        pause().await;
        let taken = octets.len().min(7);
        self.0.borrow_mut().extend(&octets[..taken]);
        Ok(taken)
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        pause().await;
        Ok(())
    }
}

/// A person in front of the console.
struct Reader<'a> {
    console: SerialConsole<'a, Line>,
    person: Person,
}

impl UserAgent for Reader<'_> {
    async fn open(&mut self, url: &str) -> Result<(), UserAgentError> {
        self.console.open(url).await
    }

    async fn redirect<'b>(&mut self, buffer: &'b mut [u8]) -> Result<Option<Redirect<'b>>, UserAgentError> {
        self.console.redirect(buffer).await
    }

    async fn display(&mut self, code: &UserCode<'_>) -> Result<(), UserAgentError> {
        self.console.display(code).await?;
        self.person.display(code).await
    }

    fn hide(&mut self) {
        UserAgent::hide(&mut self.console);
        UserAgent::hide(&mut self.person);
    }
}

/// Runs a conversation in front of a console, and gives how it ends and what was shown.
fn shown(
    conversation: Conversation,
    ascii: bool,
    picture: &mut [u8],
) -> (Result<Tokens, Failure<Broken>>, String) {
    let (link, mut flow) = conversation.prepare();
    let line = Line::default();
    let console = SerialConsole::new(line.clone(), "the kettle", picture);
    let console = if ascii { console.ascii() } else { console };
    let mut reader = Reader { console, person: Person::new(link.clone(), conversation.deeds) };
    let (mut http, mut clock) = (link.clone(), link.world().clock.clone());
    let mut buffer = vec![0; conversation.buffer];
    let outcome = block_on(run(&mut *flow, &mut http, &mut reader, &mut clock, &mut buffer, |tokens| {
        Tokens::of(&tokens)
    }));
    block_on(reader.console.clear()).expect("the line is there");
    block_on(reader.console.clear()).expect("nothing is left to clear");
    (outcome, line.text())
}

// REQ: DEV-08, DEV-09, DEV-24, DEV-31, DEV-32
#[test]
fn what_is_shown() {
    let (outcome, text) = shown(DEVICE, true, &mut [0; QrCode::MAX_BUFFER]);
    assert!(outcome.is_ok(), "{outcome:?}");
    assert_eq!(text.replace("\r\n", "\n").replace('\r', "<CR>"), include_str!("serial_console.txt"));
    let (outcome, text) = shown(DEVICE, false, &mut [0; QrCode::MAX_BUFFER]);
    assert!(outcome.is_ok(), "{outcome:?}");
    let (screen, over) = text.split_once('\x1B').expect("it is cleared");
    assert_eq!(over, "[2J\x1B[3J\x1B[H");
    let golden = include_str!("serial_console.txt");
    let (before, after) = golden.split_once("compare the code:\n").expect("it is there");
    let screen = screen.replace("\r\n", "\n").replace('\r', "<CR>");
    assert!(screen.starts_with(before));
    let picture: Vec<_> = screen.lines().filter(|line| line.contains(['█', '▀', '▄'])).collect();
    assert_eq!(picture.len(), after.lines().filter(|line| line.contains("##")).count().div_ceil(2));
    // Nothing of it that is not ASCII, beside the picture.
    assert!(screen.lines().filter(|line| !picture.contains(line)).all(str::is_ascii));
    // What has no room is left out.
    let (outcome, text) = shown(DEVICE, true, &mut [0; 100]);
    assert!(outcome.is_ok() && !text.contains("scan") && text.contains("enter the code"), "{text}");
}

/// A code that nobody enters: the line is written anew when it reads otherwise, and not each second.
// REQ: DEV-20, DEV-29
#[test]
fn time_goes_by() {
    let late = Conversation { deeds: &[], ..DEVICE };
    let (outcome, text) = shown(late, true, &mut []);
    let over = |error: &Error| matches!(error, Error::Expired | Error::Refused(ErrorCode::ExpiredToken));
    assert!(matches!(&outcome, Err(Failure::Flow(error)) if over(error)), "{outcome:?}");
    let lines: Vec<_> = text.split("\r").filter(|line| line.contains("left.")).collect();
    let expected: Vec<_> = (2..=10)
        .rev()
        .map(|minutes| format!("{minutes:>4} minutes left."))
        .chain((1..=6).rev().map(|tens| format!("{:>4} seconds left.", tens * 10)))
        .collect();
    let lines: Vec<_> = lines.iter().map(|line| line.trim_start_matches('\n')).collect();
    assert_eq!(lines, expected);
    assert!(text.ends_with("\r\nThis code is over.\r\n"));
    assert_eq!(text.matches("enter the code").count(), 1);
}

/// A browser is not there, and a future that is dropped leaves a code that can be taken away.
// REQ: DEV-23, DEV-24
#[test]
fn it_is_given_up() {
    let (outcome, text) = shown(SIGN_IN, false, &mut []);
    assert!(matches!(outcome, Err(Failure::UserAgent(UserAgentError::NoBrowser))), "{outcome:?}");
    assert_eq!(text, "");
    let (link, mut flow) = DEVICE.prepare();
    let (line, mut picture) = (Line::default(), [0; QrCode::MAX_BUFFER]);
    let mut console = SerialConsole::new(line.clone(), "the kettle", &mut picture);
    let (mut http, mut clock, mut buffer) = (link.clone(), link.world().clock.clone(), vec![0; 8192]);
    let future =
        run(&mut *flow, &mut http, &mut console, &mut clock, &mut buffer, |tokens| Tokens::of(&tokens));
    assert!(polls(future, 600).is_none());
    assert!(line.text().contains("BCDF"), "{}", line.text());
    block_on(console.clear()).expect("the line is there");
    assert!(line.text().ends_with("\x1B[2J\x1B[3J\x1B[H"));
    assert!(!format!("{console:?}").contains("BCDF"));
}

/// What is drawn is what the code is, and a reader reads it.
// REQ: DEV-31
#[test]
fn qr_codes_as_text() {
    let text = "https://op.example/device?user_code=WDJB-MJHT";
    let mut buffer = [0; QrCode::MAX_BUFFER];
    let code = QrCode::of(text, &mut buffer).expect("it fits");
    for (characters, inverted) in [
        (Characters::Ascii, false),
        (Characters::Ascii, true),
        (Characters::HalfBlocks, false),
        (Characters::HalfBlocks, true),
    ] {
        let rows = code.rows(characters);
        let rows = if inverted { rows.inverted() } else { rows };
        let rows: Vec<String> = rows.map(|row| row.to_string()).collect();
        let drawn: Vec<Vec<bool>> = match characters {
            Characters::Ascii => {
                let pairs = |row: &String| row.as_bytes().chunks(2).map(|pair| pair == b"##").collect();
                rows.iter().map(pairs).collect()
            }
            _ => rows
                .iter()
                .flat_map(|row| {
                    let half = |full: [char; 2]| row.chars().map(move |at| full.contains(&at)).collect();
                    [half(['█', '▀']), half(['█', '▄'])]
                })
                .collect(),
        };
        let width = usize::from(code.width());
        // Half a character more than there are rows.
        assert!(drawn.len() - width <= 1 && drawn.iter().all(|row| row.len() == width));
        assert!(drawn.get(width).is_none_or(|row| row.iter().all(|drawn| !drawn)), "the ground");
        let is_dark = |x: usize, y: usize| drawn[y][x] == inverted;
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(width * 4, width * 4, |x, y| {
            if is_dark(x / 4, y / 4) { 0 } else { 255 }
        });
        let grids = image.detect_grids();
        assert_eq!(grids[0].decode().expect("it can be read").1, text);
    }
}

/// A portal whose screen is shown, at this uptime.
struct Door {
    portal: Portal,
    console: WithKeys<'static, Line, Keys>,
    line: Line,
    keys: Keys,
}

const SITE: Site<'static> = Site::new(&SERVER, &["192.168.4.20"]).callback("/callback");

impl Door {
    fn new(ascii: bool) -> Self {
        let (line, keys) = (Line::default(), Keys::default());
        let picture = Box::leak(Box::new([0; QrCode::MAX_BUFFER]));
        let console = SerialConsole::new(line.clone(), "the kettle", picture);
        let console = if ascii { console.ascii() } else { console };
        let portal = Portal::paired(seeds::seed(1), Alphabet::Consonants, Now::unknown(0));
        Self { portal, console: console.with_keys(keys.clone()), line, keys }
    }

    /// Shows what there is to be shown, and gives what is written, with code and link.
    fn show(&mut self, uptime: u64) -> (String, Option<(Option<String>, String)>) {
        let mut out = [0; 192];
        let screen = self.portal.poll(&SITE, Now::unknown(uptime), &mut out).expect("room");
        let invited = match &screen {
            Screen::Pair(invitation) => Some((invitation.code().map(String::from), invitation.link().into())),
            _ => None,
        };
        self.line.0.borrow_mut().clear();
        block_on(self.console.show(&screen));
        (self.line.text().replace("\r\n", "\n"), invited)
    }

    fn press(&mut self, keys: &[u8]) -> Option<Press> {
        self.keys.0.borrow_mut().extend(keys);
        polls(self.console.pressed(), 50)
    }
}

/// Keys that are pressed.
#[derive(Clone, Default)]
struct Keys(Rc<RefCell<VecDeque<u8>>>);

impl ErrorType for Keys {
    type Error = Infallible;
}

impl Read for Keys {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        loop {
            if let Some(key) = self.0.borrow_mut().pop_front() {
                buffer[0] = key;
                return Ok(1);
            }
            pause().await;
        }
    }
}

/// As the front of a portal, it shows address, code and picture, and the time left where it is.
// REQ: PORTAL-09, PORTAL-24
#[test]
fn the_front_of_a_portal() {
    let mut door = Door::new(true);
    let (text, invited) = door.show(0);
    let (code, link) = invited.expect("an invitation");
    let code = code.expect("a code");
    assert!(
        text.starts_with("\nTo sign in to the kettle, open this in a browser in the same network:\n\n"),
        "{text}"
    );
    assert!(
        text.contains("\nhttp://192.168.4.20/\n\nand enter the code\n\n") && text.contains(&code),
        "{text}"
    );
    assert!(text.ends_with("   2 minutes left."), "{text}");
    assert!(text.is_ascii() && !text.contains(&link), "the link is in the picture only");
    let mut buffer = [0; QrCode::MAX_BUFFER];
    let picture = QrCode::of(&link, &mut buffer).expect("it fits");
    let rows: String = picture.rows(Characters::Ascii).map(|row| format!("{row}\n")).collect();
    assert!(text.contains(&rows), "the picture is of the link");
    // Nothing new, and less time.
    assert_eq!(door.show(1000).0, "");
    assert_eq!(door.show(61_000).0, "\r  60 seconds left.");
    // Another code: what was there is over.
    let (text, invited) = door.show(120_000);
    let (next, other) = invited.expect("an invitation");
    assert!(text.starts_with("\nThis code is over.\n\nTo sign in"), "{text}");
    assert!(next.is_some_and(|next| next != code) && other != link);
    // The end.
    door.portal.finished(Ending::SignedIn);
    assert_eq!(door.show(121_000).0, "\nThis code is over.\n");
    assert_eq!(door.show(122_000).0, "");
}

/// The name of an account controls nothing.
// REQ: PORTAL-10
#[test]
fn an_account_on_the_console() {
    let mut door = Door::new(true);
    door.show(0);
    door.line.0.borrow_mut().clear();
    block_on(door.console.confirm("al\x1B[2Jice\r\n\u{9b}\u{202e}é <b>"));
    assert_eq!(
        door.line.text(),
        "\r\nThis code is over.\r\n\r\nSign in as al?[2Jice?????\u{20}<b>? y or n\r\n"
    );
    let mut door = Door::new(false);
    block_on(door.console.confirm(&"é".repeat(100)));
    assert_eq!(door.line.text(), format!("\r\nSign in as {}? y or n\r\n", "é".repeat(64)));
}

#[test]
fn keys() {
    let mut door = Door::new(true);
    for (keys, press) in [
        (&b"y"[..], Some(Press::Confirm)),
        (b"xx Y", Some(Press::Confirm)),
        (b"q", Some(Press::Cancel)),
        (b"n", Some(Press::Cancel)),
        (b"\x1B", Some(Press::Cancel)),
        (b"\x03", Some(Press::Cancel)),
        (b"r", Some(Press::Release)),
        (b"abc \r\n", None),
    ] {
        assert_eq!(door.press(keys), press, "{keys:?}");
    }
}
