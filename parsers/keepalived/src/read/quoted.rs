//! Words of keywords that take programs: both kinds of quotes, and escapes.

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bad {
    /// A quote of this kind is not closed.
    Open(char),
    /// A lone backslash at the end.
    Escape,
}

/// Splits a text into words; adjacent quoted and bare parts join.
///
/// COMPAT: `\a \b \E \f \n \r \t \v`, up to three octal and two hexadecimal digits, `\cX` for a control
/// character; any other escaped character is itself. An empty text gives no words.
pub(crate) fn words(text: &str) -> Result<Vec<Vec<u8>>, Bad> {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    loop {
        while bytes.get(at).is_some_and(|c| crate::line::is_blank(*c)) {
            at += 1;
        }
        if at >= bytes.len() {
            return Ok(out);
        }
        let mut word = Vec::new();
        let mut quote: Option<u8> = None;
        while let Some(&c) = bytes.get(at) {
            at += 1;
            match (c, quote) {
                (b'\\', _) => at = escape(bytes, at, &mut word)?,
                (c, Some(q)) if c == q => quote = None,
                (c, Some(_)) => word.push(c),
                (b'"' | b'\'', None) => quote = Some(c),
                (c, None) if crate::line::is_blank(c) => break,
                (c, None) => word.push(c),
            }
        }
        if let Some(q) = quote {
            return Err(Bad::Open(char::from(q)));
        }
        out.push(word);
    }
}

/// Reads what follows a backslash and returns where to go on.
fn escape(bytes: &[u8], at: usize, word: &mut Vec<u8>) -> Result<usize, Bad> {
    let Some(&c) = bytes.get(at) else { return Err(Bad::Escape) };
    let digits = |from: usize, most: usize, radix: u32| {
        let run = bytes.iter().skip(from).take(most);
        run.map_while(|d| char::from(*d).to_digit(radix)).collect::<Vec<_>>()
    };
    let join = |ds: &[u32], radix: u32| {
        let value = ds.iter().fold(0u32, |v, d| v.wrapping_mul(radix).wrapping_add(*d));
        u8::try_from(value & 0xff).unwrap_or(0)
    };
    if c == b'x' {
        let ds = digits(at + 1, 2, 16);
        if !ds.is_empty() {
            word.push(join(&ds, 16));
            return Ok(at + 1 + ds.len());
        }
    }
    if c == b'c'
        && let Some(control) = bytes.get(at + 1)
    {
        word.push(control & 0x1f);
        return Ok(at + 2);
    }
    let octal = digits(at, 3, 8);
    if !octal.is_empty() {
        word.push(join(&octal, 8));
        return Ok(at + octal.len());
    }
    word.push(match c {
        b'a' => 7,
        b'b' => 8,
        b'E' => 0x1b,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0x0b,
        other => other,
    });
    Ok(at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        words(text).unwrap().into_iter().map(|w| String::from_utf8_lossy(&w).into_owned()).collect()
    }

    #[test]
    fn parts_join_and_escapes_speak() {
        assert_eq!(read(r#"a "b c"'d e' f"#), ["a", "b cd e", "f"]);
        assert_eq!(read(r"\101\x42\cA\n\q"), ["AB\u{1}\nq"]);
        assert_eq!(read(r#""it's" 'say "x"'"#), ["it's", "say \"x\""]);
        assert_eq!(words("a 'b"), Err(Bad::Open('\'')));
        assert_eq!(words("a \\"), Err(Bad::Escape));
        assert_eq!(read("  "), Vec::<String>::new());
        assert_eq!(read("''"), [""]);
    }
}
