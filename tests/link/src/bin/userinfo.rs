//! UserInfo, and reading claims of every type.

#![no_std]
#![no_main]

use core::hint::black_box;

use keyfob_core::{client::Client, error::Error, exchange::UserInfo};
use keyfob_link::{Given, SERVER, entry, fetch};

static CLIENT: Client<'static> = Client::oauth(SERVER, "client");

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> Result<usize, Error> {
    let userinfo = UserInfo::new(&CLIENT, given.text, given.text);
    fetch(&userinfo, given, |claims| {
        let mut room = [0; 128];
        black_box(claims.number(black_box("updated_at")));
        black_box((claims.updated_at(), claims.contains(black_box("roles"), black_box("admin"))));
        let claim =
            claims.at(black_box(&["address", "country"])).and_then(|claim| claim.items().nth(black_box(2)));
        if let Some(claim) = claim {
            black_box((claim.integer(), claim.unsigned(), claim.is(black_box("x")), claim.is_null()));
            black_box(claim.decimal(&mut [0; 32])).ok();
        }
        black_box(claims.boolean(black_box("email_verified")));
        black_box(claims.json(black_box(&mut room)).is_ok());
        claims.text(black_box("name"), &mut room).ok().flatten().map_or(0, str::len)
    })
}
