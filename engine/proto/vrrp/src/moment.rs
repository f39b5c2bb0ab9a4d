//! Monotonic time in microseconds, the unit in which keepalived counts its VRRP timers. Nothing here reads a
//! clock; a step of the wall clock therefore cannot move a deadline.

use std::time::Duration;

use rha_base::Now;

/// A point of monotonic time: microseconds since an arbitrary start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(pub u64);

impl Moment {
    /// Later than everything.
    pub const NEVER: Moment = Moment(u64::MAX);

    /// This much later; [`Moment::NEVER`] stays never.
    #[must_use]
    pub fn after(self, delay: Duration) -> Moment {
        if self == Moment::NEVER { self } else { Moment(self.0.saturating_add(micros(delay))) }
    }

    /// This much earlier, not before the start of time; [`Moment::NEVER`] stays never.
    #[must_use]
    pub fn before(self, delay: Duration) -> Moment {
        if self == Moment::NEVER { self } else { Moment(self.0.saturating_sub(micros(delay))) }
    }

    /// Time passed since an earlier moment, nothing if that is later.
    #[must_use]
    pub fn since(self, earlier: Moment) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl From<Now> for Moment {
    fn from(now: Now) -> Moment {
        Moment(now.mono_us)
    }
}

/// A duration in whole microseconds.
pub(crate) fn micros(d: Duration) -> u64 {
    u64::try_from(d.as_micros()).unwrap_or(u64::MAX)
}
