//! What can happen to a request and its answer.

/// A mishap, or a server's malice. The queue of a [`Link`](crate::link::Link) has one for each request.
#[derive(Clone, Copy, Debug, Default)]
pub enum Fault {
    /// Something else answers in the server's place: a proxy, a hotel. The server sees nothing.
    Answer(u16, &'static str, &'static str),
    /// The media type is another one.
    ContentType(&'static str),
    /// A bit of the octet at this place is flipped.
    Corrupt(usize),
    /// The connection breaks after so many octets of the body.
    Cut(usize),
    /// So many octets of members that nobody asked for come first.
    Extra(usize),
    /// One more header.
    Header(&'static str, &'static str),
    /// The server acts, and its answer does not come in time.
    NoAnswer,
    /// All goes well.
    #[default]
    None,
    /// No connection: the server surely saw nothing.
    NotSent,
    /// The connection breaks while the request is sent; the server saw it and acts.
    SentAndBroken,
    /// The body ends after so many octets, as if that were all of it.
    Short(usize),
    /// The answer takes so many milliseconds.
    Slow(u64),
    /// The answer to the request before comes once more, in place of this one's.
    Stale,
    /// The server acts, and the status is another one.
    Status(u16),
    /// The body comes twice in a row.
    Twice,
}
