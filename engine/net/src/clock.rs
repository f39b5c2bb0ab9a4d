//! Clocks: monotonic for durations, wall for dates, local time for log lines.
//!
//! A worker reads them once per loop turn ([`Clock::now`] after [`loop_turned`]), as the original does;
//! a turn that runs long re-reads after a few calls.
#![allow(unsafe_code, reason = "clock_gettime and localtime_r have no safe wrapper in std")]

use std::cell::Cell;

use rha_base::Now;

thread_local! {
    static STALE_AFTER: Cell<u32> = const { Cell::new(0) };
}

/// Calls of [`Clock::now`] answered from one reading.
const CALLS_PER_READING: u32 = 24;

/// Tells this thread's [`Clock`]s that time has passed: called when the loop comes back from waiting.
pub fn loop_turned() {
    STALE_AFTER.set(0);
}

/// One thread's view of time.
#[derive(Debug)]
pub struct Clock {
    last: Cell<Now>,
}

impl Default for Clock {
    fn default() -> Self {
        Clock { last: Cell::new(read_clocks()) }
    }
}

impl Clock {
    /// This loop turn's moment.
    #[must_use]
    pub fn now(&self) -> Now {
        let left = STALE_AFTER.get();
        if left == 0 {
            STALE_AFTER.set(CALLS_PER_READING);
            self.last.set(read_clocks());
        } else {
            STALE_AFTER.set(left - 1);
        }
        self.last.get()
    }

    /// The moment itself.
    #[must_use]
    pub fn precise(&self) -> Now {
        STALE_AFTER.set(CALLS_PER_READING);
        self.last.set(read_clocks());
        self.last.get()
    }
}

/// Reads both clocks.
#[must_use]
pub fn read_clocks() -> Now {
    let mono = read(libc::CLOCK_MONOTONIC);
    let wall = read(libc::CLOCK_REALTIME);
    Now { mono_us: u64::try_from(mono).unwrap_or(0), wall_us: wall }
}

fn read(id: libc::clockid_t) -> i64 {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `t` is a valid timespec that outlives the call.
    unsafe { libc::clock_gettime(id, &raw mut t) };
    t.tv_sec * 1_000_000 + t.tv_nsec / 1000
}

/// A date in the machine's time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LocalTime {
    /// Seconds east of UTC.
    pub offset_s: i32,
}

/// The time zone's offset at a moment (seconds since 1970). The C library is asked once a minute and
/// thread: time zones change at whole minutes.
#[must_use]
pub fn local_time(unix_s: i64) -> LocalTime {
    thread_local! {
        static LAST: Cell<(i64, LocalTime)> = const { Cell::new((i64::MIN, LocalTime { offset_s: 0 })) };
    }
    let minute = unix_s.div_euclid(60);
    let (at, known) = LAST.get();
    if at == minute {
        return known;
    }
    let now = ask_local_time(unix_s);
    LAST.set((minute, now));
    now
}

fn ask_local_time(unix_s: i64) -> LocalTime {
    // SAFETY: an all-zero tm is valid (integers and a null pointer), both pointers outlive the call.
    let offset = unsafe {
        let mut tm: libc::tm = std::mem::zeroed();
        libc::localtime_r(&raw const unix_s, &raw mut tm);
        tm.tm_gmtoff
    };
    LocalTime { offset_s: i32::try_from(offset).unwrap_or(0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_shows_one_moment() {
        let c = Clock::default();
        loop_turned();
        let a = c.now();
        assert_eq!(c.now(), a);
        assert!(c.precise().mono_us >= a.mono_us);
        assert!(a.wall_us > 1_600_000_000_000_000);
    }
}
