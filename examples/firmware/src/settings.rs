//! What is set from outside: a product has this in its flash.

use embassy_net::Ipv4Address;
use keyfob_core::{error::Error, exchange::Discovery};

use crate::board;

/// Settings of the device.
#[derive(Clone, Copy)]
pub struct Settings<'m> {
    /// The server.
    pub issuer: &'m str,
    /// Who this device is to the server.
    pub client_id: &'m str,
    /// Whether a phone may bring the server's answer over the network here unencrypted.
    pub insecure_lan_redirect: bool,
    /// What the device is called in its network: letters, digits and hyphens, without `.local`.
    #[cfg(feature = "mdns")]
    pub name: &'m str,
    /// Who is asked for addresses of hosts; otherwise it is who the network names.
    pub name_server: Option<Ipv4Address>,
    /// The relay: its address, and this device's name and secret there.
    pub relay: Option<(&'m str, &'m str, &'m str)>,
    /// Whose word is taken for who a server is: a certificate in DER.
    #[cfg(feature = "tls")]
    pub authority: &'m [u8],
}

/// Where the settings lie.
pub struct Room {
    issuer: [u8; 128],
    client_id: [u8; 64],
    #[cfg(feature = "mdns")]
    name: [u8; 32],
    #[cfg(feature = "relay")]
    relay: [u8; 128],
    #[cfg(feature = "relay")]
    relay_id: [u8; 64],
    #[cfg(feature = "relay")]
    relay_secret: [u8; 64],
    #[cfg(feature = "tls")]
    authority: [u8; 1536],
}

impl Room {
    /// Nothing is set.
    pub const fn new() -> Self {
        Self {
            issuer: [0; 128],
            client_id: [0; 64],
            #[cfg(feature = "mdns")]
            name: [0; 32],
            #[cfg(feature = "relay")]
            relay: [0; 128],
            #[cfg(feature = "relay")]
            relay_id: [0; 64],
            #[cfg(feature = "relay")]
            relay_secret: [0; 64],
            #[cfg(feature = "tls")]
            authority: [0; 1536],
        }
    }
}

impl<'m> Settings<'m> {
    /// Reads the settings.
    ///
    /// # Panics
    /// Without a server, or without an authority where there is TLS.
    pub fn read(room: &'m mut Room) -> Self {
        let issuer =
            board::argument("issuer", &mut room.issuer).expect("issuer=… says who signs the user in");
        let client_id = board::argument("client_id", &mut room.client_id).unwrap_or("device");
        let mut text = [0; 16];
        let name_server = board::argument("name_server", &mut text).and_then(|text| text.parse().ok());
        #[cfg(not(feature = "relay"))]
        let relay = None;
        #[cfg(feature = "relay")]
        let relay = match (
            board::argument("relay", &mut room.relay),
            board::argument("relay_id", &mut room.relay_id),
            board::argument("relay_secret", &mut room.relay_secret),
        ) {
            (Some(base), Some(id), Some(secret)) => Some((base, id, secret)),
            _ => None,
        };
        Self {
            issuer,
            client_id,
            insecure_lan_redirect: board::argument("insecure_lan_redirect", &mut [0; 4]) == Some("yes"),
            #[cfg(feature = "mdns")]
            name: board::argument("name", &mut room.name).unwrap_or("keyfob"),
            name_server,
            relay,
            #[cfg(feature = "tls")]
            authority: board::file(c"authority.der", &mut room.authority)
                .expect("authority.der holds the authority's certificate"),
        }
    }

    /// How the server is asked for its addresses.
    ///
    /// # Errors
    /// If the server's name is none.
    pub fn discovery(&self) -> Result<Discovery<'m>, Error> {
        #[cfg(not(feature = "tls"))]
        return Discovery::insecure_loopback_http(self.issuer);
        #[cfg(feature = "tls")]
        Discovery::new(self.issuer)
    }
}
