//! What servers do differently, what of it is tolerated, and what never is.

use keyfob_core::{
    client::Client,
    client_authentication::ClientAuthentication,
    end_session::EndSession,
    error::{Check, Error, ErrorCode, Name},
    exchange::{Discovery, Exchange, Jwks, UserInfo},
    flow::{Action, AuthorizationCode, Event, Flow},
    jws::{Es256, Rs256, Verifier},
    metadata::Metadata,
    provider::{self, Provider},
    quirks::Quirks,
    secret::Secret,
};
use keyfob_tests::{
    answer::{Answer, text},
    clients::{KIOSK, SERVER},
    clock::{NOW, TODAY},
    form,
    id_token::Forgery,
    keys::{VERIFIERS, jwk_set},
    seeds,
    server::{Return, metadata},
    stations::{ENOUGH, Hand},
};
use serde_json::{Value, json};

/// The documents of a server.
struct Known {
    name: &'static str,
    file: &'static str,
    preset: Option<(Provider, &'static [&'static str])>,
}

macro_rules! known {
    ($($name:literal $preset:expr;)*) => {
        &[$(Known { name: $name, file: include_str!(concat!("spec/servers/", $name, ".json")), preset: $preset }),*]
    };
}

const TENANT: &str = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490";
const OTHER_TENANT: &str = "0123abcd-4567-89ef-0123-456789abcdef";

const KNOWN: &[Known] = known! {
    "apple" Some((provider::APPLE, &[]));
    "auth0" Some((provider::AUTH0, &["tenant.eu.auth0.com"]));
    "authelia" None;
    "authentik" None;
    "cognito" Some((provider::COGNITO, &["eu-west-1", "eu-west-1_Abc123"]));
    "dex" None;
    "entra" Some((provider::ENTRA, &[TENANT]));
    "entra-organizations" Some((provider::ENTRA, &["organizations"]));
    "google" Some((provider::GOOGLE, &[]));
    "keycloak" Some((provider::KEYCLOAK, &["sso.acme.example", "acme"]));
    "okta" Some((provider::OKTA, &["dev-1.okta.com/oauth2/default"]));
    "zitadel" None;
};

const BOTH: &[&dyn Verifier] = &[&Rs256, &Es256];

fn discovery<'d>(ask: &'d str, document: &Value) -> Discovery<'d> {
    let discovery = Discovery::new(ask).expect("a good issuer");
    if document["issuer"] == provider::ENTRA_TEMPLATE {
        discovery.template(provider::ENTRA_TEMPLATE).expect("of the same host")
    } else {
        discovery
    }
}

fn read<'b>(
    discovery: &Discovery<'_>,
    document: &Value,
    buffer: &'b mut [u8],
) -> Result<Metadata<'b>, Error> {
    let keep = discovery.request(NOW, &mut [0; 256]).expect("it fits").keep();
    discovery.response(Answer::new(200, "application/json", text(document)).read(keep, buffer).0)
}

/// The client of this server, whichever authentication it wants.
fn client_of<'c>(known: &Known, file: &Value, metadata: Metadata<'c>) -> Client<'c> {
    let client = match known.preset {
        Some((provider, _)) => provider.client(metadata, "client"),
        None => Client::new(metadata, "client"),
    };
    let client = client.redirect_uri("https://app.example/cb").algorithms(BOTH);
    let client =
        if metadata.issuer() == provider::ENTRA_TEMPLATE { client.tenants(&[TENANT]) } else { client };
    match file["secret"].as_str() {
        Some("client_secret_post") => {
            client.authentication(ClientAuthentication::ClientSecretPost(Secret::new("a.b.c")))
        }
        _ => client,
    }
}

fn quirk(name: &str) -> Quirks {
    match name {
        "PKCE_NOT_ANNOUNCED" => Quirks::PKCE_NOT_ANNOUNCED,
        "PUBLIC_CLIENT_NOT_ANNOUNCED" => Quirks::PUBLIC_CLIENT_NOT_ANNOUNCED,
        other => panic!("{other}"),
    }
}

