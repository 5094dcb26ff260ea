//! What a request is worth: whose it is, and whether it may.

use crate::{
    encoding::{form, text},
    flow::Redirect,
    portal::{
        Alphabet, Portal, Site, Status, Step,
        answer::COOKIE,
        page::{self, Notice, Proof},
        pairing::{Pairing, Try},
        reply::Reply,
        request::{Field, Head, Length, Method},
        site::Paste,
        visitor::{Route, Visitor},
        words::choose,
    },
    secret::{Derived, equal},
    time::Now,
};

/// A request that was read, and whether it is from the browser that was let in.
pub(crate) struct Asked<'a, 'r> {
    pub(crate) head: &'a Head<'r>,
    pub(crate) query: &'r str,
    pub(crate) form: &'r str,
    pub(crate) paired: bool,
}

impl Portal {
    /// Judges a whole head, and the body of a form.
    pub(crate) fn head<'r>(
        &mut self,
        site: &Site<'_>,
        now: Now,
        visitor: &mut Visitor,
        head: &Head<'r>,
        octets: &'r [u8],
    ) -> Result<Reply<'r>, Status> {
        visitor.language = choose(site.languages, head.text(Field::AcceptLanguage));
        visitor.is_head = head.method == Method::Head;
        if !site.is_host(head.field(Field::Host).unwrap_or_default()) {
            return Err(Status::MisdirectedRequest);
        }
        let paired = self.is_paired(head);
        if !paired
            && self.pairing.is_some()
            && !core::mem::replace(&mut visitor.counted, true)
            && !self.rates.allows(visitor.peer.to_canonical(), now.uptime)
        {
            return Err(Status::TooManyRequests);
        }
        let (path, query) = text::split_once(head.target, b'?').unwrap_or((head.target, ""));
        visitor.route = self.route(site, head.target, path);
        let method = allowed(visitor.route, head.method)?;
        let has_body = !matches!(head.length, Length::None | Length::Known(0));
        if method != Method::Post && has_body {
            return Err(Status::BadRequest);
        }
        self.origin(site, visitor.route, method, head)?;
        let form = match method {
            Method::Post if !head.is_form() => return Err(Status::UnsupportedMediaType),
            Method::Post => match visitor.reader.form(site.limits, head.length, octets)? {
                Some(form) => form,
                None => return Ok(Reply::More),
            },
            _ => "",
        };
        let request = Asked { head, query, form, paired };
        match visitor.route {
            Route::Callback => self.callback(method, &request),
            Route::Done if self.pairing.is_some() && !paired => Ok(Reply::Stray),
            Route::Done if method == Method::Head => Ok(Reply::Look),
            Route::Done => Ok(Reply::Done),
            Route::Home if method == Method::Get && self.is_elsewhere(site, head) => Ok(Reply::ToHome),
            Route::Home => Ok(self.home(method, &request)),
            Route::Start => self.start(site, now, &request),
            Route::Go | Route::Paste => self.pasted(site, method, visitor.route, &request),
            Route::Other => Err(Status::NotFound),
        }
    }

    /// Whether the server would send the browser back to another name than it asks for, where it has no cookie.
    fn is_elsewhere(&self, site: &Site<'_>, head: &Head<'_>) -> bool {
        let host = head.field(Field::Host).unwrap_or_default();
        self.step == Step::Open
            && !site.callback.is_empty()
            && !host.eq_ignore_ascii_case(site.first_host().as_bytes())
    }

    fn route(&self, site: &Site<'_>, target: &str, path: &str) -> Route {
        let paste = site.paste.is_some();
        match path {
            "/" if self.pairing.is_some() => Route::Home,
            "/start" if self.pairing.is_some() => Route::Start,
            "/paste" if self.pairing.is_some() && paste => Route::Paste,
            "/go" if self.pairing.is_some() && paste => Route::Go,
            _ if path == site.callback => Route::Callback,
            _ if site.is_done(target) && self.is_taken() => Route::Done,
            _ => Route::Other,
        }
    }

    /// Another site's page may send the browser to the callback, for that is what the server does; but not to load it as
    /// an image, and not with a form of anybody but the server (Fetch Metadata; RFC 9110).
    fn origin(&self, site: &Site<'_>, route: Route, method: Method, head: &Head<'_>) -> Result<(), Status> {
        let navigates = head.field(Field::SecFetchMode).is_none_or(|mode| mode == b"navigate");
        let callback = route == Route::Callback;
        let cross = matches!(head.field(Field::SecFetchSite), Some(b"cross-site" | b"same-site"));
        let own = |origin: &str| {
            let host = origin.strip_prefix(site.scheme());
            host.is_some_and(|host| site.is_host(host.as_bytes()))
        };
        let origin = head.field(Field::Origin).map(|_| head.text(Field::Origin));
        let foreign = match (method, origin) {
            (Method::Post, Some(origin)) => !(own(origin) || callback && site.is_server(origin)),
            (Method::Post, None) => cross && !callback,
            _ => false,
        };
        if navigates && !foreign { Ok(()) } else { Err(Status::Forbidden) }
    }

    fn callback<'r>(&mut self, method: Method, request: &Asked<'_, 'r>) -> Result<Reply<'r>, Status> {
        if method == Method::Head {
            return Ok(Reply::Look);
        }
        if self.pairing.is_some() && !request.paired {
            self.strangers = self.strangers.saturating_add(1);
            return Ok(Reply::Stray);
        }
        Ok(Reply::Redirect(match method {
            Method::Post => Redirect::Form(request.form),
            _ => Redirect::Url(request.head.target),
        }))
    }

    fn home<'r>(&self, method: Method, request: &Asked<'_, 'r>) -> Reply<'r> {
        match (self.step, request.paired) {
            _ if method == Method::Head => Reply::Look,
            (Step::Open, _) => match page::token(request.query) {
                Some(token) => Reply::Home(Status::Ok, Notice::None, Proof::Token(token)),
                None => Reply::Home(Status::Ok, Notice::None, self.code_proof()),
            },
            (Step::Bound, true) => Reply::Home(Status::Ok, Notice::None, Proof::Given),
            (_, true) => Reply::ToDone,
            (_, false) => Reply::Busy,
        }
    }

    /// The one request that lets a browser in (PORTAL-05, PORTAL-11).
    fn start<'r>(&mut self, site: &Site<'_>, now: Now, request: &Asked<'_, 'r>) -> Result<Reply<'r>, Status> {
        let code_proof = self.code_proof();
        let Some(pairing) = &mut self.pairing else { return Err(Status::NotFound) };
        let (page, code, token) =
            (value(request.form, "page")?, value(request.form, "code")?, value(request.form, "token")?);
        match (self.step, request.paired) {
            (Step::Open, _) => {}
            (Step::Bound, true) if pairing.is_own_page(page) => return Ok(Reply::go(site)),
            (Step::Bound, true) => return Ok(Reply::Home(Status::Forbidden, Notice::OldPage, Proof::Given)),
            (_, true) => return Ok(Reply::ToDone),
            (_, false) => return Ok(Reply::Busy),
        }
        if !pairing.is_page(page, now.uptime) {
            return Ok(Reply::Home(Status::Forbidden, Notice::OldPage, code_proof));
        }
        let tried = if token.is_empty() {
            pairing.try_code(code, now.uptime)
        } else {
            pairing.try_token(token, now.uptime)
        };
        match tried {
            Try::Right => {
                self.step = Step::Bound;
                Ok(Reply::go(site))
            }
            Try::Wrong => Ok(Reply::Home(Status::Forbidden, Notice::WrongCode, code_proof)),
            Try::Paused => Ok(Reply::Home(Status::TooManyRequests, Notice::TooManyCodes, code_proof)),
        }
    }

    /// What is asked for where the user brings the address: all of it only for the browser that was let in (PORTAL-29).
    fn pasted<'r>(
        &mut self,
        site: &Site<'_>,
        method: Method,
        route: Route,
        request: &Asked<'_, 'r>,
    ) -> Result<Reply<'r>, Status> {
        let Some(pairing) = &self.pairing else { return Err(Status::NotFound) };
        if !request.paired {
            return Ok(Reply::Stray);
        }
        if method == Method::Head {
            return Ok(Reply::Look);
        }
        if self.step != Step::Bound {
            return Ok(Reply::ToDone);
        }
        if method == Method::Get {
            return Ok(Reply::Paste(Status::Ok, Notice::None));
        }
        if !pairing.is_own_page(value(request.form, "page")?) {
            return Ok(Reply::Paste(Status::Forbidden, Notice::OldPage));
        }
        if route == Route::Go {
            return Ok(Reply::Start);
        }
        let address = value(request.form, "address")?;
        let taken = is_address(address) || (is_code(address) && site.paste == Some(Paste::AddressOrCode));
        if !taken {
            return Ok(Reply::Paste(Status::BadRequest, Notice::WrongPaste));
        }
        Ok(Reply::Pasted(address))
    }

    pub(crate) fn code_proof(&self) -> Proof<'static> {
        let digits = self.pairing.as_ref().is_some_and(|pairing| pairing.alphabet == Alphabet::Digits);
        Proof::Code { digits }
    }

    /// Whether this is the browser that was let in (RFC 6265 §5.4: the name may come more than once).
    pub(crate) fn is_paired(&self, head: &Head<'_>) -> bool {
        let Some(cookie) = self.cookie() else { return false };
        let mut found = false;
        for pair in text::split(head.text(Field::Cookie), b';') {
            let Some((name, value)) = text::split_once(pair.trim_ascii(), b'=') else { continue };
            found |= name == COOKIE && equal(value.as_bytes(), cookie.as_str().as_bytes());
        }
        found
    }

    /// There is none while nobody was let in.
    pub(crate) fn cookie(&self) -> Option<Derived> {
        self.pairing.as_ref().filter(|_| self.step != Step::Open).map(Pairing::cookie)
    }
}

