//! Copying bytes from one connection to the other without owning a buffer.
//!
//! Bytes are read into the worker's scratch and written at once; only what the other side does not take
//! is kept, in a pooled buffer, until it does.

use std::io;
use std::net::Shutdown;
use std::task::{Context, Poll};

use rha_net::Conn;

use crate::worker::Worker;

/// Reads one connection may do before others get their turn.
const TURNS: u32 = 8;

/// Whose fault an end was.
#[derive(Debug)]
pub(crate) enum CopyError {
    /// Reading failed.
    Source(#[allow(dead_code, reason = "shown when debugging")] io::Error),
    /// Writing failed.
    Sink(#[allow(dead_code, reason = "shown when debugging")] io::Error),
}

/// One direction of a tunnel.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    kept: Vec<u8>,
    from: usize,
    /// End of one side's data was seen.
    pub ended: bool,
    /// The end was passed on.
    pub closed: bool,
    /// Bytes passed on.
    pub bytes: u64,
    /// Whether the end is passed on (`shutdown`), or only noted.
    pub keep_open: bool,
}

impl Flow {
    /// Bytes that must go out before anything is read.
    pub(crate) fn preload(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.kept.extend_from_slice(bytes);
        }
    }

    /// Whether bytes wait for the other side.
    pub(crate) fn is_stuck(&self) -> bool {
        self.from < self.kept.len()
    }

    /// Moves what can be moved. Ready when the end was passed on; `moved` tells whether anything was.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        worker: &Worker,
        source: &mut Conn,
        sink: &mut Conn,
        moved: &mut bool,
    ) -> Poll<Result<(), CopyError>> {
        if self.closed {
            return Poll::Ready(Ok(()));
        }
        let mut scratch = worker.scratch.borrow_mut();
        for _ in 0..TURNS {
            if self.is_stuck() && self.drain(cx, worker, sink, moved)?.is_pending() {
                return Poll::Pending;
            }
            if self.ended {
                self.closed = true;
                if !self.keep_open {
                    let _ = sink.shutdown(Shutdown::Write);
                }
                return Poll::Ready(Ok(()));
            }
            let n = match source.poll_read(cx, &mut scratch) {
                Poll::Ready(Ok(n)) => n,
                Poll::Ready(Err(e)) => return Poll::Ready(Err(CopyError::Source(e))),
                Poll::Pending => return Poll::Pending,
            };
            *moved = true;
            if n == 0 {
                self.ended = true;
                continue;
            }
            let bytes = scratch.get(..n).unwrap_or_default();
            let sent = match sink.try_write(bytes) {
                Ok(k) => k,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => 0,
                Err(e) => return Poll::Ready(Err(CopyError::Sink(e))),
            };
            self.bytes += sent as u64;
            if let Some(rest) = bytes.get(sent..)
                && !rest.is_empty()
            {
                if self.kept.capacity() == 0 {
                    self.kept = worker.buffers.take();
                }
                self.kept.clear();
                self.kept.extend_from_slice(rest);
                self.from = 0;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn drain(
        &mut self,
        cx: &mut Context<'_>,
        worker: &Worker,
        sink: &Conn,
        moved: &mut bool,
    ) -> Result<Poll<()>, CopyError> {
        while let Some(rest) = self.kept.get(self.from..).filter(|r| !r.is_empty()) {
            match sink.poll_write(cx, rest) {
                Poll::Ready(Ok(n)) => {
                    self.from += n;
                    self.bytes += n as u64;
                    *moved = true;
                }
                Poll::Ready(Err(e)) => return Err(CopyError::Sink(e)),
                Poll::Pending => return Ok(Poll::Pending),
            }
        }
        self.release(worker);
        Ok(Poll::Ready(()))
    }

    /// Gives the buffer back.
    pub(crate) fn release(&mut self, worker: &Worker) {
        let mut b = std::mem::take(&mut self.kept);
        self.from = 0;
        if b.capacity() >= crate::worker::SCRATCH {
            b.resize(b.capacity(), 0);
            worker.buffers.give(b);
        }
    }
}