// REQ: INTEROP-01, INTEROP-08, INTEROP-12
#[test]
fn the_documents_of_known_servers_pass() {
    for known in KNOWN {
        let name = known.name;
        let file: Value = serde_json::from_str(known.file).expect("JSON");
        let (ask, document) = (file["ask"].as_str().expect("an address"), &file["metadata"]);
        if let Some((provider, texts)) = known.preset {
            assert_eq!(provider.issuer(texts, &mut [0; 128]), Ok(ask), "{name}");
        }
        let discovery = discovery(ask, document);
        let mut buffer = [0; 2048];
        let metadata =
            read(&discovery, document, &mut buffer).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(metadata.issuer(), document["issuer"], "{name}");
        for (found, name) in [
            (metadata.userinfo(), "userinfo_endpoint"),
            (metadata.revocation(), "revocation_endpoint"),
            (metadata.end_session(), "end_session_endpoint"),
            (metadata.device_authorization(), "device_authorization_endpoint"),
            (metadata.pushed_authorization_request(), "pushed_authorization_request_endpoint"),
        ] {
            assert_eq!(found, document[name].as_str(), "{name}");
        }
        let client = client_of(known, &file, metadata);
        let flow = AuthorizationCode::<64>::new(&client, seeds::seed(1), NOW);
        let mut url = [0; 2048];
        assert!(matches!(flow.expect(name).poll(NOW, &mut url), Ok(Action::Authorize(_))), "{name}");
        // Its keys: those that cannot serve leave no trace.
        let keep = Jwks::new(&client).request(NOW, &mut []).expect("no room is needed").keep();
        let mut room = [0; 4096];
        let keys = Answer::json(200, &file["jwks"]).read(keep, &mut room).0.keys();
        assert_eq!(
            keys.map(|keys| keys.len()),
            Ok(file["serves"].as_u64().expect("a number") as usize),
            "{name}"
        );
        // The quirks of its document, one by one: with the others tolerated, each is refused.
        let quirks =
            file["quirks"].as_array().into_iter().flatten().map(|name| quirk(name.as_str().expect("a name")));
        let all = quirks.clone().fold(Quirks::NONE, Quirks::with);
        let begins =
            |client: Client<'_>| AuthorizationCode::<64>::new(&client, seeds::seed(1), NOW).map(|_| ());
        assert_eq!(begins(client.quirks(all)), Ok(()), "{name}");
        assert_eq!(begins(client.strict()).is_ok(), all.is_empty(), "{name}");
        for quirk in quirks {
            assert!(begins(client.quirks(Quirks::ALL.without(quirk))).is_err(), "{name}: {quirk:?}");
        }
        // To the last slash.
        let mut other = document.clone();
        let issuer = metadata.issuer();
        other["issuer"] = issuer.strip_suffix('/').map_or(format!("{issuer}/"), Into::into).into();
        assert_eq!(
            read(&discovery, &other, &mut [0; 2048]).err(),
            Some(Check::IssuerMismatch.into()),
            "{name}"
        );
    }
}

/// The server as it should be.
const PLAIN: Metadata<'static> = SERVER.code_challenge_s256_supported();
const CLIENT: Client<'static> = Client::new(PLAIN, "kiosk")
    .redirect_uri("https://app.example/cb")
    .scope(&["openid", "offline_access"])
    .algorithms(VERIFIERS);

/// What came of a sign-in.
type Came = (Quirks, Option<u32>, Option<String>);

/// A sign-in, with the answer to the code changed, and the ID token forged.
fn sign_in(client: &Client<'_>, change: &dyn Fn(&mut Answer), forge: Forgery) -> Result<Came, Error> {
    let mut flow = AuthorizationCode::<64>::new(client, seeds::seed(1), NOW)?;
    let hand = Hand::default();
    hand.link.server().forge = Some(forge);
    let redirect = match hand.visit(&flow) {
        Return::Url(url) => Return::Url(with_issuer(&url, client.metadata().issuer())),
        form => form,
    };
    hand.redirect(&mut flow, &redirect)?;
    let (mut answer, keep) = hand.answer(&flow);
    change(&mut answer);
    let mut buffer = [0; ENOUGH];
    let (response, rest) = answer.read(keep, &mut buffer);
    let outcome = match flow.handle(NOW, Event::Response(response)) {
        Err(Error::KeysNeeded) => {
            let keep = flow.keys(&response)?.keep();
            let keys = Answer::json(200, &jwk_set(&hand.link.server().keys)).read(keep, rest).0.keys()?;
            flow.handle(NOW, Event::Response(response.with_keys(keys)))
        }
        outcome => outcome,
    };
    match outcome {
        Ok(tokens) => {
            let tokens = tokens.expect("tokens");
            Ok((tokens.quirks(), tokens.expires_in(), None))
        }
        Err(Error::Refused(_)) => {
            let refusal = flow.refusal().expect("a refusal");
            Ok((Quirks::NONE, None, Some(format!("{}: {}", refusal.code(), refusal.description()))))
        }
        Err(error) => Err(error),
    }
}

/// The redirect with the issuer of the tenant [`TENANT`] in place of the server's, if the client wants a tenant's.
fn with_issuer(url: &str, issuer: &str) -> String {
    let ours = issuer.replace("{tenantid}", TENANT);
    url.replace(&form::encode("https://op.example"), &form::encode(&ours))
}

fn refuse(status: u16, body: Value) -> impl Fn(&mut Answer) {
    move |answer| *answer = Answer::json(status, &body)
}

