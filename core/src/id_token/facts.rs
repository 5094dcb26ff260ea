//! The claims of an ID token: collected in one pass, then judged in the order of OIDC Core §3.1.3.7.

use crate::{
    client::Client,
    encoding::{
        base64url,
        json::{Literal, Source, Token},
        number::Number,
    },
    error::{Check, Error, Name},
    id_token::{Audiences, Checked, Expected, Grant},
    jws::{Algorithm, KeyType, Verifier},
    secret::equal,
    sieve::{Scratch, Top, bit, text_of},
    time::{Date, Now, UnixTime},
};

/// The longest text of a claim that is compared, in octets: 255 characters of `sub`.
const ROOM: usize = 1020;

/// Characters of a `sub` at the most (OIDC Core §2).
const MAX_SUBJECT: usize = 255;

const CLAIMS: &[Name] = &[
    Name::Iss,
    Name::Sub,
    Name::Aud,
    Name::Exp,
    Name::Iat,
    Name::Nbf,
    Name::Nonce,
    Name::Azp,
    Name::AtHash,
    Name::CHash,
    Name::AuthTime,
    Name::Acr,
    Name::OrgId,
    Name::OrgName,
];

/// What a claim turned out to be.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Fact {
    Absent,
    /// A text, but not the right one.
    Differs,
    Matches,
    Null,
    WrongType,
}

/// A moment, as a claim.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Moment {
    Absent,
    At(u64),
    Null,
    OutOfRange,
    WrongType,
}

pub(super) struct Facts {
    issuer: Fact,
    audience: Fact,
    audiences: Audiences,
    audience_count: usize,
    untrusted: bool,
    azp: Fact,
    subject: Fact,
    subject_length: usize,
    expires: Moment,
    not_before: Moment,
    issued: Moment,
    nonce: Fact,
    access_token_hash: Fact,
    code_hash: Fact,
    auth_time: Moment,
    acr: Fact,
    organization: Fact,
}

/// The claim that is being read.
struct Reading {
    text: Scratch<ROOM>,
    number: Number,
}

impl Facts {
    pub(super) fn collect(
        payload: Source<'_>,
        access_token: &str,
        verifier: &dyn Verifier,
        expected: &Expected<'_>,
    ) -> Result<Self, Error> {
        let mut facts = Self {
            issuer: Fact::Absent,
            audience: Fact::Absent,
            audiences: Audiences(0),
            audience_count: 0,
            untrusted: false,
            azp: Fact::Absent,
            subject: Fact::Absent,
            subject_length: 0,
            expires: Moment::Absent,
            not_before: Moment::Absent,
            issued: Moment::Absent,
            nonce: Fact::Absent,
            access_token_hash: Fact::Absent,
            code_hash: Fact::Absent,
            auth_time: Moment::Absent,
            acr: Fact::Absent,
            organization: Fact::Absent,
        };
        let mut top = Top::new(CLAIMS);
        let mut reading = Reading { text: Scratch::new(), number: Number::default() };
        payload.visit(|token, depth| {
            let Some(claim) = top.member(token, depth)? else { return Ok(()) };
            match token {
                Token::Text(_) | Token::Char(_) => reading.text.push(text_of(token, &mut [0; 4])),
                Token::Number(piece) => piece.iter().for_each(|&octet| reading.number.push(octet)),
                Token::LoneSurrogate => return Err(Check::JsonSyntax),
                Token::StringStart => reading.text.clear(),
                Token::NumberStart => reading.number = Number::default(),
                Token::StringEnd => {
                    let text = &reading.text;
                    facts.text(claim, depth, text, access_token, verifier, expected);
                }
                Token::NumberEnd => facts.number(claim, depth, reading.number),
                Token::Literal(Literal::Null) if depth == 1 => facts.set(claim, Fact::Null),
                Token::ArrayStart if claim == Name::Aud && depth == 2 => facts.set(claim, Fact::Differs),
                Token::ArrayEnd if claim == Name::Aud && depth == 1 => {}
                Token::Literal(_) | Token::ArrayStart | Token::ObjectStart => {
                    facts.set(claim, Fact::WrongType)
                }
                _ => {}
            }
            Ok(())
        })?;
        Ok(facts)
    }

