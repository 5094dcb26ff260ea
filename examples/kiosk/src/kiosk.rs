//! What the terminal shows, and when that changes: a state machine without I/O. Time comes in with every call, in
//! milliseconds.

use std::collections::VecDeque;

use keyfob_core::portal::Ending;
use zeroize::Zeroizing;

/// Seconds after which somebody, or something, is given up.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Without a touch, a user is signed out.
    pub idle: u32,
    /// So long before, the user is warned.
    pub warning: u32,
    /// A session, whatever its user does.
    pub session: u32,
    /// A sign-in that nobody finishes.
    pub wait: u32,
}

/// The terminal, and who is in front of it.
pub struct Kiosk {
    limits: Limits,
    view: View,
    /// When this view began.
    since: u64,
    /// When the user was there for sure.
    touched: u64,
    /// When a browser showed the page for sure.
    seen: u64,
    /// Counts users: what belongs to the last one, works no more.
    visit: u64,
    /// Counts changes of what is shown.
    version: u64,
    /// Counts sign-ins, so that one that was given up is known.
    attempt: u64,
    ways: Ways,
    /// The browser was at the server since the last user.
    left: bool,
    /// The user says that it is the right account.
    confirmed: bool,
    language: usize,
    default_language: usize,
    orders: VecDeque<Order>,
}

/// What is on the screen.
pub enum View {
    /// The browser is at the server, or on its way.
    Away { url: Zeroizing<String> },
    /// A code for the phone, until this moment.
    Code { code: Code, until: u64 },
    /// Somebody has signed in with a phone that was let in, and is to say that it is the right account.
    Confirm { account: String },
    /// A phone was let in, and signs somebody in.
    Connected,
    /// The browser ends its own session at the server.
    Farewell { url: Zeroizing<String>, end: End },
    /// It did not work.
    Failed(Fault),
    /// The tokens are taken back.
    Leaving(End),
    SignedIn {
        who: Who,
        /// When the session is over, whatever its user does.
        until: u64,
        /// The user is asked for a sign of life.
        warned: bool,
    },
    /// Something is being done, and takes no long time.
    Starting,
    /// Nobody is there. Perhaps somebody was, a moment ago.
    Welcome(Option<End>),
}

/// What a phone needs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Code {
    pub user_code: String,
    pub verification_uri: String,
    /// A picture of it, as SVG.
    pub qr: String,
}

/// Who is signed in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Who {
    pub name: String,
    pub account: String,
}

/// Why a session has ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End {
    /// The user has pressed the button.
    Button,
    /// Nobody was there any more.
    Idle,
    /// The time was over, or the server has ended it.
    Over,
}

/// Why nobody was signed in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    Ended(Ending),
    /// Nobody has finished in time.
    Expired,
    /// The server let somebody in without asking who it is.
    NotAsked,
}

/// The ways that can be gone.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Ways {
    pub phone: bool,
    pub screen: bool,
}

/// The way that the user wants.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Choice {
    Phone,
    Screen,
}

/// What is to be done outside.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Order {
    /// Give the next user a browser that knows nothing of the last one.
    FreshBrowser,
    SignIn {
        attempt: u64,
        choice: Choice,
    },
    SignOut,
}

/// What can be pressed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Button {
    Cancel,
    Confirm,
    /// A language, by its place.
    Language(usize),
    Phone,
    Screen,
    SignIn,
    SignOut,
    Stay,
}

/// Seconds that a fault, or the end of a session, is told.
const NOTICE: u32 = 15;

/// Seconds that a session lasts which no page shows.
const UNSEEN: u32 = 5;

/// Milliseconds in which a page sends the browser on by itself.
const SOON: u64 = 5_000;

/// Seconds for the browser to end its session at the server.
const FAREWELL: u32 = 10;

impl Kiosk {
    pub fn new(limits: Limits, language: usize) -> Self {
        Self {
            limits,
            view: View::Starting,
            since: 0,
            touched: 0,
            seen: 0,
            visit: 0,
            version: 0,
            attempt: 0,
            ways: Ways::default(),
            left: false,
            confirmed: false,
            language,
            default_language: language,
            orders: VecDeque::new(),
        }
    }

