//! Byte classes and word-at-a-time scanning.
//!
//! RFC 9110 §5.6.2 (token), RFC 9112 §2.2 (line ends). Only what the parsers need; all functions are
//! total over any input.

/// May stand in a field name or method.
pub(crate) const TOKEN: u8 = 1;
/// ASCII upper case.
pub(crate) const UPPER: u8 = 2;
/// May stand in a version (`HTTP/1.1`, `ICY` …).
pub(crate) const VERSION: u8 = 4;
/// Space or tab.
pub(crate) const BLANK: u8 = 8;
/// 0x21..=0x7e without `#`: passes in a request target.
pub(crate) const TARGET: u8 = 16;
/// Letter, digit or `-`: passes `http-restrict-req-hdr-names`.
pub(crate) const PLAIN_NAME: u8 = 32;
/// Forbidden in Host and authority; brackets are looked at apart.
pub(crate) const NOT_HOST: u8 = 64;

/// Class bits of every byte.
pub(crate) const CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0u8; 256];
    let mut i = 0;
    while i < 256 {
        let c = i as u8;
        let mut bits = 0;
        let alnum = c.is_ascii_alphanumeric();
        if alnum
            || matches!(
                c,
                b'!' | b'#'
                    | b'$'
                    | b'%'
                    | b'&'
                    | b'\''
                    | b'*'
                    | b'+'
                    | b'-'
                    | b'.'
                    | b'^'
                    | b'_'
                    | b'`'
                    | b'|'
                    | b'~'
            )
        {
            bits |= TOKEN;
        }
        if c.is_ascii_uppercase() {
            bits |= UPPER;
        }
        if c.is_ascii_uppercase() || c.is_ascii_digit() || matches!(c, b'/' | b'.') {
            bits |= VERSION;
        }
        if c == b' ' || c == b'\t' {
            bits |= BLANK;
        }
        if c >= 0x21 && c <= 0x7e && c != b'#' {
            bits |= TARGET;
        }
        if alnum || c == b'-' {
            bits |= PLAIN_NAME;
        }
        if c < 0x21 || c > 0x7e || matches!(c, b',' | b'#' | b'/' | b'?' | b'@' | b'[' | b'\\' | b']') {
            bits |= NOT_HOST;
        }
        table[i] = bits;
        i += 1;
    }
    table
}

/// Whether `c` has one of `bits`.
#[inline]
pub(crate) fn is(c: u8, bits: u8) -> bool {
    CLASS[usize::from(c)] & bits != 0
}

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

#[inline]
fn word(buf: &[u8], at: usize) -> Option<u64> {
    let bytes: &[u8; 8] = buf.get(at..at + 8)?.try_into().ok()?;
    Some(u64::from_le_bytes(*bytes))
}

/// Offset of the first byte below 0x0e from `at` on; `buf.len()` if there is none. That includes NUL,
/// CR and LF (and tabs, over which the caller steps).
#[inline]
pub(crate) fn find_control(buf: &[u8], mut at: usize) -> usize {
    while let Some(w) = word(buf, at) {
        // a byte's high bit is set when it is below 0x0e; the first one found is exact because a
        // borrow only travels upwards, towards later bytes
        let below = w.wrapping_sub(LOW * 0x0e) & !w & HIGH;
        if below != 0 {
            return at + (below.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while buf.get(at).is_some_and(|c| *c >= 0x0e) {
        at += 1;
    }
    at.min(buf.len())
}

/// Steps over letters and dashes from `at` on, a word at a time as long as there are whole words; returns
/// the offset where it stopped and whether an upper case letter was among them. What usual field names
/// are made of; the caller judges the byte it stops at.
#[inline]
pub(crate) fn skip_letters(buf: &[u8], mut at: usize) -> (usize, bool) {
    let mut upper = 0;
    while let Some(w) = word(buf, at) {
        // per byte, in its high bit; sums stay within a byte because the high bits are masked off first
        let low = w & !HIGH;
        let folded = low | (LOW * 0x20);
        let from_a = folded + LOW * (0x80 - b'a' as u64);
        let past_z = folded + LOW * (0x80 - (b'z' as u64 + 1));
        let other_than_dash = (low ^ (LOW * b'-' as u64)) + LOW * 0x7f;
        let letter = from_a & !past_z;
        let passes = (letter | !other_than_dash) & !w & HIGH;
        let stop = !passes & HIGH;
        let before_stop = stop.wrapping_sub(1) & !stop;
        // bit 5 of a letter is clear in upper case
        upper |= letter & !(w << 2) & HIGH & if stop == 0 { u64::MAX } else { before_stop };
        if stop != 0 {
            return (at + (stop.trailing_zeros() / 8) as usize, upper != 0);
        }
        at += 8;
    }
    (at, upper != 0)
}

/// Offset of the first byte without any of `bits` from `at` on; `buf.len()` if all have.
#[inline]
pub(crate) fn skip(buf: &[u8], at: usize, bits: u8) -> usize {
    let rest = buf.get(at..).unwrap_or_default();
    at + rest.iter().position(|c| !is(*c, bits)).unwrap_or(rest.len())
}

/// A decimal number that fills `text`; `None` on overflow, signs, blanks or nothing.
pub(crate) fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u64, |n, c| {
        let d = c.checked_sub(b'0').filter(|d| *d < 10)?;
        n.checked_mul(10)?.checked_add(u64::from(d))
    })
}

/// `text` without blanks (space, tab, CR, LF) at its ends.
pub(crate) fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | b'\r' | b'\n', rest @ ..] = text {
        text = rest;
    }
    while let [rest @ .., b' ' | b'\t' | b'\r' | b'\n'] = text {
        text = rest;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_are_found_wherever_they_stand() {
        for len in 0..40 {
            for at in 0..=len {
                for c in [0u8, 9, 10, 13] {
                    let mut text = vec![0xfe; len];
                    text[len / 2..].fill(b'a');
                    if at < len {
                        text[at] = c;
                    }
                    assert_eq!(find_control(&text, 0), at, "{len} {at} {c}");
                }
            }
        }
        assert_eq!(find_control(b"abc", 9), 3);
    }

    #[test]
    fn letters_are_stepped_over_wherever_they_end() {
        for stop in 0..=255u8 {
            for at in 0..24 {
                for letter in [b'a', b'z', b'A', b'Z', b'-', b'm'] {
                    let mut text = [letter; 24];
                    text[at] = stop;
                    let (end, upper) = skip_letters(&text, 0);
                    let passes = stop.is_ascii_alphabetic() || stop == b'-';
                    let letters = text.iter().take_while(|c| c.is_ascii_alphabetic() || **c == b'-').count();
                    assert_eq!(end, letters, "{stop} {at}");
                    assert_eq!(upper, text[..end].iter().any(u8::is_ascii_uppercase), "{stop} {at} {passes}");
                }
            }
        }
        assert_eq!(skip_letters(b"Host: a", 0), (0, false), "shorter than a word");
        assert_eq!(skip_letters(b"abc", 9), (9, false));
    }

    #[test]
    fn decimals() {
        assert_eq!(decimal(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(decimal(b"18446744073709551616"), None);
        assert_eq!(decimal(b"+3"), None);
        assert_eq!(decimal(b""), None);
        assert_eq!(decimal(b"003"), Some(3));
    }
}
