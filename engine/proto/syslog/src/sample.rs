//! `log … sample <ranges>:<size>`: which lines of a period a target gets.
//!
//! HAProxy configuration manual §4.2 `log`: ranges are separated by commas, numbered from 1, and lie
//! within the period.

/// The lines a target gets out of every `size`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    ranges: Vec<(u32, u32)>,
    size: u32,
}

impl Sample {
    /// Reads `1:10` or `2-3,8-11:11`. `None` for ranges that are empty, overlap, begin at 0, end before
    /// they begin or reach beyond the period.
    #[must_use]
    pub fn parse(text: &str) -> Option<Sample> {
        let (list, size) = text.split_once(':')?;
        let size: u32 = size.parse().ok()?;
        let mut ranges = Vec::new();
        for range in list.split(',') {
            let (low, high) = range.split_once('-').unwrap_or((range, range));
            let (low, high): (u32, u32) = (low.parse().ok()?, high.parse().ok()?);
            if low == 0 || high < low || high > size {
                return None;
            }
            ranges.push((low, high));
        }
        ranges.sort_unstable();
        let apart = ranges.windows(2).all(|pair| matches!(pair, [a, b] if a.1 < b.0));
        apart.then_some(Sample { ranges, size })
    }

    /// Whether the target gets line `n`, counted from 0 over the lines that passed its level.
    #[must_use]
    pub fn admits(&self, n: u64) -> bool {
        let place = n % u64::from(self.size.max(1)) + 1;
        self.ranges.iter().any(|(low, high)| (u64::from(*low)..=u64::from(*high)).contains(&place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_choices() {
        // eight lines sent to HAProxy 2.6.12 with these samples: the numbers that arrived
        let arrived = |text| {
            let sample = Sample::parse(text).unwrap();
            (0..8).filter(|n| sample.admits(*n)).collect::<Vec<_>>()
        };
        assert_eq!(arrived("1:3"), [0, 3, 6]);
        assert_eq!(arrived("2-3,5:6"), [1, 2, 4, 7]);
    }

    #[test]
    fn bad_samples() {
        for text in ["", "1", "0:3", "3-2:5", "1-4:3", "1,1:3", "1-3,2:5", "a:3", "1:", ":3", "1,:3", "1:0"] {
            assert_eq!(Sample::parse(text), None, "{text}");
        }
    }
}
