//! Tasks of one thread: a run queue of small numbers, and wakers that are such a number.
//!
//! A task is known by its slot, the slot's generation and its loop's number, which together fit into the
//! word a waker carries: cloning and dropping a waker costs nothing, and waking on the loop's own thread is
//! a push. Other threads push into a box and ring an eventfd. A number whose generation has passed wakes
//! nobody, or at worst somebody for nothing.
//!
//! One turn: run what is ready (and what that makes ready, within limits), fire timers, ask for events.
#![allow(unsafe_code, reason = "a waker of our own is made of a table of functions and a word")]

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};
use std::time::{Duration, Instant};

use rustix::event::EventfdFlags;

use crate::clock::loop_turned;
use crate::reactor::Reactor;

/// Tasks run before events are asked for, even when more are ready.
const TURN: usize = 128;
/// Reads and writes of one task before others get their turn.
const CALLS: u32 = 128;
/// Bits of a waker's word: loop, generation, slot.
const LOOP_BITS: u32 = 12;
const GENERATION_BITS: u32 = 20;
/// The slot that stands for the future the loop was started with.
const MAIN: u32 = u32::MAX;

type BoxFuture = Pin<Box<dyn Future<Output = ()>>>;

#[derive(Default)]
struct Slot {
    generation: u32,
    queued: bool,
    /// Absent while it runs, and when the slot is free.
    future: Option<BoxFuture>,
}

/// The thread's loop: what a task may reach while it runs.
#[derive(Default)]
struct Local {
    /// 0: no loop here.
    number: Cell<u32>,
    queue: RefCell<VecDeque<u32>>,
    slots: RefCell<Vec<Slot>>,
    free: RefCell<Vec<u32>>,
    main_woken: Cell<bool>,
    timers: RefCell<BTreeMap<(Instant, u64), Waker>>,
    next_timer: Cell<u64>,
    reactor: RefCell<Option<Rc<Reactor>>>,
}

thread_local! {
    static LOCAL: Local = Local::default();
}

/// How other threads reach a loop.
struct Remote {
    woken: Mutex<Vec<u64>>,
    rung: AtomicBool,
    bell: OwnedFd,
}

/// All loops of the process, by number less one.
static LOOPS: RwLock<Vec<Option<Arc<Remote>>>> = RwLock::new(Vec::new());

/// The calling thread's readiness queue.
pub(crate) fn reactor() -> Option<Rc<Reactor>> {
    LOCAL.with(|l| l.reactor.borrow().clone())
}

/// A spawned task; it goes on when this is dropped.
#[derive(Debug)]
pub struct Task {
    slot: u32,
    generation: u32,
}

impl Task {
    /// Ends it before its next turn; called on its own thread.
    pub fn abort(&self) {
        let future = LOCAL.with(|l| {
            let mut slots = l.slots.borrow_mut();
            let slot = slots.get_mut(self.slot as usize)?;
            if slot.generation != self.generation {
                return None;
            }
            let future = slot.future.take();
            // One that runs just now is not put back.
            slot.generation = next_generation(slot.generation);
            if future.is_some() {
                l.free.borrow_mut().push(self.slot);
            }
            future
        });
        drop(future);
    }
}

/// Runs a future on the calling thread's loop, beside all others. Outside of a loop it never runs.
pub fn spawn(future: impl Future<Output = ()> + 'static) -> Task {
    let future: BoxFuture = Box::pin(future);
    LOCAL.with(|l| {
        let mut slots = l.slots.borrow_mut();
        let slot = l.free.borrow_mut().pop().unwrap_or_else(|| {
            slots.push(Slot::default());
            u32::try_from(slots.len() - 1).unwrap_or(MAIN)
        });
        let Some(s) = slots.get_mut(slot as usize) else { return Task { slot, generation: 0 } };
        s.future = Some(future);
        s.queued = true;
        l.queue.borrow_mut().push_back(slot);
        Task { slot, generation: s.generation }
    })
}

fn next_generation(g: u32) -> u32 {
    g.wrapping_add(1) & ((1 << GENERATION_BITS) - 1)
}

