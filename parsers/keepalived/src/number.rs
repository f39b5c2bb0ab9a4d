//! Numbers and switches, read as the original's C does, with its complaints.

use crate::{Class, Cx, Flow, Line, Stop};

const CODE: &str = "KA2020";
/// A million: timers count microseconds.
pub const SECOND: u64 = 1_000_000;

/// What `strtol` makes of a text: the value, whether it did not fit 64 bits, and what is left.
struct Long<'a> {
    value: i128,
    rest: &'a str,
}

/// Reads a decimal number with leading blanks and sign; without digits the value is 0 and nothing is used.
fn decimal(text: &str) -> Long<'_> {
    let trimmed = text.trim_start_matches([' ', '\t', '\u{c}', '\n', '\r', '\u{b}']);
    let (sign, digits) = match trimmed.as_bytes().first() {
        Some(b'-') => (-1, trimmed.get(1..).unwrap_or_default()),
        Some(b'+') => (1, trimmed.get(1..).unwrap_or_default()),
        _ => (1, trimmed),
    };
    let len = digits.bytes().take_while(u8::is_ascii_digit).count();
    if len == 0 {
        return Long { value: 0, rest: text };
    }
    let (number, rest) = digits.split_at(len);
    let mut value: i128 = 0;
    for d in number.bytes() {
        value = value.saturating_mul(10).saturating_add(i128::from(d - b'0'));
    }
    Long { value: value.saturating_mul(sign), rest }
}

impl Cx<'_> {
    /// Says that a word is no number; `lenient` adds what a real start adds when it goes on regardless.
    fn bad_number(&mut self, line: &Line, i: usize, lenient: bool, text: &str) {
        let warning = if lenient && !self.input.testing { "WARNING - " } else { "" };
        self.say(CODE, Class::Wrong, line, i, format!("{warning}{text}"));
    }

    /// A signed number of word `i`; `lenient` lets a real start use what is readable of it.
    ///
    /// # Errors
    /// When there is no such word.
    pub fn int(&mut self, line: &Line, i: usize, low: i32, high: i32, lenient: bool) -> Flow<Option<i32>> {
        let text = self.arg(line, i)?;
        let Long { value, rest } = decimal(text);
        let fits = i32::try_from(value).ok();
        if !rest.is_empty() {
            self.bad_number(line, i, lenient, &format!("invalid number '{text}'"));
        } else if fits.is_none() {
            self.bad_number(line, i, lenient, &format!("number '{text}' outside integer range"));
        } else if fits.is_some_and(|v| v < low || v > high) {
            let text = format!("number '{text}' outside range [{low}, {high}]");
            self.bad_number(line, i, false, &text);
        } else {
            return Ok(fits);
        }
        Ok(fits.filter(|v| lenient && !self.input.testing && (low..=high).contains(v)))
    }

    /// An unsigned number of word `i`.
    ///
    /// # Errors
    /// When there is no such word.
    pub fn unsigned(
        &mut self,
        line: &Line,
        i: usize,
        low: u32,
        high: u32,
        lenient: bool,
    ) -> Flow<Option<u32>> {
        let text = self.arg(line, i)?;
        Ok(self.unsigned_of(line, i, text, low, high, lenient))
    }

    /// An unsigned number of a text that is (part of) word `i`.
    pub fn unsigned_of(
        &mut self,
        line: &Line,
        i: usize,
        text: &str,
        low: u32,
        high: u32,
        lenient: bool,
    ) -> Option<u32> {
        let Long { value, rest } = decimal(text);
        let fits = u32::try_from(value).ok();
        if text.trim_start_matches([' ', '\t', '\u{c}', '\n', '\r', '\u{b}']).starts_with('-') {
            self.bad_number(line, i, lenient, &format!("negative number '{text}'"));
        } else if !rest.is_empty() {
            self.bad_number(line, i, lenient, &format!("invalid number '{text}'"));
        } else if fits.is_none() {
            self.bad_number(line, i, lenient, &format!("number '{text}' outside unsigned integer range"));
        } else if fits.is_some_and(|v| v < low || v > high) {
            let text = format!("number '{text}' outside range [{low}, {high}]");
            self.bad_number(line, i, lenient, &text);
        } else {
            return fits;
        }
        fits.filter(|v| lenient && !self.input.testing && (low..=high).contains(v))
    }

    /// A decimal fraction of word `i` times ten to the `shift`; limits are in the result's unit.
    ///
    /// # Errors
    /// When there is no such word.
    pub fn fraction(
        &mut self,
        line: &Line,
        i: usize,
        low: u64,
        high: u64,
        shift: u32,
        lenient: bool,
    ) -> Flow<Option<u64>> {
        let written = self.arg(line, i)?;
        if let Some(value) = few_digits(written, shift).filter(|v| (low..=high).contains(v)) {
            return Ok(Some(value));
        }
        let text = written.to_owned();
        if text.starts_with('-') {
            self.bad_number(line, i, lenient, &format!("negative number '{text}'"));
            return Ok(None);
        }
        let (whole, mut part) = text.split_once('.').unwrap_or((&text, ""));
        let mut round_up = false;
        if part.len() > shift as usize {
            self.bad_number(line, i, lenient, &format!("number '{text}' has too many decimal places"));
            round_up = part.as_bytes().get(shift as usize).is_some_and(|d| *d >= b'5');
            part = part.get(..shift as usize).unwrap_or_default();
        }
        let zeros = "0".repeat((shift as usize).saturating_sub(part.len()));
        let digits = format!("{whole}{part}{zeros}");
        let Long { value, rest } = decimal(&digits);
        let value = value + i128::from(round_up);
        let fits = u64::try_from(value).ok();
        let within = fits.filter(|v| (low..=high).contains(v));
        if !rest.is_empty() {
            self.bad_number(line, i, lenient, &format!("invalid number '{text}'"));
        } else if fits.is_none() {
            self.bad_number(line, i, lenient, &format!("number '{text}' outside unsigned decimal range"));
            return Ok(None);
        } else if within.is_none() {
            let (low, high) = (shown(low, shift), shown(high, shift));
            self.bad_number(line, i, lenient, &format!("number '{text}' outside range [{low}, {high}]"));
        } else {
            return Ok(within);
        }
        Ok(within.filter(|_| lenient))
    }

    /// A time in seconds with up to six decimals, as microseconds; `high` 0 means the longest there is.
    ///
    /// # Errors
    /// When there is no such word.
    pub fn timer(&mut self, line: &Line, i: usize, low: u64, high: u64, lenient: bool) -> Flow<Option<u64>> {
        let high = if high == 0 { TIMER_MAX } else { high };
        self.fraction(line, i, low, high, 6, lenient)
    }

    /// The word `i`, whose absence ends everything.
    ///
    /// COMPAT: the original stops reading at once and exits with 2.
    ///
    /// # Errors
    /// When there is no such word.
    pub fn arg<'l>(&mut self, line: &'l Line, i: usize) -> Flow<&'l str> {
        if let Some(word) = line.get(i) {
            return Ok(word);
        }
        let first = line.word(0);
        let place = i + 1;
        let text = match i.checked_sub(1).and_then(|before| line.get(before)) {
            Some(before) => format!(
                "*** Configuration line starting `{first}` is missing a parameter after keyword `{before}` at word position {place}"
            ),
            None => format!(
                "*** Configuration line starting `{first}` is missing a parameter at word position {place}"
            ),
        };
        self.say("KA2010", Class::Wrong, line, 0, text);
        if let Some(d) = self.log.last() {
            d.help =
                Some("give the keyword its argument; the rest of the files was not looked at".to_owned());
        }
        Err(Stop)
    }
}

