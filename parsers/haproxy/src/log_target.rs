//! `log` lines, in `global` and in proxies alike.
//!
//! HAProxy configuration manual §4.2 "log". Gives back the model's target or the text that the original
//! puts after its own prefix.

use rha_ir::{Address, Facility, Host, LogDestination, LogLevel, LogSyslogFormat, LogTarget, Port, Sampling};
use rha_vocab::{Dialect, Support};

use crate::proxy::address::{self, Transport, Wants};
use crate::units;
use crate::{Cx, Line};

/// Facilities in RFC 5424 order.
pub const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "auth2", "ftp", "ntp",
    "audit", "alert", "cron2", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
    "local7",
];

/// Levels in RFC 5424 order.
pub const LEVELS: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

const FORMATS: [(&str, LogSyslogFormat); 8] = [
    ("local", LogSyslogFormat::Local),
    ("rfc3164", LogSyslogFormat::Rfc3164),
    ("rfc5424", LogSyslogFormat::Rfc5424),
    ("priority", LogSyslogFormat::Priority),
    ("short", LogSyslogFormat::Short),
    ("timed", LogSyslogFormat::Timed),
    ("iso", LogSyslogFormat::Iso),
    ("raw", LogSyslogFormat::Raw),
];

/// Bytes of a line unless `len` says otherwise.
const DEFAULT_LEN: u32 = 1024;

/// A level by its word.
#[must_use]
pub fn level(word: &[u8]) -> Option<LogLevel> {
    LEVELS.iter().position(|l| l.as_bytes() == word).and_then(|i| u8::try_from(i).ok()).map(LogLevel)
}

fn facility(word: &[u8]) -> Option<Facility> {
    FACILITIES.iter().position(|l| l.as_bytes() == word).and_then(|i| u8::try_from(i).ok()).map(Facility)
}

/// Reads a `log` line into a target; `in_global` where `log global` makes no sense.
///
/// # Errors
/// The original's words after `log : `.
pub fn parse(cx: &mut Cx<'_>, line: &Line, in_global: bool) -> Result<LogTarget, String> {
    let origin = line.span;
    let mut target = LogTarget {
        to: LogDestination::Global,
        max_len: DEFAULT_LEN,
        format: None,
        sampling: None,
        facility: Facility(0),
        max_level: LogLevel(7),
        min_level: LogLevel(0),
        origin,
    };
    if line.len() == 2 && line.is(1, "global") {
        if in_global {
            return Err("'global' is not supported for a global syslog server".into());
        }
        return Ok(target);
    }
    if line.arg(1).is_empty() || line.arg(2).is_empty() {
        let or = if in_global { "" } else { "or global" };
        return Err(format!("expects <address> and <facility> {or} as arguments"));
    }
    let i = options(line, &mut target)?;
    let i = severities(line, i, &mut target)?;
    if !line.arg(i).is_empty() {
        return Err(format!("cannot handle unexpected argument '{}'", line.text(i)));
    }
    target.to = destination(cx, &line.text(1))?;
    match target.to {
        LogDestination::Ring(_) => cx.note("log ring@", Support::Planned, line.at(1)),
        LogDestination::Backend(_) => cx.note("log backend@", Support::Planned, line.at(1)),
        _ => {}
    }
    Ok(target)
}

/// `len`, `format`, `sample`, in this order only; the index after them.
fn options(line: &Line, target: &mut LogTarget) -> Result<usize, String> {
    let mut i = 2;
    if line.is(i, "len") {
        let len = units::atoi(line.arg(i + 1));
        target.max_len = match u32::try_from(len) {
            Ok(n) if (80..=65535).contains(&n) => n,
            _ => {
                let shown = line.text(i + 1);
                return Err(format!("invalid log length '{shown}', must be between 80 and 65535"));
            }
        };
        i += 2;
    }
    if line.is(i, "format") {
        let found = FORMATS.iter().find(|(w, _)| w.as_bytes() == line.bytes(i + 1));
        let Some((_, f)) = found else {
            return Err(format!("unknown log format '{}'", line.text(i + 1)));
        };
        target.format = Some(*f);
        i += 2;
    }
    if line.is(i, "sample") {
        target.sampling = Some(sampling(&line.text(i + 1))?);
        i += 2;
    }
    Ok(i)
}

