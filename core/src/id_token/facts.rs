//! The claims of an ID token: collected in one pass, then judged in the order of OIDC Core §3.1.3.7.

use crate::{
    client::{Client, TENANT, Tenants},
    encoding::{
        json::{Literal, Source, Token},
        number::Number,
    },
    error::{Check, Error, Name},
    id_token::{Audiences, Checked, Expected, Grant, HalfHash, Proof, Subject, Times},
    jws::{Algorithm, KeyType, Verifier},
    secret::equal,
    sieve::{Scratch, Top, bit, text_of},
    time::{Today, UnixTime},
};

/// The longest text of a claim that is compared, in octets; but `sub`, which may be longer, is compared as it goes by.
pub(crate) const MAX_TEXT: usize = 256;

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
    Name::Tid,
];

/// What a claim turned out to be.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Fact {
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

/// What the claims say.
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
    access_token_hash: HalfHash,
    code_hash: HalfHash,
    auth_time: Moment,
    acr: Fact,
    organization: Fact,
    tenant: Fact,
    tenant_of_issuer: Scratch<TENANT>,
    tenant_of_token: Scratch<TENANT>,
}

/// The claim that is being read.
struct Reading {
    text: Scratch<MAX_TEXT>,
    subject: Subject,
    number: Number,
}

impl Facts {
    pub(super) const fn new() -> Self {
        Self {
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
            access_token_hash: HalfHash::new(),
            code_hash: HalfHash::new(),
            auth_time: Moment::Absent,
            acr: Fact::Absent,
            organization: Fact::Absent,
            tenant: Fact::Absent,
            tenant_of_issuer: Scratch::new(),
            tenant_of_token: Scratch::new(),
        }
    }

    /// Reads the claims.
    #[inline(never)]
    pub(super) fn collect(&mut self, payload: Source<'_>, expected: &Expected<'_>) -> Result<(), Error> {
        let mut top = Top::new(CLAIMS);
        let mut reading =
            Reading { text: Scratch::new(), subject: Subject::default(), number: Number::default() };
        let read = payload.visit(&mut |token, depth| {
            let Some(claim) = top.member(token, depth)? else { return Ok(()) };
            match token {
                Token::Text(_) | Token::Char(_) if claim == Name::Sub => {
                    reading.subject.push(text_of(token, &mut [0; 4]), expected);
                }
                Token::Text(_) | Token::Char(_) => reading.text.push(text_of(token, &mut [0; 4])),
                Token::Number(piece) => piece.iter().for_each(|&octet| reading.number.push(octet)),
                Token::LoneSurrogate => return Err(Check::JsonSyntax),
                Token::StringStart => {
                    reading.text.clear();
                    reading.subject = Subject::default();
                }
                Token::NumberStart => reading.number = Number::default(),
                Token::StringEnd => self.text(claim, depth, &reading, expected),
                Token::NumberEnd => self.number(claim, depth, reading.number),
                Token::Literal(Literal::Null) if depth == 1 => self.set(claim, Fact::Null),
                Token::ArrayStart if claim == Name::Aud && depth == 2 => self.set(claim, Fact::Differs),
                Token::ArrayEnd if claim == Name::Aud && depth == 1 => {}
                Token::Literal(_) | Token::ArrayStart | Token::ObjectStart => {
                    self.set(claim, Fact::WrongType)
                }
                _ => {}
            }
            Ok(())
        });
        Ok(read?)
    }

