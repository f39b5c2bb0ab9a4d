//! Dates.

use rha_vocab::{ArgKind, Lifetime, SampleType as T};

use crate::row::{ALWAYS, Converter, NONE, args, convert};

/// Rows of this subject.
pub(crate) const ROWS: &[Converter] = &[
    convert(
        "date",
        NONE,
        T::Str,
        T::Sint,
        Lifetime::since(3, 5),
        "Parses a date and gives it in seconds since 1970.",
    ),
    convert(
        "http_date",
        args(0, &[ArgKind::Sint, ArgKind::Str]),
        T::Sint,
        T::Str,
        ALWAYS,
        "Writes seconds since 1970 as an HTTP date.",
    )
    .eval(http_date),
    convert(
        "ltime",
        args(1, &[ArgKind::Str, ArgKind::Sint]),
        T::Sint,
        T::Str,
        ALWAYS,
        "Formats seconds since 1970 in local time.",
    )
    .eval(ltime),
    convert(
        "ms_ltime",
        args(1, &[ArgKind::Str, ArgKind::Sint]),
        T::Sint,
        T::Str,
        Lifetime::since(3, 0),
        "Formats milliseconds since 1970 in local time.",
    )
    .eval(ms_ltime),
    convert(
        "ms_utime",
        args(1, &[ArgKind::Str, ArgKind::Sint]),
        T::Sint,
        T::Str,
        Lifetime::since(3, 0),
        "Formats milliseconds since 1970 in UTC.",
    )
    .eval(ms_utime),
    convert(
        "us_ltime",
        args(1, &[ArgKind::Str, ArgKind::Sint]),
        T::Sint,
        T::Str,
        Lifetime::since(3, 0),
        "Formats microseconds since 1970 in local time.",
    )
    .eval(us_ltime),
    convert(
        "us_utime",
        args(1, &[ArgKind::Str, ArgKind::Sint]),
        T::Sint,
        T::Str,
        Lifetime::since(3, 0),
        "Formats microseconds since 1970 in UTC.",
    )
    .eval(us_utime),
    convert(
        "utime",
        args(1, &[ArgKind::Str, ArgKind::Sint]),
        T::Sint,
        T::Str,
        ALWAYS,
        "Formats seconds since 1970 in UTC.",
    )
    .eval(utime),
];

use std::borrow::Cow;
use std::io::Write;

use rha_base::Value;

use crate::cast::int;
use crate::cx::Cx;
use crate::format::{Date, two, write_offset};

/// COMPAT: 55 bits, so that no date is negative.
const MASK: i64 = 0x007f_ffff_ffff_ffff;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Zone {
    Local,
    Utc,
}

macro_rules! times {
    ($($name:ident: $zone:ident, $per_second:literal;)*) => {
        $(fn $name<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
            formatted(cx, int(&v)?, Zone::$zone, $per_second)
        })*
    };
}

times! {
    ltime: Local, 1;
    utime: Utc, 1;
    ms_ltime: Local, 1_000;
    ms_utime: Utc, 1_000;
    us_ltime: Local, 1_000_000;
    us_utime: Utc, 1_000_000;
}

/// COMPAT: the offset is in the unit of the input; `%N` is the fraction in nanoseconds and exists only for
/// milliseconds and microseconds.
fn formatted<'a>(cx: &Cx<'a>, n: i64, zone: Zone, per_second: i64) -> Option<Value<'a>> {
    let format = cx.text(0)?;
    let n = n.wrapping_add(cx.int(1).unwrap_or(0)) & MASK;
    let seconds = n.div_euclid(per_second);
    let offset = match zone {
        Zone::Local => cx.scene.local_offset_s(seconds.saturating_mul(1_000_000)),
        Zone::Utc => 0,
    };
    let moment = Moment { seconds, offset, zone, fraction: n.rem_euclid(per_second), per_second };
    let mut out = Vec::with_capacity(format.len() * 2);
    moment.write(format, &mut out);
    Some(Value::Str(Cow::Owned(out)))
}

struct Moment {
    seconds: i64,
    offset: i32,
    zone: Zone,
    fraction: i64,
    per_second: i64,
}

impl Moment {
    /// As `strftime` in the C locale.
    fn write(&self, format: &[u8], out: &mut Vec<u8>) {
        let d = Date::of(self.seconds + i64::from(self.offset));
        let mut rest = format;
        while let Some((c, tail)) = rest.split_first() {
            rest = tail;
            if *c != b'%' {
                out.push(*c);
                continue;
            }
            let Some((c, tail)) = rest.split_first() else {
                out.push(b'%');
                break;
            };
            rest = tail;
            if !self.conversion(*c, &d, out) {
                out.extend_from_slice(&[b'%', *c]);
            }
        }
    }

