//! Time as a value. `engine/net` reads the clocks once per loop turn; everything else is told.

use std::time::Duration;

/// Monotonic milliseconds since an arbitrary start; the unit of every deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Tick(pub u64);

impl Tick {
    /// Later than everything.
    pub const NEVER: Tick = Tick(u64::MAX);

    /// This much later; [`Tick::NEVER`] stays never.
    #[must_use]
    pub fn after(self, d: Duration) -> Tick {
        Tick(self.0.saturating_add(u64::try_from(d.as_millis()).unwrap_or(u64::MAX)))
    }

    /// Milliseconds since an earlier tick, 0 if it is later.
    #[must_use]
    pub fn since(self, earlier: Tick) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// One reading of both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Now {
    /// Monotonic microseconds, for durations.
    pub mono_us: u64,
    /// Wall clock, microseconds since 1970-01-01 UTC, for dates.
    pub wall_us: i64,
}

impl Now {
    /// The deadline clock's view of this moment.
    #[must_use]
    pub fn tick(self) -> Tick {
        Tick(self.mono_us / 1000)
    }
}
