//! Planned reloads: the time that `reload_time_file` holds (keepalived.conf(5)).
//!
//! COMPAT: the forms of a time, what is said about it, and that the file goes when its time has come unless it
//! is a time of day and `reload_repeat` is written. DIFFERS: the file is looked at four times a second; the
//! original is told of changes by the kernel.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rha_failover::log::Log;
use rha_ir::failover::FailoverGlobal;
use rha_syslog::Civil;

/// Between two looks at the file.
pub const LOOK: Duration = Duration::from_millis(250);
/// Most bytes of the file that are read, as in the original.
const LONGEST: usize = 20;

/// What is known of the file.
#[derive(Debug)]
pub struct Watch {
    path: String,
    repeat: bool,
    seen: Option<Seen>,
    due: Option<Due>,
}

/// The file as it was read last.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    changed: Option<SystemTime>,
    text: String,
}

/// A reload to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Seconds since 1970.
    at_s: i64,
    /// Whether a day was written too, so that it comes once.
    dated: bool,
}

/// What is wrong with a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    Length,
    Form,
    NoSuchTime,
    Past,
}

impl Watch {
    /// For the file that the configuration names, if it names one.
    #[must_use]
    pub fn of(g: &FailoverGlobal, log: &Log) -> Option<Watch> {
        let path = g.reload_time_file.clone()?;
        let directory = Path::new(&path).parent()?;
        if !directory.is_dir() {
            let directory = directory.display();
            log.info(format_args!("Unable to monitor reload timer file directory {directory}- ignoring"));
            return None;
        }
        Some(Watch { path, repeat: g.reload_repeat, seen: None, due: None })
    }

    /// Looks at the file; whether its time has come, with which the file may go.
    pub fn look(&mut self, now_s: i64, log: &Log) -> bool {
        let seen = self.read();
        if seen != self.seen {
            self.seen = seen;
            self.plan(now_s, log);
        }
        let come = self.due.is_some_and(|d| d.at_s <= now_s);
        if come {
            let dated = self.due.take().is_some_and(|d| d.dated);
            self.seen = None;
            if dated || !self.repeat {
                let _ = fs::remove_file(&self.path);
            }
        }
        come
    }

    /// The time of the next reload, as a dump shows it.
    #[must_use]
    pub fn planned(&self) -> Option<String> {
        // COMPAT: without the closing parenthesis.
        self.due.map(|d| written(d.at_s) + if d.dated { " (date specified" } else { "" })
    }

    fn read(&self) -> Option<Seen> {
        let changed = fs::metadata(&self.path).ok()?.modified().ok();
        let bytes = fs::read(&self.path).ok()?;
        let line = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
        let line = line.get(..LONGEST).unwrap_or(line);
        Some(Seen { changed, text: String::from_utf8_lossy(line).into_owned() })
    }

    fn plan(&mut self, now_s: i64, log: &Log) {
        let former = self.due.take();
        let text = match &self.seen {
            Some(seen) if !seen.text.is_empty() => &seen.text,
            _ => return cancel(former, log),
        };
        match parse(text, now_s, offset) {
            Err(wrong) => {
                wrong.log(text, log);
                cancel(former, log);
            }
            Ok(due) => {
                let to = written(due.at_s);
                match former {
                    None => log.info(format_args!("Scheduling reload for {to}")),
                    Some(f) if f.at_s == due.at_s => {}
                    Some(f) => {
                        log.info(format_args!("Reload time updated from {} to {to}", written(f.at_s)));
                    }
                }
                self.due = Some(due);
            }
        }
    }
}

fn cancel(due: Option<Due>, log: &Log) {
    if let Some(d) = due {
        log.info(format_args!("Cancelling reload scheduled for {}", written(d.at_s)));
    }
}