    /// Somebody has pressed something. What the page that is shown does not offer, does nothing.
    pub fn press(&mut self, button: Button, now: u64) {
        self.tick(now);
        let can_give_up = self.ways.any() && (self.is_signing_in() || matches!(self.view, View::Failed(_)));
        match (button, &mut self.view) {
            (Button::Language(language), _) => {
                self.language = language;
                self.touched = now;
                self.version += 1;
            }
            (Button::SignIn, View::Welcome(_) | View::Failed(_)) if self.ways.any() => {
                self.sign_in(if self.ways.phone { Choice::Phone } else { Choice::Screen }, now);
            }
            (Button::Screen, View::Code { .. } | View::Failed(_)) if self.ways.screen => {
                self.sign_in(Choice::Screen, now);
            }
            (Button::Phone, View::Away { .. } | View::Failed(_)) if self.ways.phone => {
                self.sign_in(Choice::Phone, now);
            }
            (Button::Cancel, _) if can_give_up => self.welcome(None, now),
            (Button::Confirm, View::Confirm { .. }) => {
                self.confirmed = true;
                self.show(View::Starting, now);
            }
            (Button::SignOut, View::SignedIn { .. }) => self.leave(End::Button, now),
            (Button::Stay, View::SignedIn { warned, .. }) => {
                self.touched = now;
                // The page counts down to the warning.
                if std::mem::take(warned) {
                    self.version += 1;
                }
            }
            _ => {}
        }
    }

    /// A browser shows the page.
    pub fn saw(&mut self, now: u64) {
        self.seen = now;
    }

    /// Time goes by.
    pub fn tick(&mut self, now: u64) {
        let after = |seconds: u32, since: u64| now >= since.saturating_add(u64::from(seconds) * 1000);
        let Limits { idle, warning, wait, .. } = self.limits;
        match &mut self.view {
            View::SignedIn { until, .. } if now >= *until => self.leave(End::Over, now),
            // Whoever closes the page is gone, and the next one opens it.
            View::SignedIn { .. } if after(UNSEEN, self.seen) => self.leave(End::Idle, now),
            View::SignedIn { .. } if after(idle, self.touched) => self.leave(End::Idle, now),
            View::SignedIn { warned, .. } if !*warned && after(idle - warning, self.touched) => {
                *warned = true;
                self.version += 1;
            }
            View::Away { .. } | View::Code { .. } | View::Confirm { .. } | View::Connected
                if after(wait, self.since) =>
            {
                self.fail(Fault::Expired, now);
            }
            // Where nobody can go any way, there is nothing to go back to.
            View::Failed(_) if after(NOTICE, self.since) && self.ways.any() => self.welcome(None, now),
            View::Farewell { end, .. } if after(FAREWELL, self.since) => {
                let end = *end;
                self.welcome(Some(end), now);
            }
            View::Welcome(end @ Some(_)) if after(NOTICE, self.since) => {
                *end = None;
                self.version += 1;
            }
            _ => {}
        }
    }

    /// These ways can be gone, as far as is known.
    pub fn set_ways(&mut self, ways: Ways) {
        if self.ways != ways {
            self.ways = ways;
            self.version += 1;
        }
    }

    /// The terminal is ready for its users.
    pub fn ready(&mut self, now: u64) {
        self.welcome(None, now);
    }

    /// The server cannot be reached, and nobody can be signed in.
    pub fn out_of_order(&mut self, now: u64) {
        self.show(View::Failed(Fault::Ended(Ending::Unreachable)), now);
    }

    /// The program ends.
    pub fn close(&mut self, now: u64) {
        self.attempt += 1;
        self.visit += 1;
        self.ways = Ways::default();
        self.show(View::Starting, now);
    }

    /// Whether the sign-in goes on.
    pub fn wants(&self, attempt: u64) -> bool {
        self.is_signing_in() && attempt == self.attempt
    }