    fn text(
        &mut self,
        claim: Name,
        depth: u8,
        text: &Scratch<ROOM>,
        access_token: &str,
        verifier: &dyn Verifier,
        expected: &Expected<'_>,
    ) {
        let client = expected.client;
        let found = text.text();
        if claim == Name::Aud && depth <= 2 {
            return self.audience(text, client);
        }
        let same = !text.is_cut()
            && match claim {
                Name::Iss => found == client.metadata.issuer.as_bytes(),
                Name::Azp => found == client.id.as_bytes(),
                Name::Sub => self.is_subject(text, expected),
                Name::Nonce => is_nonce(found, &expected.grant),
                Name::AtHash => is_half_hash(found, access_token, verifier),
                Name::CHash => match expected.grant {
                    Grant::Code { code, .. } => is_half_hash(found, code, verifier),
                    Grant::Refresh(_) => true,
                },
                Name::Acr => client.request.acr_values.iter().any(|value| value.as_bytes() == found),
                Name::OrgId | Name::OrgName => {
                    if client.organization_claim() != Some(claim) {
                        return;
                    }
                    client.request.organization.is_some_and(|wanted| wanted.as_bytes() == found)
                }
                _ => return self.set(claim, Fact::WrongType),
            };
        self.set(
            claim,
            if depth > 1 {
                Fact::WrongType
            } else if same {
                Fact::Matches
            } else {
                Fact::Differs
            },
        );
    }

    fn audience(&mut self, text: &Scratch<ROOM>, client: &Client<'_>) {
        self.audience_count = self.audience_count.saturating_add(1);
        let ours = text.text() == client.id.as_bytes();
        let trusted = client.trusted_audiences.iter().position(|audience| audience.as_bytes() == text.text());
        match trusted {
            _ if text.is_cut() => self.untrusted = true,
            _ if ours => self.audiences.0 |= 1,
            Some(place) => self.audiences.0 |= bit(place.saturating_add(1)),
            None => self.untrusted = true,
        }
        if self.audience != Fact::WrongType {
            self.audience = if self.audiences.0 & 1 == 1 { Fact::Matches } else { Fact::Differs };
        }
    }

    fn is_subject(&mut self, text: &Scratch<ROOM>, expected: &Expected<'_>) -> bool {
        let found = text.text();
        self.subject_length = core::str::from_utf8(found).map_or(0, |text| text.chars().count());
        let previous = match expected.grant {
            Grant::Refresh(Some(previous)) => Some(previous.subject),
            _ => None,
        };
        [previous, expected.client.subject].into_iter().flatten().all(|subject| subject.as_bytes() == found)
    }

    fn number(&mut self, claim: Name, depth: u8, number: Number) {
        let moment = match number.floor() {
            _ if depth > 1 => Moment::WrongType,
            _ if number.is_negative() => Moment::OutOfRange,
            // This catches milliseconds as well.
            seconds if seconds > UnixTime::MAX.seconds() => Moment::OutOfRange,
            seconds => Moment::At(seconds),
        };
        match self.moment(claim) {
            Some(place) => *place = moment,
            None => self.set(claim, Fact::WrongType),
        }
    }

    fn moment(&mut self, claim: Name) -> Option<&mut Moment> {
        match claim {
            Name::AuthTime => Some(&mut self.auth_time),
            Name::Exp => Some(&mut self.expires),
            Name::Iat => Some(&mut self.issued),
            Name::Nbf => Some(&mut self.not_before),
            _ => None,
        }
    }

    fn set(&mut self, claim: Name, fact: Fact) {
        if let Some(moment) = self.moment(claim) {
            *moment = if fact == Fact::Null { Moment::Null } else { Moment::WrongType };
            return;
        }
        match claim {
            Name::Acr => self.acr = fact,
            Name::AtHash => self.access_token_hash = fact,
            Name::Aud => self.audience = fact,
            Name::Azp => self.azp = fact,
            Name::CHash => self.code_hash = fact,
            Name::Iss => self.issuer = fact,
            Name::Nonce => self.nonce = fact,
            Name::Sub => self.subject = fact,
            _ => self.organization = fact,
        }
    }

