//! Texts: exact, prefix, suffix, substring, path component, domain component.
//!
//! Few are compared one after another; many by hash table (exact, components), sorted prefixes
//! (prefix, suffix) or Aho-Corasick (substring). Case is folded once per lookup.

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use hashbrown::{DefaultHashBuilder, HashTable};
use memchr::memmem;
use rha_vocab::Match;
use smallvec::SmallVec;
use std::hash::BuildHasher;

use super::{Arena, Style};

/// Up to this many, comparing each is faster than any index.
const FEW: usize = 8;
/// A machine for up to this many substrings is a table of all transitions, larger ones are compact.
const SMALL_MACHINE: usize = 64;
/// More components than this in one text are compared pattern by pattern.
const MANY_COMPONENTS: usize = 64;

/// Several texts compared in one way.
#[derive(Debug)]
pub(crate) struct TextIndex {
    style: Style,
    texts: Arena,
    index: Index,
}

#[derive(Debug)]
enum Index {
    Each,
    Hash { table: HashTable<u32>, hasher: DefaultHashBuilder },
    Sorted(Sorted),
    Search(Box<AhoCorasick>),
}

impl TextIndex {
    /// Builds; texts are kept in lower case when case is ignored, and reversed for suffixes.
    pub(crate) fn build<'a>(style: Style, all: impl Iterator<Item = &'a [u8]>) -> TextIndex {
        let mut texts = Arena::default();
        for t in all {
            if texts.push(strip(style.method, t)).is_none() {
                break;
            }
            if style.ignore_case {
                texts.last_mut().make_ascii_lowercase();
            }
            if style.method == Match::End {
                texts.last_mut().reverse();
            }
        }
        texts.shrink();
        let index = match style.method {
            Match::Sub if texts.len() > 1 => search(&texts, style.ignore_case),
            _ if texts.len() <= FEW => Index::Each,
            Match::Beg | Match::End => Index::Sorted(Sorted::build(&texts)),
            _ => hash(&texts),
        };
        TextIndex { style, texts, index }
    }

    /// Whether the patterns are bytes.
    pub(crate) fn is_binary(&self) -> bool {
        self.style.method == Match::Bin
    }

    /// The entry that matches: the first in order, the longest for prefixes of maps.
    pub(crate) fn find(&self, s: &[u8]) -> Option<u32> {
        let mut folded: SmallVec<[u8; 128]> = SmallVec::new();
        let end = self.style.method == Match::End;
        let s = if self.style.ignore_case && !matches!(self.index, Index::Search(_)) || end {
            folded.extend_from_slice(s);
            if self.style.ignore_case {
                folded.make_ascii_lowercase();
            }
            if end {
                folded.reverse();
            }
            &folded[..]
        } else {
            s
        };
        match &self.index {
            Index::Each => self.each(s),
            Index::Hash { table, hasher } => match self.style.method {
                Match::Dir | Match::Dom => self.components(table, hasher, s),
                _ => self.exact(table, hasher, s),
            },
            Index::Sorted(sorted) => sorted.find(&self.texts, s, self.style.longest),
            // most texts hold none of them, which the first test says sooner
            Index::Search(ac) if !ac.is_match(s) => None,
            Index::Search(ac) => ac.find_overlapping_iter(s).map(|m| m.pattern().as_u32()).min(),
        }
    }

    fn each(&self, s: &[u8]) -> Option<u32> {
        let method = if self.style.method == Match::End { Match::Beg } else { self.style.method };
        let mut matching =
            (0u32..).take(self.texts.len()).filter(|i| one(method, false, self.texts.get(*i), s));
        if self.style.longest {
            matching.max_by_key(|i| (self.texts.get(*i).len(), u32::MAX - i))
        } else {
            matching.next()
        }
    }

    fn exact(&self, table: &HashTable<u32>, hasher: &DefaultHashBuilder, s: &[u8]) -> Option<u32> {
        table.find(hasher.hash_one(s), |i| self.texts.get(*i) == s).copied()
    }

    /// Every run of whole components is looked up.
    fn components(&self, table: &HashTable<u32>, hasher: &DefaultHashBuilder, s: &[u8]) -> Option<u32> {
        let delimiters = delimiters(self.style.method);
        let mut ends: SmallVec<[usize; MANY_COMPONENTS]> = SmallVec::new();
        let mut starts: SmallVec<[usize; MANY_COMPONENTS]> = SmallVec::new();
        let mut before = true;
        for (i, c) in s.iter().enumerate() {
            let here = delimiters.contains(c);
            if before && !here {
                starts.push(i);
            } else if !before && here {
                ends.push(i);
            }
            before = here;
        }
        ends.push(s.len());
        if starts.len() > MANY_COMPONENTS {
            return self.each(s);
        }
        let runs = starts.iter().flat_map(|a| ends.iter().filter(move |b| *b > a).map(move |b| (*a, *b)));
        runs.filter_map(|(a, b)| self.exact(table, hasher, s.get(a..b)?)).min()
    }
}

