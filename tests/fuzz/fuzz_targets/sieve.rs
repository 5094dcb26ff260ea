//! A JSON body in pieces of any size: the outcome is that of the whole.

#![no_main]

use keyfob_core::{
    client::Client,
    error::Error,
    exchange::{Discovery, Exchange, Jwks, UserInfo},
    http::Incoming,
    metadata::Metadata,
    time::Now,
};
use libfuzzer_sys::fuzz_target;

const SERVER: Metadata<'static> = Metadata::new("https://op.example.com")
    .jwks_uri("https://op.example.com/jwks")
    .userinfo_endpoint("https://op.example.com/userinfo");
const CLIENT: Client<'static> = Client::new(SERVER, "client");

fuzz_target!(|data: &[u8]| {
    let piece = data.len() % 7 + 1;
    for room in [0, 64, 2048] {
        let discovery = Discovery::new("https://op.example.com").expect("an issuer");
        compare(&discovery, data, piece, room, |metadata| format!("{metadata:?}").into_bytes());
        compare(&Jwks::new(&CLIENT), data, piece, room, |keys| keys.as_bytes().to_vec());
        let userinfo = UserInfo::new(&CLIENT, "token", "248289761001");
        compare(&userinfo, data, piece, room, |claims| {
            claims.json(&mut [0; 4096]).unwrap_or_default().as_bytes().to_vec()
        });
    }
});

fn compare<E: Exchange>(
    exchange: &E,
    body: &[u8],
    piece: usize,
    room: usize,
    show: impl Fn(E::Output<'_>) -> Vec<u8>,
) {
    let whole = read(exchange, body, body.len().max(1), room, &show);
    let pieces = read(exchange, body, piece, room, &show);
    assert_eq!(whole, pieces, "pieces of {piece} octets make a difference");
    if let Err(Error::BufferTooSmall { needed }) = whole {
        assert!(needed > room);
        let enough = read(exchange, body, piece, needed, &show);
        assert!(!matches!(enough, Err(Error::BufferTooSmall { .. })), "{needed} octets do not do");
    }
}

fn read<E: Exchange>(
    exchange: &E,
    body: &[u8],
    piece: usize,
    room: usize,
    show: impl Fn(E::Output<'_>) -> Vec<u8>,
) -> Result<Vec<u8>, Error> {
    let mut out = [0; 512];
    let keep = exchange.request(Now::unknown(0), &mut out)?.keep();
    let mut buffer = vec![0; room];
    let mut incoming = Incoming::new(keep, &mut buffer);
    incoming.status(200);
    incoming.header("Content-Type", b"application/json");
    for piece in body.chunks(piece) {
        if !incoming.body(piece) {
            break;
        }
    }
    exchange.response(incoming.finish().0).map(show)
}
