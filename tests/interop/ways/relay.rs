//! A relay, as its operator runs it: a process with a certificate.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
    time::Duration,
};

use keyfob_core::relay;
use keyfob_interop::{
    certificates::{Leaf, TestAuthority},
    process::Process,
};
use keyfob_std::http::HttpsClient;
use tempfile::TempDir;

/// A relay for one device; it ends with this.
pub struct Relay {
    authority: TestAuthority,
    base: String,
    device: (String, String),
    _files: TempDir,
    process: Process,
}

impl Relay {
    /// Starts one that sends browsers to this server.
    pub fn start(address: SocketAddr, authorization_endpoint: &str) -> Self {
        let (authority, files) = (TestAuthority::new(), tempfile::tempdir().expect("a temporary directory"));
        let certificate = authority.issue(Leaf::Valid);
        let (entry, id, secret) = new_device();
        let devices = files.path().join("devices.toml");
        std::fs::write(&devices, entry).expect("the devices can be written");
        let base = base(address);
        let mut command = Command::new("sh");
        command.args(["-c", GUARD, "guard"]).arg(&*PROGRAM).args(["--listen", &address.to_string()]);
        command.args(["--public-url", &base, "--authorization-endpoint", authorization_endpoint]);
        command
            .arg("--certificate")
            .arg(&certificate.certificate_file)
            .arg("--key")
            .arg(&certificate.key_file);
        command.arg("--devices").arg(devices);
        let process = Process::start(command, &[]);
        process.wait_for_line("relay listens on ", START);
        Self { authority, base, device: (id, secret), _files: files, process }
    }

    /// The device's account.
    pub fn account(&self) -> relay::Relay<'_> {
        relay::Relay::new(&self.base, &self.device.0, &self.device.1).wait(5)
    }

    /// The base URL.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// A file with the device's account, as the terminal program reads it.
    pub fn device_file(&self) -> PathBuf {
        let file = self._files.path().join("device");
        std::fs::write(&file, format!("{}:{}\n", self.device.0, self.device.1)).expect("it can be written");
        file
    }

    /// The certificate of its authority, as a PEM file.
    pub fn ca_file(&self) -> PathBuf {
        self.authority.ca_file()
    }

    /// A transport that trusts its certificate.
    pub fn http(&self) -> HttpsClient {
        let roots = std::fs::read(self.ca_file()).expect("the certificate");
        HttpsClient::builder()
            .root_certificates_pem(&roots)
            .expect("a certificate")
            .build()
            .expect("a client")
    }

    /// What it wrote to its log.
    pub fn log(&self) -> String {
        self.process.stderr()
    }
}

/// What browsers call a relay at this address.
pub fn base(address: SocketAddr) -> String {
    format!("https://localhost:{}", address.port())
}

/// The entry for the relay's file, and what the device is given.
fn new_device() -> (String, String, String) {
    let made = Command::new(&*PROGRAM).args(["new-device", "--name", DEVICE]).output().expect("it runs");
    let (entry, told) = (String::from_utf8_lossy(&made.stdout), String::from_utf8_lossy(&made.stderr));
    let value = |name: &str| {
        let line = told.lines().find_map(|line| line.trim().strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name}: {told}")).trim().to_owned()
    };
    (entry.into_owned(), value("id "), value("secret "))
}

/// What people call the device.
pub const DEVICE: &str = "Kettle in the kitchen";

/// The relay's program, built if need be.
static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
    let built = Command::new(env!("CARGO")).args(["build", "--quiet", "--package", "keyfob-relay"]).status();
    assert!(built.is_ok_and(|status| status.success()), "the relay cannot be built");
    // Beside the folder that this test lies in.
    let own = std::env::current_exe().expect("a path");
    own.ancestors().nth(2).unwrap_or(Path::new("/")).join("keyfob-relay")
});

/// Runs a command until standard input closes.
const GUARD: &str = r#""$@" </dev/null & while read -r _; do :; done; kill -KILL 0"#;

const START: Duration = Duration::from_secs(20);
