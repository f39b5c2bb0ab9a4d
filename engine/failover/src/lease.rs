//! How long an address lives without us, and when all of them are renewed.
//!
//! DIFFERS: keepalived installs addresses for ever, and they stay when it is killed. Here the kernel removes
//! an address whose owner no longer says it is there. Pure: intervals in, durations out. The kernel counts
//! whole seconds and is up to a second late when many addresses end at different times, therefore
//! everything is renewed in one batch on one tick.

use std::time::Duration;

/// How late the kernel may be, with addresses that end together.
const LATENESS: Duration = Duration::from_secs(1);
/// Shortest lifetime the kernel knows.
const SHORTEST: Duration = Duration::from_secs(1);
/// Adverts after which a backup takes over, unless it waits for fewer.
const ADVERTS: u32 = 3;

/// Lifetime of the addresses of an instance: gone before a backup takes them, where whole seconds allow it.
#[must_use]
pub fn lifetime(advert_interval: Duration, down_timer_adverts: u32) -> Duration {
    let takeover = advert_interval.saturating_mul(down_timer_adverts.clamp(1, ADVERTS));
    let whole = Duration::from_secs(takeover.saturating_sub(LATENESS).as_secs());
    whole.max(SHORTEST)
}

/// Lifetime where BFD sessions may end a master sooner than missed adverts do: as short as the kernel knows.
#[must_use]
pub fn shortest() -> Duration {
    SHORTEST
}

/// Time between two renewals of everything: half of the shortest lifetime held.
#[must_use]
pub fn tick(lifetimes: impl IntoIterator<Item = Duration>) -> Option<Duration> {
    lifetimes.into_iter().min().map(|shortest| shortest / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_ends_before_a_backup_takes_it() {
        for (interval_ms, adverts, want_s) in
            [(1000, 3, 2), (2000, 3, 5), (1000, 2, 1), (1000, 1, 1), (100, 3, 1), (3000, 5, 8), (10, 3, 1)]
        {
            let got = lifetime(Duration::from_millis(interval_ms), adverts);
            assert_eq!(got, Duration::from_secs(want_s), "{interval_ms} ms, {adverts} adverts");
            if interval_ms >= 1000 && adverts >= 2 {
                let takeover = Duration::from_millis(interval_ms) * adverts;
                assert!(got + LATENESS <= takeover);
            }
        }
    }

    #[test]
    fn one_tick_serves_the_shortest() {
        let s = Duration::from_secs;
        assert_eq!(tick([s(5), s(2), s(8)]), Some(s(1)));
        assert_eq!(tick([]), None);
    }
}