/// Whether one pattern matches.
pub(super) fn one(method: Match, ignore_case: bool, pattern: &[u8], s: &[u8]) -> bool {
    match method {
        Match::Str | Match::Bin => same(ignore_case, pattern, s),
        Match::Beg => s.get(..pattern.len()).is_some_and(|h| same(ignore_case, pattern, h)),
        Match::End => s
            .len()
            .checked_sub(pattern.len())
            .and_then(|at| s.get(at..))
            .is_some_and(|t| same(ignore_case, pattern, t)),
        Match::Sub if ignore_case => contains_folded(pattern, s),
        Match::Sub => memmem::find(s, pattern).is_some(),
        Match::Dir | Match::Dom => component(method, ignore_case, pattern, s),
        _ => false,
    }
}

fn same(ignore_case: bool, a: &[u8], b: &[u8]) -> bool {
    if ignore_case { a.eq_ignore_ascii_case(b) } else { a == b }
}

fn contains_folded(pattern: &[u8], s: &[u8]) -> bool {
    let Some((first, _)) = pattern.split_first() else { return true };
    let (lower, upper) = (first.to_ascii_lowercase(), first.to_ascii_uppercase());
    let last = s.len().checked_sub(pattern.len());
    last.is_some_and(|last| {
        let places = memchr::memchr2_iter(lower, upper, s).take_while(|i| *i <= last);
        places
            .into_iter()
            .any(|i| s.get(i..i + pattern.len()).is_some_and(|h| h.eq_ignore_ascii_case(pattern)))
    })
}

/// Whether the pattern stands in `s` between delimiters or ends.
fn component(method: Match, ignore_case: bool, pattern: &[u8], s: &[u8]) -> bool {
    let delimiters = delimiters(method);
    let pattern = strip(method, pattern);
    if pattern.is_empty() {
        return false;
    }
    let Some(last) = s.len().checked_sub(pattern.len()) else { return false };
    let mut fresh = true;
    for (i, c) in s.iter().enumerate().take(last + 1) {
        if delimiters.contains(c) {
            fresh = true;
            continue;
        }
        let end = i + pattern.len();
        if fresh
            && s.get(i..end).is_some_and(|h| same(ignore_case, pattern, h))
            && s.get(end).is_none_or(|c| delimiters.contains(c))
        {
            return true;
        }
        fresh = false;
    }
    false
}

fn delimiters(method: Match) -> &'static [u8] {
    match method {
        Match::Dir => b"/?",
        Match::Dom => b"/?.:",
        _ => b"",
    }
}

/// Without the delimiters at both ends of a component pattern.
fn strip(method: Match, pattern: &[u8]) -> &[u8] {
    let delimiters = delimiters(method);
    if delimiters.is_empty() {
        return pattern;
    }
    let from = pattern.iter().position(|c| !delimiters.contains(c)).unwrap_or(pattern.len());
    let to = pattern.iter().rposition(|c| !delimiters.contains(c)).map_or(from, |i| i + 1);
    pattern.get(from..to).unwrap_or_default()
}

fn hash(texts: &Arena) -> Index {
    let hasher = DefaultHashBuilder::default();
    let mut table: HashTable<u32> = HashTable::with_capacity(texts.len());
    for i in (0u32..).take(texts.len()) {
        let text = texts.get(i);
        let entry =
            table.entry(hasher.hash_one(text), |j| texts.get(*j) == text, |j| hasher.hash_one(texts.get(*j)));
        if let hashbrown::hash_table::Entry::Vacant(v) = entry {
            v.insert(i);
        }
    }
    Index::Hash { table, hasher }
}

fn search(texts: &Arena, ignore_case: bool) -> Index {
    let all = (0u32..).take(texts.len()).map(|i| texts.get(i));
    let kind = (texts.len() <= SMALL_MACHINE).then_some(AhoCorasickKind::DFA);
    let built = AhoCorasick::builder().kind(kind).ascii_case_insensitive(ignore_case).build(all);
    built.map_or(Index::Each, |ac| Index::Search(Box::new(ac)))
}