    /// A code for the phone; `seconds` is its life.
    pub fn code(&mut self, attempt: u64, code: Code, seconds: u32, now: u64) {
        if !self.wants(attempt) {
            return;
        }
        let since = if let View::Code { .. } = self.view { self.since } else { now };
        let end = since.saturating_add(u64::from(self.limits.wait) * 1000);
        let until = end.min(now.saturating_add(u64::from(seconds) * 1000));
        match &mut self.view {
            View::Code { code: shown, until: end } if *shown == code => *end = until,
            _ => self.show(View::Code { code, until }, now),
        }
        // Another code in its place is no reason to wait longer.
        self.since = since;
    }

    /// A phone was let in with the code, which is taken down.
    pub fn connected(&mut self, attempt: u64, now: u64) {
        if self.wants(attempt) && !matches!(self.view, View::Connected) {
            self.show(View::Connected, now);
        }
    }

    /// The user is asked whether this is the right account.
    pub fn confirm(&mut self, attempt: u64, account: &str, now: u64) {
        if self.wants(attempt) {
            self.confirmed = false;
            self.show(View::Confirm { account: account.to_owned() }, now);
        }
    }

    /// Whether the user has said so.
    pub fn is_confirmed(&self, attempt: u64) -> bool {
        self.wants(attempt) && self.confirmed
    }

    /// The browser has to go to the server.
    pub fn away(&mut self, attempt: u64, url: &str, now: u64) {
        if self.wants(attempt) {
            self.left = true;
            self.show(View::Away { url: Zeroizing::new(url.to_owned()) }, now);
        }
    }

    /// The browser, or the phone, has done its part.
    pub fn came_back(&mut self, attempt: u64, now: u64) {
        if self.wants(attempt) {
            self.show(View::Starting, now);
        }
    }

    /// Somebody is signed in; `seconds` is how long that can last. `false`: the sign-in was given up meanwhile.
    pub fn signed_in(&mut self, attempt: u64, who: Who, seconds: Option<u32>, now: u64) -> bool {
        if !self.wants(attempt) {
            return false;
        }
        let seconds = seconds.map_or(self.limits.session, |seconds| seconds.min(self.limits.session));
        self.touched = now;
        self.seen = now;
        let until = now.saturating_add(u64::from(seconds) * 1000);
        self.show(View::SignedIn { who, until, warned: false }, now);
        true
    }

    /// Nobody is signed in.
    pub fn failed(&mut self, attempt: u64, fault: Fault, now: u64) {
        if self.wants(attempt) {
            self.fail(fault, now);
        }
    }

    /// The server has ended the session.
    pub fn over(&mut self, now: u64) {
        if let View::SignedIn { .. } = self.view {
            self.leave(End::Over, now);
        }
    }

    /// The tokens are gone. `farewell`: where the browser ends its own session at the server.
    pub fn signed_out(&mut self, farewell: Option<&str>, now: u64) {
        let View::Leaving(end) = self.view else { return };
        match farewell {
            Some(url) => {
                self.left = true;
                let url = Zeroizing::new(url.to_owned());
                self.show(View::Farewell { url, end }, now);
            }
            None => self.welcome(Some(end), now),
        }
    }

    /// The browser has ended its own session at the server.
    pub fn said_farewell(&mut self, now: u64) {
        if let View::Farewell { end, .. } = self.view {
            self.welcome(Some(end), now);
        }
    }

    /// Where the browser is to go, if it is to go somewhere. Only a page that is loaded soon goes by itself: the others
    /// are of a user who has come back, and may not want to go there again.
    pub fn follow(&self, now: u64) -> Option<&str> {
        match &self.view {
            View::Away { url } | View::Farewell { url, .. } if now < self.since.saturating_add(SOON) => {
                Some(url)
            }
            _ => None,
        }
    }

    pub fn take_order(&mut self) -> Option<Order> {
        self.orders.pop_front()
    }

    pub fn view(&self) -> &View {
        &self.view
    }

    pub fn visit(&self) -> u64 {
        self.visit
    }

    pub fn version(&self) -> u64 {
        self.version
    }

    pub fn ways(&self) -> Ways {
        self.ways
    }

    pub fn language(&self) -> usize {
        self.language
    }

    /// Seconds left of what is shown, if it counts down.
    pub fn seconds_left(&self, now: u64) -> Option<u64> {
        let until = match &self.view {
            View::Code { until, .. } | View::SignedIn { until, warned: false, .. } => *until,
            View::SignedIn { until, .. } => {
                (*until).min(self.touched.saturating_add(u64::from(self.limits.idle) * 1000))
            }
            _ => return None,
        };
        Some(until.saturating_sub(now).div_ceil(1000))
    }

