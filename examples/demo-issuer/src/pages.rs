//! The pages that people see: HTML without scripts, for phone and desktop, light and dark.

use std::fmt::Write;
use std::sync::LazyLock;

use axum::http::StatusCode;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse, Response};
use base64ct::{Base64, Encoding};
use sha2::{Digest, Sha256};

use crate::record::{Ask, User, Way};

/// `GET /`
pub async fn home() -> Response {
    let body = "<p>There is nothing to do on this page. An application sends you to this issuer when you sign in, and \
        this is where a device that shows you a code is connected:</p>\
        <form action=\"/activate\" method=\"get\"><div class=\"buttons\"><button>Connect a device</button></div></form>";
    page(StatusCode::OK, "Keyfob's demo issuer", body, Forms::Here)
}

/// Asks for a name.
pub fn login(id: &str, ask: &Ask, problem: Option<&str>) -> Response {
    let client = escape(ask.client.id);
    let hint = escape(ask.login_hint.as_deref().unwrap_or_default());
    let body = format!(
        "<p>The application <strong>{client}</strong> asks you to sign in.</p>\
         <p class=\"note\">{DISCLAIMER}</p>\
         <form action=\"/login\" method=\"post\">{id}{problem}\
         <label for=\"name\">Your name</label>\
         <input type=\"text\" id=\"name\" name=\"name\" value=\"{hint}\" autocomplete=\"off\" spellcheck=\"false\" \
         maxlength=\"64\" required autofocus{described}>\
         <div class=\"buttons\"><button>Continue</button></div></form>",
        id = id_field(id),
        problem = problem_text(problem),
        described = described(problem),
    );
    let status = if problem.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    page(status, "Sign in", &body, Forms::Here)
}

/// Asks whether an application may have what it asks for.
pub fn consent(id: &str, ask: &Ask, user: &User) -> Response {
    let mut wishes = String::new();
    for scope in ask.scopes.iter() {
        let _ = write!(wishes, "<li>{}</li>", words(scope, user));
    }
    if let Some(audience) = &ask.audience {
        let _ = write!(wishes, "<li>Use the service <code>{}</code> on your behalf</li>", escape(audience));
    }
    if let Some(organization) = &ask.organization {
        let _ = write!(wishes, "<li>Act as a member of <code>{}</code></li>", escape(organization));
    }
    let (check, back) = match &ask.way {
        Way::Device { user_code } => (
            format!(
                "<p class=\"note\">Allow only if the device in front of you shows this code:<br>\
                 <span class=\"code\">{}</span></p>",
                escape(user_code),
            ),
            "Your answer goes to the device.".to_owned(),
        ),
        Way::Redirect { redirect_uri, .. } => (
            String::new(),
            format!("Your answer goes to <code>{}</code>.", escape(destination(redirect_uri))),
        ),
    };
    let body = format!(
        "<p>The application <strong>{client}</strong> would like to:</p><ul>{wishes}</ul>{check}\
         <form action=\"/consent\" method=\"post\">{id}\
         <div class=\"buttons\"><button name=\"answer\" value=\"allow\">Allow</button>\
         <button class=\"other\" name=\"answer\" value=\"deny\">Deny</button></div>\
         <p class=\"soft\">{back}</p>\
         <p class=\"soft\">You are signed in as <strong>{name}</strong>. \
         <button class=\"link\" name=\"answer\" value=\"switch\">Use another name</button></p></form>",
        client = escape(ask.client.id),
        id = id_field(id),
        name = escape(&user.name),
    );
    page(StatusCode::OK, "Allow this application?", &body, Forms::Anywhere)
}

/// Asks for the code that a device shows.
pub fn activate(status: StatusCode, user_code: &str, problem: Option<&str>) -> Response {
    let body = format!(
        "<p>Your device shows a code of eight letters. Please type it here.</p>\
         <form action=\"/activate\" method=\"post\">{problem}\
         <label for=\"user_code\">Code</label>\
         <input type=\"text\" class=\"code\" id=\"user_code\" name=\"user_code\" value=\"{value}\" autocomplete=\"off\" \
         autocapitalize=\"characters\" spellcheck=\"false\" maxlength=\"20\" placeholder=\"XXXX-XXXX\" required \
         autofocus{described}>\
         <div class=\"buttons\"><button>Continue</button></div></form>",
        problem = problem_text(problem),
        value = escape(user_code),
        described = described(problem),
    );
    page(status, "Connect a device", &body, Forms::Here)
}

/// Tells the user to go back to the device.
pub fn device_done(allowed: bool) -> Response {
    if allowed {
        let body = "<p>You can close this page and go back to your device.</p>";
        return page(StatusCode::OK, "Your device is connected", body, Forms::Here);
    }
    let body = "<p>Nothing was shared. You can close this page.</p>";
    page(StatusCode::OK, "Your device was not connected", body, Forms::Here)
}

/// Asks whether to sign out.
pub fn logout(id: &str, user: &User) -> Response {
    let body = format!(
        "<p>You are signed in to the demo issuer as <strong>{name}</strong>.</p>\
         <form action=\"/oidc/logout/confirm\" method=\"post\">{id}\
         <div class=\"buttons\"><button name=\"answer\" value=\"leave\">Sign out</button>\
         <button class=\"other\" name=\"answer\" value=\"stay\">Stay signed in</button></div></form>",
        name = escape(&user.name),
        id = id_field(id),
    );
    page(StatusCode::OK, "Sign out?", &body, Forms::Anywhere)
}