impl Wrong {
    fn log(self, text: &str, log: &Log) {
        match self {
            Wrong::Length => log.info(format_args!("Reload time {text} format is incorrect - ignoring")),
            Wrong::Form => log.info(format_args!("Reload date/time {text} invalid - ignoring")),
            Wrong::NoSuchTime => log.info(format_args!("Reload time {text} is not valid - ignoring")),
            Wrong::Past => {
                log.info(format_args!("Reload time {text} is in the past - ignoring"));
                return log.info("Reload date/time is in the past - ignoring");
            }
        }
        log.info(format_args!("Invalid reload time '{text}' specified - ignoring"));
    }
}

/// Seconds east of UTC at a moment.
fn offset(unix_s: i64) -> i32 {
    rha_net::local_time(unix_s).offset_s
}

fn written(unix_s: i64) -> String {
    let c = Civil::at(unix_s, offset(unix_s));
    format!("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", c.year, c.month, c.day, c.hour, c.minute, c.second)
}

/// `HH:MM:SS`, `YY-MM-DD HH:MM:SS` or `YYYY-MM-DD HH:MM:SS`, each with a `Z` behind it or in the time zone whose
/// offset is given. A time of day that is over is tomorrow's.
fn parse(text: &str, now_s: i64, offset: impl Fn(i64) -> i32) -> Result<Due, Wrong> {
    let (bare, utc) = text.strip_suffix('Z').map_or((text, false), |b| (b, true));
    let offset = |at: i64| if utc { 0 } else { offset(at) };
    let (day, clock) = match bare.len() {
        8 => (None, bare),
        17 | 19 => bare.split_once(' ').map(|(d, c)| (Some(d), c)).ok_or(Wrong::Form)?,
        _ => return Err(Wrong::Length),
    };
    let [hour, minute, second] = numbers(clock, ':', &[2]).ok_or(Wrong::Form)?;
    if hour > 23 || minute > 59 || second > 61 {
        return Err(Wrong::Form);
    }
    let date = match day {
        None => {
            let today = Civil::at(now_s, offset(now_s));
            [today.year, i64::from(today.month), i64::from(today.day)]
        }
        Some(day) => {
            let [year, month, day_of_month] = numbers(day, '-', &[2, 4]).ok_or(Wrong::Form)?;
            if !(1..=12).contains(&month) || !(1..=31).contains(&day_of_month) {
                return Err(Wrong::Form);
            }
            let year = if bare.len() == 19 { year } else { year + if year < 69 { 2000 } else { 1900 } };
            [year, month, day_of_month]
        }
    };
    let civil_s = days_since_1970(date) * 86_400 + hour * 3600 + minute * 60 + second;
    let guess = civil_s - i64::from(offset(civil_s));
    let at_s = civil_s - i64::from(offset(guess));
    let c = Civil::at(at_s, offset(at_s));
    let same = [c.year, c.month.into(), c.day.into()] == date
        && [i64::from(c.hour), c.minute.into(), c.second.into()] == [hour, minute, second];
    match (same, at_s > now_s, day) {
        (false, ..) => Err(Wrong::NoSuchTime),
        (_, true, _) => Ok(Due { at_s, dated: day.is_some() }),
        (_, false, Some(_)) => Err(Wrong::Past),
        (_, false, None) => {
            let tomorrow = civil_s + 86_400;
            Ok(Due { at_s: tomorrow - i64::from(offset(at_s + 86_400)), dated: false })
        }
    }
}

