//! Builds the firmware of `examples/firmware`, and runs it in QEMU.

use std::{
    env, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
};

/// A board that QEMU emulates.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Board {
    /// ARM's MPS2 with image AN386: a Cortex-M4F with LAN9118.
    Mps2An386,
    /// QEMU's `virt`: a RISC-V of 32 bits with virtio.
    Virt,
}

impl Board {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::Mps2An386, Self::Virt];

    /// What it is called, here and by QEMU.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mps2An386 => "mps2-an386",
            Self::Virt => "virt",
        }
    }

    /// What its programs are built for.
    pub const fn target(self) -> &'static str {
        match self {
            Self::Mps2An386 => "thumbv7em-none-eabihf",
            Self::Virt => "riscv32imac-unknown-none-elf",
        }
    }

    /// The program that plays it.
    pub const fn emulator(self) -> &'static str {
        match self {
            Self::Mps2An386 => "qemu-system-arm",
            Self::Virt => "qemu-system-riscv32",
        }
    }

    /// The machine's devices, on this network.
    fn devices(self, wiring: Wiring) -> Vec<String> {
        let user = match wiring.forward {
            Some(from) => format!("user,id=net,hostfwd=tcp:{from}-:80"),
            None => "user,id=net".into(),
        };
        match (self, wiring.frames) {
            (Self::Mps2An386, None) => words(&["-nic", &format!("{user},model=lan9118")]),
            (Self::Mps2An386, Some((here, there))) => {
                let frames = format!("socket,id=frames,udp={there},localaddr={here}");
                words(&["-net", "nic,model=lan9118", "-net", &user, "-net", &frames])
            }
            (Self::Virt, _) => words(&[
                "-bios",
                "none",
                "-global",
                "virtio-mmio.force-legacy=false",
                "-netdev",
                &user,
                "-device",
                "virtio-net-device,netdev=net",
            ]),
        }
    }
}

/// What a board's network is connected to, beside this machine as a gateway.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wiring {
    /// Connections to this address are connections to the board's port 80.
    pub forward: Option<SocketAddr>,
    /// Whatever is sent on the network, each frame a datagram between the board's end, the first, and another one. The
    /// RISC-V has none.
    pub frames: Option<(SocketAddr, SocketAddr)>,
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().copied().map(Into::into).collect()
}

/// How the firmware reads its network.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Tls {
    /// Not at all: only a server on this machine can be asked.
    None,
    /// With chains of P-256.
    P256,
    /// With chains of P-256, P-384 and RSA.
    Every,
}

impl Tls {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::None, Self::P256, Self::Every];

    /// The features of the firmware, as Cargo takes them.
    pub const fn features(self) -> &'static str {
        match self {
            Self::None => "",
            Self::P256 => "tls",
            Self::Every => "tls,tls-p384,tls-rsa",
        }
    }

    /// What it is called here.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "plain",
            Self::P256 => "p256",
            Self::Every => "every",
        }
    }
}

/// Which ways to sign in the firmware has, beside the server's own page.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ways {
    /// None.
    Code,
    /// The device's own pages, and its name in the network.
    Portal,
    /// A service on the internet.
    Relay,
    /// Both.
    Every,
}

impl Ways {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Code, Self::Portal, Self::Relay, Self::Every];

    /// The features of the firmware, as Cargo takes them.
    pub const fn features(self) -> &'static str {
        match self {
            Self::Code => "",
            Self::Portal => "portal,mdns",
            Self::Relay => "relay",
            Self::Every => "portal,mdns,relay",
        }
    }

    /// What it is called here.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Portal => "portal",
            Self::Relay => "relay",
            Self::Every => "ways",
        }
    }
}

/// Builds the firmware, and gives its place.
///
/// # Errors
/// A sentence, for a person.
pub fn build(board: Board, tls: Tls, ways: Ways) -> Result<PathBuf, String> {
    // What is built would be replaced before it is copied.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new("."));
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let target = std::path::absolute(target.join("firmware")).map_err(|why| format!("{why}."))?;
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root.join("examples/firmware")).args(["build", "--quiet", "--release"]);
    cargo
        .args(["--target", board.target(), "--no-default-features", "--features"])
        .arg(format!("{},{}", tls.features(), ways.features()))
        .arg("--target-dir")
        .arg(&target);
    match cargo.status() {
        Ok(status) if status.success() => {}
        Ok(_) => {
            return Err(format!(
                "The firmware cannot be built; it needs the target: `rustup target add {}`.",
                board.target()
            ));
        }
        Err(why) => return Err(format!("Cargo cannot be started: {why}.")),
    }
    let built = target.join(board.target()).join("release/keyfob-firmware");
    let kept = target.join(format!("{}-{}-{}.elf", board.name(), tls.name(), ways.name()));
    let fresh = kept.with_extension(std::process::id().to_string());
    fs::copy(&built, &fresh)
        .and_then(|_| fs::rename(&fresh, &kept))
        .map_err(|why| format!("{} cannot be copied: {why}.", built.display()))?;
    Ok(kept)
}

/// QEMU with this firmware, whose console is standard input and output. `folder` has its files: the flash, which
/// outlives the board, and what the settings name.
pub fn emulate(
    board: Board,
    firmware: &Path,
    folder: &Path,
    settings: &[(&str, &str)],
    wiring: Wiring,
) -> Command {
    let mut qemu = Command::new(board.emulator());
    qemu.current_dir(folder).args(["-machine", board.name(), "-nographic", "-monitor", "none"]);
    qemu.args(["-serial", "stdio"]).args(board.devices(wiring)).arg("-kernel").arg(firmware);
    let mut semihosting = "enable=on,target=native,arg=firmware".to_owned();
    for (name, value) in settings {
        // A comma ends an argument, and two of them are one.
        semihosting += &format!(",arg={name}={}", value.replace(',', ",,"));
    }
    qemu.arg("-semihosting-config").arg(semihosting);
    qemu
}
