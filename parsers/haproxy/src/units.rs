//! Times, sizes and numbers as HAProxy reads them.
//!
//! HAProxy configuration manual §2.5 "Time format" and §2.6 "Size format". Nothing here says anything
//! itself: each keyword words its own complaint, so the functions give back what was wrong.

use rha_text::{Severity, Span};

use crate::Cx;

/// Unit of a time written without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeUnit {
    /// Microseconds.
    Us,
    /// Milliseconds.
    Ms,
    /// Seconds.
    S,
    /// Minutes.
    Min,
    /// Hours.
    Hour,
    /// Days.
    Day,
}

impl TimeUnit {
    /// Length of the unit, microseconds.
    const fn us(self) -> u128 {
        match self {
            TimeUnit::Us => 1,
            TimeUnit::Ms => 1_000,
            TimeUnit::S => 1_000_000,
            TimeUnit::Min => 60_000_000,
            TimeUnit::Hour => 3_600_000_000,
            TimeUnit::Day => 86_400_000_000,
        }
    }
}

/// What is wrong with a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeError {
    /// Above 2147483647 of the target unit.
    Over,
    /// Not zero, but less than one of the target unit.
    Under,
    /// This byte is not expected; 0 stands for the end.
    Unexpected(u8),
}

/// A time, and the byte after its unit if there is one, which is only worth a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time {
    /// In the unit asked for.
    pub value: u32,
    /// First byte after the unit.
    pub trailing: Option<u8>,
}

/// Reads a time into `unit`, which is also its unit when none is written.
///
/// # Errors
/// What the keyword's own message is made from.
pub fn time(text: &[u8], unit: TimeUnit) -> Result<Time, TimeError> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let (number, rest) = text.split_at(digits);
    if number.is_empty() {
        return Err(TimeError::Unexpected(rest.first().copied().unwrap_or(0)));
    }
    // COMPAT: 64 bits that wrap, as in the original; a wrapped value is then taken as it is.
    let value = number.iter().fold(0u64, |v, d| v.wrapping_mul(10).wrapping_add(u64::from(d - b'0')));
    let (written, used) = match rest {
        [] => return finish(u128::from(value), value, None),
        [b'u', b's', ..] => (TimeUnit::Us, 2),
        [b'm', b's', ..] => (TimeUnit::Ms, 2),
        [b'm', ..] => (TimeUnit::Min, 1),
        [b's', ..] => (TimeUnit::S, 1),
        [b'h', ..] => (TimeUnit::Hour, 1),
        [b'd', ..] => (TimeUnit::Day, 1),
        [b, ..] => return Err(TimeError::Unexpected(*b)),
    };
    let us = u128::from(value).saturating_mul(written.us());
    finish(us.div_ceil(unit.us()), value, rest.get(used).copied())
}

fn finish(result: u128, value: u64, trailing: Option<u8>) -> Result<Time, TimeError> {
    match u32::try_from(result) {
        Ok(v) if v < 0x8000_0000 => {
            if v == 0 && value != 0 {
                return Err(TimeError::Under);
            }
            Ok(Time { value: v, trailing })
        }
        _ => Err(TimeError::Over),
    }
}

/// [`time`], saying the warning about what follows the unit.
///
/// # Errors
/// As [`time`].
pub fn time_warned(cx: &mut Cx<'_>, span: Span, text: &[u8], unit: TimeUnit) -> Result<u32, TimeError> {
    let t = time(text, unit)?;
    if let Some(c) = t.trailing {
        let shown = String::from_utf8_lossy(text).into_owned();
        cx.say(
            "HA2105",
            Severity::Warning,
            span,
            format!(
                "unexpected character '{}' after the timer value '{shown}', only (us=microseconds,ms=milliseconds,s=seconds,m=minutes,h=hours,d=days) are supported. This will be reported as an error in next versions.",
                c as char
            ),
        );
    }
    Ok(t.value)
}