/// Runs `main` and everything it spawns; what is left when it ends is dropped.
///
/// # Errors
/// When no event queue can be had, or the thread has a loop already.
pub fn run_loop<F: Future>(main: F) -> io::Result<F::Output> {
    let open = Open::new()?;
    let mut main = std::pin::pin!(main);
    let waker = waker(word(open.number, 0, MAIN));
    LOCAL.with(|l| {
        l.main_woken.set(true);
        loop {
            if l.main_woken.replace(false) {
                open.reactor.refill(CALLS);
                if let Poll::Ready(out) = main.as_mut().poll(&mut Context::from_waker(&waker)) {
                    return Ok(out);
                }
            }
            for _ in 0..TURN {
                let Some(slot) = l.queue.borrow_mut().pop_front() else { break };
                run(l, &open, slot);
            }
            let busy = l.main_woken.get() || !l.queue.borrow().is_empty();
            let limit = if busy { Some(Duration::ZERO) } else { l.until_timer() };
            let rung = open.reactor.turn(limit);
            loop_turned();
            if rung {
                open.answer(l);
            }
            l.fire(Instant::now());
        }
    })
}

fn run(l: &Local, open: &Open, index: u32) {
    let (mut future, generation) = {
        let mut slots = l.slots.borrow_mut();
        let Some(slot) = slots.get_mut(index as usize) else { return };
        slot.queued = false;
        let Some(future) = slot.future.take() else { return };
        (future, slot.generation)
    };
    open.reactor.refill(CALLS);
    let waker = waker(word(open.number, generation, index));
    // A task that panics ends; its neighbours are other people's connections.
    let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut Context::from_waker(&waker))));
    let goes_on = matches!(polled, Ok(Poll::Pending));
    let mut slots = l.slots.borrow_mut();
    let Some(slot) = slots.get_mut(index as usize) else { return };
    if goes_on && slot.generation == generation {
        slot.future = Some(future);
        return;
    }
    if slot.generation == generation {
        slot.generation = next_generation(generation);
    }
    slot.queued = false;
    l.free.borrow_mut().push(index);
    drop(slots);
    drop(future);
}

impl Local {
    fn until_timer(&self) -> Option<Duration> {
        let timers = self.timers.borrow();
        let ((at, _), _) = timers.first_key_value()?;
        Some(at.saturating_duration_since(Instant::now()))
    }

    fn fire(&self, now: Instant) {
        while let Some(due) = self.timers.borrow_mut().first_entry()
            && due.key().0 <= now
        {
            due.remove().wake();
        }
    }

    fn wake(&self, generation: u32, index: u32) {
        if index == MAIN {
            self.main_woken.set(true);
            return;
        }
        let mut slots = self.slots.borrow_mut();
        let Some(slot) = slots.get_mut(index as usize) else { return };
        if slot.generation == generation && !slot.queued {
            slot.queued = true;
            self.queue.borrow_mut().push_back(index);
        }
    }
}

/// A loop's membership of the process, ended when dropped.
struct Open {
    number: u32,
    reactor: Rc<Reactor>,
    remote: Arc<Remote>,
}

impl Open {
    fn new() -> io::Result<Open> {
        if LOCAL.with(|l| l.number.get()) != 0 {
            return Err(io::Error::other("this thread has a loop already"));
        }
        let bell = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let reactor = Rc::new(Reactor::new(bell.as_fd())?);
        let remote = Arc::new(Remote { woken: Mutex::default(), rung: AtomicBool::new(false), bell });
        let mut loops = LOOPS.write().unwrap_or_else(PoisonError::into_inner);
        let at = match loops.iter().position(Option::is_none) {
            Some(free) => free,
            None if loops.len() + 1 < 1 << LOOP_BITS => {
                loops.push(None);
                loops.len() - 1
            }
            None => return Err(io::Error::other("too many loops")),
        };
        if let Some(place) = loops.get_mut(at) {
            *place = Some(remote.clone());
        }
        let number = u32::try_from(at + 1).map_err(io::Error::other)?;
        LOCAL.with(|l| {
            l.number.set(number);
            *l.reactor.borrow_mut() = Some(reactor.clone());
        });
        Ok(Open { number, reactor, remote })
    }