    fn conversion(&self, c: u8, d: &Date, out: &mut Vec<u8>) -> bool {
        let hour12 = if d.hour.is_multiple_of(12) { 12 } else { d.hour % 12 };
        match c {
            b'a' => out.extend_from_slice(d.day_name().as_bytes()),
            b'A' => out.extend_from_slice(LONG_DAYS.get(usize::from(d.weekday)).unwrap_or(&"?").as_bytes()),
            b'b' | b'h' => out.extend_from_slice(d.month_name().as_bytes()),
            b'B' => {
                let name = LONG_MONTHS.get(usize::from(d.month).wrapping_sub(1)).unwrap_or(&"?");
                out.extend_from_slice(name.as_bytes());
            }
            b'c' => self.write(b"%a %b %e %H:%M:%S %Y", out),
            b'C' => number(d.year.div_euclid(100), 2, out),
            b'd' => two(d.day, out),
            b'D' | b'x' => self.write(b"%m/%d/%y", out),
            b'e' => padded(d.day, out),
            b'F' => self.write(b"%Y-%m-%d", out),
            b'G' => number(iso_week(d).0, 4, out),
            b'g' => number(iso_week(d).0.rem_euclid(100), 2, out),
            b'V' => number(iso_week(d).1, 2, out),
            b'H' => two(d.hour, out),
            b'I' => two(hour12, out),
            b'j' => number(i64::from(d.yearday) + 1, 3, out),
            b'k' => padded(d.hour, out),
            b'l' => padded(hour12, out),
            b'm' => two(d.month, out),
            b'M' => two(d.minute, out),
            b'n' => out.push(b'\n'),
            b't' => out.push(b'\t'),
            b'p' => out.extend_from_slice(if d.hour < 12 { b"AM" } else { b"PM" }),
            b'P' => out.extend_from_slice(if d.hour < 12 { b"am" } else { b"pm" }),
            b'r' => self.write(b"%I:%M:%S %p", out),
            b'R' => self.write(b"%H:%M", out),
            b's' => number(self.seconds, 1, out),
            b'S' => two(d.second, out),
            b'T' | b'X' => self.write(b"%H:%M:%S", out),
            b'u' => number(if d.weekday == 0 { 7 } else { i64::from(d.weekday) }, 1, out),
            b'U' => number((i64::from(d.yearday) + 7 - i64::from(d.weekday)) / 7, 2, out),
            b'w' => number(i64::from(d.weekday), 1, out),
            b'W' => number((i64::from(d.yearday) + 7 - i64::from((d.weekday + 6) % 7)) / 7, 2, out),
            b'y' => number(d.year.rem_euclid(100), 2, out),
            b'Y' => number(d.year, 1, out),
            b'z' => write_offset(self.offset, out),
            b'Z' if self.zone == Zone::Utc => out.extend_from_slice(b"GMT"),
            b'%' => out.push(b'%'),
            b'N' if self.per_second > 1 => number(self.fraction * (1_000_000_000 / self.per_second), 9, out),
            _ => return false,
        }
        true
    }
}

const LONG_DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const LONG_MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

fn number(n: i64, width: usize, out: &mut Vec<u8>) {
    let _ = write!(out, "{n:0width$}");
}

fn padded(n: u8, out: &mut Vec<u8>) {
    let _ = write!(out, "{n:2}");
}

/// Year and number of the week that holds the date, weeks beginning on Monday (ISO 8601).
fn iso_week(d: &Date) -> (i64, i64) {
    let monday_based = i64::from((d.weekday + 6) % 7);
    let week = (i64::from(d.yearday) - monday_based + 10).div_euclid(7);
    let weeks_in = |year: i64| {
        let p = |y: i64| (y + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400)).rem_euclid(7);
        if p(year) == 4 || p(year - 1) == 3 { 53 } else { 52 }
    };
    match week {
        0 => (d.year - 1, weeks_in(d.year - 1)),
        w if w > weeks_in(d.year) => (d.year + 1, 1),
        w => (d.year, w),
    }
}

/// `http_date([offset[,unit]])`, RFC 9110 §5.6.7.
///
/// COMPAT: with a unit below the second its fraction follows the seconds as a plain number.
fn http_date<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let n = int(&v)?.wrapping_add(cx.int(0).unwrap_or(0));
    let per_second = match cx.text(1) {
        Some(b"ms") => 1_000,
        Some(b"us") => 1_000_000,
        _ => 1,
    };
    let d = Date::of((n / per_second) & MASK);
    let mut out = Vec::with_capacity(32);
    let _ = write!(
        out,
        "{}, {:02} {} {:04} {:02}:{:02}:{:02}",
        d.day_name(),
        d.day,
        d.month_name(),
        d.year,
        d.hour,
        d.minute,
        d.second
    );
    if per_second > 1 {
        let _ = write!(out, ".{}", n % per_second);
    }
    out.extend_from_slice(b" GMT");
    Some(Value::Str(Cow::Owned(out)))
}
