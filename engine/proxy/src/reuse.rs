//! Futures and buffers that are used again.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;

/// Most idle items a pool keeps.
const KEEP: usize = 256;

/// A pool of boxed futures of one type.
///
/// `run` puts a new future into an old box, so that a request costs no allocation, and a connection that
/// waits for its next request no memory for it.
pub(crate) struct FuturePool<F> {
    free: RefCell<Vec<Pin<Box<Option<F>>>>>,
}

impl<F> Default for FuturePool<F> {
    fn default() -> Self {
        FuturePool { free: RefCell::default() }
    }
}

impl<F: Future> FuturePool<F> {
    /// Runs a future in a pooled box.
    pub(crate) async fn run(&self, future: F) -> F::Output {
        let mut slot = self.free.borrow_mut().pop().unwrap_or_else(|| Box::pin(None));
        slot.as_mut().set(Some(future));
        let out = std::future::poll_fn(|cx| match slot.as_mut().as_pin_mut() {
            Some(f) => f.poll(cx),
            None => std::task::Poll::Pending,
        })
        .await;
        slot.as_mut().set(None);
        let mut free = self.free.borrow_mut();
        if free.len() < KEEP {
            free.push(slot);
        }
        out
    }
}

/// Buffers of one size.
#[derive(Debug)]
pub(crate) struct Buffers {
    size: usize,
    free: RefCell<Vec<Vec<u8>>>,
}

impl Buffers {
    /// A pool of buffers of `size` bytes.
    pub(crate) fn new(size: usize) -> Self {
        Buffers { size, free: RefCell::default() }
    }

    /// A buffer with `len() == size`, its content arbitrary.
    pub(crate) fn take(&self) -> Vec<u8> {
        self.free.borrow_mut().pop().unwrap_or_else(|| vec![0; self.size])
    }

    /// Gives one back.
    pub(crate) fn give(&self, buffer: Vec<u8>) {
        let mut free = self.free.borrow_mut();
        if buffer.len() == self.size && free.len() < KEEP {
            free.push(buffer);
        }
    }
}
