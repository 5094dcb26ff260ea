//! Builds the firmware of `examples/firmware`, and runs it in QEMU.

use std::{
    env, fs,
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

    const fn devices(self) -> &'static [&'static str] {
        match self {
            Self::Mps2An386 => &["-nic", "user,id=net,model=lan9118"],
            Self::Virt => &[
                "-bios",
                "none",
                "-global",
                "virtio-mmio.force-legacy=false",
                "-netdev",
                "user,id=net",
                "-device",
                "virtio-net-device,netdev=net",
            ],
        }
    }
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

/// Builds the firmware, and gives its place.
///
/// # Errors
/// A sentence, for a person.
pub fn build(board: Board, tls: Tls) -> Result<PathBuf, String> {
    // What is built would be replaced before it is copied.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new("."));
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let target = std::path::absolute(target.join("firmware")).map_err(|why| format!("{why}."))?;
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root.join("examples/firmware")).args(["build", "--quiet", "--release"]);
    cargo
        .args(["--target", board.target(), "--no-default-features", "--features", tls.features()])
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
    let kept = target.join(format!("{}-{}.elf", board.name(), tls.name()));
    let fresh = kept.with_extension(std::process::id().to_string());
    fs::copy(&built, &fresh)
        .and_then(|_| fs::rename(&fresh, &kept))
        .map_err(|why| format!("{} cannot be copied: {why}.", built.display()))?;
    Ok(kept)
}

/// QEMU with this firmware, whose console is standard input and output. `folder` has its files: the flash, which
/// outlives the board, and what the settings name.
pub fn emulate(board: Board, firmware: &Path, folder: &Path, settings: &[(&str, &str)]) -> Command {
    let mut qemu = Command::new(board.emulator());
    qemu.current_dir(folder).args(["-machine", board.name(), "-nographic", "-monitor", "none"]);
    qemu.args(["-serial", "stdio"]).args(board.devices()).arg("-kernel").arg(firmware);
    let mut semihosting = "enable=on,target=native,arg=firmware".to_owned();
    for (name, value) in settings {
        // A comma ends an argument, and two of them are one.
        semihosting += &format!(",arg={name}={}", value.replace(',', ",,"));
    }
    qemu.arg("-semihosting-config").arg(semihosting);
    qemu
}
