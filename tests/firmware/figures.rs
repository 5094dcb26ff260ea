//! Measures the firmware, and prints a line for each figure: its name and a number.

use std::{
    env, fs,
    path::Path,
    time::{Duration, Instant},
};

use keyfob_emulator::{Board, Tls, Ways, build};
use keyfob_firmware_tests::{
    Device, Running, chain,
    equipment::Equipment,
    service::{Account, Service},
};
use keyfob_interop::{
    browser::{self, Browser},
    provider::{Options, Provider},
};
use object::{Object, ObjectSection, SectionFlags, SectionKind, elf};

fn main() {
    match env::args().nth(1).as_deref() {
        Some("times") => return times(),
        Some("ways") => return measure_ways(),
        _ => {}
    }
    for (board, tls) in [
        (Board::Mps2An386, Tls::None),
        (Board::Mps2An386, Tls::P256),
        (Board::Mps2An386, Tls::Every),
        (Board::Virt, Tls::P256),
    ] {
        measure(board, tls);
    }
    for (board, ways) in
        [(Board::Mps2An386, Ways::Portal), (Board::Mps2An386, Ways::Relay), (Board::Virt, Ways::Portal)]
    {
        print_sizes(&format!("{}_p256_{}", board.name(), ways.name()), board, Tls::P256, ways);
    }
    measure_ways();
}

/// All ways on one board, and what each takes.
fn measure_ways() {
    let name = format!("{}_p256_ways", Board::Mps2An386.name());
    print_sizes(&name, Board::Mps2An386, Tls::P256, Ways::Every);
    let (account, equipment) = every_way();
    let _service = Service::start(&account, &equipment);
    let mut stack = 0;
    for way in WAYS {
        let mut running = equipment.device.start_measured();
        running.line("Nobody is signed in");
        way.go(&equipment, &mut running);
        let figures = figures(&mut running);
        eprintln!("{}: {} thousand instructions", way.name, figures.work);
        sign_out(&mut running);
        stack = self::figures(&mut running).stack.max(stack);
    }
    println!("{name}_stack {stack}");
}

/// Prints the seconds from the QR code until the device is signed in, each way, with taps and without the typing.
fn times() {
    let (account, equipment) = every_way();
    let _service = Service::start(&account, &equipment);
    let mut running = equipment.device.start();
    for way in WAYS {
        running.line("Nobody is signed in");
        let (seconds, taps) = way.go(&equipment, &mut running);
        println!("{} {seconds:.1} s, {taps} taps", way.name);
        sign_out(&mut running);
    }
}

/// A board with all ways.
fn every_way() -> (Account, Equipment) {
    let account = Account::new("Kettle");
    let mut options = account.options();
    options.redirect_uris.extend(["http://10.0.2.15/callback", "http://127.0.0.1/callback"].map(Into::into));
    let own = [("client_id", "ways"), ("insecure_lan_redirect", "yes")];
    let settings = [&account.settings()[..], &own].concat();
    let equipment = Equipment::with(Board::Mps2An386, Tls::P256, Ways::Every, options, &settings);
    (account, equipment)
}

/// A way, and what its user does in between.
struct Way {
    name: &'static str,
    key: &'static str,
    /// From the QR code to the server's page.
    to_server: fn(&Browser) -> u32,
    /// From there on.
    back: fn(&Browser, &mut Running) -> u32,
}

const WAYS: [Way; 4] = [
    Way { name: "code", key: "1", to_server: |_| 0, back: |_, _| 0 },
    Way {
        name: "relay",
        key: "3",
        to_server: |phone| {
            phone.click("button");
            phone.wait_for(|phone| phone.text().contains("Kettle"), SOON);
            phone.click("button");
            2
        },
        back: |_, _| 0,
    },
    Way {
        name: "paste",
        key: "4",
        to_server: |phone| {
            phone.click("button");
            phone.click("form[action='/go'] button");
            phone.go_to_tab(1);
            2
        },
        back: |phone, running| {
            let address = phone.url();
            phone.close_tab();
            phone.go_to_tab(0);
            phone.fill("textarea", &address);
            phone.click("form[action='/paste'] button");
            confirm(running);
            // To copy, to go back, to paste; the button, and the key.
            5
        },
    },
    Way {
        name: "portal",
        key: "5",
        to_server: |phone| {
            phone.click("button");
            1
        },
        back: |_, running| {
            confirm(running);
            1
        },
    },
];

impl Way {
    /// Signs in, and gives the seconds from the QR code on, and the taps. The user logs in anew each time.
    fn go(&self, equipment: &Equipment, running: &mut Running) -> (f32, u32) {
        let Equipment { provider, browser: phone, .. } = equipment;
        // Who is logged in at the server from before would have less to do.
        phone.open(provider.issuer());
        phone.forget();
        running.press(self.key);
        let link = running.scan();
        let begin = Instant::now();
        phone.open(&link);
        let before = (self.to_server)(phone);
        phone.wait_for(|phone| phone.url().starts_with(provider.issuer()), SOON);
        let at_server = if self.key == "1" { 3 } else { 2 };
        browser::sign_in(phone, "alice");
        let behind = (self.back)(phone, running);
        running.line("Signed in as alice");
        (begin.elapsed().as_secs_f32(), before + at_server + behind)
    }
}