/// The method, if it is one of those that the route has.
fn allowed(route: Route, method: Method) -> Result<Method, Status> {
    let right = match route {
        Route::Callback | Route::Paste => method != Method::Other,
        Route::Done | Route::Home => matches!(method, Method::Get | Method::Head),
        Route::Go | Route::Start => method == Method::Post,
        Route::Other => return Err(Status::NotFound),
    };
    if right { Ok(method) } else { Err(Status::MethodNotAllowed) }
}

/// A value of a form; empty if it is missing.
fn value<'r>(form: &'r str, name: &str) -> Result<&'r str, Status> {
    let mut values = form::pairs(form).filter(|(found, _)| form::decodes_to(found, name));
    match (values.next(), values.next()) {
        (first, None) => Ok(first.map_or("", |(_, value)| value)),
        _ => Err(Status::BadRequest),
    }
}

/// Whether what was pasted is meant to be an address: it has a scheme.
pub(crate) fn is_address(pasted: &str) -> bool {
    let mut before = 0;
    form::decode(pasted)
        .flatten()
        .any(|octet| core::mem::replace(&mut before, octet) == b':' && octet == b'/')
}

/// Whether what was pasted can be a code: one word.
fn is_code(pasted: &str) -> bool {
    let octets = || form::decode(pasted).flatten();
    let mut last = b' ';
    let mut words = 0u8;
    for octet in octets() {
        if octet.is_ascii_graphic() && last.is_ascii_whitespace() {
            words = words.saturating_add(1);
        }
        last = octet;
    }
    words == 1 && octets().all(|octet| octet.is_ascii_graphic() || octet.is_ascii_whitespace())
}
