//! What is wrong with an answer.

use core::fmt;

/// What is wrong with an answer, where [`HttpErrorKind::Protocol`](super::HttpErrorKind::Protocol) says that something
/// is. An answer that another reader could take for a longer or a shorter one is refused (RFC 9112 §11.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Fault {
    /// `Content-Length` and `Transfer-Encoding` together (RFC 9112 §6.1).
    BothLengths,
    /// The data of a chunk does not end where its size says (RFC 9112 §7.1).
    ChunkEnd,
    /// The size of a chunk is no number, or there is no end of its extensions (RFC 9112 §7.1.1).
    ChunkSize,
    /// `Content-Length` is no number, or there are two that differ (RFC 9112 §6.3).
    ContentLength,
    /// It ended too early, or before it began.
    Cut,
    /// A line goes on in the next one (RFC 9112 §5.2).
    Folded,
    /// The name of a header is none, or a space follows it (RFC 9112 §5.1).
    HeaderName,
    /// A header holds an octet that none can hold (RFC 9110 §5.5).
    HeaderValue,
    /// The head is larger than any that is read, or a header that is needed is longer than the client's buffer.
    HeadTooLarge,
    /// A line does not end with CR and LF, or holds one of them alone (RFC 9112 §2.2).
    LineEnd,
    /// Nothing says where the body ends, but the end of a stream that anyone can cut.
    NoLength,
    /// The first line is not that of an HTTP/1 answer, or its status answers no request (RFC 9112 §4).
    StatusLine,
    /// A transfer coding that was not asked for (RFC 9112 §7).
    TransferCoding,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BothLengths => "the answer has two lengths",
            Self::ChunkEnd => "a chunk does not end where it should",
            Self::ChunkSize => "the size of a chunk is none",
            Self::ContentLength => "the length of the answer is none",
            Self::Cut => "the answer was broken off",
            Self::Folded => "a header goes on in the next line",
            Self::HeaderName => "the name of a header is none",
            Self::HeaderValue => "a header holds what none can hold",
            Self::HeadTooLarge => "the headers of the answer are too long",
            Self::LineEnd => "a line of the answer does not end as it should",
            Self::NoLength => "the answer does not say how long it is",
            Self::StatusLine => "the answer is no HTTP",
            Self::TransferCoding => "the answer is coded in an unknown way",
        })
    }
}