    /// Takes in what other threads have woken.
    fn answer(&self, l: &Local) {
        let _ = rustix::io::read(&self.remote.bell, &mut [0u8; 8]);
        self.remote.rung.store(false, Ordering::SeqCst);
        let woken = std::mem::take(&mut *self.remote.woken.lock().unwrap_or_else(PoisonError::into_inner));
        for word in woken {
            let (_, generation, index) = parts(word);
            l.wake(generation, index);
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        LOCAL.with(|l| {
            // Dropping a task may wake others, spawn or register: nothing may be borrowed meanwhile.
            loop {
                let left: Vec<Slot> = std::mem::take(&mut *l.slots.borrow_mut());
                if left.is_empty() {
                    break;
                }
                drop(left);
            }
            l.queue.borrow_mut().clear();
            l.free.borrow_mut().clear();
            drop(l.timers.take());
            l.number.set(0);
            l.reactor.borrow_mut().take();
        });
        let mut loops = LOOPS.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = loops.get_mut(self.number as usize - 1) {
            *place = None;
        }
    }
}

/// A timer of the calling thread's loop.
#[derive(Debug)]
pub struct Sleep {
    at: Instant,
    armed: Option<u64>,
}

/// Ready at a moment.
#[must_use]
pub fn sleep_until(at: Instant) -> Sleep {
    Sleep { at, armed: None }
}

/// Ready after a time.
#[must_use]
pub fn sleep(time: Duration) -> Sleep {
    let now = Instant::now();
    // What no clock reaches is a day.
    sleep_until(now.checked_add(time).unwrap_or_else(|| now + Duration::from_secs(86_400)))
}

impl Sleep {
    /// Moves the moment.
    pub fn reset(&mut self, at: Instant) {
        self.disarm();
        self.at = at;
    }

