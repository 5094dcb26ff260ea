//! What a portal is for its visitors: its names, its looks, and where it leads.

use crate::{
    encoding::{text, url},
    metadata::Metadata,
    portal::{
        reader::Limits,
        words::{ENGLISH, Words},
    },
};

/// What a portal is for its visitors. It is handed in with every call, so that names and addresses may change while a
/// sign-in goes on; a device makes it of what it knows at the moment.
#[derive(Clone, Copy)]
pub struct Site<'s> {
    pub(crate) hosts: &'s [&'s str],
    pub(crate) callback: &'s str,
    pub(crate) issuer: &'s str,
    pub(crate) authorization_endpoint: &'s str,
    pub(crate) brand: &'s Brand<'s>,
    pub(crate) languages: &'s [&'s Words],
    pub(crate) limits: Limits,
    pub(crate) paste: Option<Paste>,
    pub(crate) https: bool,
    pub(crate) access_point: bool,
}

/// What a user may paste.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Paste {
    Address,
    AddressOrCode,
}

impl<'s> Site<'s> {
    /// A portal for sign-ins at this server. `hosts` are its own names and addresses as they stand in `Host`, with the
    /// port unless it is the scheme's own: `192.168.4.20`, `thermostat.local:8080`. The first one goes into the QR code,
    /// so it is an address, or a name that phones can resolve (RFC 6762 §21). It is also the host of the redirect URI, if
    /// that leads here: a browser that asks for the start page under another name is sent to this one, for it keeps its
    /// cookie by host.
    ///
    /// Requests for other hosts are refused: a page on the web can make its own name point here.
    pub const fn new(metadata: &Metadata<'s>, hosts: &'s [&'s str]) -> Self {
        Self {
            hosts,
            callback: "",
            issuer: metadata.issuer,
            authorization_endpoint: match metadata.authorization_endpoint {
                Some(endpoint) => endpoint,
                None => "",
            },
            brand: &Brand::PLAIN,
            languages: &[&ENGLISH],
            limits: Limits::PORTAL,
            paste: None,
            https: false,
            access_point: false,
        }
    }

    /// A listener that only takes the redirect, for a browser on the same machine. `callback` is the path of the redirect
    /// URI.
    pub const fn loopback(hosts: &'s [&'s str], callback: &'s str) -> Self {
        let mut site = Self::new(&Metadata::new(""), hosts).callback(callback);
        site.limits = Limits::LOOPBACK;
        site
    }

    /// The same under other names and addresses.
    #[must_use]
    pub const fn with_hosts<'n>(self, hosts: &'n [&'n str]) -> Site<'n>
    where
        's: 'n,
    {
        Site { hosts, ..self }
    }

    /// Its own names and addresses.
    pub const fn hosts(&self) -> &'s [&'s str] {
        self.hosts
    }

    /// The server sends the browser back to this portal, to this path. With plain http that is what
    /// [`Client::insecure_lan_redirect`](crate::client::Client::insecure_lan_redirect) allows, and the user is told so.
    ///
    /// The response has to come in the query: with a form that another site posts, browsers send no cookie.
    ///
    /// `/`, `/start`, `/paste` and `/go` are the portal's own where a phone has to be paired.
    #[must_use]
    pub const fn callback(mut self, path: &'s str) -> Self {
        self.callback = path;
        self
    }

    /// The user brings the address that the browser ends at, by copy and paste, or the bare code.
    ///
    /// A bare code has neither `state` nor `iss`: that it is of this sign-in, PKCE shows. So it is taken only from a server
    /// that does not [announce](Metadata::announces_iss) `iss`.
    #[must_use]
    pub const fn paste(mut self, metadata: &Metadata<'_>) -> Self {
        self.paste = Some(if metadata.iss_parameter { Paste::Address } else { Paste::AddressOrCode });
        self
    }

    /// Name and looks; without them the pages are plain.
    #[must_use]
    pub const fn brand(mut self, brand: &'s Brand<'s>) -> Self {
        self.brand = brand;
        self
    }

