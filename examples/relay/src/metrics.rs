//! Counts for Prometheus. Nothing in them tells of one sign-in.

use std::sync::atomic::{AtomicI64, AtomicU64};

use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

/// All of them.
pub struct Metrics {
    registry: Registry,
    /// Answers, by route and status.
    pub requests: Family<Request, Counter>,
    /// How long they took, but for long-polls.
    pub seconds: Histogram,
    /// Connections that are open.
    pub connections: Gauge,
    /// Connections that were not taken.
    pub turned_away: Counter,
    /// Long-polls that wait.
    pub polls: Gauge,
    /// Mailboxes in this process.
    pub mailboxes: Gauge,
    /// Mailboxes that were opened.
    pub opened: Counter,
    /// Browsers that were let in.
    pub paired: Counter,
    /// Answers of servers that were put into a mailbox.
    pub answered: Counter,
    /// Sign-ins that are over, by how they ended.
    pub ended: Family<Ended, Counter>,
    /// Codes and tokens that were wrong.
    pub wrong_codes: Counter,
    /// Tries that came too early after wrong ones.
    pub blocked_codes: Counter,
    /// Answers of servers that came with the wrong browser, or for no mailbox.
    pub strays: Counter,
    /// Devices with wrong credentials.
    pub wrong_credentials: Counter,
    /// Requests for mailboxes of other devices.
    pub foreign_mailboxes: Counter,
    /// Times that the store did not answer.
    pub store_failures: Counter,
}

/// The labels of an answer.
#[derive(Clone, Debug, Eq, Hash, PartialEq, EncodeLabelSet)]
pub struct Request {
    /// A route, never a path.
    pub route: &'static str,
    /// The status.
    pub status: u32,
}

/// The label of an end.
#[derive(Clone, Debug, Eq, Hash, PartialEq, EncodeLabelSet)]
pub struct Ended {
    /// How.
    pub ending: &'static str,
}

impl Metrics {
    /// All at zero.
    pub fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("keyfob_relay"),
            requests: Family::default(),
            seconds: Histogram::new(exponential_buckets(0.000_5, 4.0, 8)),
            connections: Gauge::<i64, AtomicI64>::default(),
            turned_away: Counter::<u64, AtomicU64>::default(),
            polls: Gauge::default(),
            mailboxes: Gauge::default(),
            opened: Counter::default(),
            paired: Counter::default(),
            answered: Counter::default(),
            ended: Family::default(),
            wrong_codes: Counter::default(),
            blocked_codes: Counter::default(),
            strays: Counter::default(),
            wrong_credentials: Counter::default(),
            foreign_mailboxes: Counter::default(),
            store_failures: Counter::default(),
        };
        let registry = &mut metrics.registry;
        registry.register("requests", "Answers, by route and status", metrics.requests.clone());
        registry.register(
            "request_seconds",
            "How long answers took, but for long-polls",
            metrics.seconds.clone(),
        );
        registry.register("connections", "Connections that are open", metrics.connections.clone());
        registry.register(
            "connections_turned_away",
            "Connections that were not taken",
            metrics.turned_away.clone(),
        );
        registry.register("polls", "Long-polls that wait", metrics.polls.clone());
        registry.register("mailboxes", "Mailboxes in the memory of this process", metrics.mailboxes.clone());
        registry.register("opened", "Mailboxes that were opened", metrics.opened.clone());
        registry.register("paired", "Browsers that were let in", metrics.paired.clone());
        registry.register("answered", "Answers that were put into a mailbox", metrics.answered.clone());
        registry.register("ended", "Sign-ins that are over, by how they ended", metrics.ended.clone());
        registry.register("wrong_codes", "Codes that were wrong", metrics.wrong_codes.clone());
        registry.register("blocked_codes", "Tries too soon after wrong ones", metrics.blocked_codes.clone());
        registry.register(
            "strays",
            "Answers with the wrong browser, or for no mailbox",
            metrics.strays.clone(),
        );
        registry.register(
            "wrong_credentials",
            "Devices with wrong credentials",
            metrics.wrong_credentials.clone(),
        );
        registry.register(
            "foreign_mailboxes",
            "Requests for mailboxes of other devices",
            metrics.foreign_mailboxes.clone(),
        );
        registry.register(
            "store_failures",
            "Times that the store did not answer",
            metrics.store_failures.clone(),
        );
        metrics
    }

    /// In the format of OpenMetrics.
    pub fn text(&self) -> String {
        let mut out = String::new();
        text::encode(&mut out, &self.registry).expect("a string takes everything");
        out
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}
