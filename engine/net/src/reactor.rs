//! Which sockets are ready: one edge-triggered epoll queue per thread.
//!
//! A socket enters the queue once, for everything, when it first has to be waited for (a connection that is
//! accepted, served and closed without a pause never does), and is known by the slot it got. The queue says
//! what changed;
//! the slot remembers what has been said since, until a call finds otherwise: a read that fills less than
//! its buffer has emptied the socket, and the kernel will tell of the next byte (epoll(7), "edge-triggered").
//! Invariant: a slot's flag is cleared only by a call that saw the socket empty (or full).

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rustix::event::{Timespec, epoll};

/// Events taken from the queue at once.
const EVENTS: usize = 256;

/// A socket may be read.
pub(crate) const READ: u8 = 1;
/// A socket may be written to.
pub(crate) const WRITE: u8 = 2;
/// The peer has finished, or the socket has failed: reading never blocks again.
const ENDED: u8 = 4;
/// The socket is in the queue.
const QUEUED: u8 = 8;
/// That it may be read is a guess.
const GUESSED: u8 = 16;

/// The event of the descriptor by which other threads wake this one.
const ALARM: u64 = u64::MAX;

#[derive(Debug, Default)]
struct Slot {
    generation: u32,
    ready: u8,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

#[derive(Debug, Default)]
struct Slots {
    all: Vec<Slot>,
    free: Vec<u32>,
}

/// A thread's readiness queue.
pub(crate) struct Reactor {
    epoll: OwnedFd,
    slots: RefCell<Slots>,
    events: RefCell<Vec<epoll::Event>>,
    /// Calls that the task being polled may still make before others get their turn.
    budget: Cell<u32>,
}

impl Reactor {
    pub(crate) fn new(alarm: BorrowedFd<'_>) -> io::Result<Reactor> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, alarm, epoll::EventData::new_u64(ALARM), epoll::EventFlags::IN)?;
        Ok(Reactor {
            epoll,
            slots: RefCell::default(),
            events: RefCell::new(Vec::with_capacity(EVENTS)),
            budget: Cell::new(0),
        })
    }

    /// Waits at most `limit` (`None`: for ever) and wakes those whose sockets changed. True when another
    /// thread rang.
    pub(crate) fn turn(&self, limit: Option<Duration>) -> bool {
        let mut events = self.events.borrow_mut();
        events.clear();
        let limit = limit.map(|d| Timespec {
            tv_sec: i64::try_from(d.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: d.subsec_nanos().into(),
        });
        // Interrupted is as good as nothing.
        let _ = epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), limit.as_ref());
        let mut rung = false;
        let mut slots = self.slots.borrow_mut();
        for e in events.iter() {
            let (data, flags) = (e.data, e.flags);
            let data = data.u64();
            if data == ALARM {
                rung = true;
                continue;
            }
            let (index, generation) = (data as u32, (data >> 32) as u32);
            let Some(slot) = slots.all.get_mut(index as usize) else { continue };
            // The queue may still speak of a socket that was closed in this turn.
            if slot.generation != generation {
                continue;
            }
            slot.ready |= readiness(flags);
            if slot.ready & READ != 0
                && let Some(w) = slot.reader.take()
            {
                w.wake();
            }
            if slot.ready & WRITE != 0
                && let Some(w) = slot.writer.take()
            {
                w.wake();
            }
        }
        rung
    }

    /// Lets the task that is polled next make so many calls.
    pub(crate) fn refill(&self, calls: u32) {
        self.budget.set(calls);
    }

    fn spend(&self, cx: &Context<'_>) -> bool {
        let left = self.budget.get();
        if left == 0 {
            cx.waker().wake_by_ref();
            return false;
        }
        self.budget.set(left - 1);
        true
    }
}

impl std::fmt::Debug for Reactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reactor").field("epoll", &self.epoll).finish_non_exhaustive()
    }
}

