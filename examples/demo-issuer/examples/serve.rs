//! Runs the demo issuer until the process is ended, for a look at its pages.

use std::io;
use std::thread;

use keyfob_demo_issuer::DemoIssuer;

fn main() -> io::Result<()> {
    let issuer = DemoIssuer::start()?;
    println!("{}", issuer.issuer());
    loop {
        thread::park();
    }
}