    fn text(&mut self, claim: Name, depth: u8, reading: &Reading, expected: &Expected<'_>) {
        let client = expected.client;
        let text = &reading.text;
        let found = text.text();
        if claim == Name::Aud && depth <= 2 {
            return self.audience(text, client);
        }
        let same = !text.is_cut()
            && match claim {
                Name::Iss => self.is_issuer(found, client),
                Name::Tid => {
                    self.tenant_of_token.push(found);
                    client.is_tenant(found)
                }
                Name::Azp => found == client.id.as_bytes(),
                Name::Sub => {
                    self.subject_length = reading.subject.characters;
                    reading.subject.is_expected(expected)
                }
                Name::Nonce => is_nonce(found, &expected.grant),
                Name::AtHash => {
                    self.access_token_hash.text.push(found);
                    true
                }
                Name::CHash => {
                    self.code_hash.text.push(found);
                    true
                }
                Name::Acr => client.request.acr_values.iter().any(|value| value.as_bytes() == found),
                Name::OrgId | Name::OrgName => {
                    if client.organization_claim() != Some(claim) {
                        return;
                    }
                    client.is_organization(claim, found)
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

    fn audience(&mut self, text: &Scratch<MAX_TEXT>, client: &Client<'_>) {
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

    fn is_issuer(&mut self, found: &[u8], client: &Client<'_>) -> bool {
        if matches!(client.tenants, Tenants::One) {
            return found == client.metadata.issuer.as_bytes();
        }
        let tenant = client.tenant_of(found);
        self.tenant_of_issuer.push(tenant.unwrap_or_default());
        tenant.is_some()
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
            Name::AtHash => self.access_token_hash.fact = fact,
            Name::Aud => self.audience = fact,
            Name::Azp => self.azp = fact,
            Name::CHash => self.code_hash.fact = fact,
            Name::Iss => self.issuer = fact,
            Name::Nonce => self.nonce = fact,
            Name::Sub => self.subject = fact,
            Name::Tid => self.tenant = fact,
            _ => self.organization = fact,
        }
    }

    /// Judges what was found.
    #[inline(never)]
    pub(super) fn judge(
        &self,
        access_token: &str,
        verifier: &dyn Verifier,
        today: Today,
        expected: &Expected<'_>,
    ) -> Result<Checked, Error> {
        let client = expected.client;
        let algorithm = verifier.algorithm();
        required(self.issuer, Name::Iss, Check::IssMismatch)?;
        self.judge_tenant(client)?;
        self.judge_audience(algorithm, client)?;
        self.judge_subject()?;
        let (today, mut time) = self.judge_time(client, today)?;
        let nonce = self.judge_nonce(&expected.grant)?;
        self.judge_previous(&expected.grant)?;
        let access_token = self.access_token_hash.judge(Name::AtHash, Some(access_token), verifier)?;
        let code = match expected.grant {
            Grant::Code { code, .. } => Some(code),
            Grant::Device | Grant::Refresh(_) => None,
        };
        let code = self.code_hash.judge(Name::CHash, code, verifier)?;
        let auth_time = self.judge_auth_time(client, today)?;
        if !auth_time {
            time.auth_time = Proof::NotAsked;
        }
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
            time,
        })
    }

    /// The tenant is one that was asked for, and the issuer is this tenant's.
    fn judge_tenant(&self, client: &Client<'_>) -> Result<(), Check> {
        if matches!(client.tenants, Tenants::One) {
            return Ok(());
        }
        required(self.tenant, Name::Tid, Check::VendorClaimMismatch(Name::Tid))?;
        let same = self.tenant_of_issuer.text() == self.tenant_of_token.text();
        if same { Ok(()) } else { Err(Check::IssMismatch) }
    }

    /// Judges what a logout token has in common with an ID token (Back-Channel Logout 1.0 §2.6).
    pub(super) fn judge_logout(&self, today: Today, client: &Client<'_>) -> Result<(), Error> {
        required(self.issuer, Name::Iss, Check::IssMismatch)?;
        self.judge_tenant(client)?;
        required(self.audience, Name::Aud, Check::AudienceMismatch)?;
        if self.untrusted {
            return Err(Check::UntrustedAudience.into());
        }
        self.judge_time(client, today)?;
        if self.subject != Fact::Absent {
            self.judge_subject()?;
        }
        Ok(())
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

    /// The date, and what the checks that passed rest on.
    fn judge_time(&self, client: &Client<'_>, today: Today) -> Result<(u64, Times), Check> {
        let expires = required_moment(self.expires, Name::Exp)?;
        let issued = required_moment(self.issued, Name::Iat)?;
        let not_before = optional_moment(self.not_before, Name::Nbf)?;
        let skew = u64::from(client.clock_skew);
        let expired_at = expires.saturating_add(skew);
        // What rests on its not being much later.
        let (today, late) = match today {
            Today::Known(today) => (today, Proof::Proven),
            Today::Said(today) => (today, Proof::Assumed),
            // A floor of before shows what is over, and nothing else.
            Today::AtLeast(floor) if expired_at <= floor => return Err(Check::Expired),
            Today::AtLeast(_) | Today::Unknown => return Err(Check::ClockNotSet),
        };
        let latest = today.saturating_add(skew);
        if expired_at <= today {
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
        let times = Times {
            expires: late,
            not_before: if not_before.is_some() { Proof::Proven } else { Proof::NotAsked },
            issued: if client.max_issued_age.is_some() { late } else { Proof::Proven },
            auth_time: late,
        };
        Ok((today, times))
    }

    fn judge_nonce(&self, grant: &Grant<'_>) -> Result<bool, Check> {
        match grant {
            Grant::Code { .. } => match self.nonce {
                Fact::Null => Err(Check::ClaimType(Name::Nonce)),
                fact => required(fact, Name::Nonce, Check::NonceMismatch).map(|()| true),
            },
            Grant::Device | Grant::Refresh(_) => optional(self.nonce, Name::Nonce, Check::NonceMismatch),
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

    /// An id is compared as it stands. A name may be asked for in any case, and comes back in lower case.
    fn is_organization(&self, claim: Name, found: &[u8]) -> bool {
        let wanted = self.request.organization.unwrap_or_default();
        match claim {
            Name::OrgName => wanted.bytes().map(|octet| octet.to_ascii_lowercase()).eq(found.iter().copied()),
            _ => wanted.as_bytes() == found,
        }
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
pub(super) fn optional(fact: Fact, name: Name, differs: Check) -> Result<bool, Check> {
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
        Grant::Device => false,
        Grant::Refresh(previous) => {
            previous.and_then(|previous| previous.nonce).is_some_and(|nonce| equal(found, nonce.as_bytes()))
        }
    }
}