    fn disarm(&mut self) {
        if let Some(n) = self.armed.take() {
            let gone =
                LOCAL.with(|l| l.timers.try_borrow_mut().ok().and_then(|mut t| t.remove(&(self.at, n))));
            drop(gone);
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if Instant::now() >= self.at {
            self.disarm();
            return Poll::Ready(());
        }
        let at = self.at;
        LOCAL.with(|l| {
            let n = *self.armed.get_or_insert_with(|| {
                let n = l.next_timer.get();
                l.next_timer.set(n.wrapping_add(1));
                n
            });
            l.timers.borrow_mut().insert((at, n), cx.waker().clone());
        });
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.disarm();
    }
}

/// The time was over first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elapsed;

/// Waits for `future`, but not longer than `time`.
///
/// # Errors
/// [`Elapsed`].
pub async fn timeout<F: Future>(time: Duration, future: F) -> Result<F::Output, Elapsed> {
    let mut future = std::pin::pin!(future);
    let mut sleep = sleep(time);
    std::future::poll_fn(|cx| {
        if let Poll::Ready(out) = future.as_mut().poll(cx) {
            return Poll::Ready(Ok(out));
        }
        Pin::new(&mut sleep).poll(cx).map(|()| Err(Elapsed))
    })
    .await
}

fn word(number: u32, generation: u32, index: u32) -> u64 {
    let high = number << GENERATION_BITS | generation;
    u64::from(high) << 32 | u64::from(index)
}

fn parts(word: u64) -> (u32, u32, u32) {
    let high = (word >> 32) as u32;
    (high >> GENERATION_BITS, high & ((1 << GENERATION_BITS) - 1), word as u32)
}

const _: () = assert!(usize::BITS >= 64, "a waker's word holds 64 bits");

static TABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake, |_| {});

fn waker(word: u64) -> Waker {
    let data = std::ptr::without_provenance(word as usize);
    // SAFETY: the table's functions take the data as a number only, which every thread may do at any time;
    // nothing is owned by it, so cloning and dropping are free of rules.
    unsafe { Waker::from_raw(RawWaker::new(data, &TABLE)) }
}

fn clone(data: *const ()) -> RawWaker {
    RawWaker::new(data, &TABLE)
}

fn wake(data: *const ()) {
    let word = data.addr() as u64;
    let (number, generation, index) = parts(word);
    let here = LOCAL.try_with(|l| {
        let here = l.number.get() == number;
        if here {
            l.wake(generation, index);
        }
        here
    });
    if here == Ok(true) {
        return;
    }
    let loops = LOOPS.read().unwrap_or_else(PoisonError::into_inner);
    let Some(Some(remote)) = loops.get((number as usize).wrapping_sub(1)) else { return };
    remote.woken.lock().unwrap_or_else(PoisonError::into_inner).push(word);
    if !remote.rung.swap(true, Ordering::SeqCst) {
        let _ = rustix::io::write(&remote.bell, &1u64.to_ne_bytes());
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    /// Gives others a turn.
    async fn pass() {
        let mut passed = false;
        poll_fn(|cx| {
            if std::mem::replace(&mut passed, true) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    #[test]
    fn tasks_run_in_the_order_they_became_ready() {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let out = seen.clone();
        run_loop(async move {
            for i in 0..3 {
                let seen = seen.clone();
                spawn(async move {
                    for round in 0..2 {
                        seen.borrow_mut().push((round, i));
                        pass().await;
                    }
                });
            }
            sleep(Duration::from_millis(1)).await;
        })
        .unwrap();
        assert_eq!(*out.borrow(), [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]);
    }

    #[test]
    fn another_thread_wakes_a_task() {
        let (send, mut receive) = tokio::sync::mpsc::unbounded_channel();
        let thread = std::thread::spawn(move || (0..1000).for_each(|i| send.send(i).unwrap()));
        let sum = run_loop(async move {
            let mut sum = 0;
            while let Some(i) = receive.recv().await {
                sum += i;
            }
            sum
        });
        thread.join().unwrap();
        assert_eq!(sum.unwrap(), 499_500);
    }

    #[test]
    fn an_aborted_task_is_dropped_and_its_place_used_again() {
        struct Told(Rc<Cell<u32>>);
        impl Drop for Told {
            fn drop(&mut self) {
                self.0.set(self.0.get() + 1);
            }
        }
        let drops = Rc::new(Cell::new(0));
        let count = drops.clone();
        run_loop(async move {
            let told = Told(count.clone());
            let first = spawn(async move {
                let _told = told;
                std::future::pending::<()>().await;
            });
            pass().await;
            first.abort();
            assert_eq!(count.get(), 1);
            first.abort();
            let second = spawn(std::future::pending());
            assert_eq!((second.slot, second.generation), (first.slot, first.generation + 1));
            let told = Told(count.clone());
            spawn(async move {
                let _told = told;
                std::future::pending::<()>().await;
            });
        })
        .unwrap();
        assert_eq!(drops.get(), 2);
    }

    #[test]
    fn a_panic_ends_its_task_alone() {
        let done = run_loop(async {
            spawn(async { panic!("on purpose") });
            pass().await;
            timeout(Duration::from_millis(1), std::future::pending::<()>()).await
        });
        assert_eq!(done.unwrap(), Err(Elapsed));
    }

    #[test]
    fn timers_fire_in_order_and_may_be_moved_or_dropped() {
        struct Note(u64, Arc<Mutex<Vec<u64>>>);
        impl std::task::Wake for Note {
            fn wake(self: Arc<Self>) {
                self.1.lock().unwrap().push(self.0);
            }
        }
        let fired = Arc::new(Mutex::new(Vec::new()));
        let start = Instant::now() + Duration::from_secs(3600);
        let at = |s| start + Duration::from_secs(s);
        let poll = |sleep: &mut Sleep, name| {
            let waker = Waker::from(Arc::new(Note(name, fired.clone())));
            assert!(Pin::new(sleep).poll(&mut Context::from_waker(&waker)).is_pending());
        };
        let mut all: Vec<Sleep> = [6, 2, 4, 3].map(|s| sleep_until(at(s))).into();
        for (sleep, name) in all.iter_mut().zip([6, 2, 4, 3]) {
            poll(sleep, name);
        }
        all.pop();
        all[0].reset(at(3));
        poll(&mut all[0], 6);
        LOCAL.with(|l| l.fire(at(1)));
        assert!(fired.lock().unwrap().is_empty());
        LOCAL.with(|l| l.fire(at(3)));
        assert_eq!(*fired.lock().unwrap(), [2, 6]);
        LOCAL.with(|l| l.fire(at(9)));
        assert_eq!(*fired.lock().unwrap(), [2, 6, 4]);
        LOCAL.with(|l| assert!(l.timers.borrow().is_empty()));
    }

    #[test]
    fn words_hold_their_parts() {
        for p in [(1, 0, 0), (4095, (1 << 20) - 1, MAIN), (7, 3, 9)] {
            assert_eq!(parts(word(p.0, p.1, p.2)), p);
        }
    }
}