fn member(name: &'static str, value: Value) -> impl Fn(&mut Answer) {
    move |answer| {
        let mut body: Value = serde_json::from_slice(&answer.body).expect("JSON");
        body[name] = value.clone();
        answer.body = body.to_string().into();
    }
}

const AS_IT_IS: Forgery = |_| {};

// REQ: INTEROP-08, INTEROP-09, INTEROP-10, TOKEN-11
#[test]
fn every_quirk_of_an_answer_is_tolerated_and_told_or_refused() {
    let entra = "AADSTS70008: expired.\r\nTrace ID: 0\u{e9}";
    let shown = "invalid_grant: AADSTS70008: expired.??Trace ID: 0??";
    type Row = (&'static str, Quirks, Box<dyn Fn(&mut Answer)>, Result<Came, Error>, Error);
    let told = |text: &str| Ok((Quirks::NONE, None, Some(text.to_owned())));
    let grant = || json!({ "error": "invalid_grant" });
    let rows: [Row; 7] = [
        (
            "a lifetime as text",
            Quirks::LIFETIME_AS_TEXT,
            Box::new(member("expires_in", json!("3599"))),
            Ok((Quirks::LIFETIME_AS_TEXT, Some(3599), None)),
            Check::WrongType(Name::ExpiresIn).into(),
        ),
        (
            "an error with status 200",
            Quirks::ERROR_WITH_STATUS_200,
            Box::new(refuse(200, json!({ "error": "bad_verification_code", "error_description": "No." }))),
            told("bad_verification_code: No."),
            Check::BadMember(Name::Error).into(),
        ),
        (
            "403",
            Quirks::ERROR_STATUS,
            Box::new(refuse(403, grant())),
            told("invalid_grant: "),
            Check::HttpStatus(403).into(),
        ),
        (
            "429",
            Quirks::ERROR_STATUS,
            Box::new(refuse(429, grant())),
            told("invalid_grant: "),
            Check::HttpStatus(429).into(),
        ),
        (
            "503",
            Quirks::ERROR_STATUS,
            Box::new(refuse(503, grant())),
            told("invalid_grant: "),
            Check::HttpStatus(503).into(),
        ),
        (
            "text with line breaks",
            Quirks::ERROR_TEXT,
            Box::new(refuse(
                400,
                json!({
                    "error": "invalid_grant", "error_description": entra, "error_codes": [70008],
                    "timestamp": "2027-01-15 08:00:00Z", "trace_id": "0", "correlation_id": "0",
                }),
            )),
            told(shown),
            Check::BadMember(Name::ErrorDescription).into(),
        ),
        (
            "text with a quote",
            Quirks::ERROR_TEXT,
            Box::new(refuse(400, json!({ "error": "invalid_grant", "error_description": "\"" }))),
            told("invalid_grant: \""),
            Check::BadMember(Name::ErrorDescription).into(),
        ),
    ];
    for (what, quirk, change, tolerated, refused) in rows {
        assert_eq!(sign_in(&CLIENT, &change, AS_IT_IS), tolerated, "{what}");
        assert_eq!(sign_in(&CLIENT.quirks(quirk), &change, AS_IT_IS), tolerated, "{what}: alone");
        for strict in [CLIENT.strict(), CLIENT.quirks(Quirks::ALL.without(quirk))] {
            assert_eq!(sign_in(&strict, &change, AS_IT_IS), Err(refused), "{what}: strict");
        }
    }
    // What is as it should be is told by nothing, and refused by nobody.
    for client in [CLIENT, CLIENT.strict()] {
        assert_eq!(sign_in(&client, &|_| (), AS_IT_IS), Ok((Quirks::NONE, Some(3600), None)));
        for status in [400, 401] {
            let plain = refuse(status, json!({ "error": "invalid_grant", "error_description": "No. #[]" }));
            assert_eq!(sign_in(&client, &plain, AS_IT_IS), told("invalid_grant: No. #[]"));
        }
    }
}

// REQ: INTEROP-08, PKCE-08
#[test]
fn what_a_server_does_not_announce_is_told() {
    let quirk = Quirks::PKCE_NOT_ANNOUNCED;
    assert_eq!(sign_in(&KIOSK, &|_| (), AS_IT_IS), Ok((quirk, Some(3600), None)));
    for strict in [KIOSK.strict(), KIOSK.require_announced_pkce()] {
        assert_eq!(sign_in(&strict, &|_| (), AS_IT_IS), Err(Check::PkceUnsupported.into()));
    }
    let quirk = Quirks::PUBLIC_CLIENT_NOT_ANNOUNCED;
    for (methods, met) in [
        (json!(["client_secret_basic"]), quirk),
        (json!([]), quirk),
        (Value::Null, quirk),
        (json!(["client_secret_post", "none"]), Quirks::NONE),
    ] {
        let mut document = metadata();
        document["token_endpoint_auth_methods_supported"] = methods.clone();
        if methods.is_null() {
            document.as_object_mut().expect("members").remove("token_endpoint_auth_methods_supported");
        }
        let mut buffer = [0; 2048];
        let discovery = Discovery::new("https://op.example").expect("right");
        let found = read(&discovery, &document, &mut buffer).expect("right");
        let client = Client::new(found, "kiosk").redirect_uri("https://app.example/cb");
        let client = client.algorithms(VERIFIERS);
        assert_eq!(sign_in(&client, &|_| (), AS_IT_IS).map(|came| came.0), Ok(met), "{methods}");
        let refused = Err(Check::AuthenticationMethodUnsupported.into());
        let strict = sign_in(&client.strict(), &|_| (), AS_IT_IS).map(|came| came.0);
        assert_eq!(strict, if met.is_empty() { Ok(Quirks::NONE) } else { refused }, "{methods}");
    }
}

#[test]
fn sets_of_quirks() {
    assert!(Quirks::ALL.contains(Quirks::DEFAULT) && !Quirks::DEFAULT.contains(Quirks::ALL));
    assert_eq!(Quirks::ALL.without(Quirks::DEFAULT), Quirks::BOOLEAN_AS_TEXT);
    assert!(Quirks::NONE.is_empty() && Quirks::DEFAULT.contains(Quirks::NONE));
    let two = Quirks::ERROR_TEXT.with(Quirks::VERIFICATION_URL);
    assert_eq!(format!("{two:?}"), "{\"ERROR_TEXT\", \"VERIFICATION_URL\"}");
    assert_eq!(Quirks::ALL.names().count(), 11);
    assert_eq!(two.without(Quirks::ERROR_TEXT), Quirks::VERIFICATION_URL);
    for preset in [
        provider::APPLE,
        provider::AUTH0,
        provider::COGNITO,
        provider::ENTRA,
        provider::GITHUB,
        provider::GOOGLE,
        provider::KEYCLOAK,
        provider::OKTA,
    ] {
        assert!(Quirks::ALL.contains(preset.known_quirks()));
        assert_ne!(preset.known_quirks(), Quirks::ALL, "a preset is not a licence");
    }
}

const MANY: Client<'static> = Client::new(
    Metadata::new("https://op.example/{tenantid}/v2.0")
        .authorization_endpoint("https://op.example/authorize")
        .token_endpoint("https://op.example/token")
        .jwks_uri("https://op.example/jwks")
        .code_challenge_s256_supported(),
    "kiosk",
)
.redirect_uri("https://app.example/cb")
.algorithms(VERIFIERS);