fn readiness(flags: epoll::EventFlags) -> u8 {
    use epoll::EventFlags as F;
    let mut ready = 0;
    if flags.intersects(F::IN) {
        ready |= READ;
    }
    if flags.intersects(F::RDHUP | F::HUP | F::ERR) {
        ready |= READ | ENDED;
    }
    if flags.intersects(F::OUT | F::HUP | F::ERR) {
        ready |= WRITE;
    }
    ready
}

/// A socket's place in its thread's queue; given back when dropped.
///
/// The kernel forgets a socket when its last descriptor is closed, so nothing is told to it.
#[derive(Debug)]
pub(crate) struct Registration {
    reactor: Rc<Reactor>,
    index: u32,
}

impl Registration {
    /// A place in the calling thread's queue for a socket that may be written to, and perhaps read: it is
    /// worth a try, because who has just connected has often said something.
    pub(crate) fn new() -> io::Result<Registration> {
        let reactor = crate::executor::reactor().ok_or_else(|| io::Error::other("no loop on this thread"))?;
        let index = {
            let mut slots = reactor.slots.borrow_mut();
            let index = match slots.free.pop() {
                Some(i) => i,
                None => {
                    slots.all.push(Slot::default());
                    u32::try_from(slots.all.len() - 1).map_err(io::Error::other)?
                }
            };
            slots.all.get_mut(index as usize).ok_or(io::ErrorKind::OutOfMemory)?.ready =
                READ | WRITE | GUESSED;
            index
        };
        Ok(Registration { reactor, index })
    }

    /// A place for a socket that is ready for nothing yet; in the queue at once.
    pub(crate) fn waiting(fd: BorrowedFd<'_>) -> io::Result<Registration> {
        let registration = Registration::new()?;
        registration.slot(|s| s.ready = 0);
        registration.enter(fd)?;
        Ok(registration)
    }

    fn enter(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        use epoll::EventFlags as F;
        let generation = self.slot(|s| s.generation).unwrap_or(0);
        let data = epoll::EventData::new_u64(u64::from(generation) << 32 | u64::from(self.index));
        epoll::add(&self.reactor.epoll, fd, data, F::IN | F::OUT | F::RDHUP | F::ET)?;
        self.slot(|s| s.ready |= QUEUED);
        Ok(())
    }

    /// Has the kernel forget a descriptor whose socket lives on behind another one.
    pub(crate) fn forget(&self, fd: BorrowedFd<'_>) {
        if self.has(QUEUED) {
            let _ = epoll::delete(&self.reactor.epoll, fd);
        }
    }

    fn slot<T>(&self, f: impl FnOnce(&mut Slot) -> T) -> Option<T> {
        self.reactor.slots.borrow_mut().all.get_mut(self.index as usize).map(f)
    }

    fn has(&self, bits: u8) -> bool {
        self.slot(|s| s.ready & bits != 0).unwrap_or(true)
    }

    /// Whether the socket was last seen ready for writing.
    pub(crate) fn may_write(&self) -> bool {
        self.has(WRITE)
    }

    /// Whether only a call can tell if there is something to read.
    pub(crate) fn may_read(&self) -> bool {
        self.slot(|s| s.ready & READ != 0 || s.ready & QUEUED == 0).unwrap_or(true)
    }

    /// Whether it was never tried to read. Asking ends the guess.
    pub(crate) fn is_guess(&self) -> bool {
        self.slot(|s| {
            let guess = s.ready & GUESSED != 0;
            s.ready &= !GUESSED;
            guess
        })
        .unwrap_or(false)
    }

    /// Ready when the socket may be; else the task is woken once it is.
    ///
    /// # Errors
    /// When the queue takes no more sockets.
    pub(crate) fn poll_ready(&self, what: u8, fd: BorrowedFd<'_>, cx: &Context<'_>) -> Poll<io::Result<()>> {
        let known = self.slot(|s| s.ready).unwrap_or(u8::MAX);
        if known & what != 0 {
            return if self.reactor.spend(cx) { Poll::Ready(Ok(())) } else { Poll::Pending };
        }
        if known & QUEUED == 0
            && let Err(e) = self.enter(fd)
        {
            return Poll::Ready(Err(e));
        }
        self.slot(|s| {
            let place = if what == READ { &mut s.reader } else { &mut s.writer };
            if !place.as_ref().is_some_and(|w| w.will_wake(cx.waker())) {
                *place = Some(cx.waker().clone());
            }
        });
        Poll::Pending
    }

