//! `~SEQ(…)` and `~LST(…)`: one line many times over.

/// What is repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sequence {
    /// Numbers `next..=last` in steps, maybe hexadecimal.
    Numbers { name: String, next: i64, last: i64, step: i64, hex: bool, text: String },
    /// Tuples of values for tuples of names, the next one's number.
    Values { names: Vec<String>, values: Vec<Vec<String>>, next: usize, text: String },
}

/// Why a specification is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bad {
    /// Said as `Invalid ~SEQ definition` first.
    Definition,
    /// Said as `Invalid ~SEQ values` first.
    Values,
    /// Negative hexadecimal.
    Hex,
    /// Parameters too long.
    Long,
    /// More values than names.
    Many,
    /// Only the general complaint.
    Plain,
}

impl Sequence {
    /// The values of one round and the line to read; the flag says that it was the last one.
    pub fn step(&mut self) -> (Vec<(String, String)>, String, bool) {
        match self {
            Sequence::Numbers { name, next, last, step, hex, text } => {
                let value = if *hex { format!("{next:x}") } else { next.to_string() };
                let set = vec![(name.clone(), value)];
                let after = next.checked_add(*step);
                let done = after.is_none_or(|n| (*step > 0 && n > *last) || (*step < 0 && n < *last));
                *next = after.unwrap_or(*next);
                (set, text.clone(), done)
            }
            Sequence::Values { names, values, next, text } => {
                let row = values.get(*next).cloned().unwrap_or_default();
                let set = names.iter().cloned().zip(row).collect();
                *next += 1;
                (set, text.clone(), *next >= values.len())
            }
        }
    }
}

fn skip(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

/// Longest text between the parentheses behind the name.
const PARAMETERS: usize = 62;

/// Reads `~SEQ[x](name, …) rest`; `expand` substitutes definitions in the numbers.
pub(crate) fn numbers(line: &str, expand: impl FnOnce(&str) -> String) -> Result<Sequence, Bad> {
    let rest = line.get(4..).unwrap_or_default();
    let (hex, rest) = rest.strip_prefix('x').map_or((false, rest), |r| (true, r));
    let rest = skip(skip(rest).strip_prefix('(').ok_or(Bad::Plain)?);
    let len = rest.find([' ', '\t', ',', ')']).unwrap_or(rest.len());
    let name = rest.get(..len).unwrap_or_default();
    let rest = skip(rest.get(len..).unwrap_or_default());
    if name.is_empty() || rest.is_empty() || rest.starts_with(')') {
        return Err(Bad::Definition);
    }
    let mut inner = rest.chars();
    inner.next();
    let rest = skip(inner.as_str());
    let close = rest.find(')').filter(|c| c + 2 <= PARAMETERS).ok_or(Bad::Long)?;
    let expanded = expand(rest.get(..=close).unwrap_or_default());
    let text = skip(rest.get(close + 1..).unwrap_or_default()).to_owned();
    let mut given = Vec::new();
    let mut at = expanded.as_str();
    loop {
        let (value, behind) = long(at);
        given.push(value);
        at = skip(behind);
        match at.as_bytes().first() {
            Some(b')') => break,
            Some(b',') if given.len() < 3 => at = at.get(1..).unwrap_or_default(),
            _ => return Err(Bad::Definition),
        }
    }
    let (next, step, last) = match given.as_slice() {
        [end] => (if *end < 0 { -1 } else { 1 }, if *end < 1 { -1 } else { 1 }, *end),
        [start, end] => (*start, if start <= end { 1 } else { -1 }, *end),
        [start, step, end] => {
            if *step == 0 || (start < end && *step < 0) || (start > end && *step > 0) {
                return Err(Bad::Values);
            }
            (*start, *step, *end)
        }
        _ => return Err(Bad::Definition),
    };
    if hex && (next < 0 || last < 0) {
        return Err(Bad::Hex);
    }
    Ok(Sequence::Numbers { name: name.to_owned(), next, last, step, hex, text })
}

/// Reads `~LST(…) rest`.
pub(crate) fn values(line: &str) -> Result<Sequence, Bad> {
    let rest = skip(line.get(4..).unwrap_or_default());
    let mut at = skip(rest.strip_prefix('(').ok_or(Bad::Plain)?);
    let (names, behind) = tuple(at, &[',', '}'], usize::MAX)?;
    at = behind.strip_prefix(',').ok_or(Bad::Plain)?;
    let mut values = Vec::new();
    loop {
        at = skip(at);
        let (mut row, behind) = tuple(at, &[',', '}', ')'], names.len())?;
        row.resize(names.len(), String::new());
        values.push(row);
        at = behind;
        if let Some(rest) = at.strip_prefix(')') {
            let text = skip(rest).to_owned();
            return Ok(Sequence::Values { names, values, next: 0, text });
        }
        at = at.strip_prefix(',').ok_or(Bad::Plain)?;
    }
}

/// One word, or `{a, b}`; gives what is behind it.
fn tuple<'a>(text: &'a str, ends: &[char], most: usize) -> Result<(Vec<String>, &'a str), Bad> {
    let Some(mut at) = text.strip_prefix('{').map(skip) else {
        let len = text.find([' ', '\t']).unwrap_or(text.len()).min(text.find(ends).unwrap_or(text.len()));
        let word = text.get(..len).unwrap_or_default().to_owned();
        return Ok((vec![word], skip(text.get(len..).unwrap_or_default())));
    };
    let mut words = Vec::new();
    loop {
        let len = at.find([' ', '\t']).unwrap_or(at.len()).min(at.find(ends).unwrap_or(at.len()));
        words.push(at.get(..len).unwrap_or_default().to_owned());
        if words.len() > most {
            return Err(Bad::Many);
        }
        at = skip(at.get(len..).unwrap_or_default());
        if let Some(behind) = at.strip_prefix('}') {
            return Ok((words, skip(behind)));
        }
        at = skip(at.strip_prefix(',').ok_or(Bad::Plain)?);
    }
}

