//! Deadlines of one worker.
//!
//! Every connection has one entry; setting its deadline writes a field. The queue holds an entry at the
//! time it was last put there; when that comes up early it goes back in at the true deadline. An entry
//! given back keeps its place in the queue for the next connection, so that a busy site of short
//! connections does not fill it. Invariant: an entry is in the queue at or before its deadline.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::task::{Context, Poll, Waker};

use rha_base::Tick;

/// A connection's entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimerId(u32);

#[derive(Debug)]
struct Entry {
    deadline: Tick,
    queued: Tick,
    waker: Option<Waker>,
}

#[derive(Debug, Default)]
struct Inner {
    entries: Vec<Entry>,
    free: Vec<u32>,
    queue: BinaryHeap<Reverse<(Tick, u32)>>,
}

/// All deadlines of a worker.
#[derive(Debug)]
pub(crate) struct Timers {
    inner: RefCell<Inner>,
    /// When the driver wakes up next.
    armed: Cell<Tick>,
    driver: RefCell<Option<Waker>>,
}

impl Default for Timers {
    fn default() -> Self {
        Timers { inner: RefCell::default(), armed: Cell::new(Tick::NEVER), driver: RefCell::new(None) }
    }
}

impl Timers {
    /// An entry without deadline.
    pub(crate) fn open(&self) -> TimerId {
        let mut inner = self.inner.borrow_mut();
        if let Some(i) = inner.free.pop() {
            return TimerId(i);
        }
        let i = u32::try_from(inner.entries.len()).unwrap_or(u32::MAX);
        inner.entries.push(Entry { deadline: Tick::NEVER, queued: Tick::NEVER, waker: None });
        TimerId(i)
    }

    /// Gives an entry back.
    pub(crate) fn close(&self, id: TimerId) {
        let mut inner = self.inner.borrow_mut();
        if let Some(e) = inner.entries.get_mut(id.0 as usize) {
            e.deadline = Tick::NEVER;
            e.waker = None;
            inner.free.push(id.0);
        }
    }

    /// Names the task to wake; a task needs to do so once.
    pub(crate) fn watch(&self, id: TimerId, cx: &Context<'_>) {
        if let Some(e) = self.inner.borrow_mut().entries.get_mut(id.0 as usize)
            && !e.waker.as_ref().is_some_and(|w| w.will_wake(cx.waker()))
        {
            e.waker = Some(cx.waker().clone());
        }
    }

    /// Sets the deadline.
    pub(crate) fn set(&self, id: TimerId, at: Tick) {
        let mut guard = self.inner.borrow_mut();
        let inner = &mut *guard;
        let Some(e) = inner.entries.get_mut(id.0 as usize) else { return };
        e.deadline = at;
        if at >= e.queued {
            return;
        }
        e.queued = at;
        inner.queue.push(Reverse((at, id.0)));
        drop(guard);
        if at < self.armed.get()
            && let Some(w) = self.driver.borrow().as_ref()
        {
            w.wake_by_ref();
        }
    }

    /// Wakes every task, because something changed that all of them look at.
    pub(crate) fn wake_all(&self) {
        for w in self.inner.borrow().entries.iter().filter_map(|e| e.waker.as_ref()) {
            w.wake_by_ref();
        }
    }

    /// Lets a deadline pass now.
    pub(crate) fn wake(&self, id: TimerId) {
        if let Some(e) = self.inner.borrow_mut().entries.get_mut(id.0 as usize) {
            e.deadline = Tick(0);
            if let Some(w) = &e.waker {
                w.wake_by_ref();
            }
        }
    }

    /// The deadline.
    pub(crate) fn deadline(&self, id: TimerId) -> Tick {
        self.inner.borrow().entries.get(id.0 as usize).map_or(Tick::NEVER, |e| e.deadline)
    }

    /// Whether the deadline has passed.
    pub(crate) fn expired(&self, id: TimerId, now: Tick) -> bool {
        self.deadline(id) <= now
    }

    /// Wakes whose deadline has passed; returns when to call again.
    fn turn(&self, now: Tick) -> Tick {
        let mut guard = self.inner.borrow_mut();
        let inner = &mut *guard;
        while let Some(&Reverse((at, i))) = inner.queue.peek() {
            if at > now {
                return at;
            }
            inner.queue.pop();
            let Some(e) = inner.entries.get_mut(i as usize) else { continue };
            if e.queued != at {
                continue;
            }
            if e.deadline > now {
                e.queued = e.deadline;
                if e.deadline != Tick::NEVER {
                    let again = Reverse((e.deadline, i));
                    inner.queue.push(again);
                }
                continue;
            }
            e.queued = Tick::NEVER;
            if let Some(w) = &e.waker {
                w.wake_by_ref();
            }
        }
        Tick::NEVER
    }

    /// Runs for ever: sleeps to the next entry, wakes its task.
    pub(crate) async fn drive(&self, clock: &rha_net::Clock) {
        let mut sleep = std::pin::pin!(rha_net::sleep(std::time::Duration::ZERO));
        std::future::poll_fn(|cx: &mut Context<'_>| {
            *self.driver.borrow_mut() = Some(cx.waker().clone());
            loop {
                let now = clock.precise().tick();
                let next = self.turn(now);
                self.armed.set(next);
                if next == Tick::NEVER {
                    return Poll::<()>::Pending;
                }
                let wait = std::time::Duration::from_millis(next.since(now));
                sleep.as_mut().reset(std::time::Instant::now() + wait);
                if sleep.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
            }
        })
        .await;
    }
}

use std::future::Future as _;

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::Wake;

    use super::*;

    struct Count(AtomicU32);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn an_entry_moves_with_its_deadline_and_wakes_once() {
        let t = Timers::default();
        let n = Arc::new(Count(AtomicU32::new(0)));
        let w = Waker::from(n.clone());
        let id = t.open();
        t.watch(id, &Context::from_waker(&w));
        t.set(id, Tick(100));
        t.set(id, Tick(200));
        assert_eq!(t.turn(Tick(100)), Tick(200));
        assert_eq!(n.0.load(Ordering::Relaxed), 0);
        t.set(id, Tick(150));
        assert_eq!(t.turn(Tick(150)), Tick(200));
        assert_eq!(n.0.load(Ordering::Relaxed), 1);
        assert!(t.expired(id, Tick(150)));
        t.set(id, Tick::NEVER);
        assert_eq!(t.turn(Tick(1000)), Tick::NEVER);
        assert_eq!(n.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn short_connections_do_not_fill_the_queue() {
        let t = Timers::default();
        for i in 0..1000u64 {
            let id = t.open();
            t.set(id, Tick(60_000 + i));
            t.close(id);
        }
        assert_eq!(t.inner.borrow().queue.len(), 1);
    }
}
