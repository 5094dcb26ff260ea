//! What is answered, and how it is written.

use crate::{
    encoding::{form, writer::Writer},
    error::Error,
    flow::Redirect,
    portal::{
        Answer, Outcome, Portal, Site, Status, Step,
        answer::{Body, Fields, answer},
        judge::is_address,
        page::{Notice, Page, Proof, Say},
        site::DONE,
        visitor::{Route, Visitor},
        words::ENGLISH,
    },
    secret::Derived,
    time::Now,
};

/// Seconds after which a page that waits loads itself again.
const REFRESH: u32 = 3;

/// What is to be answered.
#[derive(Clone, Copy)]
pub(crate) enum Reply<'r> {
    Busy,
    Done,
    Home(Status, Notice, Proof<'r>),
    Look,
    More,
    Paste(Status, Notice),
    /// What the user pasted, still encoded.
    Pasted(&'r str),
    Redirect(Redirect<'r>),
    Start,
    Stray,
    ToDone,
    /// The same page under the name that the server sends the browser back to.
    ToHome,
    ToPaste,
}

impl Reply<'_> {
    /// The browser was let in: on to the server, or to the page with the way there and back.
    pub(crate) const fn go(site: &Site<'_>) -> Self {
        if site.paste.is_some() { Self::ToPaste } else { Self::Start }
    }
}

impl Portal {
    pub(crate) fn page(&self, now: Now) -> Option<Derived> {
        let pairing = self.pairing.as_ref()?;
        if self.step != Step::Open {
            return Some(pairing.page(pairing.browser));
        }
        pairing.number(now.uptime).map(|(number, _)| pairing.page(number))
    }

    pub(crate) fn reply<'b>(
        &mut self,
        site: &Site<'_>,
        now: Now,
        visitor: &Visitor,
        reply: Reply<'b>,
        out: &'b mut [u8],
    ) -> Result<Outcome<'b>, Error> {
        let form = self.page(now);
        let page = as_text(form.as_ref());
        let answer = match reply {
            Reply::More => return Ok(Outcome::More),
            Reply::Redirect(redirect) => return Ok(Outcome::Redirect(redirect)),
            Reply::Pasted(address) => return pasted(address, out).map(Outcome::Redirect),
            Reply::Start => return Ok(Outcome::Start),
            Reply::Done => match self.step {
                Step::Ended(ending) => self.last(site, visitor, ending, "", out)?,
                _ => return Ok(Outcome::Wait),
            },
            Reply::Look => answer(site, Status::Ok, Fields::default(), None, true, out)?,
            Reply::Busy => self.say(site, visitor, Status::Conflict, Say::Busy, out)?,
            Reply::Stray => self.say(site, visitor, Status::Forbidden, Say::Stray, out)?,
            Reply::Home(status, notice, proof) => {
                let mut fields = Fields::default();
                if status == Status::TooManyRequests {
                    fields.retry_after =
                        self.pairing.as_ref().map_or(0, |pairing| seconds(pairing.paused_until, now));
                }
                self.say_with(site, visitor, (status, fields), Say::Start { notice, page, proof }, out)?
            }
            Reply::Paste(status, notice) => {
                self.say(site, visitor, status, Say::Paste { notice, page }, out)?
            }
            Reply::ToDone | Reply::ToHome | Reply::ToPaste => {
                let location = match reply {
                    Reply::ToHome => [site.scheme(), site.first_host(), "/"],
                    Reply::ToPaste => ["/paste", "", ""],
                    _ => [site.done(), DONE, ""],
                };
                let cookie = self.cookie();
                let fields = Fields { location, cookie: as_text(cookie.as_ref()), ..Fields::default() };
                answer(site, Status::SeeOther, fields, Some(&Empty), visitor.is_head, out)?
            }
        };
        Ok(Outcome::Answer(answer))
    }

    pub(crate) fn say<'b>(
        &self,
        site: &Site<'_>,
        visitor: &Visitor,
        status: Status,
        say: Say<'_>,
        out: &'b mut [u8],
    ) -> Result<Answer<'b>, Error> {
        let refresh = if matches!(say, Say::Wait | Say::Confirm) { REFRESH } else { 0 };
        let retry_after = if status == Status::TooManyRequests { 60 } else { 0 };
        let allow = match visitor.route {
            _ if status != Status::MethodNotAllowed => "",
            Route::Start | Route::Go => "POST",
            Route::Home | Route::Done => "GET, HEAD",
            _ => "GET, HEAD, POST",
        };
        let fields = Fields { refresh, retry_after, allow, ..Fields::default() };
        self.say_with(site, visitor, (status, fields), say, out)
    }

    fn say_with<'b>(
        &self,
        site: &Site<'_>,
        visitor: &Visitor,
        (status, fields): (Status, Fields<'_>),
        say: Say<'_>,
        out: &'b mut [u8],
    ) -> Result<Answer<'b>, Error> {
        let chosen = site.languages.get(usize::from(visitor.language)).or(site.languages.first());
        let words = chosen.copied().unwrap_or(&ENGLISH);
        let page = Page { site, words, say };
        answer(site, status, fields, Some(&page), visitor.is_head, out)
    }
}

/// A body of no octets.
pub(crate) struct Empty;

impl Body for Empty {
    fn write(&self, _: &mut Writer<'_>) {}
}

/// Decodes what was pasted: an address, or a code.
fn pasted<'b>(address: &str, out: &'b mut [u8]) -> Result<Redirect<'b>, Error> {
    let mut writer = Writer::new(out);
    form::decode(address).flatten().for_each(|octet| writer.octet(octet));
    let (decoded, _) = writer.finish()?;
    let text = core::str::from_utf8(decoded).unwrap_or_default().trim_ascii();
    Ok(if is_address(address) { Redirect::Url(text) } else { Redirect::Code(text) })
}

pub(crate) fn as_text(derived: Option<&Derived>) -> &str {
    derived.map_or("", Derived::as_str)
}

/// Whole seconds from now until then, and at least one.
fn seconds(until: u64, now: Now) -> u32 {
    let left = u32::try_from(until.saturating_sub(now.uptime)).unwrap_or(u32::MAX);
    left.div_ceil(1000).max(1)
}
