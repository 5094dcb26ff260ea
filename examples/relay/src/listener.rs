//! Connections: who may have one, and for how long.

use std::{
    collections::HashMap,
    net::IpAddr,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use axum::Router;
use hyper::{Request, body::Incoming, server::conn::http1, service::Service};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use ipnet::IpNet;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};

use crate::{metrics::Metrics, service::Peer, settings::Limits};

/// The certificate, which may be exchanged.
pub type Certificate = Arc<RwLock<Arc<ServerConfig>>>;

/// A listener and what is behind it.
pub struct Door {
    /// What answers.
    pub router: Router,
    /// With TLS or without.
    pub certificate: Option<Certificate>,
    /// Limits.
    pub limits: Limits,
    /// Addresses that may have as many connections as there are.
    pub trusted: Vec<IpNet>,
    /// The counts.
    pub metrics: Arc<Metrics>,
    /// Turns true when it closes.
    pub stopping: watch::Receiver<bool>,
}

impl Door {
    /// Takes connections until it is told to stop, and then waits for those that are under way, but not for long.
    pub async fn serve(self, listener: TcpListener) {
        let door = Arc::new(self);
        let places = Places::default();
        // Each connection has a sender; when all are gone, all connections are.
        let (alive, mut gone) = mpsc::channel::<()>(1);
        let mut stopping = door.stopping.clone();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = stopping.wait_for(|stopping| *stopping) => break,
            };
            let Ok((stream, peer)) = accepted else {
                // No more files, most likely: let some connections end.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let peer = peer.ip().to_canonical();
            let Some(place) = places.take(peer, &door) else {
                door.metrics.turned_away.inc();
                continue;
            };
            let (door, alive) = (door.clone(), alive.clone());
            tokio::spawn(async move {
                door.connection(stream, peer).await;
                drop((place, alive));
            });
        }
        drop((listener, alive));
        let _ = timeout(door.limits.drain, gone.recv()).await;
    }

    async fn connection(&self, stream: TcpStream, peer: IpAddr) {
        let _ = stream.set_nodelay(true);
        let Some(certificate) = &self.certificate else { return self.requests(stream, peer).await };
        let config = certificate.read().unwrap_or_else(PoisonError::into_inner).clone();
        let hands = TlsAcceptor::from(config).accept(stream);
        if let Ok(Ok(stream)) = timeout(self.limits.head, hands).await {
            self.requests(stream, peer).await;
        }
    }

    async fn requests(&self, stream: impl AsyncRead + AsyncWrite + Unpin, peer: IpAddr) {
        let router = TowerToHyperService::new(self.router.clone());
        let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer));
            router.call(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.head)
            .max_headers(MAX_HEADERS)
            .max_buf_size(MAX_HEAD)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        let mut stopping = self.stopping.clone();
        tokio::select! {
            _ = connection.as_mut() => return,
            _ = stopping.wait_for(|stopping| *stopping) => {}
        }
        connection.as_mut().graceful_shutdown();
        let _ = timeout(self.limits.drain, connection).await;
    }
}

/// Connections by address.
#[derive(Clone, Default)]
struct Places(Arc<Mutex<(usize, HashMap<IpAddr, usize>)>>);

impl Places {
    fn take(&self, peer: IpAddr, door: &Door) -> Option<Place> {
        let peer = crate::settings::neighbourhood(peer);
        let mut places = self.lock();
        let (all, by_address) = &mut *places;
        let own = by_address.get(&peer).copied().unwrap_or(0);
        let trusted = door.trusted.iter().any(|net| net.contains(&peer));
        if *all >= door.limits.connections || !trusted && own >= door.limits.connections_per_address {
            return None;
        }
        *all += 1;
        by_address.insert(peer, own + 1);
        door.metrics.connections.inc();
        Some(Place { places: self.clone(), peer, metrics: door.metrics.clone() })
    }

    fn lock(&self) -> MutexGuard<'_, (usize, HashMap<IpAddr, usize>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Place {
    places: Places,
    peer: IpAddr,
    metrics: Arc<Metrics>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.places.lock();
        let (all, by_address) = &mut *places;
        *all = all.saturating_sub(1);
        let left = by_address.get(&self.peer).map_or(0, |own| own.saturating_sub(1));
        if left == 0 {
            by_address.remove(&self.peer);
        } else {
            by_address.insert(self.peer, left);
        }
        self.metrics.connections.dec();
    }
}

/// Header fields of a request.
const MAX_HEADERS: usize = 64;

/// Octets of a request's head.
const MAX_HEAD: usize = 16 * 1024;
