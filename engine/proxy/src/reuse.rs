//! Futures and buffers that are used again.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

/// Most idle items a pool keeps.
const KEEP: usize = 256;

/// Where a pooled future finds its next job and leaves the result.
pub(crate) struct Desk<I, O> {
    job: Cell<Option<I>>,
    result: Cell<Option<O>>,
}

impl<I, O> Desk<I, O> {
    /// The next job.
    pub(crate) async fn next(&self) -> I {
        // Whoever puts a job here polls next, so there is nobody to wake.
        poll_fn(|_| self.job.take().map_or(Poll::Pending, Poll::Ready)).await
    }

    /// The last job's result.
    pub(crate) fn done(&self, result: O) {
        self.result.set(Some(result));
    }
}

struct Slot<F, I, O> {
    future: Pin<Box<F>>,
    desk: Rc<Desk<I, O>>,
}

/// A pool of futures that each do one job after another.
///
/// A request costs no allocation and moves no future of some kilobytes about; a connection that waits for
/// its next request holds none.
pub(crate) struct FuturePool<F, I, O> {
    make: fn(Rc<Desk<I, O>>) -> F,
    free: RefCell<Vec<Slot<F, I, O>>>,
}

impl<F: Future, I, O> FuturePool<F, I, O> {
    /// A pool of the futures that `make` builds; they never end.
    pub(crate) fn new(make: fn(Rc<Desk<I, O>>) -> F) -> Self {
        FuturePool { make, free: RefCell::default() }
    }

    /// Has a pooled future do a job.
    pub(crate) async fn run(&self, job: I) -> O {
        let free = self.free.borrow_mut().pop();
        let mut slot = free.unwrap_or_else(|| {
            let desk = Rc::new(Desk { job: Cell::new(None), result: Cell::new(None) });
            Slot { future: Box::pin((self.make)(desk.clone())), desk }
        });
        slot.desk.job.set(Some(job));
        let result = poll_fn(|cx| {
            let _ = slot.future.as_mut().poll(cx);
            slot.desk.result.take().map_or(Poll::Pending, Poll::Ready)
        })
        .await;
        let mut free = self.free.borrow_mut();
        if free.len() < KEEP {
            free.push(slot);
        }
        result
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