/// Reads a size in bytes: `16k`, `1m`, `2g`.
///
/// # Errors
/// The byte that is not expected (or does not fit), 0 for the end.
pub fn size(text: &[u8]) -> Result<u32, u8> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let (number, rest) = text.split_at(digits);
    if number.is_empty() {
        return Err(rest.first().copied().unwrap_or(0));
    }
    let mut value: u32 = 0;
    for d in number {
        value = value.checked_mul(10).and_then(|v| v.checked_add(u32::from(d - b'0'))).ok_or(*d)?;
    }
    let (shift, tail) = match rest {
        [] => return Ok(value),
        [b'k' | b'K', tail @ ..] => (10, tail),
        [b'm' | b'M', tail @ ..] => (20, tail),
        [b'g' | b'G', tail @ ..] => (30, tail),
        [b, ..] => return Err(*b),
    };
    if value > u32::MAX >> shift {
        return Err(rest.first().copied().unwrap_or(0));
    }
    match tail.first() {
        None => Ok(value << shift),
        Some(b) => Err(*b),
    }
}

/// `atol`: leading blanks, a sign, digits, and whatever follows ignored; 0 when there is no digit.
#[must_use]
pub fn atol(text: &[u8]) -> i64 {
    strtol(text, 10).0
}

/// `atol` into 32 bits, cut off as the original's `int` is.
#[must_use]
#[allow(clippy::cast_possible_truncation, reason = "COMPAT: the original assigns a long to an int")]
pub fn atoi(text: &[u8]) -> i32 {
    atol(text) as i32
}

/// `strtol`: the number and the bytes after it. `base` 0 takes `0x` and a leading `0` as they are meant.
#[must_use]
pub fn strtol(text: &[u8], base: u32) -> (i64, &[u8]) {
    let blank = text.iter().take_while(|b| b.is_ascii_whitespace()).count();
    let mut rest = &text[blank..];
    let negative = rest.first() == Some(&b'-');
    if matches!(rest.first(), Some(b'-' | b'+')) {
        rest = &rest[1..];
    }
    let mut radix = base;
    let hex = rest.len() > 2 && rest[0] == b'0' && rest[1] | 32 == b'x' && rest[2].is_ascii_hexdigit();
    if hex && (base == 0 || base == 16) {
        radix = 16;
        rest = &rest[2..];
    } else if base == 0 {
        radix = if rest.first() == Some(&b'0') { 8 } else { 10 };
    }
    let digits = rest.iter().take_while(|b| (**b as char).is_digit(radix)).count();
    if digits == 0 {
        return (0, text);
    }
    let value = rest[..digits].iter().fold(0i64, |v, b| {
        v.saturating_mul(i64::from(radix))
            .saturating_add(i64::from((*b as char).to_digit(radix).unwrap_or(0)))
    });
    (if negative { -value } else { value }, &rest[digits..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_every_unit() {
        for (text, unit, want) in [
            ("0", TimeUnit::Ms, Ok(0)),
            ("5", TimeUnit::Ms, Ok(5)),
            ("5s", TimeUnit::Ms, Ok(5000)),
            ("2m", TimeUnit::Ms, Ok(120_000)),
            ("1d", TimeUnit::S, Ok(86_400)),
            ("1500us", TimeUnit::Ms, Ok(2)),
            ("1us", TimeUnit::Ms, Ok(1)),
            ("24d", TimeUnit::Ms, Ok(2_073_600_000)),
            ("25d", TimeUnit::Ms, Err(TimeError::Over)),
            ("10x", TimeUnit::Ms, Err(TimeError::Unexpected(b'x'))),
            ("", TimeUnit::Ms, Err(TimeError::Unexpected(0))),
            ("x", TimeUnit::Ms, Err(TimeError::Unexpected(b'x'))),
            ("99999999999", TimeUnit::Ms, Err(TimeError::Over)),
        ] {
            assert_eq!(time(text.as_bytes(), unit).map(|t| t.value), want, "{text}");
        }
        assert_eq!(time(b"5sec", TimeUnit::Ms).unwrap().trailing, Some(b'e'));
    }

    #[test]
    fn sizes() {
        assert_eq!(size(b"16k"), Ok(16384));
        assert_eq!(size(b"4g"), Err(b'g'));
        assert_eq!(size(b"1kb"), Err(b'b'));
        assert_eq!(size(b""), Err(0));
    }

    #[test]
    fn numbers_stop_where_the_digits_do() {
        assert_eq!(atol(b" 12abc"), 12);
        assert_eq!(atol(b"-3"), -3);
        assert_eq!(atol(b"abc"), 0);
        assert_eq!(strtol(b"0x1f)", 0), (31, &b")"[..]));
        assert_eq!(strtol(b"010", 0), (8, &b""[..]));
        assert_eq!(strtol(b"999999999999999999999", 10).0, i64::MAX);
    }
}
