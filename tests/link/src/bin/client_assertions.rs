//! A refresh under an assertion that is made with the client's secret; and Apple's secret.

#![no_std]
#![no_main]

use keyfob_core::{
    client::Client,
    client_authentication::{AppleClientSecret, ClientAuthentication},
    error::Error,
    flow::RefreshToken,
    secret::Secret,
};
use keyfob_link::{Given, OpaqueSigner, SERVER, drive, entry, now};

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> Result<usize, Error> {
    let apple = AppleClientSecret::new(given.text, given.text, &OpaqueSigner);
    let length = apple.write(now(&given), given.buffer)?.len();
    let client = Client::oauth(SERVER, "client")
        .authentication(ClientAuthentication::client_secret_jwt(Secret::new(given.text)));
    let mut flow = RefreshToken::<256>::new(&client, given.text, None)?;
    drive(&mut flow, given).map(|more| more.wrapping_add(length))
}
