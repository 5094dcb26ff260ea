//! What can be read of it later.

use std::cell::RefCell;

use embassy_futures::join::join;
use keyfob_tests::lan::header;
use log::{LevelFilter, Log, Metadata, Record};

use crate::{
    device::{BACK, Home, LAN},
    sign_in::target,
};

thread_local! {
    /// Each test has a thread of its own.
    static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

struct Memory;

impl Log for Memory {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        LINES.with_borrow_mut(|lines| lines.push(record.args().to_string()));
    }

    fn flush(&self) {}
}

/// What was asked for and the status, and nothing else.
// REQ: PORTAL-32, PORTAL-17
#[test]
fn route_and_status() {
    log::set_logger(&Memory).expect("there is no other");
    log::set_max_level(LevelFilter::Trace);
    let home = Home::new();
    let mut phone = home.phone(20);
    let ((end, _), (cookie, back)) = home.run(join(home.sign_in(&LAN, BACK, false), async {
        phone.start("wrong").await;
        let code = home.panel.code().await;
        let start = phone.start(&code).await;
        let back = home.authorize(header(&start, "Location").expect("to the server"));
        phone.get("/favicon.ico?secret").await;
        phone.get(target(&back)).await;
        phone.last_page("/callback/done").await;
        (phone.cookie.clone().expect("a cookie"), back)
    }));
    assert!(end.is_ok());
    let lines = LINES.take();
    let portal: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix("portal: ")).collect();
    assert_eq!(
        portal,
        ["home 200", "start 403", "home 200", "start 303", "other 404", "callback 303", "done 200"]
    );
    let all = lines.concat();
    let cookie = cookie.split_once('=').expect("a value").1;
    let state = back.split_once("state=").expect("a state").1;
    for secret in [cookie, &state[..12], "code-1", "secret", "favicon"] {
        assert!(!all.contains(secret), "{secret}");
    }
}
