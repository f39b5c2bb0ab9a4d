//! The last bad request and response of each proxy, for `show errors`.
//!
//! Nothing is kept while messages are well formed. Of a bad one the bytes that are in the buffer are copied, at most
//! one buffer for each proxy and direction. Management guide §9.3 "show errors".

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use rha_base::ProxyId;

use crate::stream::Stream;

/// A bad message.
#[derive(Debug, Clone)]
pub struct Captured {
    /// When it came, microseconds since 1970.
    pub wall_us: i64,
    /// The other proxy: a request's backend, a response's frontend.
    pub other: Option<ProxyId>,
    /// Server of that backend, if one was asked.
    pub server: Option<(ProxyId, usize)>,
    /// How many there were before.
    pub event: u64,
    /// Client.
    pub source: Option<SocketAddr>,
    /// What was in the buffer.
    pub bytes: Vec<u8>,
    /// Where in it the error is.
    pub position: usize,
    /// Size of the buffer.
    pub buffer: usize,
}

#[derive(Debug, Default)]
struct Kept {
    total: u64,
    last: BTreeMap<(u32, bool), Captured>,
}

/// What is kept of all proxies, by proxy and whether it is a response.
#[derive(Debug, Default)]
pub struct CaptureStore(Mutex<Kept>);

impl CaptureStore {
    fn keep(&self, proxy: ProxyId, is_response: bool, mut captured: Captured) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        captured.event = kept.total;
        kept.total += 1;
        kept.last.insert((proxy.0, is_response), captured);
    }

    /// How many there were ever, and the last of each proxy: requests before responses.
    #[must_use]
    pub fn read(&self) -> (u64, Vec<(ProxyId, bool, Captured)>) {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = kept.last.iter().map(|((p, r), c)| (ProxyId(*p), *r, c.clone())).collect();
        (kept.total, last)
    }
}

impl Stream {
    /// Keeps a bad request: the head that was read, broken at a byte.
    #[cold]
    pub(crate) fn capture_request(&self, position: usize) {
        let r = &self.parts.request;
        self.keep_bad(false, r.buf.get(..r.filled).unwrap_or_default(), position);
    }

    /// Keeps a bad response: what was read of it, broken at a byte.
    #[cold]
    pub(crate) fn capture_response(&self, position: usize) {
        let r = &self.parts.response;
        self.keep_bad(true, r.buf.get(..r.filled).unwrap_or_default(), position);
    }

    /// Keeps a bad message of one direction.
    #[cold]
    pub(crate) fn keep_bad(&self, is_response: bool, bytes: &[u8], position: usize) {
        let front = self.session.front;
        let (proxy, other) = match is_response {
            false => (front, self.backend),
            true => (self.backend.unwrap_or(front), Some(front)),
        };
        let captured = Captured {
            wall_us: self.now().wall_us,
            other,
            server: self.server.map(|s| (self.backend.unwrap_or(front), s)),
            event: 0,
            source: self.session.source,
            bytes: bytes.to_vec(),
            position,
            buffer: self.session.plan.process.buffer_size,
        };
        self.session.worker.shared.captures.keep(proxy, is_response, captured);
    }
}
