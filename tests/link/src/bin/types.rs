//! The sizes of public types, on a chip with 32 bits.

#![no_std]
#![no_main]

use keyfob_core::{
    cache::KeyCache,
    claims::Claims,
    client::Client,
    end_session::EndSession,
    error::Error,
    exchange::{Discovery, Jwks, Revocation, UserInfo},
    flow::{
        Action, AuthorizationCode, ClientCredentials, DeviceAuthorization, Event, RefreshToken, Relayed,
        UserCode,
    },
    http::{Incoming, Request, Response},
    id_token::IdToken,
    jwk::KeySet,
    metadata::Metadata,
    plan::Plan,
    portal::{Portal, Site, Slots, Visitor},
    relay::Relay,
    secret::Seed,
    session::Session,
    sign_out::SignOut,
    time::Now,
    token::TokenResponse,
};

/// What a flow or an exchange may take beside the room that its caller gives it, in octets.
const MOST: usize = 1024;

macro_rules! small {
    ($($type:ty),* $(,)?) => {
        $(const _: () = assert!(size_of::<$type>() <= MOST, stringify!($type));)*
    };
}

small! {
    AuthorizationCode<'static, 0>,
    ClientCredentials<'static, 0>,
    DeviceAuthorization<'static, 0>,
    Discovery<'static>,
    EndSession<'static>,
    Incoming<'static>,
    Jwks<'static>,
    KeyCache<0>,
    RefreshToken<'static, 0>,
    Relayed<'static, 0>,
    Revocation<'static>,
    Session<'static, 0>,
    SignOut<'static, 0>,
    UserInfo<'static>,
}

keyfob_link::sizes! {
    "Action" => Action<'static>,
    "AuthorizationCode<0>" => AuthorizationCode<'static, 0>,
    "AuthorizationCode<384>" => AuthorizationCode<'static, 384>,
    "Claims" => Claims<'static>,
    "Client" => Client<'static>,
    "ClientCredentials<0>" => ClientCredentials<'static, 0>,
    "DeviceAuthorization<0>" => DeviceAuthorization<'static, 0>,
    "DeviceAuthorization<384>" => DeviceAuthorization<'static, 384>,
    "Discovery" => Discovery<'static>,
    "Error" => Error,
    "Event" => Event<'static>,
    "IdToken" => IdToken<'static>,
    "Incoming" => Incoming<'static>,
    "KeyCache<0>" => KeyCache<0>,
    "KeySet" => KeySet<'static>,
    "Metadata" => Metadata<'static>,
    "Now" => Now,
    "Plan" => Plan,
    "Portal" => Portal,
    "RefreshToken<0>" => RefreshToken<'static, 0>,
    "Relay" => Relay<'static>,
    "Relayed<0>" => Relayed<'static, 0>,
    "Relayed<384>" => Relayed<'static, 384>,
    "Request" => Request<'static>,
    "Response" => Response<'static>,
    "Seed" => Seed,
    "Session<0>" => Session<'static, 0>,
    "Site" => Site<'static>,
    "SignOut<0>" => SignOut<'static, 0>,
    "Slots<4>" => Slots<4>,
    "TokenResponse" => TokenResponse<'static>,
    "UserCode" => UserCode<'static>,
    "UserInfo" => UserInfo<'static>,
    "Visitor" => Visitor,
}
