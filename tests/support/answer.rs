//! An answer as it goes over the wire.

use std::collections::BTreeMap;

use keyfob_core::{
    Keep,
    http::{Incoming, Response},
};
use serde_json::Value;

/// An answer as it goes over the wire.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// An answer with a body of this media type.
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: vec![("Content-Type".into(), content_type.into())], body: body.into() }
    }

    /// A JSON answer.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json", text(body))
    }

    /// The same answer with the body cut to `length` octets.
    #[must_use]
    pub fn short(mut self, length: usize) -> Self {
        self.body.truncate(length);
        self
    }

    /// The same answer with a first member of so many octets that nobody asked for.
    #[must_use]
    pub fn extra(mut self, octets: usize) -> Self {
        let member = format!("\"extra\":[[{{\"\\u0061\":\"{}\"}}]],", "x".repeat(octets));
        let start = self.body.iter().position(|&octet| octet == b'{').map_or(0, |brace| brace + 1);
        self.body.splice(start..start, member.into_bytes());
        self
    }

    /// Hands all but the body to `incoming`.
    pub fn head(&self, incoming: &mut Incoming<'_>) {
        incoming.status(self.status);
        for (name, value) in &self.headers {
            incoming.header(name, value.as_bytes());
        }
    }

    /// Reads the answer into `buffer`, its body in one piece.
    pub fn read<'b>(&self, keep: Keep, buffer: &'b mut [u8]) -> (Response<'b>, &'b mut [u8]) {
        self.read_split(keep, buffer, &[])
    }

    /// Reads the answer into `buffer`, its body split at these places.
    pub fn read_split<'b>(
        &self,
        keep: Keep,
        buffer: &'b mut [u8],
        places: &[usize],
    ) -> (Response<'b>, &'b mut [u8]) {
        let mut incoming = Incoming::new(keep, buffer);
        self.head(&mut incoming);
        let mut start = 0;
        for &end in places.iter().chain([&self.body.len()]) {
            if !incoming.body(&self.body[start..end]) {
                break;
            }
            start = end;
        }
        incoming.finish()
    }
}

/// JSON with its members in the order of their names, whatever features `serde_json` was built with.
pub fn text(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(text).collect::<Vec<_>>().join(",")),
        Value::Object(members) => {
            let sorted: BTreeMap<_, _> = members.iter().collect();
            let member =
                |(name, value): (&String, &Value)| format!("{}:{}", Value::from(name.as_str()), text(value));
            format!("{{{}}}", sorted.into_iter().map(member).collect::<Vec<_>>().join(","))
        }
        plain => plain.to_string(),
    }
}
