//! Calendar dates from seconds since 1970, without a time zone library.

use std::cell::RefCell;
use std::io::Write;

/// A broken-down date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Date {
    pub(crate) year: i64,
    /// 1..=12.
    pub(crate) month: u8,
    /// 1..=31.
    pub(crate) day: u8,
    pub(crate) hour: u8,
    pub(crate) minute: u8,
    pub(crate) second: u8,
    /// 0 for Sunday.
    pub(crate) weekday: u8,
    /// 0 for the first of January.
    pub(crate) yearday: u16,
}

/// Short names of months.
pub(crate) const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// Short names of days, Sunday first.
pub(crate) const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

impl Date {
    /// Of seconds since 1970, the offset of the time zone already added. Days are counted from the first
    /// of March of year 0, so that leap days come last.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "all are small remainders")]
    pub(crate) fn of(seconds: i64) -> Date {
        let days = seconds.div_euclid(86_400);
        let clock = seconds.rem_euclid(86_400);
        let z = days + 719_468;
        let era = z.div_euclid(146_097);
        let doe = z.rem_euclid(146_097);
        let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let day = (doy - (153 * mp + 2) / 5 + 1) as u8;
        let month = if mp < 10 { mp + 3 } else { mp - 9 } as u8;
        let year = yoe + era * 400 + i64::from(month <= 2);
        let leap = year.rem_euclid(4) == 0 && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0);
        let yearday = if month > 2 { doy + 59 + i64::from(leap) } else { doy - 306 } as u16;
        Date {
            year,
            month,
            day,
            hour: (clock / 3600) as u8,
            minute: (clock / 60 % 60) as u8,
            second: (clock % 60) as u8,
            weekday: (days + 4).rem_euclid(7) as u8,
            yearday,
        }
    }

    /// `Apr`.
    pub(crate) fn month_name(&self) -> &'static str {
        MONTHS.get(usize::from(self.month).wrapping_sub(1)).copied().unwrap_or("???")
    }

    /// `Fri`.
    pub(crate) fn day_name(&self) -> &'static str {
        DAYS.get(usize::from(self.weekday)).copied().unwrap_or("???")
    }
}

/// `26/Apr/2024:09:39:58`.
pub(crate) fn write_clf(d: &Date, out: &mut Vec<u8>) {
    two(d.day, out);
    out.push(b'/');
    out.extend_from_slice(d.month_name().as_bytes());
    out.push(b'/');
    match u16::try_from(d.year) {
        Ok(y) if y < 10_000 => {
            two((y / 100) as u8, out);
            two((y % 100) as u8, out);
        }
        _ => {
            let _ = write!(out, "{:04}", d.year);
        }
    }
    out.push(b':');
    two(d.hour, out);
    out.push(b':');
    two(d.minute, out);
    out.push(b':');
    two(d.second, out);
}

/// [`write_clf`] of seconds since 1970, the time zone's offset added: computed once a second and thread.
pub(crate) fn write_clf_of(seconds: i64, out: &mut Vec<u8>) {
    thread_local! {
        static LAST: RefCell<(i64, Vec<u8>)> = const { RefCell::new((i64::MIN, Vec::new())) };
    }
    LAST.with_borrow_mut(|(at, text)| {
        if *at != seconds {
            *at = seconds;
            text.clear();
            write_clf(&Date::of(seconds), text);
        }
        out.extend_from_slice(text);
    });
}

/// `+0200`.
pub(crate) fn write_offset(offset_s: i32, out: &mut Vec<u8>) {
    let minutes = offset_s.unsigned_abs() / 60;
    let _ = write!(out, "{}{:02}{:02}", if offset_s < 0 { '-' } else { '+' }, minutes / 60, minutes % 60);
}

/// Two digits.
pub(crate) fn two(n: u8, out: &mut Vec<u8>) {
    out.push(b'0' + n / 10 % 10);
    out.push(b'0' + n % 10);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_seconds() {
        let cases = [
            (0, "01/Jan/1970:00:00:00", "Thu", 0),
            (951_782_400, "29/Feb/2000:00:00:00", "Tue", 59),
            (1_714_117_198, "26/Apr/2024:07:39:58", "Fri", 116),
            (1_735_689_599, "31/Dec/2024:23:59:59", "Tue", 365),
            (-1, "31/Dec/1969:23:59:59", "Wed", 364),
        ];
        for (s, text, day, yearday) in cases {
            let d = Date::of(s);
            // The second time from what the first left.
            for _ in 0..2 {
                let mut out = b"x".to_vec();
                write_clf_of(s, &mut out);
                assert_eq!(String::from_utf8(out).unwrap(), format!("x{text}"));
            }
            assert_eq!((d.day_name(), d.yearday), (day, yearday));
        }
        let mut out = Vec::new();
        write_offset(-12_600, &mut out);
        assert_eq!(out, b"-0330");
    }
}