macro_rules! of {
    ($iss:expr, $tid:expr) => {
        (|draft| {
            draft.claims["iss"] = $iss.replace("T1", TENANT).replace("T2", OTHER_TENANT).into();
            draft.claims["tid"] = $tid;
        }) as Forgery
    };
}

// REQ: INTEROP-08, IDT-03
#[test]
fn a_token_is_of_the_issuer_of_its_own_tenant_and_the_tenant_is_listed() {
    let missing: Forgery =
        |draft| draft.claims["iss"] = "https://op.example/T1/v2.0".replace("T1", TENANT).into();
    let not_listed = Check::VendorClaimMismatch(Name::Tid);
    let rows: &[(&str, Forgery, Option<Check>)] = &[
        ("right", of!("https://op.example/T1/v2.0", TENANT.into()), None),
        ("no tid", missing, Some(Check::ClaimMissing(Name::Tid))),
        ("tid null", of!("https://op.example/T1/v2.0", Value::Null), Some(Check::ClaimType(Name::Tid))),
        ("tid 1", of!("https://op.example/T1/v2.0", json!(1)), Some(Check::ClaimType(Name::Tid))),
        ("tid list", of!("https://op.example/T1/v2.0", json!([TENANT])), Some(Check::ClaimType(Name::Tid))),
        ("tid of another", of!("https://op.example/T1/v2.0", OTHER_TENANT.into()), Some(not_listed)),
        ("iss of another", of!("https://op.example/T2/v2.0", TENANT.into()), Some(Check::IssMismatch)),
        ("another", of!("https://op.example/T2/v2.0", OTHER_TENANT.into()), Some(not_listed)),
        ("the template", of!("https://op.example/{tenantid}/v2.0", TENANT.into()), Some(Check::IssMismatch)),
        ("template as tid", of!("https://op.example/{tenantid}/v2.0", "{tenantid}".into()), Some(not_listed)),
        ("empty", of!("https://op.example//v2.0", "".into()), Some(not_listed)),
        ("injected", of!("https://op.example/T2/../T1/v2.0", TENANT.into()), Some(Check::IssMismatch)),
        (
            "injected twice",
            of!("https://op.example/T1/v2.0", format!("{OTHER_TENANT}/../{TENANT}").into()),
            Some(not_listed),
        ),
        ("no tail", of!("https://op.example/T1", TENANT.into()), Some(Check::IssMismatch)),
        ("a slash", of!("https://op.example/T1/v2.0/", TENANT.into()), Some(Check::IssMismatch)),
        ("a host", of!("https://op.example.evil/T1/v2.0", TENANT.into()), Some(Check::IssMismatch)),
        ("plain", of!("https://op.example", TENANT.into()), Some(Check::IssMismatch)),
        ("nothing between", of!("https://op.example/v2.0", TENANT.into()), Some(Check::IssMismatch)),
        ("upper case", of!("https://op.example/T1/v2.0", TENANT.to_uppercase().into()), Some(not_listed)),
    ];
    for (what, forge, check) in rows {
        let outcome = sign_in(&MANY.tenants(&[TENANT]), &|_| (), *forge).map(|_| ());
        assert_eq!(outcome, check.map_or(Ok(()), |check| Err(check.into())), "{what}");
    }
    let both: &[&str] = &[OTHER_TENANT, TENANT];
    let crossed = of!("https://op.example/T2/v2.0", TENANT.into());
    assert_eq!(sign_in(&MANY.tenants(both), &|_| (), crossed).err(), Some(Check::IssMismatch.into()));
    // Any tenant is one that has the form of one.
    for (forge, check) in [
        (of!("https://op.example/T2/v2.0", OTHER_TENANT.into()), None),
        (crossed, Some(Check::IssMismatch)),
        (of!("https://op.example/common/v2.0", "common".into()), Some(not_listed)),
        (of!("https://op.example/x/../T1/v2.0", format!("x/../{TENANT}").into()), Some(not_listed)),
        (of!("https://op.example/{tenantid}/v2.0", "{tenantid}".into()), Some(not_listed)),
    ] {
        let outcome = sign_in(&MANY.any_tenant(), &|_| (), forge).map(|_| ());
        assert_eq!(outcome, check.map_or(Ok(()), |check| Err(check.into())));
    }
    // Where there is one issuer, `tid` means nothing.
    for tid in [json!(TENANT), json!(1), json!([{}]), Value::Null] {
        let forge: Forgery = match tid {
            Value::String(_) => |draft| draft.claims["tid"] = TENANT.into(),
            Value::Number(_) => |draft| draft.claims["tid"] = 1.into(),
            Value::Array(_) => |draft| draft.claims["tid"] = json!([{}]),
            _ => |draft| draft.claims["tid"] = Value::Null,
        };
        assert!(sign_in(&CLIENT, &|_| (), forge).is_ok(), "{tid}");
    }
}

