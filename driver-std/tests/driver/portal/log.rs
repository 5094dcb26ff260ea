//! What the log keeps of a sign-in.

use std::sync::Mutex;

use log::{LevelFilter, Log, Metadata, Record};

use crate::{
    portal::{
        device::Device,
        phone::{Phone, status},
    },
    support::child,
};

struct Memory(Mutex<Vec<String>>);

static MEMORY: Memory = Memory(Mutex::new(Vec::new()));

impl Log for Memory {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let line = format!("{} {} {}", record.level(), record.target(), record.args());
        self.0.lock().expect("is whole").push(line);
    }

    fn flush(&self) {}
}

// REQ: PORTAL-32
#[test]
fn the_log_keeps_route_and_status() {
    if !child::is_child() {
        child::run("portal::log::the_log_keeps_route_and_status", &[]);
        return;
    }
    log::set_logger(&MEMORY).expect("is the only one");
    log::set_max_level(LevelFilter::Trace);
    let device = Device::lan();
    let code = device.code();
    let mut phone = Phone::new(&device, 9);
    phone.get(&format!("/{code}?marker=query"));
    phone.send(b"marker\n");
    let answer = phone.start(&code);
    let location = answer.lines().find_map(|line| line.strip_prefix("Location: ")).expect("an address");
    phone.get("/callback?code=marker-code&state=marker-state");
    let page = phone.sign_in(location);
    assert_eq!(status(&page), 200);
    let cookie = phone.cookie.clone().expect("a cookie");
    let cookie = cookie.split_once('=').expect("has a value").1;
    device.signs_in();
    let lines = MEMORY.0.lock().expect("is whole");
    let own: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix("INFO keyfob_std::portal ")).collect();
    assert_eq!(
        own,
        ["other 404", "other 400", "home 200", "start 303", "callback 400", "callback 303", "done 200"]
    );
    // And nobody else writes more of it, at any level.
    let (marker, state) = ("marker", location.split("state=").nth(1).expect("is there").split('&').next());
    for secret in [marker, &code, cookie, state.expect("is there"), "127.0.0.9"] {
        assert!(lines.iter().all(|line| !line.contains(secret)), "{secret} in {lines:?}");
    }
}
