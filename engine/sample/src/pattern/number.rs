//! Integers: single ones, ranges, open ends, and the operators of ACL lines.

use rha_base::parse_int;
use rha_ir::pattern::IntRange;

/// Ranges in order; an operator (`gt 5`) has become an open range.
#[derive(Debug, Default)]
pub(crate) struct Ranges(Box<[IntRange]>);

impl Ranges {
    /// Reads `5`, `1:9`, `1-9`, `:9`, `5:`, and `eq gt ge lt le` before the numbers they apply to.
    pub(crate) fn build<'a>(texts: impl Iterator<Item = &'a [u8]>, dotted: bool) -> Result<Ranges, String> {
        let mut operator = Operator::Eq;
        let mut all = Vec::new();
        for t in texts {
            match Operator::parse(t) {
                Some(o) => operator = o,
                None => all.push(operator.apply(range(t, dotted).ok_or_else(|| {
                    format!("'{}' is not a valid number range", String::from_utf8_lossy(t))
                })?)),
            }
        }
        Ok(Ranges(all.into()))
    }

    /// The first range that holds the number.
    pub(crate) fn find(&self, n: i64) -> Option<u32> {
        self.0.iter().position(|r| r.low <= n && n <= r.high).and_then(|i| u32::try_from(i).ok())
    }
}

#[derive(Clone, Copy)]
enum Operator {
    Eq,
    Gt,
    Ge,
    Lt,
    Le,
}

impl Operator {
    fn parse(word: &[u8]) -> Option<Operator> {
        Some(match word {
            b"eq" => Operator::Eq,
            b"gt" => Operator::Gt,
            b"ge" => Operator::Ge,
            b"lt" => Operator::Lt,
            b"le" => Operator::Le,
            _ => return None,
        })
    }

    fn apply(self, r: IntRange) -> IntRange {
        match self {
            Operator::Eq => r,
            Operator::Gt => IntRange { low: r.low.saturating_add(1), high: i64::MAX },
            Operator::Ge => IntRange { low: r.low, high: i64::MAX },
            Operator::Lt => IntRange { low: i64::MIN, high: r.high.saturating_sub(1) },
            Operator::Le => IntRange { low: i64::MIN, high: r.high },
        }
    }
}

fn range(text: &[u8], dotted: bool) -> Option<IntRange> {
    let number = |t: &[u8]| if dotted { dotted_version(t) } else { parse_int(t) };
    let Some(at) = text.iter().position(|c| *c == b':' || *c == b'-') else {
        let n = number(text)?;
        return Some(IntRange { low: n, high: n });
    };
    let (low, high) = (text.get(..at)?, text.get(at + 1..)?);
    let r = match (low.is_empty(), high.is_empty()) {
        (true, true) => return None,
        (true, false) => IntRange { low: i64::MIN, high: number(high)? },
        (false, true) => IntRange { low: number(low)?, high: i64::MAX },
        (false, false) => IntRange { low: number(low)?, high: number(high)? },
    };
    (r.low <= r.high).then_some(r)
}

/// `3.1` as 3 × 65536 + 1.
fn dotted_version(text: &[u8]) -> Option<i64> {
    let mut parts = text.splitn(2, |c| *c == b'.');
    let major = parse_int(parts.next()?)?;
    let minor = parts.next().map_or(Some(0), parse_int)?;
    let fits = (0..65536).contains(&major) && (0..65536).contains(&minor);
    fits.then_some(major << 16 | minor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(texts: &[&str], n: i64) -> bool {
        Ranges::build(texts.iter().map(|t| t.as_bytes()), false).unwrap().find(n).is_some()
    }

    #[test]
    fn ranges_and_operators() {
        assert!(holds(&["5"], 5) && !holds(&["5"], 6));
        assert!(holds(&["1:9"], 9) && holds(&["1-9"], 1) && !holds(&["1-9"], 10));
        assert!(holds(&[":9"], -5) && holds(&["5:"], 1000) && holds(&["-9"], 9));
        assert!(holds(&["gt", "5"], 6) && !holds(&["gt", "5"], 5));
        assert!(holds(&["lt", "5", "gt", "9"], 4) && holds(&["lt", "5", "gt", "9"], 10));
        assert!(!holds(&["lt", "5", "gt", "9"], 7));
        for bad in ["", "x", "9:1", ":", "1:x"] {
            assert!(Ranges::build([bad.as_bytes()].into_iter(), false).is_err(), "{bad}");
        }
        assert_eq!(dotted_version(b"3.1"), Some(0x30001));
    }
}
