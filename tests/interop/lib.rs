//! A certified OpenID provider and a real browser, for tests on this machine.

pub mod browser;
pub mod certificates;
pub mod clock;
pub mod person;
pub mod phone;
pub mod process;
pub mod provider;
pub mod tab;
pub mod terminal;
pub mod wiretap;
