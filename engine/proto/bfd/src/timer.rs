//! Intervals, and the chance in them.
//!
//! RFC 5880 §6.8.7: each interval is shortened by 0 to 25 %, at least by 10 % when one lost packet is enough.

/// Numbers that look random, from a seed (SplitMix64).
#[derive(Debug, Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Chance {
        Chance(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// The interval until the next packet, µs.
    pub(crate) fn jittered(&mut self, interval_us: u32, detect_mult: u8) -> u64 {
        let interval = u64::from(interval_us);
        let most = interval / 4;
        let least = if detect_mult == 1 { interval.div_ceil(10).min(most) } else { 0 };
        interval - least - self.next() % (most - least + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_stays_in_its_bounds_and_uses_them() {
        for (mult, low, high) in [(3, 37_500, 50_000), (1, 37_500, 45_000)] {
            let mut chance = Chance::new(7);
            let drawn: Vec<u64> = (0..2000).map(|_| chance.jittered(50_000, mult)).collect();
            let (min, max) = (*drawn.iter().min().unwrap(), *drawn.iter().max().unwrap());
            assert!(min >= low && max <= high, "{min} {max}");
            assert!(min < low + 200 && max > high - 200, "{min} {max}");
        }
        let mut chance = Chance::new(0);
        assert_eq!(chance.jittered(0, 1), 0);
        assert!((1..=1).contains(&chance.jittered(1, 3)));
        assert!(chance.jittered(u32::MAX, 1) < u64::from(u32::MAX));
    }
}