/// Three numbers of two digits (the first one of any of `widths`) with `between` between them.
fn numbers(text: &str, between: char, widths: &[usize]) -> Option<[i64; 3]> {
    let mut all = [0; 3];
    let mut parts = text.split(between);
    for (i, n) in all.iter_mut().enumerate() {
        let part = parts.next()?;
        let wide = if i == 0 { widths.contains(&part.len()) } else { part.len() == 2 };
        *n = part.parse().ok().filter(|_| wide && part.bytes().all(|b| b.is_ascii_digit()))?;
    }
    parts.next().is_none().then_some(all)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar; a day past its month's end is one of the next.
fn days_since_1970([year, month, day]: [i64; 3]) -> i64 {
    // years begin in March here, so that the leap day is the last one
    let year = year - i64::from(month <= 2);
    let from_march = (month + 9) % 12;
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * from_march + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-21 02:36:29 UTC.
    const NOW: i64 = 1_795_228_589;

    fn at(text: &str) -> Result<(i64, bool), Wrong> {
        parse(text, NOW, |_| 3600).map(|d| (d.at_s - NOW, d.dated))
    }

    #[test]
    fn the_forms_of_a_time() {
        for (text, want) in [
            ("02:36:30Z", Ok((1, false))),
            ("03:36:30", Ok((1, false))),
            ("02:36:29Z", Ok((86_400, false))),
            ("00:00:00", Ok((73_411, false))),
            ("2026-11-21 02:36:31Z", Ok((2, true))),
            ("26-11-21 03:36:31", Ok((2, true))),
            ("2027-11-21 03:36:29", Ok((365 * 86_400, true))),
            ("28-02-29 03:36:29Z", Ok((465 * 86_400 + 3600, true))),
            ("26-11-21 02:36:29Z", Err(Wrong::Past)),
            ("70-11-21 02:36:29Z", Err(Wrong::Past)),
            ("2026-02-30 00:00:00", Err(Wrong::NoSuchTime)),
            ("10:00:60", Err(Wrong::NoSuchTime)),
            ("24:00:00", Err(Wrong::Form)),
            ("10:00-00", Err(Wrong::Form)),
            ("2026-13-01 00:00:00", Err(Wrong::Form)),
            ("2026-11-21T00:00:00", Err(Wrong::Form)),
            ("10:00", Err(Wrong::Length)),
            ("soon", Err(Wrong::Length)),
        ] {
            assert_eq!(at(text), want, "{text}");
        }
    }

    #[test]
    fn a_time_the_clocks_skip_is_none() {
        // they go from 02:00 to 03:00 at 01:00 UTC of the first of December
        let spring = days_since_1970([2026, 12, 1]) * 86_400 + 3600;
        let zone = |at: i64| if at < spring { 3600 } else { 7200 };
        assert_eq!(parse("2026-12-01 02:30:00", NOW, zone), Err(Wrong::NoSuchTime));
        assert_eq!(parse("2026-12-01 03:30:00", NOW, zone), Ok(Due { at_s: spring + 1800, dated: true }));
    }

    #[test]
    fn the_file_decides() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("time");
        let said = dir.path().join("log");
        let options = rha_failover::log::LogOptions {
            syslog: false,
            file: Some(said.to_string_lossy().into_owned()),
            ..Default::default()
        };
        let log = Log::new(&options, "Keepalived");
        let g = FailoverGlobal {
            reload_time_file: Some(path.to_string_lossy().into_owned()),
            reload_repeat: true,
            ..FailoverGlobal::default()
        };
        let mut watch = Watch::of(&g, &log).unwrap();
        assert!(!watch.look(NOW, &log));
        fs::write(&path, "02:36:30Z\n").unwrap();
        assert!(!watch.look(NOW, &log));
        assert!(watch.look(NOW + 1, &log) && path.exists());
        // it is tomorrow's now
        assert!(!watch.look(NOW + 1, &log));
        assert!(watch.look(NOW + 86_401, &log));
        fs::write(&path, "2026-11-21 02:36:40Z").unwrap();
        assert!(!watch.look(NOW, &log));
        fs::remove_file(&path).unwrap();
        assert!(!watch.look(NOW + 1, &log));
        assert!(!watch.look(NOW + 20, &log));
        fs::write(&path, "2026-11-21 02:36:50Z").unwrap();
        assert!(!watch.look(NOW + 20, &log));
        assert!(watch.look(NOW + 21, &log) && !path.exists());
        let text = fs::read_to_string(&said).unwrap();
        let count = |what: &str| text.lines().filter(|l| l.contains(what)).count();
        assert_eq!(
            (count("Scheduling reload for "), count("Cancelling reload scheduled for ")),
            (4, 1),
            "{text}"
        );
        let g = FailoverGlobal { reload_time_file: Some("/no/such/place".to_owned()), ..g };
        assert!(Watch::of(&g, &log).is_none());
    }
}