fn severities(line: &Line, mut i: usize, target: &mut LogTarget) -> Result<usize, String> {
    target.facility =
        facility(line.arg(i)).ok_or_else(|| format!("unknown log facility '{}'", line.text(i)))?;
    i += 1;
    if !line.arg(i).is_empty() {
        target.max_level =
            level(line.arg(i)).ok_or_else(|| format!("unknown optional log level '{}'", line.text(i)))?;
        i += 1;
    }
    if !line.arg(i).is_empty() {
        target.min_level = level(line.arg(i))
            .ok_or_else(|| format!("unknown optional minimum log level '{}'", line.text(i)))?;
        i += 1;
    }
    Ok(i)
}

/// `1,3-5:10`.
///
/// # Errors
/// The original's words.
pub fn sampling(text: &str) -> Result<Sampling, String> {
    let Some((ranges, size)) = text.split_once(':') else {
        return Err("Missing sample size".into());
    };
    let mut out = Sampling { ranges: Vec::new(), of: 0 };
    let mut rest = ranges;
    while !rest.is_empty() {
        let (one, after) = rest.split_once(',').unwrap_or((rest, ""));
        let wrong = || format!("wrong sample range '{rest}'");
        let (low, high) = match one.split_once('-') {
            Some((l, h)) => (number(l).ok_or_else(wrong)?, number(h).ok_or_else(wrong)?),
            None => {
                let n = number(one).ok_or_else(wrong)?;
                (n, n)
            }
        };
        if one.contains('-') && high <= low {
            return Err(wrong());
        }
        let meets = |(l, h): &(u32, u32)| (low >= *l && low <= *h) || (high >= *l && high <= *h);
        if out.ranges.iter().any(meets) {
            return Err("ranges are overlapping".into());
        }
        out.ranges.push((low, high));
        rest = after;
    }
    if out.ranges.is_empty() {
        return Err("no sampling ranges given".into());
    }
    out.of = number(size).ok_or_else(|| format!("wrong sample size '{size}' for sample range '{ranges}'"))?;
    let top = out.ranges.iter().map(|r| r.1).max().unwrap_or(0);
    if out.of < top {
        return Err(format!(
            "sample size {} should be greater or equal to {top} the maximum of the high ranges limits",
            out.of
        ));
    }
    out.ranges.sort_unstable();
    Ok(out)
}

/// A positive number and nothing else.
fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|n| digits && *n > 0)
}

fn destination(cx: &Cx<'_>, text: &str) -> Result<LogDestination, String> {
    if let Some(name) = text.strip_prefix("ring@") {
        return Ok(LogDestination::Ring(name.to_owned()));
    }
    if cx.input.dialect >= Dialect::V3_0
        && let Some(name) = text.strip_prefix("backend@")
    {
        return Ok(LogDestination::Backend(name.to_owned()));
    }
    let text = match text {
        "stdout" => "fd@1",
        "stderr" => "fd@2",
        other => other,
    };
    let found = address::read(cx, text, Wants::LOG)?;
    Ok(match found.address {
        Address::Fd(n) => LogDestination::Descriptor(n),
        Address::Ip { host, port: Port::None | Port::One(0), .. } => datagram(host, 514, found.transport),
        Address::Ip { host, port: Port::One(p), .. } => datagram(host, p, found.transport),
        other => LogDestination::Datagram(other),
    })
}

fn datagram(host: Host, port: u16, transport: Transport) -> LogDestination {
    let datagram = transport == Transport::Datagram;
    LogDestination::Datagram(Address::Ip { host, port: Port::One(port), datagram })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samplings() {
        assert_eq!(sampling("3-5,1:10").unwrap(), Sampling { ranges: vec![(1, 1), (3, 5)], of: 10 });
        assert_eq!(sampling("1").unwrap_err(), "Missing sample size");
        assert_eq!(sampling("1-1:3").unwrap_err(), "wrong sample range '1-1'");
        assert_eq!(sampling("1-3,2:3").unwrap_err(), "ranges are overlapping");
        assert_eq!(sampling(":3").unwrap_err(), "no sampling ranges given");
        assert!(sampling("1-5:3").unwrap_err().starts_with("sample size 3 should"));
    }
}
