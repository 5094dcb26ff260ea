//! The web server of a device: who is let in, what is answered, and who is kept out.

mod attacks;
mod device;
mod limits;
mod pages;
mod pairing;
mod requests;