fn confirm(running: &mut Running) {
    running.line("Sign in as alice? y or n");
    running.press("y");
}

const SOON: Duration = Duration::from_secs(30);

fn print_sizes(name: &str, board: Board, tls: Tls, ways: Ways) {
    let firmware = build(board, tls, ways).unwrap_or_else(|sentence| panic!("{sentence}"));
    let (flash, ram) = sizes(&firmware);
    println!("{name}_flash {flash}\n{name}_ram {ram}");
}

fn measure(board: Board, tls: Tls) {
    let name = format!("{}_{}", board.name(), tls.name());
    let firmware = build(board, tls, Ways::Code).unwrap_or_else(|sentence| panic!("{sentence}"));
    let (flash, ram) = sizes(&firmware);
    println!("{name}_flash {flash}\n{name}_ram {ram}");

    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let https = tls != Tls::None;
    let mut options = Options { https, ..Options::default() };
    let mut authority = None;
    if tls == Tls::Every {
        let (certificates, key, root) = chain::long(folder.path());
        options.certificate_and_key = Some((certificates, key));
        authority = Some(root);
    }
    let provider = Provider::start(options);
    let browser = Browser::start_with(browser::Options { accept_insecure_certs: https });
    let device = Device::new(board, &firmware, &[("issuer", provider.issuer())]);
    if https {
        device.put("authority.der", &authority.unwrap_or_else(|| provider.authority().ca_der()));
    }
    // So that the user need not log in while the device polls.
    let mut running = device.start();
    sign_in(&browser, &mut running);
    sign_out(&mut running);
    drop(running);

    let (mut stack, mut tries) = (0, 0);
    let (signed_in, wire) = loop {
        let mut running = device.start_measured();
        running.line("Nobody is signed in");
        let before = provider.seen_at("/oauth/token").len();
        sign_in(&browser, &mut running);
        let polls = provider.seen_at("/oauth/token").len() - before;
        let figures = figures(&mut running);
        let wire = device.wire();
        sign_out(&mut running);
        stack = self::figures(&mut running).stack.max(stack);
        drop(running);
        tries += 1;
        // A poll more is the user's, not the device's.
        if polls == 1 || tries == 5 {
            break (figures, wire);
        }
    };
    println!("{name}_stack {stack}");
    // On the other board the processor waits for each frame to be sent, which takes as long as the host likes.
    let counts = board == Board::Mps2An386;
    if counts {
        println!("{name}_sign_in_thousand_instructions {}", signed_in.work);
        println!("{name}_connect_thousand_instructions {}", signed_in.connecting / signed_in.connections);
    }
    println!("{name}_sign_in_connections {}", signed_in.connections);
    println!("{name}_sign_in_octets {}", wire.octets);
    println!("{name}_sign_in_round_trips {}", wire.round_trips);

    let mut running = device.start();
    sign_in(&browser, &mut running);
    drop(running);
    let mut running = device.start_measured();
    running.line("Signed in as");
    let refreshed = figures(&mut running);
    let wire = device.wire();
    if counts {
        println!("{name}_refresh_thousand_instructions {}", refreshed.work);
    }
    println!("{name}_refresh_connections {}", refreshed.connections);
    println!("{name}_refresh_octets {}", wire.octets);
    println!("{name}_refresh_round_trips {}", wire.round_trips);
}

fn sign_in(browser: &Browser, running: &mut Running) {
    running.press("\r");
    let (address, code) = running.code();
    browser.open(&address);
    browser.fill("input[name=user_code]", &code);
    browser.click("[type=submit]");
    browser::sign_in(browser, "alice");
    running.line("Signed in as alice");
}

fn sign_out(running: &mut Running) {
    running.press("o");
    running.line("Signed out: Revoked.");
}

/// What the board says of itself: octets, and thousands of instructions.
struct Figures {
    stack: u64,
    work: u64,
    connecting: u64,
    connections: u64,
}

fn figures(running: &mut Running) -> Figures {
    running.press("s");
    let line = running.line("Figures: ");
    let mut numbers = line.split([' ', ',']).filter_map(|word| word.parse().ok());
    let mut next = || numbers.next().expect("there are four numbers");
    Figures { stack: next(), work: next(), connecting: next(), connections: next() }
}

/// What an ELF file takes of flash, and of RAM before it runs; without the room for the stack.
fn sizes(path: &Path) -> (u64, u64) {
    let octets = fs::read(path).expect("it was built");
    let file = object::File::parse(&*octets).expect("it is an ELF file");
    let (mut flash, mut ram) = (0, 0);
    for section in file.sections() {
        let SectionFlags::Elf { sh_flags, .. } = section.flags() else { continue };
        let has = |flag: elf::SectionFlags| sh_flags.0 & flag.0 != 0;
        if !has(elf::SHF_ALLOC) || matches!(section.name(), Ok(".stack" | ".heap")) {
            continue;
        }
        let empty = section.kind() == SectionKind::UninitializedData;
        flash += if empty { 0 } else { section.size() };
        ram += if has(elf::SHF_WRITE) { section.size() } else { 0 };
    }
    (flash, ram)
}
