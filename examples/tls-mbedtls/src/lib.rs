//! Streams by mbedTLS, for servers that speak TLS 1.2, or want X25519.
//!
//! mbedTLS needs a heap. What it makes of a certificate's time is up to a clock that it does not have by default: it
//! then takes certificates that have expired. Here it has one, and the three answers of the core are kept apart as in
//! `keyfob_embassy::tls`.
#![no_std]
#![deny(missing_docs)]

mod calendar;

use core::{cell::Cell, cell::RefCell, ffi::CStr, fmt};

use critical_section::Mutex;
use embedded_io_async::{Error as _, ErrorKind, ErrorType, Read, Write};
use keyfob_core::time::Date;
use keyfob_embassy::{
    Clock,
    connect::{Connect, Origin},
};
use mbedtls_rs::{
    AuthMode, Certificate, ClientSessionConfig, Session, SessionConfig, SessionError, Tls, X509,
    sys::{hook::timer, hook::wall_clock, mbedtls_ms_time_t, tm},
};
use rand_core::CryptoRng;

/// Why there is no stream, or no more of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum MbedTlsError {
    /// A read or a write was dropped half-way.
    Abandoned,
    /// The server's certificate did not pass, for these reasons (`MBEDTLS_X509_BADCERT_…`).
    Certificate(u32),
    /// The date is not known, not even a floor of it.
    DateUnknown,
    /// The URL is `http`.
    Insecure,
    /// The host is no DNS name.
    InvalidName,
    /// mbedTLS.
    Library(i32),
    /// The network below; [`ErrorKind::ConnectionReset`] also where it ended without the server's word.
    Network(ErrorKind),
}

impl fmt::Display for MbedTlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Abandoned => "the connection was left half-way",
            Self::Certificate(_) => "the server's certificate did not pass",
            Self::DateUnknown => "the date is not known, so no certificate can be judged",
            Self::Insecure => "this connection would not be secure",
            Self::InvalidName => "the server's name is no DNS name",
            Self::Library(_) => "mbedTLS failed",
            Self::Network(_) => "the network failed",
        })
    }
}

impl core::error::Error for MbedTlsError {}

impl embedded_io_async::Error for MbedTlsError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Certificate(_) | Self::DateUnknown => ErrorKind::PermissionDenied,
            Self::Insecure | Self::InvalidName => ErrorKind::InvalidInput,
            Self::Network(kind) => *kind,
            _ => ErrorKind::Other,
        }
    }
}

impl From<SessionError> for MbedTlsError {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Io(kind) => Self::Network(kind),
            SessionError::MbedTls(error) => Self::Library(error.code()),
        }
    }
}

/// Opens verified streams.
pub struct MbedTls<'d, C, K> {
    network: &'d C,
    authorities: Certificate<'static>,
    clock: RefCell<K>,
    library: Tls<'static>,
}

impl<'d, C: Connect, K: Clock> MbedTls<'d, C, K> {
    /// A connector over plain streams. `authorities` are certificates in PEM.
    ///
    /// # Errors
    /// [`MbedTlsError::Library`] if there is one already, or a certificate cannot be read.
    pub fn new(
        network: &'d C,
        authorities: &CStr,
        clock: K,
        generator: &'static mut (dyn CryptoRng + Send),
    ) -> Result<Self, MbedTlsError> {
        // SAFETY: nothing of mbedTLS has been called yet that asks for the time, and both are static.
        unsafe {
            timer::hook_timer(Some(&Hooks));
            wall_clock::hook_wall_clock(Some(&Hooks));
        }
        let library = Tls::new(generator).or(Err(MbedTlsError::Library(0)))?;
        let authorities =
            Certificate::new(X509::PEM(authorities)).map_err(|error| MbedTlsError::Library(error.code()))?;
        Ok(Self { network, authorities, clock: RefCell::new(clock), library })
    }
}

