//! Events per second, counted by all workers together, with a limit: `maxconnrate`, `maxsessrate`,
//! `rate-limit sessions`.
//!
//! COMPAT: what has passed in this second, and of the last one the part that is less than a second ago
//! (`admin/rates`). Without a limit nothing is counted, so that nobody shares a counter for nothing.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// A limited rate.
#[derive(Debug, Default)]
pub struct Pace {
    limit: AtomicU32,
    /// Second in the upper half, events in it in the lower.
    current: AtomicU64,
    previous: AtomicU32,
}

const COUNT: u64 = u32::MAX as u64;

impl Pace {
    /// With a limit; 0 is none.
    #[must_use]
    pub fn new(limit: u32) -> Pace {
        Pace { limit: limit.into(), ..Pace::default() }
    }

    /// The limit; 0 is none.
    #[must_use]
    pub fn limit(&self) -> u32 {
        self.limit.load(Relaxed)
    }

    /// Changes it.
    pub fn set_limit(&self, limit: u32) {
        self.limit.store(limit, Relaxed);
    }

    /// Counts an event at `now_us` of the monotonic clock.
    pub(crate) fn hit(&self, now_us: u64) {
        if self.limit() != 0 {
            self.turn(now_us / 1_000_000);
            self.current.fetch_add(1, Relaxed);
        }
    }

    /// Whether another may pass at `now_us`.
    pub(crate) fn has_room(&self, now_us: u64) -> bool {
        let limit = self.limit();
        if limit == 0 {
            return true;
        }
        self.turn(now_us / 1_000_000);
        let ms_left = 1000 - now_us / 1000 % 1000;
        let passed =
            (self.current.load(Relaxed) & COUNT) + u64::from(self.previous.load(Relaxed)) * ms_left / 1000;
        passed < u64::from(limit)
    }

    /// Begins a new second, if it is one; whoever comes first does it for all.
    fn turn(&self, second: u64) {
        let seen = self.current.load(Relaxed);
        let began = seen >> 32;
        // A worker's clock may be a little behind another's.
        if second <= began {
            return;
        }
        if self.current.compare_exchange(seen, second << 32, Relaxed, Relaxed).is_ok() {
            let last = if second == began + 1 { seen & COUNT } else { 0 };
            self.previous.store(u32::try_from(last).unwrap_or(u32::MAX), Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holds_no_more_than_the_limit_and_the_next_one_begins_with_what_is_left() {
        let p = Pace::new(10);
        let at = |ms: u64| 5_000_000 + ms * 1000;
        for _ in 0..10 {
            assert!(p.has_room(at(0)));
            p.hit(at(0));
        }
        assert!(!p.has_room(at(0)) && !p.has_room(at(999)));
        assert!(!p.has_room(at(1000)));
        // a tenth of a second later one event is a second old
        assert!(p.has_room(at(1100)));
        p.hit(at(1100));
        assert!(!p.has_room(at(1100)) && p.has_room(at(1200)));
        assert!(p.has_room(at(9000)));
    }

    #[test]
    fn without_a_limit_nothing_is_counted() {
        let p = Pace::default();
        p.hit(7_000_000);
        assert!(p.has_room(7_000_000));
        p.set_limit(1);
        assert!(p.has_room(7_000_000));
        p.hit(7_000_000);
        assert!(!p.has_room(7_000_000));
    }
}
