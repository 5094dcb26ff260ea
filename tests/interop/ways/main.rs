//! Every way to sign in from a device, at a certified OpenID provider, with a phone in the user's hand: one contract
//! that all of them meet, who is kept out, and how long it takes.

mod bench;
mod contract;
mod hand;
mod owner;
mod program;
mod relay;
mod strangers;
mod way;

use std::time::Duration;

use keyfob_core::secret::Seed;
use keyfob_std::entropy::SystemEntropy;

fn seed() -> Seed {
    Seed::draw(&mut SystemEntropy).expect("the system's random source")
}

/// The time for pages to come and go.
const SOON: Duration = Duration::from_secs(20);