    /// A read took less than there was room for, or a write was cut short: the next change is an event.
    /// After the peer's end there are no further events, and reading goes on to say so.
    pub(crate) fn exhausted(&self, what: u8) {
        self.slot(|s| {
            if what == WRITE || s.ready & ENDED == 0 {
                s.ready &= !(what | GUESSED);
            }
        });
    }

    /// The call said EAGAIN: whatever was known, the socket is not ready.
    pub(crate) fn refused(&self, what: u8) {
        self.slot(|s| s.ready &= !(what | GUESSED));
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut slots = self.reactor.slots.borrow_mut();
        if let Some(s) = slots.all.get_mut(self.index as usize) {
            *s = Slot { generation: s.generation.wrapping_add(1), ..Slot::default() };
            slots.free.push(self.index);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::{Read as _, Write as _};
    use std::net::{Shutdown, TcpListener, TcpStream};

    use crate::{Conn, ConnectOptions, Listener, SocketAddress, connect, run_loop};

    /// A connection of ours and its other end.
    async fn pair() -> (Conn, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = SocketAddress::Ip(listener.local_addr().unwrap());
        let connecting = connect(&to, &ConnectOptions::default()).unwrap();
        poll_fn(|cx| connecting.poll(cx)).await.unwrap();
        (connecting.into_conn(), listener.accept().unwrap().0)
    }

    async fn read(conn: &mut Conn, room: usize) -> Vec<u8> {
        let mut buf = vec![0; room];
        let n = poll_fn(|cx| conn.poll_read(cx, &mut buf)).await.unwrap();
        buf.truncate(n);
        buf
    }

    #[test]
    fn an_end_behind_the_last_bytes_is_seen_however_they_are_read() {
        for room in [1, 3, 4, 16] {
            run_loop(async {
                let (mut conn, mut peer) = pair().await;
                peer.write_all(b"abcd").unwrap();
                peer.shutdown(Shutdown::Write).unwrap();
                let mut all = Vec::new();
                loop {
                    let piece = read(&mut conn, room).await;
                    if piece.is_empty() {
                        break;
                    }
                    all.extend(piece);
                }
                assert_eq!(all, b"abcd", "{room}");
                assert!(read(&mut conn, room).await.is_empty(), "an end stays an end");
            })
            .unwrap();
        }
    }

    #[test]
    fn a_full_socket_is_written_to_again_when_there_is_room() {
        run_loop(async {
            let (conn, mut peer) = pair().await;
            let reader = std::thread::spawn(move || {
                let mut all = Vec::new();
                peer.read_to_end(&mut all).unwrap();
                all.len()
            });
            let piece = vec![7; 1 << 16];
            let mut sent = 0;
            while sent < 32 << 20 {
                sent += poll_fn(|cx| conn.poll_write(cx, &piece)).await.unwrap();
            }
            drop(conn);
            assert_eq!(reader.join().unwrap(), sent);
        })
        .unwrap();
    }

    #[test]
    fn a_listener_may_leave_the_loop_and_come_back() {
        run_loop(async {
            let bound = TcpListener::bind("127.0.0.1:0").unwrap();
            let to = bound.local_addr().unwrap();
            let held = Listener::from_std(bound).unwrap();
            for _ in 0..3 {
                let accepting = held.try_clone().unwrap().attach().unwrap();
                let client = TcpStream::connect(to).unwrap();
                let incoming = poll_fn(|cx| accepting.poll_accept(cx)).await.unwrap();
                assert_eq!(incoming.peer, Some(client.local_addr().unwrap()));
            }
        })
        .unwrap();
    }

    #[test]
    fn outside_of_a_loop_nothing_is_registered() {
        let held = Listener::from_std(TcpListener::bind("127.0.0.1:0").unwrap()).unwrap();
        assert!(held.attach().is_err());
    }
}
