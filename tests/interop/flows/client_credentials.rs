//! Access for the client itself.

use keyfob_core::{
    client::Client,
    client_authentication::ClientAuthentication,
    error::{Error, ErrorCode},
    flow::{ClientCredentials, Flow},
    jws::Signer,
    metadata::Metadata,
    secret::Secret,
};
use keyfob_interop::person::{Nobody, Program, Settings};
use keyfob_std::{Failure, run};

use crate::{EDDSA, ES256, PLAIN, flow_error, introspect, payload, seed};

fn basic(metadata: Metadata<'_>) -> Client<'_> {
    let secret = Secret::new("basic secret:with/odd+chars%&=~*");
    Client::oauth(metadata, "conf-basic").authentication(ClientAuthentication::ClientSecretBasic(secret))
}

fn with_key<'c>(metadata: Metadata<'c>, signer: &'c dyn Signer) -> Client<'c> {
    Client::oauth(metadata, "conf-pkjwt")
        .authentication(ClientAuthentication::private_key_jwt(signer))
        .scope(&["api:read"])
        .resource(&["urn:api:things"])
}

struct Access {
    token: String,
    scope: Option<String>,
    expires_in: Option<u32>,
    can_refresh: bool,
}

fn access(settings: Settings) -> Result<Access, (Failure, String)> {
    let attempted = Program::new(&PLAIN).with_client(settings, |client, http, clock| {
        let mut flow: ClientCredentials<'_> = ClientCredentials::new(client, seed())?;
        let outcome = run(&mut flow, http, &mut Nobody, clock, &mut [0; 4096], |tokens| Access {
            token: tokens.access_token().into(),
            scope: tokens.scope().map(Into::into),
            expires_in: tokens.expires_in(),
            can_refresh: tokens.refresh_token().is_some() || tokens.id_token().is_some(),
        });
        let reason = flow.refusal().map(|reason| reason.description().to_string());
        Ok(outcome.map_err(|failure| (failure, reason.unwrap_or_default())))
    });
    attempted.unwrap_or_else(|failure| Err((failure, String::new())))
}

// REQ: AUTHC-02
#[test]
fn for_no_resource_in_particular() {
    let access = access(basic).expect("a token");
    assert_eq!((access.expires_in, access.can_refresh), (Some(600), false));
    let token = introspect(&PLAIN, &access.token);
    assert_eq!((&token["active"], &token["client_id"]), (&true.into(), &"conf-basic".into()));
    assert_eq!(token.get("sub"), None, "there is no user");
}

// REQ: AUTHZ-10, AUTHC-09
#[test]
fn for_a_resource() {
    let with_secret: Settings = |metadata| basic(metadata).scope(&["api:read"]).resource(&["urn:api:things"]);
    let with_es256: Settings = |metadata| with_key(metadata, &*ES256);
    let with_eddsa: Settings = |metadata| with_key(metadata, &*EDDSA);
    for (settings, client_id) in
        [(with_secret, "conf-basic"), (with_es256, "conf-pkjwt"), (with_eddsa, "conf-pkjwt")]
    {
        let access = access(settings).expect("a token");
        assert_eq!((access.scope.as_deref(), access.expires_in), (Some("api:read"), Some(3600)));
        let token = payload(&access.token);
        assert_eq!((&token["aud"], &token["scope"]), (&"urn:api:things".into(), &"api:read".into()));
        assert_eq!(token["client_id"], client_id);
    }
}

// REQ: AUTHZ-10
#[test]
fn for_a_resource_that_is_not_there() {
    let settings: Settings = |metadata| basic(metadata).scope(&["api:read"]).resource(&["urn:other:things"]);
    let (failure, reason) = access(settings).err().expect("no such resource");
    let error = flow_error(failure);
    assert!(matches!(error, Error::Refused(ErrorCode::InvalidTarget)), "{error:?}: {reason}");
    assert!(!reason.is_empty());
}
