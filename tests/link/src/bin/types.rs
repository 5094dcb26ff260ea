//! The sizes of public types.

#![no_std]
#![no_main]

keyfob_link::sizes! {
    "Error" => keyfob_core::error::Error,
}
