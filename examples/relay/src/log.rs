//! The log: one JSON object a line.

use tracing::{Level, Metadata, subscriber::SetGlobalDefaultError};
use tracing_subscriber::{
    Layer,
    filter::filter_fn,
    fmt::{self, MakeWriter},
    layer::SubscriberExt,
};

/// Writes what the relay does, and what libraries warn of, from now on.
pub fn log_to<W>(writer: W) -> Result<(), SetGlobalDefaultError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    // Libraries print requests and headers when they are asked for more than this.
    let is_ours = |metadata: &Metadata<'_>| {
        metadata.target().starts_with("keyfob_relay") && *metadata.level() <= Level::INFO
    };
    let layer = fmt::layer().json().flatten_event(true).with_writer(writer).with_filter(filter_fn(is_ours));
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))
}
