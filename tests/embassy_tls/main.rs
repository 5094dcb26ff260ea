//! Verified streams on a chip: honest servers by rustls, and hostile ones by hand.

mod certificates;
mod honest;
mod hostile;
mod network;

mod attacks;
mod chains;
mod changes;
mod dates;
mod records;
mod streams;
