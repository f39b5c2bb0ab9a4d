//! The heads as rules see them: [`rha_base::Request`] and [`rha_base::Response`].

use rha_base::{Message, Request, Response};

use crate::head::Head;
use crate::request::RequestLine;
use crate::response::StatusLine;

/// A head together with the buffer it points into and the body bytes at hand.
#[derive(Debug)]
pub struct View<'a, L> {
    pub(crate) head: &'a Head<L>,
    pub(crate) buf: &'a [u8],
    pub(crate) body: &'a [u8],
    pub(crate) body_is_whole: bool,
}

impl<L> Message for View<'_, L> {
    fn header_count(&self) -> usize {
        self.head.field_count()
    }

    fn header(&self, i: usize) -> (&[u8], &[u8]) {
        self.head.field(self.buf, i).unwrap_or_default()
    }

    fn body(&self) -> &[u8] {
        self.body
    }

    fn body_is_whole(&self) -> bool {
        self.body_is_whole
    }

    fn content_length(&self) -> Option<u64> {
        self.head.content_length()
    }
}

impl Request for View<'_, RequestLine> {
    fn method(&self) -> &[u8] {
        self.head.method(self.buf)
    }

    fn uri(&self) -> &[u8] {
        self.head.target(self.buf)
    }

    fn version(&self) -> (u8, u8) {
        self.head.version(self.buf)
    }
}

impl Response for View<'_, StatusLine> {
    fn status(&self) -> u16 {
        self.head.status()
    }

    fn reason(&self) -> &[u8] {
        self.head.reason(self.buf)
    }

    fn version(&self) -> (u8, u8) {
        self.head.version(self.buf)
    }
}
