//! Dates in words, without the operating system: civil calendar and the two timestamps of syslog.
//!
//! Days to dates after the proleptic Gregorian calendar (RFC 3339 §5.6 prints years of four digits).

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A date and time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Civil {
    /// Year.
    pub year: i64,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
}

impl Civil {
    /// The date `offset` seconds east of UTC at `seconds` since 1970.
    #[must_use]
    pub fn at(seconds: i64, offset: i32) -> Civil {
        let local = seconds.saturating_add(i64::from(offset));
        let (days, rest) = (local.div_euclid(86400), local.rem_euclid(86400));
        // years begin in March here, so that the leap day is the last one
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        Civil {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month: small(month),
            day: small(day),
            hour: small(rest / 3600),
            minute: small(rest / 60 % 60),
            second: small(rest % 60),
        }
    }

    /// `Jan` to `Dec`.
    #[must_use]
    pub fn month_name(&self) -> &'static str {
        MONTHS.get(usize::from(self.month).wrapping_sub(1)).copied().unwrap_or("Jan")
    }
}

fn small(n: i64) -> u8 {
    u8::try_from(n).unwrap_or(0)
}

fn two(n: u8) -> [u8; 2] {
    [b'0' + n / 10 % 10, b'0' + n % 10]
}

/// Bytes of `Nov 21 00:36:54`.
const LEGACY: usize = 15;
/// Bytes of `2026-11-21T00:36:54`.
const ISO: usize = 19;

/// The present moment, in the words of both timestamps; they are renewed once a second.
#[derive(Debug, Clone)]
pub struct Stamp {
    second: i64,
    offset: i32,
    legacy: [u8; LEGACY],
    iso: [u8; ISO],
    /// `.328205`
    fraction: [u8; 7],
    /// `+05:30`
    zone: [u8; 6],
}

impl Default for Stamp {
    fn default() -> Self {
        let mut stamp = Stamp {
            second: i64::MIN,
            offset: 0,
            legacy: *b"Jan  1 00:00:00",
            iso: *b"1970-01-01T00:00:00",
            fraction: *b".000000",
            zone: *b"+00:00",
        };
        stamp.set(0, 0);
        stamp
    }
}

impl Stamp {
    /// Sets the moment: microseconds since 1970, seconds east of UTC in force then.
    pub fn set(&mut self, micros: i64, offset: i32) {
        let second = micros.div_euclid(1_000_000);
        if (second, offset) != (self.second, self.offset) {
            self.second = second;
            self.offset = offset;
            self.renew();
        }
        let mut rest = micros.rem_euclid(1_000_000);
        for place in self.fraction.iter_mut().skip(1).rev() {
            *place = b'0' + small(rest % 10);
            rest /= 10;
        }
    }

    fn renew(&mut self) {
        let date = Civil::at(self.second, self.offset);
        let [h, m, s] = [two(date.hour), two(date.minute), two(date.second)];
        let [day_tens, day_ones] = two(date.day);
        let month = date.month_name().as_bytes();
        let blank_day = if day_tens == b'0' { b' ' } else { day_tens };
        let clock = [h[0], h[1], b':', m[0], m[1], b':', s[0], s[1]];
        put(&mut self.legacy, 0, month);
        put(&mut self.legacy, 3, &[b' ', blank_day, day_ones, b' ']);
        put(&mut self.legacy, 7, &clock);
        let year = u32::try_from(date.year.clamp(0, 9999)).unwrap_or(0);
        let [century, years] = [small(i64::from(year / 100)), small(i64::from(year % 100))];
        put(&mut self.iso, 0, &two(century));
        put(&mut self.iso, 2, &two(years));
        put(&mut self.iso, 4, b"-");
        put(&mut self.iso, 5, &two(date.month));
        put(&mut self.iso, 7, &[b'-', day_tens, day_ones, b'T']);
        put(&mut self.iso, 11, &clock);
        let minutes = self.offset.unsigned_abs() / 60;
        let [hours, rest] = [small(i64::from(minutes / 60 % 100)), small(i64::from(minutes % 60))];
        put(&mut self.zone, 0, if self.offset < 0 { b"-" } else { b"+" });
        put(&mut self.zone, 1, &two(hours));
        put(&mut self.zone, 4, &two(rest));
    }

    /// `Nov 21 00:36:54 ` in two pieces, date and blank together as HAProxy cuts them.
    pub(crate) fn legacy(&self) -> &[u8] {
        &self.legacy
    }

    /// `2026-11-21T00:36:54`, `.328205`, `+00:00`.
    pub(crate) fn iso(&self) -> [&[u8]; 3] {
        [&self.iso, &self.fraction, &self.zone]
    }
}

fn put(place: &mut [u8], at: usize, text: &[u8]) {
    if let Some(piece) = place.get_mut(at..at + text.len()) {
        piece.copy_from_slice(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        let ymd = |s| {
            let c = Civil::at(s, 0);
            (c.year, c.month, c.day)
        };
        assert_eq!(ymd(0), (1970, 1, 1));
        assert_eq!(ymd(951_782_400), (2000, 2, 29));
        assert_eq!(ymd(951_868_800), (2000, 3, 1));
        assert_eq!(ymd(-1), (1969, 12, 31));
        assert_eq!(ymd(1_795_219_200), (2026, 11, 21));
        assert_eq!(ymd(4_107_542_400), (2100, 3, 1));
        let _ = Civil::at(i64::MAX, i32::MAX);
        let _ = Civil::at(i64::MIN, i32::MIN);
    }

    #[test]
    fn stamps_change_with_second_and_zone() {
        let mut stamp = Stamp::default();
        let text = |s: &Stamp| String::from_utf8(s.iso().concat()).unwrap();
        stamp.set(1_795_221_416_145_847, 19_800);
        assert_eq!(text(&stamp), "2026-11-21T06:06:56.145847+05:30");
        stamp.set(1_795_221_416_145_848, 19_800);
        assert_eq!(text(&stamp), "2026-11-21T06:06:56.145848+05:30");
        stamp.set(1_795_221_416_145_848, -12_600);
        assert_eq!(text(&stamp), "2026-11-20T21:06:56.145848-03:30");
        stamp.set(1_793_491_200_000_000, 0);
        assert_eq!(stamp.legacy(), b"Nov  1 00:00:00");
    }
}
