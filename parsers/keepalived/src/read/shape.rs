//! What a line is made of, as far as that decides how much must be looked at.
//!
//! Invariant: a line whose shape is not [`Shape::Other`] has no quote, comment sign, definition,
//! condition or sequence in it and is no `include`: conditions, substitution and the like leave it alone.

/// Bytes that make a line one to look at closely.
const SPECIAL: [bool; 256] = special();

const fn special() -> [bool; 256] {
    let mut table = [false; 256];
    let mut c = 0;
    while c < 256 {
        table[c] = (c < 0x20 && c != 0x09) || c >= 0x7f;
        c += 1;
    }
    let signs = b"\"$\\#!'";
    let mut i = 0;
    while i < signs.len() {
        table[signs[i] as usize] = true;
        i += 1;
    }
    table
}

/// Shape of a line without comment, without blanks around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Words, or nothing.
    Words,
    /// Ends in `{`, its only brace.
    Opens,
    /// `}`.
    Closes,
    /// Anything else.
    Other,
}

impl Shape {
    /// The shape of a text.
    pub fn of(text: &[u8]) -> Shape {
        match text {
            [b'}'] => return Shape::Closes,
            [] => return Shape::Words,
            [b'@' | b'~', ..] => return Shape::Other,
            [b'i', b'n', b'c', b'l', b'u', b'd', b'e', ..] | [.., b' ' | b'\t'] => return Shape::Other,
            _ => {}
        }
        let (front, shape) = match text {
            [front @ .., b'{'] => (front, Shape::Opens),
            all => (all, Shape::Words),
        };
        let plain = front.iter().all(|c| !SPECIAL.get(usize::from(*c)).is_none_or(|s| *s));
        let braces = memchr::memchr2(b'{', b'}', front).is_some();
        if plain && !braces { shape } else { Shape::Other }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_lines_have_a_shape() {
        for (text, shape) in [
            ("", Shape::Words),
            ("interface eth0", Shape::Words),
            ("vrrp_instance V {", Shape::Opens),
            ("{", Shape::Opens),
            ("}", Shape::Closes),
            ("} }", Shape::Other),
            ("a { b", Shape::Other),
            ("a {}", Shape::Other),
            ("a { {", Shape::Other),
            ("@x a {", Shape::Other),
            ("~SEQ(A, 3) {", Shape::Other),
            ("include a", Shape::Other),
            ("a $B", Shape::Other),
            ("a \"{\"", Shape::Other),
            ("a \u{e9}", Shape::Other),
            ("a \u{c}", Shape::Other),
        ] {
            assert_eq!(Shape::of(text.as_bytes()), shape, "{text}");
        }
    }
}