// REQ: INTEROP-08
#[test]
fn templates_are_for_clients_that_name_their_tenants() {
    let begins = |client: Client<'_>| AuthorizationCode::<64>::new(&client, seeds::seed(1), NOW).map(|_| ());
    let wrong = Err(Error::Config(Name::Issuer));
    assert_eq!(begins(MANY), wrong, "no tenant is named");
    assert_eq!(begins(CLIENT.tenants(&[TENANT])), wrong, "no template");
    assert_eq!(begins(CLIENT.any_tenant()), wrong, "no template");
    assert_eq!(begins(MANY.tenants(&[])), wrong, "nobody");
    for tenant in ["", "contoso.com", "common", "8EAEF023-2B34-4DA1-9BAA-8BC8C9D6A490", &TENANT[1..]] {
        assert_eq!(begins(MANY.tenants(&[TENANT, tenant])), wrong, "{tenant}");
    }
    assert_eq!(begins(MANY.tenants(&[TENANT, OTHER_TENANT])), Ok(()));
    assert_eq!(begins(MANY.any_tenant()), Ok(()));
    for issuer in [
        "https://{tenantid}.op.example/v2.0",
        "https://{tenantid}/v2.0",
        "https://op.example{tenantid}/v2.0",
        "http://op.example/{tenantid}/v2.0",
        "https://op.example/?t=/{tenantid}",
        "https://op.example/#/{tenantid}",
        "https://op.example/{tenantid}{tenantid}",
        "https://op.example/{tenantid}/{tenantid}",
        "https://op.example/{tenantid}?x",
        "https://op.example/{tenantid}x",
        "https://op.example/{tenant}/v2.0",
        "https://op.example/{tenantid",
        "https://user@op.example/{tenantid}",
    ] {
        let metadata = Metadata::new(issuer)
            .authorization_endpoint("https://op.example/authorize")
            .token_endpoint("https://op.example/token")
            .jwks_uri("https://op.example/jwks");
        let client =
            Client::new(metadata, "kiosk").redirect_uri("https://app.example/cb").algorithms(VERIFIERS);
        assert_eq!(begins(client.tenants(&[TENANT])), wrong, "{issuer}");
        let discovery = Discovery::new("https://op.example/common/v2.0").expect("right");
        assert_eq!(discovery.template(issuer).err(), Some(Error::Config(Name::Issuer)), "{issuer}");
    }
    // A template of another host would let that host's document pass.
    let discovery = Discovery::new("https://op.example/common/v2.0").expect("right");
    let elsewhere = discovery.template("https://evil.example/{tenantid}/v2.0");
    assert_eq!(elsewhere.err(), Some(Error::Config(Name::Issuer)));
    assert!(discovery.template("https://op.example/{tenantid}/v2.0").is_ok());
}