    fn is_signing_in(&self) -> bool {
        matches!(
            self.view,
            View::Away { .. } | View::Code { .. } | View::Confirm { .. } | View::Connected | View::Starting
        )
    }

    fn sign_in(&mut self, choice: Choice, now: u64) {
        self.attempt += 1;
        self.confirmed = false;
        self.orders.push_back(Order::SignIn { attempt: self.attempt, choice });
        self.show(View::Starting, now);
    }

    fn leave(&mut self, end: End, now: u64) {
        self.orders.push_back(Order::SignOut);
        self.show(View::Leaving(end), now);
    }

    fn fail(&mut self, fault: Fault, now: u64) {
        // What the browser was asked at the server, and half answered, is not for the next one.
        if std::mem::take(&mut self.left) {
            self.orders.push_back(Order::FreshBrowser);
        }
        self.show(View::Failed(fault), now);
    }

    /// The next user: nothing that was shown to the last one can be pressed any more.
    fn welcome(&mut self, end: Option<End>, now: u64) {
        self.visit += 1;
        self.language = self.default_language;
        if std::mem::take(&mut self.left) {
            self.orders.push_back(Order::FreshBrowser);
        }
        self.show(View::Welcome(end), now);
    }

    fn show(&mut self, view: View, now: u64) {
        self.view = view;
        self.since = now;
        self.version += 1;
    }
}

