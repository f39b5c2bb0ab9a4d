//! Counters with one writer each, summed by whoever reads (`docs/architecture.md`, "Counters").

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A number that one worker writes and anybody reads: a plain load, add and store, no locked instruction.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds; only the owning worker may call it (a lost update is the price of calling it from two).
    pub fn add(&self, n: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }

    /// Subtracts; same owner as [`Counter::add`].
    pub fn sub(&self, n: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_sub(n), Relaxed);
    }

    /// Raises to `n` if that is more.
    pub fn raise(&self, n: u64) {
        if n > self.0.load(Relaxed) {
            self.0.store(n, Relaxed);
        }
    }

    /// Overwrites.
    pub fn set(&self, n: u64) {
        self.0.store(n, Relaxed);
    }

    /// What it is now.
    #[must_use]
    pub fn read(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Events per period, estimated over a sliding window of the current and the previous period.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FrequencyCounter {
    started_ms: u64,
    current: u32,
    previous: u32,
}

impl FrequencyCounter {
    /// Counts `n` events at `now_ms`; `period_ms` must be the same at every call and not 0.
    pub fn add(&mut self, now_ms: u64, period_ms: u64, n: u32) {
        self.turn(now_ms, period_ms);
        self.current = self.current.saturating_add(n);
    }

    /// Events in the last period, the previous one weighted by what is left of it.
    #[must_use]
    pub fn rate(mut self, now_ms: u64, period_ms: u64) -> u32 {
        self.turn(now_ms, period_ms);
        let left = period_ms - (now_ms - self.started_ms).min(period_ms);
        let old = u64::from(self.previous) * left / period_ms.max(1);
        self.current.saturating_add(u32::try_from(old).unwrap_or(u32::MAX))
    }

    fn turn(&mut self, now_ms: u64, period_ms: u64) {
        let age = now_ms.saturating_sub(self.started_ms);
        if age < period_ms {
            return;
        }
        self.previous = if age < 2 * period_ms { self.current } else { 0 };
        self.current = 0;
        self.started_ms = now_ms - age % period_ms.max(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_fades_over_the_next_period() {
        let mut f = FrequencyCounter::default();
        for _ in 0..10 {
            f.add(100, 1000, 1);
        }
        assert_eq!(f.rate(900, 1000), 10);
        assert_eq!(f.rate(1500, 1000), 5);
        assert_eq!(f.rate(3000, 1000), 0);
    }
}