/// Tells that the user is signed out.
pub fn signed_out() -> Response {
    let body = "<p>You can close this page.</p>";
    page(StatusCode::OK, "You are signed out", body, Forms::Here)
}

/// Tells that the user stays signed in.
pub fn stayed() -> Response {
    let body = "<p>You can close this page.</p>";
    page(StatusCode::OK, "You are still signed in", body, Forms::Here)
}

/// Tells what is wrong with a request that cannot go back to its application.
pub fn error(problem: &str) -> Response {
    let body = format!(
        "<p>An application sent you here with a request that is wrong, and it is not safe to send you back to \
         it.</p><p class=\"note\">{}</p>\
         <p class=\"soft\">Only the application's developer can change this. You can close this page.</p>",
        escape(problem),
    );
    page(StatusCode::BAD_REQUEST, "This request cannot be answered", &body, Forms::Here)
}

/// Tells that a page is no longer good.
pub fn stale() -> Response {
    let body = "<p>It was used before, waited for more than ten minutes, or belongs to another browser. This \
        also happens where cookies are blocked.</p>\
        <p>Please go back to the application and start again.</p>";
    page(StatusCode::BAD_REQUEST, "This page is no longer good", body, Forms::Here)
}

/// Where a page's forms may lead.
#[derive(Clone, Copy)]
enum Forms {
    /// Anywhere: browsers hold the redirects that follow a form against `form-action` as well (Chromium does), so
    /// a page whose answer ends at the application cannot have it. The address of the application is known, but
    /// not where its own answer redirects to, and a source list has no way to write `[::1]`.
    Anywhere,
    Here,
}

fn page(status: StatusCode, title: &str, body: &str, forms: Forms) -> Response {
    let title = escape(title);
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title} · Keyfob demo</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><style>{STYLE}</style></head>\
         <body><main><p class=\"brand\">{MARK}Keyfob demo issuer</p><h1>{title}</h1>{body}</main>\
         </body></html>",
    );
    let policy = match forms {
        Forms::Anywhere => POLICY.0.clone(),
        Forms::Here => POLICY.1.clone(),
    };
    let media = HeaderValue::from_static("text/html; charset=utf-8");
    (status, [(CONTENT_TYPE, media), (CONTENT_SECURITY_POLICY, policy)], html).into_response()
}

/// The content security policies of both kinds of [`Forms`].
static POLICY: LazyLock<(HeaderValue, HeaderValue)> = LazyLock::new(|| {
    let style = Base64::encode_string(&Sha256::digest(STYLE));
    let anywhere =
        format!("default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; frame-ancestors 'none'");
    let here = format!("{anywhere}; form-action 'self'");
    let value = |policy: &str| {
        HeaderValue::from_str(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
    };
    (value(&anywhere), value(&here))
});

fn id_field(id: &str) -> String {
    format!("<input type=\"hidden\" name=\"id\" value=\"{}\">", escape(id))
}

fn problem_text(problem: Option<&str>) -> String {
    let text = |problem| format!("<p class=\"wrong\" id=\"problem\" role=\"alert\">{}</p>", escape(problem));
    problem.map(text).unwrap_or_default()
}

fn described(problem: Option<&str>) -> &'static str {
    if problem.is_some() { " aria-invalid=\"true\" aria-describedby=\"problem\"" } else { "" }
}

/// A scope in plain words.
fn words(scope: &str, user: &User) -> String {
    match scope {
        "email" => {
            format!("See your email address, <code>{}</code> (made up)", escape(&user.email))
        }
        "offline_access" => "Stay signed in while you are away".to_owned(),
        "openid" => "Recognise you when you come back".to_owned(),
        "profile" => format!("See your name, <strong>{}</strong>", escape(&user.name)),
        other => escape(other),
    }
}

/// The part of a redirect URI that tells where it leads.
fn destination(redirect_uri: &str) -> &str {
    let end = redirect_uri.find("://").map_or(0, |scheme| scheme + "://".len());
    let rest = redirect_uri.get(end..).unwrap_or_default();
    let length = rest.find(['/', '?']).unwrap_or(rest.len());
    redirect_uri.get(..end + length).unwrap_or(redirect_uri)
}

/// Text as HTML, in elements and in quoted attributes.
fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => html.push_str("&quot;"),
            '&' => html.push_str("&amp;"),
            '\'' => html.push_str("&#39;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            _ => html.push(c),
        }
    }
    html
}

const DISCLAIMER: &str = "This is Keyfob's demo issuer. It runs on your own computer and accepts any name; do not \
    type a real password.";

/// A key ring with a key.
const MARK: &str = "<svg viewBox=\"0 0 24 24\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"2\" \
    stroke-linecap=\"round\" aria-hidden=\"true\"><circle cx=\"8\" cy=\"16\" r=\"5\"/>\
    <path d=\"M11.5 12.5 20 4M15 9l3 3M18 6l2 2\"/></svg>";

const STYLE: &str = include_str!("style.css");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_text() {
        assert_eq!(escape("<a b='c' d=\"&\">"), "&lt;a b=&#39;c&#39; d=&quot;&amp;&quot;&gt;");
    }

    #[test]
    fn the_destination_is_scheme_and_host() {
        assert_eq!(destination("http://127.0.0.1:80/cb"), "http://127.0.0.1:80");
        assert_eq!(destination("http://[::1]:80/cb?a"), "http://[::1]:80");
        assert_eq!(destination("com.example.app:/cb"), "com.example.app:");
    }
}
