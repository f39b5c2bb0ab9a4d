//! Lines of pattern and map files.
//!
//! COMPAT: `#` counts as a comment only in the first column; leading blanks are stripped; a pattern runs
//! to the end of its line, a map's key to the first blank, its value from there with blanks trimmed.

/// One line of a map file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) value: &'a [u8],
    pub(crate) number: u32,
}

/// The patterns of a pattern file.
pub(crate) fn pattern_lines(file: &[u8]) -> impl Iterator<Item = &[u8]> {
    lines(file).map(|(_, l)| l)
}

/// The keys and values of a map file.
pub(crate) fn key_lines(file: &[u8]) -> impl Iterator<Item = Line<'_>> {
    lines(file).map(|(number, l)| {
        let end = l.iter().position(|c| blank(*c)).unwrap_or(l.len());
        let (key, rest) = l.split_at(end);
        let from = rest.iter().position(|c| !blank(*c)).unwrap_or(rest.len());
        let to = rest.iter().rposition(|c| !blank(*c)).map_or(from, |i| i + 1);
        Line { key, value: rest.get(from..to).unwrap_or_default(), number }
    })
}

fn lines(file: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    (1u32..).zip(file.split(|c| *c == b'\n')).filter_map(|(n, l)| {
        if l.first() == Some(&b'#') {
            return None;
        }
        let from = l.iter().position(|c| !blank(*c))?;
        let l = l.get(from..)?;
        let to = memchr::memchr2(b'\r', 0, l).unwrap_or(l.len());
        l.get(..to).filter(|l| !l.is_empty()).map(|l| (n, l))
    })
}

fn blank(c: u8) -> bool {
    c == b' ' || c == b'\t'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_blanks_and_line_ends_are_dropped() {
        let file = b"# c\n  a b \r\n\n\t#x\r\nlast";
        assert_eq!(pattern_lines(file).collect::<Vec<_>>(), [&b"a b "[..], b"#x", b"last"]);
        let keys: Vec<Line<'_>> = key_lines(b"k1 v 1 \n#k v\n k2\t \nk3\tv3\r\n").collect();
        assert_eq!(
            keys,
            [
                Line { key: b"k1", value: b"v 1", number: 1 },
                Line { key: b"k2", value: b"", number: 3 },
                Line { key: b"k3", value: b"v3", number: 4 },
            ]
        );
    }
}
