//! The relay over real sockets: its protocol, its attackers, its operators, and two instances over one store.

mod support;

mod attacks;
mod operation;
mod owner;
mod pages;
mod protocol;
mod shared;
