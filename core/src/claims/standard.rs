//! The claims that the standard names (OIDC Core §5.1).

use crate::{
    claims::{Claim, Claims},
    error::Error,
    time::UnixTime,
};

macro_rules! texts {
    ($($(#[$documentation:meta])* $claim:ident;)*) => {
        $(
            $(#[$documentation])*
            ///
            /// Unescaped into `out`; `None` if the server does not say.
            ///
            /// # Errors
            /// [`Error::BufferTooSmall`] with the length that would do.
            pub fn $claim<'o>(&self, out: &'o mut [u8]) -> Result<Option<&'o str>, Error> {
                self.text(stringify!($claim), out)
            }
        )*
    };
}

/// The claims that the standard names (OIDC Core §5.1). They are the user's own words, or the server's: show them, and
/// decide nothing by them (§5.7). Addresses among them are not fetched.
impl Claims<'_> {
    texts! {
        /// The whole name, as it is shown.
        name;
        /// Given names.
        given_name;
        /// Family names.
        family_name;
        /// Middle names.
        middle_name;
        /// The name that the user goes by among friends.
        nickname;
        /// The name that the user likes to be called by. It may change, and belong to somebody else next.
        preferred_username;
        /// The address of a page about the user.
        profile;
        /// The address of a picture of the user.
        picture;
        /// The address of the user's own page.
        website;
        /// The e-mail address. It says who the user is only as far as [`Claims::email_verified`].
        email;
        /// `female`, `male`, or another word.
        gender;
        /// The day of birth: `YYYY-MM-DD`, `0000-MM-DD` without the year, or the year alone.
        birthdate;
        /// The time zone, as `Europe/Paris`.
        zoneinfo;
        /// The language, as `en-US`; some write `en_US`.
        locale;
        /// The phone number, best as `+1 (425) 555-1212`.
        phone_number;
    }

    /// Whether the server made sure that the e-mail address was the user's. `None`: it does not say.
    pub fn email_verified(&self) -> Option<bool> {
        self.boolean("email_verified")
    }

    /// Whether the server made sure that the phone number was the user's. `None`: it does not say.
    pub fn phone_number_verified(&self) -> Option<bool> {
        self.boolean("phone_number_verified")
    }

    /// When the claims last changed. Auth0 writes a date in the ID token, and a text of digits at UserInfo.
    pub fn updated_at(&self) -> Option<UnixTime> {
        self.time("updated_at")
    }
}

impl<'b> Claims<'b> {
    /// The postal address (OIDC Core §5.1.1).
    pub fn address(&self) -> Option<Address<'b>> {
        self.get("address").map(Address)
    }
}

/// A postal address (OIDC Core §5.1.1).
#[derive(Clone, Copy)]
pub struct Address<'b>(Claim<'b>);

impl Address<'_> {
    texts! {
        /// The whole address as it is written on a letter, in lines.
        formatted;
        /// Street, house number, and what belongs to them; perhaps in lines.
        street_address;
        /// City.
        locality;
        /// State, province, prefecture.
        region;
        /// Postal code.
        postal_code;
        /// Country.
        country;
    }

    fn text<'o>(&self, name: &str, out: &'o mut [u8]) -> Result<Option<&'o str>, Error> {
        self.0.get(name).map_or(Ok(None), |claim| claim.text(out))
    }
}

impl core::fmt::Debug for Address<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Address(…)")
    }
}