/// A number as C writes it: decimal, `0x…`, `0…`; 0 and nothing used when there is none.
fn long(text: &str) -> (i64, &str) {
    let at = text.trim_start();
    let (sign, digits) = match at.strip_prefix('-') {
        Some(d) => (-1, d),
        None => (1, at.strip_prefix('+').unwrap_or(at)),
    };
    let hex = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    let hex = hex.filter(|d| d.starts_with(|c: char| c.is_ascii_hexdigit()));
    let (radix, digits) = match hex {
        Some(d) => (16, d),
        None if digits.starts_with('0') => (8, digits),
        None => (10, digits),
    };
    let len = digits.chars().take_while(|c| c.is_digit(radix)).count();
    if len == 0 {
        return (0, text);
    }
    let value = i64::from_str_radix(digits.get(..len).unwrap_or("0"), radix).unwrap_or(i64::MAX);
    (sign * value, digits.get(len..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(line: &str) -> Vec<String> {
        let mut s =
            if line.starts_with("~SEQ") { numbers(line, str::to_owned) } else { values(line) }.unwrap();
        let mut out = Vec::new();
        loop {
            let (set, _, done) = s.step();
            out.push(set.into_iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join(" "));
            if done || out.len() > 50 {
                return out;
            }
        }
    }

    #[test]
    fn sequences_run_as_written() {
        assert_eq!(run("~SEQ(A, 3) x"), ["A=1", "A=2", "A=3"]);
        assert_eq!(run("~SEQ(A, 5,3) x"), ["A=5", "A=4", "A=3"]);
        assert_eq!(run("~SEQ(A,1,4,10) x"), ["A=1", "A=5", "A=9"]);
        assert_eq!(run("~SEQx(A,9,11) x"), ["A=9", "A=a", "A=b"]);
        assert_eq!(run("~LST(A, 200, 205) x"), ["A=200", "A=205"]);
        assert_eq!(run("~LST({A,B},{1,2},{3}) x"), ["A=1 B=2", "A=3 B="]);
    }

    #[test]
    fn bad_ones_say_which_way() {
        assert_eq!(numbers("~SEQ(A, 200 203) x", str::to_owned), Err(Bad::Definition));
        assert_eq!(numbers("~SEQ(A, 1, 0, 3) x", str::to_owned), Err(Bad::Values));
        assert_eq!(numbers("~SEQx(A, -3) x", str::to_owned), Err(Bad::Hex));
        assert_eq!(numbers("~SEQ(A, 1", str::to_owned), Err(Bad::Long));
        assert_eq!(values("~LST(A,{1,2}) x"), Err(Bad::Many));
        assert_eq!(values("~LST(A"), Err(Bad::Plain));
    }
}