impl<C: Connect, K: Clock> Connect for MbedTls<'_, C, K> {
    type Error = MbedTlsError;
    type Stream<'s>
        = MbedTlsStream<'s, C::Stream<'s>>
    where
        Self: 's;

    async fn connect<'s>(&'s self, origin: Origin<'_>) -> Result<Self::Stream<'s>, MbedTlsError> {
        if !origin.secure {
            return Err(MbedTlsError::Insecure);
        }
        let mut name = [0; 254];
        let host = origin.host.as_bytes();
        let is_name = host.iter().any(u8::is_ascii_alphabetic) && !host.contains(&b':') && !host.contains(&0);
        let place = name.get_mut(..host.len()).filter(|_| is_name && host.len() < 254);
        place.ok_or(MbedTlsError::InvalidName)?.copy_from_slice(host);
        let name = CStr::from_bytes_until_nul(&name).or(Err(MbedTlsError::InvalidName))?;

        let now = self.clock.borrow_mut().now();
        let (date, floor) = match now.date {
            Date::AtLeast(date) => (date, true),
            Date::Known(date) => (date, false),
            _ => return Err(MbedTlsError::DateUnknown),
        };
        critical_section::with(|section| NOW.borrow(section).set((Some(date.seconds()), now.uptime)));
        let plain = Origin { secure: false, ..origin };
        let stream =
            self.network.connect(plain).await.map_err(|error| MbedTlsError::Network(error.kind()))?;
        let mut session = Session::new(
            self.library.reference(),
            stream,
            &SessionConfig::Client(ClientSessionConfig {
                ca_chain: Some(self.authorities.clone()),
                // Where only a floor is known, a certificate that seems to come from the future may be good: mbedTLS is
                // told to go on, and what it found is judged here, before anything is written.
                auth_mode: if floor { AuthMode::Optional } else { AuthMode::Required },
                ..ClientSessionConfig::new()
            }),
        )?;
        session.set_server_name(name)?;
        let connected = session.connect().await;
        let found = session.tls_verification_details();
        if let Err(error) = connected {
            // What it did not come to judge has all bits set.
            let judged = matches!(error, SessionError::MbedTls(_)) && found != 0 && found != u32::MAX;
            return Err(if judged { MbedTlsError::Certificate(found) } else { error.into() });
        }
        let forgiven = if floor { mbedtls_rs::sys::MBEDTLS_X509_BADCERT_FUTURE } else { 0 };
        if found & !forgiven != 0 {
            return Err(MbedTlsError::Certificate(found));
        }
        Ok(MbedTlsStream { session, busy: false })
    }
}

/// A stream to a server that has proved who it is. Dropping it closes the network's stream at once.
pub struct MbedTlsStream<'s, S: Read + Write> {
    session: Session<'s, S>,
    /// Something was begun and has not ended: mbedTLS cannot go on from there.
    busy: bool,
}

impl<S: Read + Write> MbedTlsStream<'_, S> {
    fn begin(&mut self) -> Result<(), MbedTlsError> {
        if self.busy {
            return Err(MbedTlsError::Abandoned);
        }
        self.busy = true;
        Ok(())
    }

    fn end<R>(&mut self, result: Result<R, SessionError>) -> Result<R, MbedTlsError> {
        self.busy = result.is_err();
        Ok(result?)
    }
}

impl<S: Read + Write> ErrorType for MbedTlsStream<'_, S> {
    type Error = MbedTlsError;
}

impl<S: Read + Write> Read for MbedTlsStream<'_, S> {
    async fn read(&mut self, out: &mut [u8]) -> Result<usize, MbedTlsError> {
        self.begin()?;
        let read = self.session.read(out).await;
        self.end(read)
    }
}

impl<S: Read + Write> Write for MbedTlsStream<'_, S> {
    async fn write(&mut self, octets: &[u8]) -> Result<usize, MbedTlsError> {
        self.begin()?;
        let written = self.session.write(octets).await;
        self.end(written)
    }

    async fn flush(&mut self) -> Result<(), MbedTlsError> {
        self.begin()?;
        let flushed = self.session.flush().await;
        self.end(flushed)
    }
}

/// The clock of mbedTLS: it stands at what was known when the connection was opened.
struct Hooks;

static NOW: Mutex<Cell<(Option<u64>, u64)>> = Mutex::new(Cell::new((None, 0)));

impl wall_clock::MbedtlsWallClock for Hooks {
    fn instant(&self) -> Option<tm> {
        let (seconds, _) = critical_section::with(|section| NOW.borrow(section).get());
        calendar::broken_down(seconds?)
    }
}

impl timer::MbedtlsTimer for Hooks {
    fn now(&self) -> mbedtls_ms_time_t {
        let (_, uptime) = critical_section::with(|section| NOW.borrow(section).get());
        mbedtls_ms_time_t::try_from(uptime).unwrap_or(mbedtls_ms_time_t::MAX)
    }
}
