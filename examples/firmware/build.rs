//! Tells the linker where the memory of the board is.

use std::{env, fs, path::PathBuf};

fn main() {
    let (layout, scripts): (_, &[_]) = match env::var("CARGO_CFG_TARGET_ARCH").as_deref() {
        Ok("arm") => ("mps2_an386.x", &["link.x"]),
        Ok("riscv32") => ("virt.x", &["memory.x", "link.x"]),
        // Elsewhere nothing is linked that would run.
        _ => return,
    };
    let source = PathBuf::from("src/board").join(layout);
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("Cargo sets it"));
    fs::copy(&source, out.join("memory.x")).expect("the layout can be copied");
    println!("cargo:rustc-link-search={}", out.display());
    for script in scripts {
        println!("cargo:rustc-link-arg=-T{script}");
    }
    println!("cargo:rerun-if-changed={}", source.display());
}
