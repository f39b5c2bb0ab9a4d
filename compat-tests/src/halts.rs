//! How long the machine stood still: what a measured time may exceed its bound by.
//!
//! A virtual machine may be halted for a second at any moment, and a loaded one leaves a thread waiting. A
//! thread that looks at the clock all the time sees both; a bound of a protocol then holds for the time that
//! was not lost.

use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

/// How often the clock is looked at.
const STEP: Duration = Duration::from_millis(5);
/// What is no halt yet.
const USUAL: Duration = Duration::from_millis(20);

static HALTS: OnceLock<Mutex<Vec<(Instant, Duration)>>> = OnceLock::new();

/// Starts looking, if nobody does yet.
pub fn watch() {
    halts();
}

fn halts() -> &'static Mutex<Vec<(Instant, Duration)>> {
    HALTS.get_or_init(|| {
        std::thread::spawn(|| {
            let mut last = Instant::now();
            loop {
                std::thread::park_timeout(STEP);
                let now = Instant::now();
                let lost = now.duration_since(last).saturating_sub(STEP);
                if lost > USUAL {
                    note(now, lost);
                }
                last = now;
            }
        });
        Mutex::default()
    })
}

fn note(at: Instant, lost: Duration) {
    if let Some(all) = HALTS.get() {
        all.lock().expect("halts").push((at, lost));
    }
}

/// Time lost since a moment; none before [`watch`] was called.
pub fn lost_since(from: Instant) -> Duration {
    halts().lock().expect("halts").iter().filter(|(at, _)| *at >= from).map(|(_, lost)| *lost).sum()
}

/// Whether so much time was lost since a moment that what was timed says nothing.
pub fn halted_since(from: Instant) -> bool {
    lost_since(from) >= Duration::from_millis(100)
}

/// Runs a test again, twice at most, that failed while the machine stood still: timers of the kernel go on
/// while processes are halted, and no bound can allow for that.
///
/// # Panics
/// The test does, and the machine did not stand still or the attempts are used up.
pub fn steadily(test: fn()) {
    watch();
    for _ in 0..2 {
        let start = Instant::now();
        let Err(panic) = std::panic::catch_unwind(test) else { return };
        if !halted_since(start) {
            std::panic::resume_unwind(panic);
        }
        eprintln!("the machine stood still for {} ms: once more", lost_since(start).as_millis());
    }
    test();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_lost_later_counts() {
        watch();
        let start = Instant::now();
        let hour = Duration::from_secs(3600);
        note(start + hour, Duration::from_secs(2));
        note(start + 3 * hour, Duration::from_secs(1));
        assert_eq!(lost_since(start + hour), Duration::from_secs(3));
        assert_eq!(lost_since(start + 2 * hour), Duration::from_secs(1));
    }
}
