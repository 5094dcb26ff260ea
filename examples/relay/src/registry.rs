//! The devices that may use the relay.

use std::{collections::HashMap, fs, path::Path};

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{
    keys::{Keys, random},
    store::Tag,
};

/// The devices, as their file names them.
#[derive(Debug, Default)]
pub struct Registry {
    devices: HashMap<String, Device>,
    by_tag: HashMap<Tag, String>,
}

/// One device.
#[derive(Debug)]
pub struct Device {
    /// What people call it.
    pub name: String,
    /// What the store calls it.
    pub tag: Tag,
    secret: [u8; 32],
}

impl Registry {
    /// Reads the file: `[[device]]` tables with `id`, `secret_sha256` and `name`.
    pub fn read(path: &Path, keys: &Keys) -> Result<Self, String> {
        let text =
            fs::read_to_string(path).map_err(|why| format!("{} cannot be read: {why}.", path.display()))?;
        Self::parse(&text, keys).map_err(|why| format!("{}: {why}", path.display()))
    }

    /// Reads its text.
    pub fn parse(text: &str, keys: &Keys) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|why| why.message().to_string())?;
        let mut registry = Self::default();
        for Line { id, secret_sha256, name } in file.device {
            if !is_unreserved(&id) || id.len() > MAX_ID {
                return Err(format!("`{id}` is no identifier: 1 to {MAX_ID} letters, digits and -._~."));
            }
            if name.trim().is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control)
            {
                return Err(format!("`{id}` needs a name of 1 to {MAX_NAME} characters."));
            }
            let secret = hexadecimal(&secret_sha256)
                .ok_or_else(|| format!("`{id}`: secret_sha256 is 64 hexadecimal digits."))?;
            let tag = keys.hide("device", id.as_bytes());
            registry.by_tag.insert(tag, id.clone());
            if registry.devices.insert(id.clone(), Device { name, tag, secret }).is_some() {
                return Err(format!("`{id}` stands there twice."));
            }
        }
        Ok(registry)
    }

    /// The device that these credentials, the value of `Authorization`, are of (RFC 7617).
    pub fn authenticate(&self, authorization: &str) -> Option<&Device> {
        let (scheme, credentials) = authorization.split_once(' ')?;
        let mut octets = Zeroizing::new(vec![0; credentials.len()]);
        let octets = Base64::decode(credentials.trim(), &mut octets).ok()?;
        let (id, secret) = std::str::from_utf8(octets).ok()?.split_once(':')?;
        let device = self.devices.get(id);
        let known = device.map_or([0; 32], |device| device.secret);
        let same = bool::from(Sha256::digest(secret).as_slice().ct_eq(&known));
        device.filter(|_| same && scheme.eq_ignore_ascii_case("Basic"))
    }

    /// The device that the store calls so.
    pub fn device(&self, tag: &Tag) -> Option<&Device> {
        self.devices.get(self.by_tag.get(tag)?)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.devices.len()
    }
}

/// A new device: what it is given, and what stands in the file.
pub struct NewDevice {
    /// Its identifier.
    pub id: String,
    /// Its secret: 256 bits. The relay keeps only its hash.
    pub secret: Zeroizing<String>,
    /// Its entry in the file.
    pub entry: String,
}

impl NewDevice {
    /// Makes up identifier and secret. The identifier begins with the first word of the name.
    pub fn generate(name: &str) -> Result<Self, String> {
        let random_failed = |why| format!("The system gives no random octets: {why}.");
        let word: String = name.chars().take_while(char::is_ascii_alphanumeric).take(20).collect();
        let digits: String =
            random::<4>().map_err(random_failed)?.iter().map(|octet| format!("{octet:02x}")).collect();
        let word = if word.is_empty() { "device".into() } else { word.to_ascii_lowercase() };
        let id = format!("{word}-{digits}");
        let octets = Zeroizing::new(random::<32>().map_err(random_failed)?);
        let secret = Zeroizing::new(Base64UrlUnpadded::encode_string(&octets[..]));
        let hash: String =
            Sha256::digest(secret.as_bytes()).iter().map(|octet| format!("{octet:02x}")).collect();
        let quoted: String = name.chars().flat_map(escape).collect();
        let entry = format!("[[device]]\nid = \"{id}\"\nsecret_sha256 = \"{hash}\"\nname = \"{quoted}\"\n");
        Ok(Self { id, secret, entry })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    device: Vec<Line>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    id: String,
    secret_sha256: String,
    name: String,
}

const MAX_ID: usize = 64;
const MAX_NAME: usize = 60;

/// RFC 3986 §2.3: what needs no escape in Basic authentication either.
fn is_unreserved(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-._~".contains(&octet))
}

fn hexadecimal(text: &str) -> Option<[u8; 32]> {
    let mut octets = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (place, octet) in octets.iter_mut().enumerate() {
        *octet = u8::from_str_radix(text.get(2 * place..2 * place + 2)?, 16).ok()?;
    }
    Some(octets)
}

/// As a string of TOML has it.
fn escape(character: char) -> Vec<char> {
    match character {
        '"' | '\\' => vec!['\\', character],
        character if character.is_control() => vec![' '],
        character => vec![character],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic(id: &str, secret: &str) -> String {
        format!("Basic {}", Base64::encode_string(format!("{id}:{secret}").as_bytes()))
    }

    #[test]
    fn a_new_device_can_sign_on() {
        let keys = Keys::new([1; 32]);
        let new = NewDevice::generate("Kettle \"one\" in the kitchen").unwrap();
        let registry = Registry::parse(&new.entry, &keys).unwrap();
        assert!(!new.entry.contains(new.secret.as_str()) && new.id.starts_with("kettle-"));
        let device = registry.authenticate(&basic(&new.id, &new.secret)).unwrap();
        assert_eq!(device.name, "Kettle \"one\" in the kitchen");
        assert_eq!(registry.device(&device.tag).unwrap().name, device.name);
        for (id, secret) in [(new.id.as_str(), "wrong"), ("other", &new.secret), (&new.id, ""), ("", "")] {
            assert!(registry.authenticate(&basic(id, secret)).is_none(), "{id}");
        }
        let bearer = basic(&new.id, &new.secret).replace("Basic", "Bearer");
        for authorization in [bearer.as_str(), "Basic", "Basic ", "Basic !", ""] {
            assert!(registry.authenticate(authorization).is_none(), "{authorization}");
        }
    }

    #[test]
    fn files_that_are_wrong_are_refused() {
        let keys = Keys::new([1; 32]);
        let line = |id: &str, hash: &str, name: &str| {
            format!("[[device]]\nid = \"{id}\"\nsecret_sha256 = \"{hash}\"\nname = \"{name}\"\n")
        };
        let (hash, short) = ("0a".repeat(32), "0a".repeat(31));
        assert_eq!(Registry::parse(&line("a", &hash, "A"), &keys).unwrap().len(), 1);
        assert_eq!(Registry::parse("", &keys).unwrap().len(), 0);
        for text in [
            line("a b", &hash, "A"),
            line("", &hash, "A"),
            line("a", &short, "A"),
            line("a", &"zz".repeat(32), "A"),
            line("a", &hash, " "),
            line("a", &hash, &"x".repeat(61)),
            line("a", &hash, "A").repeat(2),
            line("a", &hash, "A") + "secret = \"x\"\n",
            "[[device]]\n".into(),
        ] {
            assert!(Registry::parse(&text, &keys).is_err(), "{text}");
        }
    }
}