    /// Judges what was found.
    pub(super) fn judge(
        &self,
        algorithm: Algorithm,
        now: Now,
        expected: &Expected<'_>,
    ) -> Result<Checked, Error> {
        let client = expected.client;
        required(self.issuer, Name::Iss, Check::IssMismatch)?;
        self.judge_audience(algorithm, client)?;
        self.judge_subject()?;
        let today = self.judge_time(client, now)?;
        let nonce = self.judge_nonce(&expected.grant)?;
        self.judge_previous(&expected.grant)?;
        let access_token = optional(self.access_token_hash, Name::AtHash, Check::HashMismatch(Name::AtHash))?;
        let code = optional(self.code_hash, Name::CHash, Check::HashMismatch(Name::CHash))?;
        let auth_time = self.judge_auth_time(client, today)?;
        let acr = client.acr_required;
        if acr && self.acr != Fact::Matches {
            return Err(Check::AcrMismatch.into());
        }
        let organization = client.organization_claim();
        if let (Some(claim), false) = (organization, self.organization == Fact::Matches) {
            return Err(Check::VendorClaimMismatch(claim).into());
        }
        Ok(Checked {
            algorithm,
            access_token,
            code,
            nonce,
            auth_time,
            acr,
            organization: organization.is_some(),
            audiences: self.audiences,
        })
    }

    fn judge_audience(&self, algorithm: Algorithm, client: &Client<'_>) -> Result<(), Check> {
        required(self.audience, Name::Aud, Check::AudienceMismatch)?;
        // Another audience of a MAC would need the secret, and could then make tokens (OIDC Core §3.1.3.7 (8)).
        let shared = algorithm.key_type() == KeyType::Secret && self.audience_count > 1;
        if self.untrusted || shared {
            return Err(Check::UntrustedAudience);
        }
        let azp = match self.azp {
            Fact::WrongType => return Err(Check::ClaimType(Name::Azp)),
            Fact::Differs if !client.azp_ignored => return Err(Check::AzpMismatch),
            Fact::Absent | Fact::Null => false,
            _ => true,
        };
        if self.audience_count > 1 && !azp { Err(Check::AzpMismatch) } else { Ok(()) }
    }

    fn judge_subject(&self) -> Result<(), Check> {
        match self.subject {
            Fact::Absent => Err(Check::ClaimMissing(Name::Sub)),
            Fact::Null | Fact::WrongType => Err(Check::ClaimType(Name::Sub)),
            _ if !(1..=MAX_SUBJECT).contains(&self.subject_length) => Err(Check::ClaimRange(Name::Sub)),
            _ => Ok(()),
        }
    }

    fn judge_time(&self, client: &Client<'_>, now: Now) -> Result<u64, Check> {
        let expires = required_moment(self.expires, Name::Exp)?;
        let issued = required_moment(self.issued, Name::Iat)?;
        let not_before = optional_moment(self.not_before, Name::Nbf)?;
        let Date::Known(today) = now.date else { return Err(Check::ClockNotSet) };
        let today = today.seconds();
        let skew = u64::from(client.clock_skew);
        let latest = today.saturating_add(skew);
        if expires.saturating_add(skew) <= today {
            return Err(Check::Expired);
        }
        if not_before.is_some_and(|moment| moment > latest) {
            return Err(Check::NotYetValid);
        }
        if issued > latest {
            return Err(Check::IssuedInFuture);
        }
        let age = today.saturating_sub(issued);
        if client.max_issued_age.is_some_and(|most| age > u64::from(most)) {
            return Err(Check::IssuedTooLongAgo);
        }
        Ok(today)
    }

