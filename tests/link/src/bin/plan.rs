//! Which way a user can sign in.

#![no_std]
#![no_main]

use core::hint::black_box;

use keyfob_core::{
    error::Error,
    plan::{Ability, Plan, Way},
};
use keyfob_link::{Given, SERVER, entry};

entry!(run);

#[inline(never)]
fn run(_: Given<'_>) -> Option<Way> {
    let mut plan = Plan::new(&black_box(SERVER), black_box(&[Ability::Screen]));
    black_box(plan.choose(black_box(Way::Paste))).ok()?;
    for rejected in plan.rejected() {
        black_box(rejected);
    }
    black_box(plan.unreachable());
    plan.fall_back(black_box(Error::Misuse), black_box(true))
}