    /// The languages of the pages; the first is that of visitors who speak none of them. English, unless set.
    #[must_use]
    pub const fn languages(mut self, languages: &'s [&'s Words]) -> Self {
        self.languages = languages;
        self
    }

    /// The longest parts of a request; [`Limits::PORTAL`] unless set.
    #[must_use]
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The portal is reached over https, with a certificate that phones trust.
    #[must_use]
    pub const fn https(mut self) -> Self {
        self.https = true;
        self
    }

    /// The phone is in the device's own network, which has no internet: the page says what to do.
    #[must_use]
    pub const fn access_point(mut self) -> Self {
        self.access_point = true;
        self
    }

    /// Whether the server sends the browser back to here.
    pub const fn has_callback(&self) -> bool {
        !self.callback.is_empty()
    }

    pub(crate) const fn scheme(&self) -> &'static str {
        if self.https { "https://" } else { "http://" }
    }

    pub(crate) fn first_host(&self) -> &'s str {
        self.hosts.first().copied().unwrap_or_default()
    }

    pub(crate) fn is_host(&self, host: &[u8]) -> bool {
        !host.is_empty() && self.hosts.iter().any(|own| own.as_bytes().eq_ignore_ascii_case(host))
    }

    /// The host that users are asked to trust.
    pub(crate) fn server(&self) -> &'s str {
        let host = |address| url::parse(address).map(|url| url.host);
        host(self.authorization_endpoint).or(host(self.issuer)).unwrap_or_default()
    }

    /// Whether a response that is posted may come from a page of this origin: one of the server's, or one that does not
    /// say where it is from.
    pub(crate) fn is_server(&self, origin: &str) -> bool {
        let is = |address: &str| url::parse(address).is_some_and(|url| url.origin == origin);
        // A listener on the same machine is not told which server it is.
        self.issuer.is_empty() || origin == "null" || is(self.issuer) || is(self.authorization_endpoint)
    }

    /// Whether `path` is where the last page is: below the callback.
    pub(crate) fn is_done(&self, path: &str) -> bool {
        path.strip_prefix(self.done()).is_some_and(|rest| rest == DONE)
    }

    /// The first piece of the last page's path; the second is [`DONE`].
    pub(crate) fn done(&self) -> &'s str {
        self.callback.strip_suffix('/').unwrap_or(self.callback)
    }

    /// Whether the browser may be sent to `url`.
    pub(crate) fn leads_to(&self, url: &str) -> bool {
        let endpoint = text::before(self.authorization_endpoint, b'?');
        let rest = url.strip_prefix(endpoint);
        !endpoint.is_empty()
            && url::parse(url).is_some()
            && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('?'))
    }
}

/// What the last page's path ends with.
pub(crate) const DONE: &str = "/done";

/// The name and the looks of a device, as its maker wants them.
#[derive(Clone, Copy)]
pub struct Brand<'b> {
    pub(crate) name: &'b str,
    pub(crate) logo: &'b str,
    pub(crate) colour: &'b str,
    pub(crate) ink: &'b str,
}

impl<'b> Brand<'b> {
    /// Neither name nor logo, and a blue button.
    pub const PLAIN: Brand<'static> = Brand::new("");

    /// The longest logo, in octets.
    pub const MAX_LOGO: usize = 1024;

    /// A device of this name.
    pub const fn new(name: &'b str) -> Self {
        Self { name, logo: "", colour: "#0b57d0", ink: "#fff" }
    }

    /// The colour of buttons and of what is written on them, as in CSS: `#0b57d0`. They have to differ enough to be
    /// read (WCAG 2.2 §1.4.3: 4.5 to 1). What is no colour is not used.
    #[must_use]
    pub const fn colour(mut self, colour: &'b str, ink: &'b str) -> Self {
        if is_colour(colour) && is_colour(ink) {
            self.colour = colour;
            self.ink = ink;
        }
        self
    }

    /// A logo: an `<svg>` element, with attributes in place of styles, and a `<title>`. It stands in the pages as it is,
    /// so it is the maker's own. A longer one than [`Brand::MAX_LOGO`] is not used.
    #[must_use]
    pub const fn logo(mut self, svg: &'b str) -> Self {
        if svg.len() <= Self::MAX_LOGO {
            self.logo = svg;
        }
        self
    }

    /// The style sheet, in pieces. Light or dark as the browser is set, and as wide as the screen allows.
    pub(crate) fn style(&self) -> [&str; 5] {
        [STYLE, self.colour, ";color:", self.ink, "}"]
    }
}

/// `#` and digits: nothing that could end the rule that it stands in.
const fn is_colour(colour: &str) -> bool {
    let [b'#', digits @ ..] = colour.as_bytes() else { return false };
    let mut rest = digits;
    while let [digit, behind @ ..] = rest {
        if !digit.is_ascii_hexdigit() {
            return false;
        }
        rest = behind;
    }
    matches!(digits.len(), 3 | 6)
}

/// The last rules are for small panels, which lie on their side.
const STYLE: &str = ":root{color-scheme:light dark}\
    *{box-sizing:border-box}\
    body{margin:0;min-height:100vh;display:grid;place-items:center;font:1.125rem/1.5 system-ui,sans-serif}\
    main{width:100%;max-width:32rem;padding:1.5rem;overflow-wrap:anywhere}\
    header{display:flex;align-items:center;gap:.75rem;margin:0 0 1.5rem;font-weight:600}\
    svg{width:2.5rem;height:2.5rem;flex:none}\
    h1{margin:0;font-size:1.5rem;line-height:1.25}\
    p{margin:.75rem 0 0}\
    small{opacity:.75}\
    [role=alert]{border-left:.25rem solid #d93025;padding-left:.75rem}\
    form{margin:1.25rem 0}\
    label{display:block;font-weight:600}\
    input,textarea,button{width:100%;min-height:3rem;margin:.5rem 0 0;padding:.5rem .75rem;font:inherit;\
    border:1px solid #767676;border-radius:.5rem}\
    input{font-size:1.5rem;letter-spacing:.1em}\
    textarea{min-height:6rem}\
    @media(max-height:24rem) and (min-width:28rem){:root{font-size:75%}main{max-width:40rem;padding:1rem}\
    header{margin:0 0 .5rem}form{margin:.75rem 0}}\
    button{border:0;font-weight:600;cursor:pointer;background:";