// REQ: INTEROP-08
#[test]
fn a_redirect_of_another_tenant_is_another_issuers() {
    let came = |client: &Client<'_>, issuer: &str| {
        let mut flow = AuthorizationCode::<64>::new(client, seeds::seed(1), NOW).expect("right");
        let hand = Hand::default();
        let Return::Url(url) = hand.visit(&flow) else { panic!("a query was asked for") };
        let url = url.replace(&form::encode("https://op.example"), &form::encode(issuer));
        hand.redirect(&mut flow, &Return::Url(url))
    };
    let of = |tenant: &str| format!("https://op.example/{tenant}/v2.0");
    let wrong = Err(Check::IssuerMismatch.into());
    let one = MANY.tenants(&[TENANT]);
    assert_eq!(came(&one, &of(TENANT)), Ok(()));
    assert_eq!(came(&one, &of(OTHER_TENANT)), wrong);
    assert_eq!(came(&one, &of("{tenantid}")), wrong);
    assert_eq!(came(&one, &format!("{}{}", of(TENANT), "x".repeat(300))), wrong);
    let any = MANY.any_tenant();
    assert_eq!(came(&any, &of(OTHER_TENANT)), Ok(()));
    for issuer in [of("common"), of("{tenantid}"), "https://op.example".into(), "https://evil.example".into()]
    {
        assert_eq!(came(&any, &issuer), wrong, "{issuer}");
    }
}

// REQ: INTEROP-03
#[test]
fn an_organization_by_id_and_by_name() {
    macro_rules! org {
        ($($claim:literal = $value:literal),*) => {
            (|draft| { $(draft.claims[$claim] = $value.into();)* let _ = draft; }) as Forgery
        };
    }
    let (id, name) = (Check::VendorClaimMismatch(Name::OrgId), Check::VendorClaimMismatch(Name::OrgName));
    for (wanted, forge, check) in [
        ("org_Abc", org!("org_id" = "org_Abc"), None),
        ("org_Abc", org!("org_id" = "org_Abc", "org_name" = "acme"), None),
        ("org_Abc", org!("org_id" = "org_abc"), Some(id)),
        ("org_Abc", org!("org_name" = "org_abc"), Some(id)),
        ("org_Abc", org!(), Some(id)),
        ("acme", org!("org_name" = "acme"), None),
        ("Acme", org!("org_name" = "acme", "org_id" = "org_1"), None),
        ("ACME-1", org!("org_name" = "acme-1"), None),
        ("acme", org!("org_name" = "Acme"), Some(name)),
        ("Acme", org!("org_name" = "Acme"), Some(name)),
        ("acme", org!("org_name" = "acme2"), Some(name)),
        ("acme", org!("org_name" = "acm"), Some(name)),
        ("acme", org!("org_id" = "acme"), Some(name)),
        ("acme", org!("org_name" = 1), Some(name)),
    ] {
        let outcome = sign_in(&CLIENT.organization(wanted), &|_| (), forge).map(|_| ());
        assert_eq!(outcome, check.map_or(Ok(()), |check| Err(check.into())), "{wanted}");
    }
}

