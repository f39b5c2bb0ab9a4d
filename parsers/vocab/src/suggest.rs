//! "Did you mean": the distance HAProxy uses, so that suggestions are the same ones.
//!
//! Each word becomes a table of how often one letter class follows another (plus which classes occur);
//! the distance of two words is the sum of differences between their tables. It rewards shared
//! fragments wherever they stand, which is what transposed and dropped letters leave intact.
//! COMPAT: classes are `a`–`z`, digits as one, everything else as one with the word's edges.

/// Letter-transition table of one word.
#[derive(Clone)]
pub struct Fingerprint([u8; 1024]);

const EDGE: usize = 28;

impl Fingerprint {
    /// Of one word.
    #[must_use]
    pub fn of(word: &[u8]) -> Self {
        let mut f = Fingerprint([0; 1024]);
        f.add(word);
        f
    }

    /// Adds a further word, as for the words of a command.
    pub fn add(&mut self, word: &[u8]) {
        walk(word, |i, present| {
            if let Some(n) = self.0.get_mut(i) {
                *n = if present { 1 } else { n.wrapping_add(1) };
            }
        });
    }

    /// How far apart two words are; 0 for the same word.
    #[must_use]
    pub fn distance(&self, other: &Fingerprint) -> u32 {
        self.0.iter().zip(&other.0).map(|(a, b)| u32::from(a.abs_diff(*b))).sum()
    }
}

/// A fingerprint that knows which of its counts are not zero: hundreds of candidates are compared for
/// every unknown word, and each has only a few.
struct Sparse {
    counts: Fingerprint,
    touched: Vec<usize>,
}

impl Sparse {
    /// The distance of `word` to `own`, whose counts add up to `sum`.
    fn distance(&mut self, own: &Fingerprint, sum: u32, word: &[u8]) -> u32 {
        let Sparse { counts, touched } = self;
        walk(word, |i, present| {
            let Some(n) = counts.0.get_mut(i) else { return };
            *n = if present { 1 } else { n.wrapping_add(1) };
            touched.push(i);
        });
        let mut distance = sum;
        for i in touched.drain(..) {
            let (Some(n), Some(o)) = (counts.0.get_mut(i), own.0.get(i)) else { continue };
            // the second time it is zero already, and counts for nothing
            if *n != 0 {
                distance = distance + u32::from(n.abs_diff(*o)) - u32::from(*o);
                *n = 0;
            }
        }
        distance
    }
}

/// Calls `mark` with every place of a word's table: the classes that occur, and the steps between them.
fn walk(word: &[u8], mut mark: impl FnMut(usize, bool)) {
    let mut from = EDGE;
    for c in word {
        let to = match c.to_ascii_lowercase() {
            l @ b'a'..=b'z' => usize::from(l - b'a') + 1,
            b'0'..=b'9' => 27,
            _ => EDGE,
        };
        mark(to, true);
        mark(32 * from + to, false);
        from = to;
    }
    mark(32 * from + EDGE, false);
}

/// The candidate nearest to `word`, if it is near enough to be worth saying.
///
/// The first of several equally near ones wins, as in the original.
#[must_use]
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let own = Fingerprint::of(word.as_bytes());
    let sum: u32 = own.0.iter().map(|n| u32::from(*n)).sum();
    let mut other = Sparse { counts: Fingerprint([0; 1024]), touched: Vec::with_capacity(64) };
    let mut best: Option<(u32, &str)> = None;
    for c in candidates {
        let d = other.distance(&own, sum, c.as_bytes());
        if best.is_none_or(|(b, _)| d < b) {
            best = Some((d, c));
        }
    }
    let near = |(d, c): &(u32, &str)| *d as usize <= 2 * word.len() && *d as usize <= 2 * c.len();
    best.filter(near).map(|(_, c)| c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_way_gives_the_same_distance() {
        let words = ["", "maxconn", "aaaa", "http-request", "a1b2", "\u{e4}x", "timeout client", "nn", "--"];
        let mut other = Sparse { counts: Fingerprint([0; 1024]), touched: Vec::new() };
        for a in words {
            let own = Fingerprint::of(a.as_bytes());
            let sum: u32 = own.0.iter().map(|n| u32::from(*n)).sum();
            for b in words {
                let long = own.distance(&Fingerprint::of(b.as_bytes()));
                assert_eq!(other.distance(&own, sum, b.as_bytes()), long, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        assert_eq!(closest("maxcon", ["maxconn", "mode", "maxsock"]), Some("maxconn"));
        assert_eq!(closest("httplgo", ["httpclose", "httplog", "tcplog"]), Some("httplog"));
        assert_eq!(closest("zzzz", ["maxconn", "mode"]), None);
        assert_eq!(closest("x", []), None);
    }
}