/// A whole number of a few digits times ten to the `shift`: what nearly every line has.
fn few_digits(text: &str, shift: u32) -> Option<u64> {
    if text.is_empty() || text.len() > 9 || !text.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    text.parse::<u64>().ok()?.checked_mul(10u64.checked_pow(shift)?)
}

/// The longest time the original takes, microseconds.
pub const TIMER_MAX: u64 = u64::MAX - 1;

/// The digits a text begins with, as a C `int`.
///
/// COMPAT: the original prints what is left of a long after it was cut to an int.
#[must_use]
pub fn leading_int(text: &str) -> i32 {
    let Long { value, .. } = decimal(text);
    let low = u32::try_from(value & 0xffff_ffff).unwrap_or(0);
    i32::from_ne_bytes(low.to_ne_bytes())
}

fn shown(value: u64, shift: u32) -> String {
    let unit = 10u64.pow(shift);
    format!("{}.{:0width$}", value / unit, value % unit, width = shift as usize)
}

/// `on true yes` and `off false no`.
#[must_use]
pub fn switch(word: &str) -> Option<bool> {
    match word {
        "true" | "on" | "yes" => Some(true),
        "false" | "off" | "no" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_stop_where_digits_stop() {
        for (text, value, rest) in [
            ("12", 12, ""),
            ("-5x", -5, "x"),
            (" 7", 7, ""),
            ("", 0, ""),
            ("abc", 0, "abc"),
            ("0x33", 0, "x33"),
        ] {
            let l = decimal(text);
            assert_eq!((l.value, l.rest), (value, rest), "{text}");
        }
    }

    #[test]
    fn only_short_whole_numbers_take_the_short_way() {
        for (text, value) in [
            ("6", Some(6_000_000)),
            ("007", Some(7_000_000)),
            ("999999999", Some(999_999_999_000_000)),
            ("1000000000", None),
            ("", None),
            ("+5", None),
            ("-5", None),
            ("1.5", None),
            ("5x", None),
        ] {
            assert_eq!(few_digits(text, 6), value, "{text}");
        }
    }

    #[test]
    fn limits_are_shown_with_their_decimals() {
        assert_eq!(shown(10_000, 6), "0.010000");
        assert_eq!(shown(4_294_967_000, 3), "4294967.000");
    }
}