    fn judge_nonce(&self, grant: &Grant<'_>) -> Result<bool, Check> {
        match grant {
            Grant::Code { .. } => match self.nonce {
                Fact::Null => Err(Check::ClaimType(Name::Nonce)),
                fact => required(fact, Name::Nonce, Check::NonceMismatch).map(|()| true),
            },
            Grant::Refresh(_) => optional(self.nonce, Name::Nonce, Check::NonceMismatch),
        }
    }

    /// OIDC Core §12.2.
    fn judge_previous(&self, grant: &Grant<'_>) -> Result<(), Check> {
        if self.subject != Fact::Matches {
            return Err(Check::SubjectMismatch);
        }
        let Grant::Refresh(Some(previous)) = grant else { return Ok(()) };
        if self.audiences != previous.audiences {
            return Err(Check::ClaimChanged(Name::Aud));
        }
        match (optional_moment(self.auth_time, Name::AuthTime)?, previous.auth_time) {
            (Some(now), Some(before)) if now != before.seconds() => Err(Check::ClaimChanged(Name::AuthTime)),
            _ => Ok(()),
        }
    }

    /// OIDC Core §3.1.3.7 (13).
    fn judge_auth_time(&self, client: &Client<'_>, today: u64) -> Result<bool, Check> {
        let Some(max_age) = client.request.max_age else { return Ok(false) };
        let auth_time = required_moment(self.auth_time, Name::AuthTime)?;
        let skew = u64::from(client.clock_skew);
        if auth_time > today.saturating_add(skew) {
            return Err(Check::ClaimRange(Name::AuthTime));
        }
        if today.saturating_sub(auth_time) > u64::from(max_age).saturating_add(skew) {
            return Err(Check::AuthenticationTooOld);
        }
        Ok(true)
    }
}

impl Client<'_> {
    /// Auth0 names an organization by id or by name, as it was asked for.
    fn organization_claim(&self) -> Option<Name> {
        let wanted = self.request.organization.filter(|wanted| !wanted.is_empty())?;
        Some(if wanted.starts_with("org_") { Name::OrgId } else { Name::OrgName })
    }
}

fn required(fact: Fact, name: Name, differs: Check) -> Result<(), Check> {
    match fact {
        Fact::Absent => Err(Check::ClaimMissing(name)),
        Fact::Differs => Err(differs),
        Fact::Matches => Ok(()),
        Fact::Null | Fact::WrongType => Err(Check::ClaimType(name)),
    }
}

/// Whether the claim is there; `null` counts as absent.
fn optional(fact: Fact, name: Name, differs: Check) -> Result<bool, Check> {
    match fact {
        Fact::Absent | Fact::Null => Ok(false),
        fact => required(fact, name, differs).map(|()| true),
    }
}

fn required_moment(moment: Moment, name: Name) -> Result<u64, Check> {
    match moment {
        Moment::Null => Err(Check::ClaimType(name)),
        moment => optional_moment(moment, name)?.ok_or(Check::ClaimMissing(name)),
    }
}

fn optional_moment(moment: Moment, name: Name) -> Result<Option<u64>, Check> {
    match moment {
        Moment::Absent | Moment::Null => Ok(None),
        Moment::At(seconds) => Ok(Some(seconds)),
        Moment::OutOfRange => Err(Check::ClaimRange(name)),
        Moment::WrongType => Err(Check::ClaimType(name)),
    }
}

fn is_nonce(found: &[u8], grant: &Grant<'_>) -> bool {
    match grant {
        Grant::Code { nonce, .. } => equal(found, nonce.as_bytes()),
        Grant::Refresh(previous) => {
            previous.and_then(|previous| previous.nonce).is_some_and(|nonce| equal(found, nonce.as_bytes()))
        }
    }
}

/// The left half of the digest that belongs to the algorithm (OIDC Core §3.1.3.6).
fn is_half_hash(found: &[u8], value: &str, verifier: &dyn Verifier) -> bool {
    let mut digest = [0; 64];
    let digest = verifier.hash(value.as_bytes(), &mut digest);
    let half = digest.get(..digest.len() / 2).unwrap_or_default();
    let mut text = [0; base64url::LENGTH_OF_32];
    base64url::encode(half, &mut text).is_some_and(|text| equal(found, text.as_bytes()))
}
