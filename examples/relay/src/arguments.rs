//! The command line.

use std::{
    fs,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use clap::{Args, Parser, Subcommand};
use ipnet::IpNet;
use keyfob_relay::{Brand, Keys, Limits, ProxyHeader, Rules, Settings, StoreKind, Tls};

/// Takes the answer of a sign-in for a device that a browser cannot reach.
///
/// SIGHUP reads the devices and the certificate again; SIGTERM answers what waits, and ends.
#[derive(Debug, Parser)]
#[command(name = "keyfob-relay", version, max_term_width = 100, args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub serve: Serve,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Makes up a device's identifier and secret, and prints them once, with the entry for the file of devices
    NewDevice {
        /// What people call it
        #[arg(long, value_name = "NAME")]
        name: String,
    },
    /// Makes up the key that all instances with one store share
    NewKey,
}

#[derive(Args, Debug)]
pub struct Serve {
    /// Where browsers and devices come in
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,

    /// Where /healthz, /readyz and /metrics are; not for the public
    #[arg(long, value_name = "ADDRESS")]
    admin: Option<SocketAddr>,

    /// What browsers and devices call it: https://relay.example, with or without a path
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,

    /// Its certificate and those above it, in PEM, if no proxy has one
    #[arg(long, value_name = "FILE", requires = "key")]
    certificate: Option<PathBuf>,

    /// The certificate's private key, in PEM
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<PathBuf>,

    /// The devices, as `new-device` prints them
    #[arg(long, value_name = "FILE", default_value = "devices.toml")]
    devices: PathBuf,

    /// Where it may send browsers; may be repeated
    #[arg(long, value_name = "URL")]
    authorization_endpoint: Vec<String>,

    /// Another origin whose page may post an answer (form_post); may be repeated
    #[arg(long, value_name = "URL")]
    response_origin: Vec<String>,

    /// Where sign-ins are kept: memory, or redis://HOST:PORT for Valkey or Redis
    #[arg(long, value_name = "STORE", default_value = "memory", value_parser = store)]
    #[arg(env = "KEYFOB_RELAY_STORE", hide_env_values = true)]
    store: StoreKind,

    /// The key that all instances with one store share, as `new-key` prints it
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,

    /// A proxy, or a net of them, whose word on a client's address is believed; may be repeated
    #[arg(long, value_name = "NET", value_parser = net)]
    trusted_proxy: Vec<IpNet>,

    /// The header in which these proxies say it
    #[arg(long, value_name = "HEADER", value_enum, default_value = "x-forwarded-for")]
    proxy_header: ProxyHeader,

    /// A name above each page
    #[arg(long, value_name = "NAME", default_value = "")]
    brand: String,

    /// The colour of buttons
    #[arg(long, value_name = "COLOUR", default_value_t = Brand::default().colour, value_parser = colour)]
    colour: String,

    /// Sign-ins at a time, with the memory store
    #[arg(long, value_name = "COUNT", default_value_t = Rules::default().most)]
    mailboxes: usize,

    /// Wrong codes from everywhere until each further one has to wait
    #[arg(long, value_name = "COUNT", default_value_t = Rules::default().everywhere.free)]
    wrong_codes: u32,

    /// Connections at a time
    #[arg(long, value_name = "COUNT", default_value_t = Limits::default().connections)]
    connections: usize,

    /// Connections at a time from one address
    #[arg(long, value_name = "COUNT", default_value_t = Limits::default().connections_per_address)]
    connections_per_address: usize,
}

impl Serve {
    /// What was set, with files read.
    pub fn settings(self) -> Result<Settings, String> {
        let mut settings = Settings::new(self.listen, self.devices, "");
        settings.admin = self.admin;
        settings.public_url = self.public_url;
        settings.tls = self.certificate.zip(self.key).map(|(certificate, key)| Tls { certificate, key });
        settings.authorization_endpoints = self.authorization_endpoint;
        settings.response_origins = self.response_origin;
        settings.store = self.store;
        settings.keys = self.key_file.map(read_key).transpose()?;
        settings.brand = Brand { name: self.brand, colour: self.colour };
        settings.trusted_proxies = self.trusted_proxy;
        settings.proxy_header = self.proxy_header;
        settings.rules.most = self.mailboxes;
        settings.rules.everywhere.free = self.wrong_codes;
        settings.limits.connections = self.connections;
        settings.limits.connections_per_address = self.connections_per_address;
        Ok(settings)
    }
}

fn read_key(path: PathBuf) -> Result<Keys, String> {
    let text =
        fs::read_to_string(&path).map_err(|why| format!("{} cannot be read: {why}.", path.display()))?;
    Keys::read(&text)
        .ok_or_else(|| format!("{} holds no key: `keyfob-relay new-key` makes one.", path.display()))
}

fn store(text: &str) -> Result<StoreKind, String> {
    match text {
        "memory" => Ok(StoreKind::Memory),
        text if text.starts_with("redis://") || text.starts_with("redis+unix://") => {
            Ok(StoreKind::Redis(text.into()))
        }
        _ => Err("memory, redis://HOST:PORT or redis+unix:///PATH".into()),
    }
}

fn net(text: &str) -> Result<IpNet, String> {
    let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
    text.parse().ok().or_else(address).ok_or_else(|| "an address, or a net as 10.0.0.0/8".into())
}

fn colour(text: &str) -> Result<String, String> {
    if Brand::is_colour(text) { Ok(text.into()) } else { Err("# and three or six hexadecimal digits".into()) }
}
