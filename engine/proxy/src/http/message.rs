//! A message with the buffer it was read into, as rules see it.

use rha_base::{Message, Request, Response};
use rha_http1::{Body, RequestHead, ResponseHead};

/// A head, its buffer, and where the body stands in it.
#[derive(Debug, Default)]
pub(crate) struct Held<H> {
    pub head: H,
    /// Bytes as read; `buf.len()` is its size, `filled` what is in it.
    pub buf: Vec<u8>,
    pub filled: usize,
    /// Length of the head.
    pub head_len: usize,
    /// The body as far as it is buffered, without framing.
    pub body: Vec<u8>,
    /// Where the body stands in `buf` instead, when it has no framing of its own.
    pub plain: (usize, usize),
    /// Whether the body is all there.
    pub whole: bool,
}

/// A request.
pub(crate) type RequestMessage = Held<RequestHead>;
/// A response.
pub(crate) type ResponseMessage = Held<ResponseHead>;

impl<H> Held<H> {
    /// What was read beyond the head.
    pub(crate) fn rest(&self) -> &[u8] {
        self.buf.get(self.head_len..self.filled).unwrap_or_default()
    }

    /// Room for more.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        self.buf.get_mut(self.filled..).unwrap_or_default()
    }

    fn buffered_body(&self) -> &[u8] {
        if self.body.is_empty() {
            self.buf.get(self.plain.0..self.plain.1).unwrap_or_default()
        } else {
            &self.body
        }
    }

    fn forget(&mut self) {
        self.filled = 0;
        self.head_len = 0;
        self.body.clear();
        self.plain = (0, 0);
        self.whole = false;
    }
}

impl<L> Held<rha_http1::Head<L>> {
    /// Shows rules the body as far as it is here.
    pub(crate) fn decode(&mut self) {
        let mut body = self.head.body();
        match body {
            Body::None => self.whole = true,
            Body::Chunked(_) => {
                self.body.clear();
                let rest = self.buf.get(self.head_len..self.filled).unwrap_or_default();
                self.whole = body.decode(rest, &mut self.body).is_ok_and(|d| d.done);
            }
            _ => {
                let rest = self.buf.get(self.head_len..self.filled).unwrap_or_default();
                let mut none = Vec::new();
                if let Ok(step) = body.relay(rest, &mut none) {
                    self.plain = (self.head_len, self.head_len + step.consumed);
                    self.whole = step.done;
                }
            }
        }
    }
}

/// COMPAT: what the original counts for a start line besides its three texts, and for the end of a head.
const LINE: u64 = 20;
const END: u64 = 1;

/// Names and values, without what separates them on the wire.
fn logged_fields<L>(head: &rha_http1::Head<L>, buf: &[u8]) -> u64 {
    let mut n = LINE + END;
    let mut i = 0;
    while let Some((name, value)) = head.field(buf, i) {
        n += (name.len() + value.len()) as u64;
        i += 1;
    }
    n
}

const VERSION: u64 = 8;

/// Size of a 103 with these fields, each a line of its own, as `%B` counts it.
pub(super) fn logged_hints(fields: &[u8]) -> u64 {
    let lines = memchr::memchr_iter(b'\n', fields).count();
    // Neither colon and blank nor the line's end count.
    let texts = fields.len().saturating_sub(4 * lines) as u64;
    LINE + END + VERSION + 3 + "Early Hints".len() as u64 + texts
}

impl RequestMessage {
    /// Size of the head as `%U` counts it.
    pub(crate) fn logged_head(&self) -> u64 {
        let texts = self.head.method(&self.buf).len() + self.head.target(&self.buf).len();
        logged_fields(&self.head, &self.buf) + VERSION + texts as u64
    }

    pub(crate) fn clear(&mut self) {
        self.head.clear();
        self.forget();
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.head.is_complete()
    }
}

impl ResponseMessage {
    /// Size of the head as `%B` counts it.
    pub(crate) fn logged_head(&self) -> u64 {
        logged_fields(&self.head, &self.buf) + VERSION + 3 + self.head.reason(&self.buf).len() as u64
    }

    pub(crate) fn clear(&mut self) {
        self.head.clear();
        self.forget();
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.head.is_complete()
    }
}

macro_rules! message {
    ($t:ty) => {
        impl Message for $t {
            fn header_count(&self) -> usize {
                self.head.field_count()
            }
            fn header(&self, i: usize) -> (&[u8], &[u8]) {
                // COMPAT: blanks around a value that a rule has set are sent, but not seen.
                let (name, value) = self.head.field(&self.buf, i).unwrap_or_default();
                (name, value.trim_ascii())
            }
            fn find_header(&self, name: &[u8], from: usize) -> Option<usize> {
                self.head.position(&self.buf, name, from)
            }
            fn body(&self) -> &[u8] {
                self.buffered_body()
            }
            fn body_is_whole(&self) -> bool {
                self.whole
            }
            fn content_length(&self) -> Option<u64> {
                self.head.content_length()
            }
        }
    };
}
message!(RequestMessage);
message!(ResponseMessage);

impl Message for Reply {
    fn header_count(&self) -> usize {
        self.head.field_count()
    }
    fn header(&self, i: usize) -> (&[u8], &[u8]) {
        let (name, value) = self.head.field(&[], i).unwrap_or_default();
        (name, value.trim_ascii())
    }
    fn body(&self) -> &[u8] {
        &self.body
    }
    fn body_is_whole(&self) -> bool {
        true
    }
    fn content_length(&self) -> Option<u64> {
        Some(self.body.len() as u64)
    }
}

impl Response for Reply {
    fn status(&self) -> u16 {
        self.head.status()
    }
    fn reason(&self) -> &[u8] {
        self.head.reason(&[])
    }
    fn version(&self) -> (u8, u8) {
        (1, 1)
    }
}

impl Request for RequestMessage {
    fn method(&self) -> &[u8] {
        self.head.method(&self.buf)
    }
    fn uri(&self) -> &[u8] {
        self.head.target(&self.buf)
    }
    fn version(&self) -> (u8, u8) {
        self.head.version(&self.buf)
    }
}

impl Response for ResponseMessage {
    fn status(&self) -> u16 {
        self.head.status()
    }
    fn reason(&self) -> &[u8] {
        self.head.reason(&self.buf)
    }
    fn version(&self) -> (u8, u8) {
        self.head.version(&self.buf)
    }
}

/// What a rule decided to answer, ready to be sent.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    pub status: u16,
    /// Head (edits still possible) or, for error files, nothing.
    pub head: ResponseHead,
    /// A whole raw response, from an error file.
    pub raw: Vec<u8>,
    pub body: Vec<u8>,
    /// Nothing is sent: the connection just closes.
    pub silent: bool,
    /// Expressions see it as the response.
    pub shown: bool,
}

impl Reply {
    /// Size as `%B` counts it.
    pub(crate) fn logged_size(&self) -> u64 {
        if !self.raw.is_empty() {
            return 0;
        }
        logged_fields(&self.head, &[]) + VERSION + 3 + (self.head.reason(&[]).len() + self.body.len()) as u64
    }

    pub(crate) fn clear(&mut self) {
        self.status = 0;
        self.silent = false;
        self.shown = false;
        self.head.clear();
        self.raw.clear();
        self.body.clear();
    }
}
