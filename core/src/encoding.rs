//! How octets become text and back: JSON, forms, base64url, UTF-8. All of it without a heap.

pub(crate) mod base64url;
pub(crate) mod form;
pub(crate) mod json;
pub(crate) mod number;
pub(crate) mod text;
pub(crate) mod url;
pub(crate) mod utf8;
pub(crate) mod writer;