/// Prefixes in byte order; each knows the longest other one that is a prefix of it.
#[derive(Debug)]
struct Sorted {
    order: Box<[u32]>,
    /// Position in `order` of the parent plus 1; 0 for none.
    parent: Box<[u32]>,
}

impl Sorted {
    fn build(texts: &Arena) -> Sorted {
        let mut order: Vec<u32> = (0u32..).take(texts.len()).collect();
        order.sort_by(|a, b| texts.get(*a).cmp(texts.get(*b)));
        order.dedup_by(|b, a| texts.get(*a) == texts.get(*b));
        let mut parent = vec![0u32; order.len()];
        let mut open: Vec<u32> = Vec::new();
        for (at, (i, p)) in (1u32..).zip(order.iter().zip(&mut parent)) {
            let of = |place: u32| order.get(place as usize - 1).map(|i| texts.get(*i)).unwrap_or_default();
            while open.last().is_some_and(|place| !texts.get(*i).starts_with(of(*place))) {
                open.pop();
            }
            *p = open.last().copied().unwrap_or(0);
            open.push(at);
        }
        Sorted { order: order.into(), parent: parent.into() }
    }

    fn find(&self, texts: &Arena, s: &[u8], longest: bool) -> Option<u32> {
        let mut at = self.order.partition_point(|i| texts.get(*i) <= s);
        let mut best: Option<u32> = None;
        while let Some(place) = at.checked_sub(1) {
            let i = *self.order.get(place)?;
            if s.starts_with(texts.get(i)) {
                if longest {
                    return Some(i);
                }
                best = Some(best.map_or(i, |b| b.min(i)));
            }
            at = *self.parent.get(place)? as usize;
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(method: Match, ignore_case: bool, longest: bool, pats: &[&str], s: &str) -> Option<u32> {
        let style = Style { method, ignore_case, longest, dotted: false };
        TextIndex::build(style, pats.iter().map(|p| p.as_bytes())).find(s.as_bytes())
    }

    /// Every way of matching gives the same answer from its index as from comparing one by one.
    #[test]
    fn indexes_agree_with_comparing_each() {
        let pats: Vec<String> = (0..40)
            .map(|i: usize| ["a", "ab", "/x/", "b.c", "c", "abc", "x", "B"][i % 8].repeat(1 + i / 16))
            .collect();
        let refs: Vec<&str> = pats.iter().map(String::as_str).collect();
        let texts = ["a", "abab", "abcabc", "q/x/abc", "b.c.d", "zzz", "", "ABC", "x?c", "c:b"];
        for method in [Match::Str, Match::Beg, Match::End, Match::Sub, Match::Dir, Match::Dom] {
            for ignore_case in [false, true] {
                for t in texts {
                    let each = (0u32..)
                        .zip(&refs)
                        .find(|(_, p)| one(method, ignore_case, p.as_bytes(), t.as_bytes()))
                        .map(|(i, _)| i);
                    assert_eq!(
                        find(method, ignore_case, false, &refs, t),
                        each,
                        "{method:?} {ignore_case} {t}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_longest_prefix_wins_in_maps() {
        let few = ["/", "/a", "/a/b"];
        assert_eq!(find(Match::Beg, false, true, &few, "/a/c"), Some(1));
        let mut many: Vec<String> = (0..20).map(|i| format!("/z{i}")).collect();
        many.extend(few.map(str::to_owned));
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(find(Match::Beg, false, true, &many, "/a/b/c"), Some(22));
        assert_eq!(find(Match::Beg, false, true, &many, "/a/c"), Some(21));
        assert_eq!(find(Match::Beg, false, true, &many, "/q"), Some(20));
        assert_eq!(find(Match::Beg, false, true, &many, "q"), None);
    }

    #[test]
    fn components_stand_between_delimiters() {
        let cases = [
            (Match::Dir, "img", "/a/img/b.png", true),
            (Match::Dir, "/img/", "/img?x", true),
            (Match::Dir, "img", "/imgs/", false),
            (Match::Dom, "example.com", "www.example.com:80", true),
            (Match::Dom, "example", "www.example.com", true),
            (Match::Dom, "xample", "www.example.com", false),
        ];
        for (m, p, s, want) in cases {
            assert_eq!(one(m, false, p.as_bytes(), s.as_bytes()), want, "{p} in {s}");
        }
    }
}
