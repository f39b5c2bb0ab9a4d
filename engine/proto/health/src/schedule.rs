//! When checks run: spread over the interval at the start, then one interval after another.
//!
//! HAProxy 3.0 configuration manual §5.2 "inter", "fastinter", "downinter", §3.2 "spread-checks",
//! "max-spread-checks".

/// Intervals below this do not decide over how long the first checks are spread, milliseconds.
const SPREAD_THRESHOLD_MS: u64 = 1000;

/// Global settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spread {
    /// `spread-checks`, percent, 0..=50.
    pub percent: u32,
    /// `max-spread-checks`, milliseconds, 0 for no limit.
    pub max_ms: u64,
}

/// Delay until the first check of each of the checks to run, in their order, milliseconds. `random` gives a
/// number below 1 at each call.
#[must_use]
pub fn first_delays(intervals_ms: &[u64], spread: Spread, random: &mut dyn FnMut() -> f64) -> Vec<u64> {
    let count = intervals_ms.len().max(1) as u64;
    let shortest =
        intervals_ms.iter().copied().filter(|ms| *ms >= SPREAD_THRESHOLD_MS).min().unwrap_or_default();
    (0u64..)
        .zip(intervals_ms)
        .map(|(position, &interval)| {
            let window = jittered(shortest.max(interval), interval, spread, random);
            let window = if spread.max_ms == 0 { window } else { window.min(spread.max_ms) };
            window.saturating_mul(position) / count
        })
        .collect()
}

/// Delay until the next check, milliseconds.
#[must_use]
pub fn next_delay(interval_ms: u64, spread: Spread, random: &mut dyn FnMut() -> f64) -> u64 {
    jittered(interval_ms, interval_ms, spread, random)
}

/// `base` plus or minus up to `percent` of an interval.
fn jittered(base: u64, interval: u64, spread: Spread, random: &mut dyn FnMut() -> f64) -> u64 {
    let range = interval * u64::from(spread.percent.min(50)) / 100;
    if range == 0 {
        return base;
    }
    let back = (2.0 * range as f64 * random().clamp(0.0, 1.0)) as u64;
    (base + range).saturating_sub(back)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_checks_are_spread_over_the_shortest_long_interval() {
        let mut none = || 0.0;
        let spread = Spread::default();
        assert_eq!(first_delays(&[2000, 2000, 4000, 100], spread, &mut none), [0, 500, 2000, 1500]);
        assert_eq!(first_delays(&[], spread, &mut none), [0u64; 0]);
        let capped = Spread { percent: 0, max_ms: 100 };
        assert_eq!(first_delays(&[2000, 2000], capped, &mut none), [0, 50]);
    }

    #[test]
    fn jitter_stays_within_its_share() {
        let spread = Spread { percent: 10, max_ms: 0 };
        assert_eq!(next_delay(1000, spread, &mut || 0.0), 1100);
        assert_eq!(next_delay(1000, spread, &mut || 1.0), 900);
        assert_eq!(next_delay(1000, spread, &mut || 0.5), 1000);
    }
}
