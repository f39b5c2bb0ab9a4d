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
        let mut from = EDGE;
        for c in word {
            let to = match c.to_ascii_lowercase() {
                l @ b'a'..=b'z' => usize::from(l - b'a') + 1,
                b'0'..=b'9' => 27,
                _ => EDGE,
            };
            self.0[to] = 1;
            self.0[32 * from + to] = self.0[32 * from + to].wrapping_add(1);
            from = to;
        }
        let end = &mut self.0[32 * from + EDGE];
        *end = end.wrapping_add(1);
    }

    /// How far apart two words are; 0 for the same word.
    #[must_use]
    pub fn distance(&self, other: &Fingerprint) -> u32 {
        self.0.iter().zip(&other.0).map(|(a, b)| u32::from(a.abs_diff(*b))).sum()
    }
}

/// The candidate nearest to `word`, if it is near enough to be worth saying.
///
/// The first of several equally near ones wins, as in the original.
#[must_use]
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let own = Fingerprint::of(word.as_bytes());
    let mut best: Option<(u32, &str)> = None;
    for c in candidates {
        let d = own.distance(&Fingerprint::of(c.as_bytes()));
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
    fn near_words_are_found_and_far_ones_are_not() {
        assert_eq!(closest("maxcon", ["maxconn", "mode", "maxsock"]), Some("maxconn"));
        assert_eq!(closest("httplgo", ["httpclose", "httplog", "tcplog"]), Some("httplog"));
        assert_eq!(closest("zzzz", ["maxconn", "mode"]), None);
        assert_eq!(closest("x", []), None);
    }
}