impl Ways {
    pub fn any(self) -> bool {
        self.phone || self.screen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { idle: 60, warning: 15, session: 900, wait: 180 };

    fn kiosk() -> Kiosk {
        let mut kiosk = Kiosk::new(LIMITS, 0);
        kiosk.set_ways(Ways { phone: true, screen: true });
        kiosk.ready(0);
        kiosk
    }

    fn ada() -> Who {
        Who { name: "Ada".into(), account: "ada@example.com".into() }
    }

    fn code() -> Code {
        Code {
            user_code: "BCDF-GHJK".into(),
            verification_uri: "https://op.example/".into(),
            qr: String::new(),
        }
    }

    /// Signs Ada in at this moment.
    fn signed_in(now: u64) -> Kiosk {
        let mut kiosk = kiosk();
        kiosk.press(Button::SignIn, now);
        assert!(kiosk.signed_in(1, ada(), None, now));
        assert!(matches!(kiosk.take_order(), Some(Order::SignIn { attempt: 1, choice: Choice::Phone })));
        kiosk
    }

    /// Time goes by while a page is shown.
    fn watch(kiosk: &mut Kiosk, from: u64, to: u64) {
        for now in (from..to).step_by(1000).chain([to]) {
            kiosk.tick(now);
            kiosk.saw(now);
        }
    }

    fn is_warned(kiosk: &Kiosk) -> bool {
        matches!(kiosk.view(), View::SignedIn { warned: true, .. })
    }

    // REQ: CDX-04
    #[test]
    fn who_is_gone_is_warned_and_signed_out() {
        let mut kiosk = signed_in(1_000);
        watch(&mut kiosk, 1_000, 45_999);
        assert!(!is_warned(&kiosk));
        watch(&mut kiosk, 45_999, 46_000);
        assert!(is_warned(&kiosk));
        assert_eq!(kiosk.seconds_left(46_000), Some(15));
        watch(&mut kiosk, 46_000, 60_999);
        assert!(is_warned(&kiosk) && kiosk.take_order().is_none());
        watch(&mut kiosk, 60_999, 61_000);
        assert!(matches!(kiosk.view(), View::Leaving(End::Idle)));
        assert_eq!(kiosk.take_order(), Some(Order::SignOut));
        assert_eq!(kiosk.take_order(), None, "once");
    }

    // REQ: CDX-04
    #[test]
    fn who_is_there_stays_until_the_session_is_over() {
        let mut kiosk = signed_in(0);
        for second in (0..900).step_by(50) {
            watch(&mut kiosk, second * 1000, (second + 50) * 1000 - 1);
            kiosk.press(Button::Stay, (second + 50) * 1000 - 1);
            assert!(matches!(kiosk.view(), View::SignedIn { warned: false, .. }), "{second}");
        }
        assert!(matches!(kiosk.view(), View::SignedIn { .. }));
        kiosk.press(Button::Stay, 900_000);
        assert!(matches!(kiosk.view(), View::Leaving(End::Over)));
    }

    #[test]
    fn tokens_that_cannot_be_renewed_end_the_session() {
        let mut kiosk = kiosk();
        kiosk.press(Button::SignIn, 0);
        assert!(kiosk.signed_in(1, ada(), Some(30), 0));
        assert_eq!(kiosk.seconds_left(0), Some(30));
        watch(&mut kiosk, 0, 30_000);
        assert!(matches!(kiosk.view(), View::Leaving(End::Over)));
    }

    // REQ: CDX-04
    #[test]
    fn who_closes_the_page_is_signed_out() {
        let mut kiosk = signed_in(0);
        watch(&mut kiosk, 0, 20_000);
        kiosk.tick(24_999);
        assert!(matches!(kiosk.view(), View::SignedIn { .. }));
        kiosk.tick(25_000);
        assert!(matches!(kiosk.view(), View::Leaving(End::Idle)));
    }

    // REQ: CDX-01
    #[test]
    fn nothing_starts_without_a_press() {
        let mut kiosk = kiosk();
        for second in 0..10_000 {
            kiosk.tick(second * 1000);
            assert!(matches!(kiosk.view(), View::Welcome(None)));
        }
        assert_eq!(kiosk.take_order(), None);
    }

    // REQ: CDX-02, DEV-24
    #[test]
    fn a_code_that_nobody_uses_is_taken_down() {
        let mut kiosk = kiosk();
        kiosk.press(Button::SignIn, 0);
        kiosk.code(1, code(), 600, 0);
        assert_eq!(kiosk.seconds_left(0), Some(180), "no longer than the kiosk waits");
        kiosk.code(1, code(), 599, 1_000);
        assert_eq!(kiosk.seconds_left(1_000), Some(179), "and it is not extended");
        kiosk.tick(180_000);
        assert!(matches!(kiosk.view(), View::Failed(Fault::Expired)));
        assert!(!kiosk.wants(1));
        // What comes too late is not shown.
        kiosk.code(1, code(), 400, 181_000);
        assert!(!kiosk.signed_in(1, ada(), None, 181_000));
        kiosk.tick(195_000);
        assert!(matches!(kiosk.view(), View::Welcome(None)));
    }

    // REQ: CDX-02
    #[test]
    fn another_code_does_not_extend_the_wait() {
        let mut kiosk = kiosk();
        kiosk.press(Button::SignIn, 0);
        kiosk.code(1, code(), 120, 0);
        let other = Code { user_code: "LMNP-QRST".into(), ..code() };
        kiosk.code(1, other.clone(), 120, 120_000);
        assert!(matches!(kiosk.view(), View::Code { code, .. } if *code == other));
        assert_eq!(kiosk.seconds_left(120_000), Some(60));
        kiosk.tick(180_000);
        assert!(matches!(kiosk.view(), View::Failed(Fault::Expired)));
    }

    // REQ: CDX-03
    #[test]
    fn a_phone_that_was_let_in_signs_in_nobody_whom_the_user_does_not_want() {
        let mut kiosk = kiosk();
        kiosk.press(Button::SignIn, 0);
        kiosk.code(1, code(), 120, 0);
        kiosk.connected(1, 0);
        assert!(matches!(kiosk.view(), View::Connected));
        kiosk.press(Button::Confirm, 0);
        assert!(!kiosk.is_confirmed(1), "nobody was asked yet");
        kiosk.confirm(1, "mallory", 0);
        kiosk.press(Button::Cancel, 0);
        assert!(!kiosk.wants(1) && !kiosk.is_confirmed(1));
        assert!(!kiosk.signed_in(1, ada(), None, 0));
        kiosk.press(Button::SignIn, 0);
        kiosk.confirm(2, "ada", 0);
        assert!(!kiosk.is_confirmed(2));
        kiosk.press(Button::Confirm, 0);
        assert!(kiosk.is_confirmed(2) && kiosk.signed_in(2, ada(), None, 0));
    }

    #[test]
    fn what_was_given_up_does_not_come_back() {
        let mut kiosk = kiosk();
        kiosk.press(Button::SignIn, 0);
        kiosk.press(Button::Cancel, 0);
        kiosk.press(Button::SignIn, 0);
        assert!(!kiosk.wants(1) && kiosk.wants(2));
        kiosk.code(1, code(), 600, 0);
        kiosk.failed(1, Fault::Expired, 0);
        assert!(!kiosk.signed_in(1, ada(), None, 0));
        assert!(matches!(kiosk.view(), View::Starting));
    }

    #[test]
    fn each_user_has_a_visit_and_the_first_language() {
        let mut kiosk = signed_in(0);
        let visit = kiosk.visit();
        kiosk.press(Button::Language(2), 0);
        kiosk.press(Button::SignOut, 0);
        assert_eq!((kiosk.visit(), kiosk.language()), (visit, 2));
        kiosk.signed_out(None, 0);
        assert_eq!((kiosk.visit(), kiosk.language()), (visit + 1, 0));
        assert!(matches!(kiosk.view(), View::Welcome(Some(End::Button))));
        kiosk.tick(15_000);
        assert!(matches!(kiosk.view(), View::Welcome(None)));
    }

    #[test]
    fn the_browser_is_renewed_if_it_was_at_the_server() {
        let mut kiosk = kiosk();
        kiosk.press(Button::SignIn, 0);
        kiosk.code(1, code(), 600, 0);
        kiosk.press(Button::Screen, 0);
        kiosk.away(2, "https://op.example/authorize", 0);
        assert_eq!(kiosk.follow(4_999), Some("https://op.example/authorize"));
        assert_eq!(kiosk.follow(5_000), None, "whoever comes back later, stays");
        kiosk.came_back(2, 0);
        assert!(kiosk.signed_in(2, ada(), None, 0));
        kiosk.press(Button::SignOut, 0);
        kiosk.signed_out(Some("https://op.example/logout"), 0);
        assert_eq!(kiosk.follow(0), Some("https://op.example/logout"));
        kiosk.said_farewell(0);
        let orders: Vec<_> = std::iter::from_fn(|| kiosk.take_order()).collect();
        let way = |attempt, choice| Order::SignIn { attempt, choice };
        let ways = [way(1, Choice::Phone), way(2, Choice::Screen)];
        assert_eq!(orders, [ways[0], ways[1], Order::SignOut, Order::FreshBrowser]);
    }

    #[test]
    fn a_browser_that_stays_at_the_server_is_not_waited_for() {
        let mut kiosk = signed_in(0);
        kiosk.press(Button::SignOut, 0);
        kiosk.take_order();
        kiosk.signed_out(Some("https://op.example/logout"), 0);
        kiosk.tick(10_000);
        assert!(matches!(kiosk.view(), View::Welcome(Some(End::Button))));
        assert_eq!(kiosk.take_order(), Some(Order::FreshBrowser));
    }

    #[test]
    fn half_a_sign_in_at_the_server_is_not_for_the_next_user() {
        let mut kiosk = kiosk();
        kiosk.press(Button::SignIn, 0);
        kiosk.take_order();
        kiosk.away(1, "https://op.example/authorize", 0);
        kiosk.tick(180_000);
        assert!(matches!(kiosk.view(), View::Failed(Fault::Expired)));
        assert_eq!(kiosk.take_order(), Some(Order::FreshBrowser));
    }

    #[test]
    fn buttons_of_other_pages_do_nothing() {
        let mut kiosk = kiosk();
        for button in [Button::SignOut, Button::Stay, Button::Cancel, Button::Screen, Button::Phone] {
            kiosk.press(button, 0);
            assert!(matches!(kiosk.view(), View::Welcome(None)), "{button:?}");
        }
        let mut kiosk = signed_in(0);
        for button in [Button::SignIn, Button::Cancel, Button::Screen, Button::Phone] {
            kiosk.press(button, 0);
            assert!(matches!(kiosk.view(), View::SignedIn { .. }), "{button:?}");
        }
    }
}
