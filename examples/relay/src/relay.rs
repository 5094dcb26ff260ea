//! Starts it, and stops it.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use tokio_rustls::rustls::{ServerConfig, crypto::ring};

use crate::{
    admin,
    keys::{Keys, random},
    listener::{Certificate, Door},
    metrics::Metrics,
    pages::Pages,
    registry::Registry,
    service::{Loads, Service},
    settings::{PublicUrl, Settings, StoreKind, Tls, origin},
    store::{Memory, Redis, Store},
    waiters::Waiters,
};

/// A relay that runs.
pub struct Relay {
    service: Arc<Service>,
    address: SocketAddr,
    admin: Option<SocketAddr>,
    devices: PathBuf,
    tls: Option<(Tls, Certificate)>,
    stop: watch::Sender<bool>,
    doors: Vec<JoinHandle<()>>,
    admin_door: Option<(watch::Sender<bool>, JoinHandle<()>)>,
}

impl Relay {
    /// Listens, and answers from now on. An error is a sentence for the operator.
    pub async fn start(settings: Settings) -> Result<Self, String> {
        let listener = listen(settings.listen).await?;
        let address = listener.local_addr().map_err(|why| why.to_string())?;
        let tls = match settings.tls {
            Some(files) => Some((files.clone(), Certificate::new(RwLock::new(certificate(&files)?)))),
            None => None,
        };
        let scheme = if tls.is_some() { "https" } else { "http" };
        let public = match &settings.public_url {
            Some(url) => PublicUrl::read(url)?,
            None => PublicUrl::read(&format!("{scheme}://{address}")).map_err(|_| {
                "A relay that others can reach needs its address: --public-url https://…".to_string()
            })?,
        };
        if settings.authorization_endpoints.is_empty() {
            return Err("Where may it send browsers? --authorization-endpoint https://…".into());
        }
        let servers = settings
            .authorization_endpoints
            .iter()
            .chain(&settings.response_origins)
            .map(|url| origin(url).ok_or_else(|| format!("`{url}` is no https address.")))
            .collect::<Result<Vec<_>, _>>()?;
        let (waiters, rules, clock) = (Waiters::default(), settings.rules, settings.clock);
        let keys = match (settings.keys, &settings.store) {
            (Some(keys), _) => keys,
            (None, StoreKind::Memory) => Keys::new(random().map_err(|why| why.to_string())?),
            (None, StoreKind::Redis(_)) => {
                return Err("A store that is shared needs a key that all instances have: --key-file FILE, made by `keyfob-relay new-key`.".into());
            }
        };
        let store: Box<dyn Store> = match &settings.store {
            StoreKind::Memory => {
                let memory = Arc::new(Memory::new(rules, clock.clone()));
                tokio::spawn(sweep(Arc::downgrade(&memory)));
                Box::new(memory)
            }
            // The error's kind only: the URL may have a password.
            StoreKind::Redis(url) => Box::new(
                Redis::connect(url, rules, waiters.clone())
                    .await
                    .map_err(|why| format!("The store cannot be reached: {:?}.", why.kind()))?,
            ),
        };
        let registry = Registry::read(&settings.devices, &keys)?;
        let plain: Vec<_> = servers.iter().filter(|origin| origin.starts_with("http:")).cloned().collect();
        let (stop, stopping) = watch::channel(false);
        let metrics = Arc::new(Metrics::new());
        let service = Arc::new(Service {
            pages: Pages::new(&settings.brand, &public.prefix, &plain),
            public,
            keys,
            registry: RwLock::new(Arc::new(registry)),
            store,
            waiters,
            metrics: metrics.clone(),
            limits: settings.limits,
            clock,
            endpoints: settings.authorization_endpoints,
            servers,
            trusted_proxies: settings.trusted_proxies.clone(),
            proxy_header: settings.proxy_header,
            loads: Loads::default(),
            stopping: stopping.clone(),
        });
        let door = Door {
            router: service.router(),
            certificate: tls.as_ref().map(|(_, certificate)| certificate.clone()),
            limits: settings.limits,
            trusted: settings.trusted_proxies,
            metrics: metrics.clone(),
            stopping,
        };
        let mut relay = Self {
            service: service.clone(),
            address,
            admin: None,
            devices: settings.devices,
            tls,
            stop,
            doors: vec![tokio::spawn(door.serve(listener))],
            admin_door: None,
        };
        if let Some(wanted) = settings.admin {
            let listener = listen(wanted).await?;
            relay.admin = listener.local_addr().ok();
            let (stop, stopping) = watch::channel(false);
            let (limits, trusted) = (settings.limits, Vec::new());
            // Its connections do not count as those of the service.
            let metrics = Arc::new(Metrics::new());
            let door = Door {
                router: admin::router(service),
                certificate: None,
                limits,
                trusted,
                metrics,
                stopping,
            };
            relay.admin_door = Some((stop, tokio::spawn(door.serve(listener))));
        }
        tracing::info!(devices = relay.service.devices().len(), "started");
        Ok(relay)
    }

    /// Where it listens, as a URL with the address itself.
    pub fn listens_on(&self) -> String {
        format!("{}://{}", if self.tls.is_some() { "https" } else { "http" }, self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where health and metrics are.
    pub fn admin(&self) -> Option<SocketAddr> {
        self.admin
    }

    /// What browsers and devices call it.
    pub fn public_url(&self) -> &str {
        &self.service.public.base
    }

    /// Reads the devices and the certificate again. If they are wrong, the old ones stay.
    pub fn reload(&self) -> Result<(), String> {
        let registry = Registry::read(&self.devices, &self.service.keys)?;
        if let Some((files, kept)) = &self.tls {
            *kept.write().unwrap_or_else(PoisonError::into_inner) = certificate(files)?;
        }
        let devices = registry.len();
        *self.service.registry.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(registry);
        tracing::info!(devices, "reloaded");
        Ok(())
    }

    /// Takes no more connections, answers what waits at once, and ends when all is answered or the time is over.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        for door in self.doors {
            let _ = door.await;
        }
        if let Some((stop, door)) = self.admin_door {
            stop.send_replace(true);
            let _ = door.await;
        }
        tracing::info!("stopped");
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|why| format!("{address} cannot be listened on: {why}."))
}

fn certificate(files: &Tls) -> Result<Arc<ServerConfig>, String> {
    let wrong = |path: &PathBuf, why: &dyn std::fmt::Display| format!("{}: {why}.", path.display());
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|why| wrong(&files.certificate, &why))?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|why| wrong(&files.key, &why))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|why| wrong(&files.key, &why))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|why| wrong(&files.certificate, &why))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Forgets what is over, even when nobody asks.
async fn sweep(memory: std::sync::Weak<Memory>) {
    while let Some(memory) = memory.upgrade() {
        memory.sweep();
        drop(memory);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
