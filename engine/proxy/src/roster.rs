//! Who is being served: one card per stream, kept with the storage that streams borrow anyway.
//!
//! A stream fills in its card when its request is known and as it enters a backend and gets a server: a few
//! stores, no allocation. A worker reads its own cards when somebody asks, between two turns of its streams, and
//! ends one whose number is named. An idle connection has no stream and thus no card. Management guide §9.3
//! "show sess", "shutdown session".

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::rc::Rc;

use rha_base::{ProxyId, Tick};

use crate::session::Session;
use crate::timer::{TimerId, Timers};

/// What is known of a stream from outside.
#[derive(Debug, Default)]
pub(crate) struct Card {
    /// The stream's number; 0 while no stream is to be shown.
    number: Cell<u64>,
    front: Cell<(u32, u32)>,
    pub backend: Cell<Option<ProxyId>>,
    pub server: Cell<Option<usize>>,
    source: Cell<Option<SocketAddr>>,
    begun: Cell<(u64, i64)>,
    timer: Cell<Option<TimerId>>,
    descriptor: Cell<i32>,
}

impl Card {
    /// The stream is to be shown from now on.
    pub(crate) fn fill(&self, number: u64, session: &Session, begun_us: u64, begun_wall: i64) {
        self.front.set((session.front.0, session.listener));
        self.source.set(session.source);
        self.begun.set((begun_us, begun_wall));
        self.timer.set(Some(session.timer));
        self.descriptor.set(session.conn.as_fd().as_raw_fd());
        self.number.set(number);
    }

    /// The stream is over.
    pub(crate) fn clear(&self) {
        self.number.set(0);
        self.backend.set(None);
        self.server.set(None);
    }
}

/// A stream as others see it.
#[derive(Debug, Clone, Copy)]
pub struct StreamSeen {
    /// Its number, never used twice.
    pub number: u64,
    /// Frontend, and the number of its listener.
    pub front: (ProxyId, u32),
    /// Backend, once chosen.
    pub backend: Option<ProxyId>,
    /// Server in the backend, once chosen.
    pub server: Option<usize>,
    /// Where the client is.
    pub source: Option<SocketAddr>,
    /// When it began, microseconds of the monotonic clock, and the date.
    pub begun: (u64, i64),
    /// Its next deadline.
    pub expires: Tick,
    /// Descriptor of the client's connection.
    pub descriptor: i32,
    /// Worker.
    pub worker: u32,
}

/// So many cards may stay without streams.
const FEW: usize = 256;

/// The cards of one worker.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    cards: RefCell<Vec<Rc<Card>>>,
    /// Cards whose storage was given up since the list was last cleaned.
    lost: Cell<usize>,
    killed: RefCell<Vec<TimerId>>,
}

impl Roster {
    /// A card for new storage. Those whose storage is gone are let go of before the list grows.
    pub(crate) fn add(&self, card: &Rc<Card>) {
        let mut cards = self.cards.borrow_mut();
        if cards.len() == cards.capacity() {
            cards.retain(|c| Rc::strong_count(c) > 1);
        }
        cards.push(card.clone());
    }

    /// Storage was given up after a rush: its cards are let go of once they are half of all.
    pub(crate) fn lost(&self) {
        let lost = self.lost.get() + 1;
        let mut cards = self.cards.borrow_mut();
        if lost < FEW || lost < cards.len() / 2 {
            return self.lost.set(lost);
        }
        self.lost.set(0);
        cards.retain(|c| Rc::strong_count(c) > 1);
        cards.shrink_to(FEW);
    }

    /// All streams now.
    pub(crate) fn read(&self, timers: &Timers, worker: u32) -> Vec<StreamSeen> {
        // A card that nobody else holds is one of a stream that was dropped.
        let shown = |c: &&Rc<Card>| c.number.get() != 0 && Rc::strong_count(c) > 1;
        let seen = |c: &Rc<Card>| StreamSeen {
            number: c.number.get(),
            front: (ProxyId(c.front.get().0), c.front.get().1),
            backend: c.backend.get(),
            server: c.server.get(),
            source: c.source.get(),
            begun: c.begun.get(),
            expires: c.timer.get().map_or(Tick::NEVER, |t| timers.deadline(t)),
            descriptor: c.descriptor.get(),
            worker,
        };
        self.cards.borrow().iter().filter(shown).map(seen).collect()
    }

    /// Notes that a stream is to end; its connection's entry among the timers, if it is here.
    pub(crate) fn kill(&self, number: u64) -> Option<TimerId> {
        let cards = self.cards.borrow();
        let card = cards.iter().find(|c| c.number.get() == number && Rc::strong_count(c) > 1)?;
        let timer = card.timer.get()?;
        self.killed.borrow_mut().push(timer);
        Some(timer)
    }

    /// Whether a connection's stream is to end.
    pub(crate) fn is_killed(&self, timer: TimerId) -> bool {
        self.killed.borrow().contains(&timer)
    }

    /// The connection is gone.
    pub(crate) fn forget(&self, timer: TimerId) {
        let mut killed = self.killed.borrow_mut();
        if !killed.is_empty() {
            killed.retain(|t| *t != timer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_without_streams_are_not_shown_and_make_room() {
        let (roster, timers) = (Roster::default(), Timers::default());
        let held: Vec<Rc<Card>> = (1..=3).map(|_| Rc::default()).collect();
        for (n, card) in (1..).zip(&held) {
            roster.add(card);
            card.number.set(n);
            card.timer.set(Some(timers.open()));
        }
        for _ in 0..1000 {
            let passing = Rc::<Card>::default();
            roster.add(&passing);
            passing.number.set(9);
        }
        for _ in 0..2 * FEW {
            roster.lost();
        }
        assert_eq!(roster.cards.borrow().len(), 3);
        let shown = |r: &Roster| r.read(&timers, 0).iter().map(|s| s.number).collect::<Vec<_>>();
        assert_eq!(shown(&roster), [1, 2, 3]);
        assert!(roster.cards.borrow().len() < 16);
        let timer = roster.kill(2).unwrap();
        assert!(roster.is_killed(timer) && roster.kill(9).is_none());
        roster.forget(timer);
        assert!(!roster.is_killed(timer));
        held.iter().for_each(|c| c.clear());
        assert!(shown(&roster).is_empty());
    }
}
