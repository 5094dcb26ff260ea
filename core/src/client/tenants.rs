//! A server with many tenants, each an issuer of its own: Microsoft Entra's `common` and `organizations`.
//!
//! The metadata then hold a template in place of the issuer, with `{tenantid}` where the tenant's identifier stands. Who
//! signs in may be of any tenant in the world, so the application says which it means. An ID token passes if its `tid` is
//! one of them, and its `iss` is the template with just this `tid` put in.

use crate::{
    client::Client,
    encoding::{form, text, url},
    sieve::Scratch,
};

/// The longest issuer of a tenant that is compared, in octets.
const MAX_ISSUER: usize = 256;

/// The length of a tenant's identifier.
pub(crate) const TENANT: usize = 36;

/// Whose users may sign in.
#[derive(Clone, Copy)]
pub(crate) enum Tenants<'c> {
    /// Those of any tenant.
    Any,
    /// Those of these tenants.
    Listed(&'c [&'c str]),
    /// The issuer is one, and no template.
    One,
}

/// What stands before and behind the tenant's identifier, if `issuer` is a template.
pub(crate) fn template(issuer: &str) -> Option<(&str, &str)> {
    let (before, rest) = text::split_once(issuer, b'{')?;
    Some((before, rest.strip_prefix("tenantid}")?))
}

/// Whether `issuer` is a template of which no tenant can change more than its own place in the path.
pub(crate) fn is_template(issuer: &str, insecure_loopback: bool) -> bool {
    let Some((before, behind)) = template(issuer) else { return false };
    let fixed = url::parse(before).is_some_and(|url| {
        url.is_allowed(insecure_loopback) && url.query.is_none() && url.path.ends_with('/')
    });
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'/' | b'.' | b'-' | b'_');
    fixed && (behind.is_empty() || behind.starts_with('/')) && behind.bytes().all(plain)
}

/// A tenant's identifier as the server writes it: `8-4-4-4-12` hexadecimal digits in lower case (RFC 9562 §4).
pub(crate) fn is_identifier(tenant: &[u8]) -> bool {
    tenant.len() == TENANT
        && tenant.iter().enumerate().all(|(place, octet)| match place {
            8 | 13 | 18 | 23 => *octet == b'-',
            _ => matches!(octet, b'0'..=b'9' | b'a'..=b'f'),
        })
}

impl Client<'_> {
    /// Whether the issuer and the tenants go together.
    pub(crate) fn are_tenants_right(&self) -> bool {
        let many = template(self.metadata.issuer).is_some();
        match self.tenants {
            Tenants::Any => many,
            Tenants::Listed(tenants) => {
                many && !tenants.is_empty() && tenants.iter().all(|tenant| is_identifier(tenant.as_bytes()))
            }
            Tenants::One => !many,
        }
    }

    /// Whether users of this tenant may sign in.
    pub(crate) fn is_tenant(&self, tenant: &[u8]) -> bool {
        match self.tenants {
            Tenants::Any => is_identifier(tenant),
            Tenants::Listed(tenants) => tenants.iter().any(|listed| listed.as_bytes() == tenant),
            Tenants::One => false,
        }
    }

    /// The tenant whose issuer this is; `None` if it is no tenant's.
    pub(crate) fn tenant_of<'i>(&self, issuer: &'i [u8]) -> Option<&'i [u8]> {
        let (before, behind) = template(self.metadata.issuer)?;
        issuer.strip_prefix(before.as_bytes())?.strip_suffix(behind.as_bytes())
    }

    /// Whether a form-encoded parameter names the client's server.
    pub(crate) fn is_encoded_issuer(&self, issuer: &str) -> bool {
        if !matches!(self.tenants, Tenants::Any | Tenants::Listed(_)) {
            return form::decodes_to(issuer, self.metadata.issuer);
        }
        let mut decoded = Scratch::<MAX_ISSUER>::new();
        form::decode(issuer).flatten().for_each(|octet| decoded.push(&[octet]));
        self.tenant_of(decoded.text()).is_some_and(|tenant| self.is_tenant(tenant))
    }
}
