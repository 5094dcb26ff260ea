//! The application of all boards: a button signs a user in by way of another device, and out again; in between it keeps
//! them signed in, through every loss of power.
//!
//! Boards differ in their network, their flash, their random numbers and their console, and hand these in.

#![no_std]
#![forbid(unsafe_code)]

use core::{ops::Range, pin::pin};

use embassy_futures::select::{Either, select};
use embassy_net::{Stack, tcp::client::TcpClientState};
use embassy_time::Timer;
use embedded_io_async::Write;
use embedded_storage_async::nor_flash::NorFlash;
use keyfob_core::{
    client::Client,
    entropy::Entropy,
    error::Error,
    exchange::Discovery,
    flow::DeviceAuthorization,
    jws::Es256,
    secret::Seed,
    session::{Action, Session},
    sign_out::SignOut,
    time::UnixTime,
};
use keyfob_embassy::{
    Clock, SystemClock, fetch,
    flash_store::{FlashStore, room},
    http::{self, Http},
    net::EmbassyNet,
    run,
    serial_console::SerialConsole,
    session::{Store, Unavailable, keep_fresh, sign_out, tell},
    tls::{CertificateDer, Tls, TlsMemory, trust_anchor},
};

/// Who signs users in.
const ISSUER: &str = match option_env!("KEYFOB_ISSUER") {
    Some(issuer) => issuer,
    None => "https://op.example",
};

/// What the device is called there.
const CLIENT_ID: &str = match option_env!("KEYFOB_CLIENT_ID") {
    Some(client_id) => client_id,
    None => "device",
};

/// The authority that the server's certificate goes back to.
const AUTHORITY: &[u8] = include_bytes!("../authority.der");

/// It is not before this day.
const BUILT: UnixTime = UnixTime::from_seconds(1_795_000_000);

/// Octets for tokens.
const TOKENS: usize = 1024;

/// A store for them.
type Flash<F> = FlashStore<F, { room(Session::<TOKENS>::RECORD) }>;

/// What needs a place for as long as the device runs.
pub struct Memory {
    sockets: TcpClientState<1, 1024, 2048>,
    tls: TlsMemory,
    work: [u8; 4096],
    metadata: [u8; 1024],
    picture: [u8; 560],
}

impl Memory {
    /// Empty.
    pub const fn new() -> Self {
        Self {
            sockets: TcpClientState::new(),
            tls: TlsMemory::new(),
            work: [0; 4096],
            metadata: [0; 1024],
            picture: [0; 560],
        }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

/// Random numbers of the chip.
#[derive(Clone, Copy)]
struct Generator(fn(&mut [u8]));

impl Entropy for Generator {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        (self.0)(out);
        Ok(())
    }
}

/// Does everything, for ever. Sessions lie in `range` of `flash`; `random` fills octets; `button` waits for a press.
///
/// # Panics
/// If the constants above are wrong, or the range of the flash is.
pub async fn start<F: NorFlash>(
    stack: Stack<'static>,
    memory: &'static mut Memory,
    flash: F,
    range: Range<u32>,
    random: fn(&mut [u8]),
    console: impl Write,
    button: impl AsyncFnMut(),
) -> ! {
    let clock = SystemClock::not_before(BUILT);
    let network = EmbassyNet::new(stack, &memory.sockets);
    let authority = CertificateDer::from(AUTHORITY);
    let anchors = [trust_anchor(&authority).expect("it is a certificate")];
    let (desk, records) = memory.tls.split();
    let session = pin!(desk.session(records, &network, &anchors, Generator(random), clock));
    let tls = Tls::new(desk, session);
    let mut http = http::Client::<_>::new(&tls);
    let store = Flash::new(flash, range).unwrap_or_else(|_| panic!("the range of the flash is wrong"));
    let discovery = Discovery::new(ISSUER).expect("KEYFOB_ISSUER is an address");
    let mut device =
        Device { store, generator: Generator(random), console, button, clock, picture: &mut memory.picture };
    loop {
        let metadata = fetch(&discovery, &mut http, &mut device.clock, &mut memory.metadata).await;
        if let Ok(metadata) = metadata {
            let client = Client::new(metadata, CLIENT_ID);
            let client = client.scope(&["openid", "offline_access"]).algorithms(&[&Es256]);
            if device.serve(&client, &mut http, &mut memory.work).await.is_err() {
                panic!("the program is wrong");
            }
        }
        device.say("The server does not say where to ask.\r\n").await;
        Timer::after_secs(10).await;
    }
}

/// What the device works with.
struct Device<'d, S, W, B> {
    store: S,
    generator: Generator,
    console: W,
    button: B,
    clock: SystemClock,
    picture: &'d mut [u8],
}

impl<S: Store, W: Write, B: AsyncFnMut()> Device<'_, S, W, B> {
    async fn serve(
        &mut self,
        client: &Client<'_>,
        http: &mut impl Http,
        buffer: &mut [u8],
    ) -> Result<(), Error> {
        let seed = Seed::draw(&mut self.generator)?;
        let mut session = Session::<TOKENS>::new(client, &seed)?;
        let mut owed = SignOut::<TOKENS>::new(client, &seed)?;
        loop {
            let Self { store, clock, .. } = self;
            // What is owed to the server is told when it can be.
            let _ = tell(&mut session, &mut owed, store, http, clock, buffer).await;
            match keep_fresh(&mut session, store, http, clock, buffer).await {
                Ok(_) => {
                    self.say("Signed in. The button signs out.\r\n").await;
                    let until = match session.poll(self.clock.now(), buffer)? {
                        Action::Ready { until } => until.unwrap_or(u64::MAX),
                        _ => 0,
                    };
                    let wait = until.saturating_sub(self.clock.now().uptime).clamp(1000, 86_400_000);
                    if let Either::First(()) = select((self.button)(), Timer::after_millis(wait)).await {
                        let Self { store, clock, .. } = self;
                        let _ = sign_out(&mut session, &mut owed, false, store, http, clock, buffer).await;
                    }
                }
                Err(Unavailable::SignIn(_)) => self.sign_in(client, &mut session, http, buffer).await?,
                Err(Unavailable::Session(error)) => return Err(error),
                _ => Timer::after_secs(10).await,
            }
        }
    }

    /// Waits for the button, shows a code, and lets the button take it away.
    async fn sign_in(
        &mut self,
        client: &Client<'_>,
        session: &mut Session<'_, TOKENS>,
        http: &mut impl Http,
        buffer: &mut [u8],
    ) -> Result<(), Error> {
        self.say("Nobody is signed in. The button begins.\r\n").await;
        (self.button)().await;
        let seed = Seed::draw(&mut self.generator)?;
        let mut flow = DeviceAuthorization::<1024>::new(client, seed, self.clock.now())?;
        let mut screen = SerialConsole::new(&mut self.console, "this board", self.picture);
        let mut clock = self.clock;
        let kept = |tokens: keyfob_core::token::TokenResponse<'_>| session.sign_in(clock.now(), &tokens);
        let driven = run(&mut flow, http, &mut screen, &mut self.clock, buffer, kept);
        let outcome = select(driven, (self.button)()).await;
        let _ = screen.clear().await;
        if !matches!(outcome, Either::First(Ok(Ok(())))) {
            self.say("There is no sign-in.\r\n").await;
        }
        Ok(())
    }

    async fn say(&mut self, text: &str) {
        // Without a console it goes on.
        let _ = self.console.write_all(text.as_bytes()).await;
    }
}
