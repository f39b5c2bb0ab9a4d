//! What is accepted: the dialect and options a parser obeys, and how a refusal is told.
//!
//! HAProxy configuration manual §4.2 `option accept-unsafe-violations-in-http-request` (older name
//! `accept-invalid-http-request`), `option http-restrict-req-hdr-names`, §3.2 `tune.http.maxhdr`,
//! `tune.bufsize`, `tune.maxrewrite`.

use rha_vocab::Dialect;

/// `option http-restrict-req-hdr-names`: what happens to a field whose name has a byte other than
/// letters, digits and `-`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RestrictNames {
    /// Kept.
    #[default]
    Preserve,
    /// Removed.
    Delete,
    /// The request gets 403.
    Reject,
}

/// What a head may contain; one per frontend (requests) and per backend (responses).
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// Whose accept/reject list is followed.
    pub dialect: Dialect,
    /// `option accept-unsafe-violations-in-http-request` or `-response`.
    pub accept_unsafe: bool,
    /// Most fields of a head, end marker included: 100 fields pass with the default of 101.
    pub max_fields: usize,
    /// `tune.bufsize`, bytes.
    pub buffer_size: usize,
    /// `tune.maxrewrite`, bytes of the buffer kept free for rules.
    pub reserve: usize,
    /// `option http-restrict-req-hdr-names`.
    pub restrict_names: RestrictNames,
    /// Not set by `h1-do-not-close-on-insecure-transfer-encoding`: Transfer-Encoding beside
    /// Content-Length closes the connection after the message.
    pub close_on_both_lengths: bool,
    /// `h1-accept-payload-with-any-method`: an HTTP/1.0 GET, HEAD or DELETE may carry a body.
    pub body_with_any_method: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            dialect: Dialect::default(),
            accept_unsafe: false,
            max_fields: 101,
            buffer_size: 16384,
            reserve: 1024,
            restrict_names: RestrictNames::Preserve,
            close_on_both_lengths: true,
            body_with_any_method: false,
        }
    }
}

impl Policy {
    pub(crate) fn at_least(&self, dialect: Dialect) -> bool {
        (self.dialect.major, self.dialect.minor) >= (dialect.major, dialect.minor)
    }
}

/// Why a message was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The first byte starts no message (a TLS hello, for one).
    NotHttp,
    /// A byte that a method, version, status or the spacing between them may not have.
    StartLine,
    /// A byte that a request target may not have, or `#`.
    TargetByte,
    /// A target that does not fit its method (path for CONNECT, `*` for GET, relative text).
    TargetForm,
    /// Version is not `HTTP/` digit `.` digit, or missing (HTTP/0.9).
    Version,
    /// A field name with a forbidden byte, or none, or no colon.
    FieldName,
    /// NUL, or CR without LF, in a field value.
    FieldValue,
    /// Host with forbidden bytes, two different Host fields, or Host that contradicts the target.
    Host,
    /// Content-Length that is no number, or several that differ.
    ContentLength,
    /// Transfer-Encoding empty, repeated, or not ending in chunked.
    TransferEncoding,
    /// A transfer coding other than chunked.
    UnknownCoding,
    /// A WebSocket handshake without a valid key.
    WebSocketKey,
    /// HTTP/1.0 GET, HEAD or DELETE with a body.
    BodyNotAllowed,
    /// More fields than allowed.
    TooManyFields,
    /// Head larger than the buffer leaves room for.
    TooLarge,
    /// The name policy says reject.
    RestrictedName,
    /// Chunk size line broken or out of range, or data not followed by its line end.
    Chunk,
    /// Trailer section broken or too large.
    Trailer,
}

/// A refusal: what is answered and where the trouble is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reject {
    /// Status the client gets: 400, 403, 413, 414, 422, 431; 502 for a server's message.
    pub status: u16,
    /// Why.
    pub reason: Reason,
    /// Offset of the offending byte in the slice that was parsed (`show errors`).
    pub at: usize,
}