// REQ: INTEROP-06, INTEROP-11, AUTHZ-17
#[test]
fn what_comes_back_beside_the_code_does_no_harm() {
    // Google: a slash in the code, and what was granted. Entra: a code of 1,500 characters.
    let client =
        provider::GOOGLE.client(PLAIN, "kiosk").redirect_uri("https://app.example/cb").algorithms(VERIFIERS);
    let mut flow = AuthorizationCode::<2048>::new(&client, seeds::seed(1), NOW).expect("right");
    let hand = Hand::default();
    let Return::Url(url) = hand.visit(&flow) else { panic!("a query was asked for") };
    assert!(hand.url(&flow).ends_with("&access_type=offline"));
    let code = format!("4/0AX{}", "x".repeat(1500));
    let (before, _) = url.split_once("code=").expect("a code");
    let (state, iss) = (form::in_url(&url, "state"), form::encode("https://op.example"));
    let google = format!(
        "{before}code={code}&state={state}&iss={iss}&scope=email%20openid&authuser=0&hd=acme.example&prompt=consent&session_state=0.1"
    );
    hand.redirect(&mut flow, &Return::Url(google)).expect("ours");
    let (request, _) = hand.request(&flow).expect("goes on").expect("a request");
    assert!(request.body.contains(&form::encode(&code)), "{}", request.body);
    // Apple: scopes by `%20`, a form post, and a `user` of whom nothing is signed.
    let client = provider::APPLE
        .client(PLAIN, "kiosk")
        .redirect_uri("https://app.example/cb")
        .scope(&["openid", "name", "email"])
        .algorithms(VERIFIERS);
    let mut flow = AuthorizationCode::<64>::new(&client, seeds::seed(1), NOW).expect("right");
    let url = hand.url(&flow);
    assert!(
        url.contains("&scope=openid%20name%20email&") && url.contains("&response_mode=form_post"),
        "{url}"
    );
    let Return::Form(form) = hand.visit(&flow) else { panic!("a form was asked for") };
    let user =
        form::encode(r#"{"name":{"firstName":"Mallory"},"email":"alice@acme.example","sub":"mallory"}"#);
    hand.redirect(&mut flow, &Return::Form(format!("{form}&user={user}"))).expect("ours");
}

/// Auth0 signs out as the standard has it; its tenants announce where.
// REQ: INTEROP-04, LOGOUT-01
#[test]
fn auth0_signs_out_as_the_standard_has_it() {
    let known = KNOWN.iter().find(|known| known.name == "auth0").expect("it is known");
    let file: Value = serde_json::from_str(known.file).expect("JSON");
    let discovery = discovery(file["ask"].as_str().expect("an address"), &file["metadata"]);
    let mut buffer = [0; 2048];
    let metadata = read(&discovery, &file["metadata"], &mut buffer).expect("right");
    let client = client_of(known, &file, metadata);
    let end = EndSession::new(&client)
        .id_token_hint("h.p.s")
        .logout_hint("session")
        .post_logout_redirect_uri("https://app.example/bye", "fresh");
    assert_eq!(
        end.url(&mut [0; 512]),
        Ok(
            "https://tenant.eu.auth0.com/oidc/logout?id_token_hint=h.p.s&client_id=client&logout_hint=session\
            &post_logout_redirect_uri=https%3A%2F%2Fapp.example%2Fbye&state=fresh"
        )
    );
    // What ends the family of refresh tokens goes there.
    assert_eq!(client.metadata().revocation(), Some("https://tenant.eu.auth0.com/oauth/revoke"));
}

// REQ: INTEROP-10
#[test]
fn github_is_oauth_and_nothing_more() {
    let client = provider::GITHUB
        .client(provider::GITHUB.endpoints(), "client")
        .redirect_uri("https://app.example/cb")
        .scope(&["read:user"]);
    let begin = || {
        let mut flow = AuthorizationCode::<64>::new(&client, seeds::seed(1), NOW).expect("right");
        let hand = Hand::default();
        let url = hand.url(&flow);
        assert!(
            url.starts_with("https://github.com/login/oauth/authorize?") && !url.contains("nonce"),
            "{url}"
        );
        let back = format!("https://app.example/cb?code=abc&state={}", form::in_url(&url, "state"));
        hand.redirect(&mut flow, &Return::Url(back)).expect("ours");
        (hand, flow)
    };
    let came = |answer: Answer| {
        let (hand, mut flow) = begin();
        let (request, keep) = hand.request(&flow).expect("goes on").expect("a request");
        assert_eq!(request.url, "https://github.com/login/oauth/access_token");
        // Without this it answers with a form.
        assert!(request.headers.contains(&("Accept".into(), "application/json".into())));
        let mut buffer = [0; ENOUGH];
        let response = answer.read(keep, &mut buffer).0;
        flow.handle(NOW, Event::Response(response)).map(|tokens| {
            let tokens = tokens.expect("tokens");
            assert!(tokens.id_token().is_none());
            (tokens.access_token().to_owned(), tokens.scope().map(str::to_owned))
        })
    };
    let token = json!({ "access_token": "gho_1", "scope": "repo,gist", "token_type": "bearer" });
    assert_eq!(came(Answer::json(200, &token)), Ok(("gho_1".into(), Some("repo,gist".into()))));
    let error = json!({ "error": "bad_verification_code", "error_uri": "https://docs.github.com/x" });
    assert_eq!(came(Answer::json(200, &error)), Err(Error::Refused(ErrorCode::Other)));
    let form = Answer::new(
        200,
        "application/x-www-form-urlencoded; charset=utf-8",
        "access_token=gho_1&token_type=bearer",
    );
    assert_eq!(came(form), Err(Check::ContentType.into()));
}

// REQ: INTEROP-01
#[test]
fn issuers_of_presets() {
    let wrong = Err(Error::Config(Name::Issuer));
    let mut room = [0; 128];
    assert_eq!(provider::AUTH0.issuer(&["acme.eu.auth0.com"], &mut room), Ok("https://acme.eu.auth0.com/"));
    for texts in [
        &[][..],
        &["a.example", "b"],
        &[""],
        &["acme.example/"],
        &["/acme.example"],
        &["a b"],
        &["a?b"],
        &["a#b"],
        &["u@a"],
        &["{domain}"],
        &["a%2Fb"],
    ] {
        assert_eq!(provider::AUTH0.issuer(texts, &mut room), wrong, "{texts:?}");
    }
    assert_eq!(provider::GOOGLE.issuer(&["x"], &mut room), wrong);
    assert_eq!(Provider::new("http://a.example").issuer(&[], &mut room), wrong);
    assert_eq!(Provider::new("https://a.example/{x").issuer(&["x"], &mut room), wrong);
    let issuer = "https://sso.acme.example:8443/realms/acme";
    for length in 0..=issuer.len() + 2 {
        let mut out = vec![0; length];
        let outcome = provider::KEYCLOAK.issuer(&["sso.acme.example:8443", "acme"], &mut out);
        let needed = issuer.len();
        assert_eq!(outcome, if length < needed { Err(Error::BufferTooSmall { needed }) } else { Ok(issuer) });
    }
    // To the last slash, and as the well-known address has it.
    let discovery = Discovery::new("https://tenant.auth0.com/").expect("right");
    let mut out = [0; 128];
    let request = discovery.request(NOW, &mut out).expect("it fits");
    assert_eq!(request.url(), "https://tenant.auth0.com/.well-known/openid-configuration");
    let slash: Forgery = |draft| draft.claims["iss"] = "https://op.example/".into();
    assert_eq!(sign_in(&CLIENT, &|_| (), slash).err(), Some(Check::IssMismatch.into()));
}

/// A whole configuration is a constant, and lies in flash.
// REQ: CFG-16, CFG-17
#[test]
fn a_client_can_be_a_constant() {
    const ENTRA: Client<'static> = provider::ENTRA
        .client(
            Metadata::new(provider::ENTRA_TEMPLATE)
                .authorization_endpoint(
                    "https://login.microsoftonline.com/organizations/oauth2/v2.0/authorize",
                )
                .token_endpoint("https://login.microsoftonline.com/organizations/oauth2/v2.0/token")
                .jwks_uri("https://login.microsoftonline.com/organizations/discovery/v2.0/keys"),
            "client",
        )
        .tenants(&[TENANT, OTHER_TENANT])
        .redirect_uri("com.example.app:/callback")
        .scope(&["openid", "profile"])
        .max_age(60)
        .login_hint("alice");
    static GITHUB: Client<'static> = provider::GITHUB
        .client(provider::GITHUB.endpoints(), "client")
        .redirect_uri("com.example.app:/callback")
        .quirks(provider::GITHUB.known_quirks().with(Quirks::LIFETIME_AS_TEXT));
    const STRICT: Client<'static> = CLIENT.strict().keys(keyfob_core::jwk::KeySet::EMPTY);
    for client in [&ENTRA, &GITHUB, &STRICT] {
        let flow = AuthorizationCode::<64>::new(client, seeds::seed(1), NOW).expect("right");
        assert!(matches!(flow.poll(NOW, &mut [0; ENOUGH]), Ok(Action::Authorize(_))));
    }
}

// REQ: INTEROP-11, IDT-27
#[test]
fn booleans_as_text_are_read_where_a_preset_says_so() {
    let of = |client: &Client<'_>, value: Value| {
        let userinfo = UserInfo::new(client, "access-1", "alice");
        let keep = userinfo.request(NOW, &mut [0; 256]).expect("right").keep();
        let body = json!({ "sub": "alice", "email_verified": value, "updated_at": TODAY.to_string() });
        let mut buffer = [0; 512];
        let claims = userinfo.response(Answer::json(200, &body).read(keep, &mut buffer).0).expect("right");
        (claims.email_verified(), claims.updated_at().map(|time| time.seconds()))
    };
    let apple = provider::APPLE.client(SERVER, "kiosk");
    let auth0 = provider::AUTH0.client(SERVER, "kiosk");
    for (value, tolerated, plain) in [
        (json!(true), Some(true), Some(true)),
        (json!(false), Some(false), Some(false)),
        (json!("true"), Some(true), None),
        (json!("false"), Some(false), None),
        (json!("True"), None, None),
        (json!("1"), None, None),
        (json!(1), None, None),
        (json!(["true"]), None, None),
        (Value::Null, None, None),
    ] {
        assert_eq!(of(&apple, value.clone()), (tolerated, None), "{value}");
        assert_eq!(of(&auth0, value.clone()), (plain, Some(TODAY)), "{value}");
        assert_eq!(of(&CLIENT, value.clone()).0, plain, "{value}: unless asked for");
        assert_eq!(of(&KIOSK.strict(), value), (plain, None), "strict");
    }
}
