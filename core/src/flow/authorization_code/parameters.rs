//! The parameters of an authorization request (RFC 6749 §4.1.1, OIDC Core §3.1.2.1), in an address or in a push.

use crate::{
    client::{Client, Prompt, ResponseMode},
    encoding::{base64url, form::Pairs},
    exchange,
    jwk::THUMBPRINT_LENGTH,
    pkce,
    secret::{Label, Seed},
};

/// Writes all parameters of one attempt. The order is part of the contract: the same input gives the same octets.
pub(super) fn write(
    client: &Client<'_>,
    seed: &Seed,
    attempt: u8,
    name_client: bool,
    pairs: &mut Pairs<'_, '_>,
) {
    let request = &client.request;
    pairs.pair("response_type", "code");
    if name_client {
        pairs.pair("client_id", client.id);
    }
    pairs.pair("redirect_uri", client.redirect_uri);
    exchange::write_scope(client.scope, pairs);
    if let Some(dpop) = client.dpop.filter(|dpop| dpop.code_bound) {
        pairs.pair("dpop_jkt", dpop.thumbprint(&mut [0; THUMBPRINT_LENGTH]).unwrap_or_default());
    }
    pairs.pair("state", seed.derive_again(Label::State, attempt).as_str());
    let verifier = seed.derive_again(Label::CodeVerifier, attempt);
    let mut challenge = [0; base64url::LENGTH_OF_32];
    pairs.pair("code_challenge", pkce::challenge(verifier.as_str(), &mut challenge));
    pairs.pair("code_challenge_method", pkce::METHOD);
    if client.is_openid() {
        pairs.pair("nonce", seed.derive_again(Label::Nonce, attempt).as_str());
    }
    if request.response_mode == ResponseMode::FormPost {
        pairs.pair("response_mode", "form_post");
    }
    write_prompt(client, pairs);
    if let Some(seconds) = request.max_age {
        pairs.number("max_age", seconds);
    }
    pairs.pair("display", request.display.unwrap_or_default());
    exchange::write_list("ui_locales", request.ui_locales, pairs);
    exchange::write_list("acr_values", request.acr_values, pairs);
    for (name, value) in [("claims", request.claims), ("id_token_hint", request.id_token_hint)] {
        pairs.pair(name, value.unwrap_or_default());
    }
    for resource in request.resource {
        pairs.pair("resource", resource);
    }
    for (name, value) in [
        ("authorization_details", request.authorization_details),
        ("login_hint", request.login_hint),
        ("audience", request.audience),
        ("connection", request.connection),
        ("organization", request.organization),
        ("invitation", request.invitation),
        ("screen_hint", request.screen_hint),
    ] {
        pairs.pair(name, value.unwrap_or_default());
    }
    for (name, value) in request.parameters {
        pairs.pair(name, value);
    }
}

fn write_prompt(client: &Client<'_>, pairs: &mut Pairs<'_, '_>) {
    let offline = client.scope.contains(&"offline_access");
    // Without consent the server drops `offline_access` (OIDC Core §11).
    let unset: &[Prompt] = if offline { &[Prompt::Consent] } else { &[] };
    let mut first = true;
    for prompt in client.request.prompt.unwrap_or(unset) {
        exchange::write_item("prompt", prompt.as_str(), core::mem::take(&mut first), pairs);
    }
}
