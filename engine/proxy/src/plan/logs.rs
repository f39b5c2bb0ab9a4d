//! Log targets resolved: `log global` unfolded, addresses ready, header pieces prepared.

use std::io::Write as _;

use rha_base::push_decimal;
use rha_ir::{LogDestination, LogSyslogFormat, LogTarget, Sampling};
use rha_net::{SocketAddress, resolve};
use rha_vocab::Dialect;

use super::PlanError;

/// A destination that several proxies may share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetPlan {
    /// Where to.
    pub to: LogDestination,
    /// Resolved, for datagrams.
    pub address: Option<SocketAddress>,
}

/// One proxy's use of a target.
#[derive(Debug, Clone)]
pub struct Line {
    /// Position in [`super::Plan::log_targets`].
    pub target: usize,
    /// Header.
    pub format: LogSyslogFormat,
    /// Facility, 0..=23.
    pub facility: u8,
    /// Lines of a higher number are dropped.
    pub max_level: u8,
    /// Lines of a lower number are raised to this.
    pub min_level: u8,
    /// Most bytes before the line end, from `len`.
    pub max_len: usize,
    /// `sample`.
    pub sampling: Option<Sampling>,
}

/// Where a proxy's lines go and what stands before them.
#[derive(Debug, Clone, Default)]
pub struct LogPlan {
    /// Targets.
    pub targets: Vec<Line>,
    /// `log-tag`, `haproxy` by default.
    pub tag: Box<str>,
    /// Host name in RFC 3164 and 5424 headers, with `log-send-hostname`.
    pub host: Option<Box<str>>,
}

pub(super) struct Context<'a> {
    pub process: &'a rha_ir::Process,
    pub hostname: &'a str,
    pub dialect: Dialect,
    pub targets: &'a mut Vec<TargetPlan>,
    pub errors: &'a mut Vec<PlanError>,
}

impl Context<'_> {
    pub(super) fn plan(&mut self, logs: &[LogTarget], tag: Option<&str>) -> LogPlan {
        let mut lines = Vec::new();
        for l in logs {
            if l.to == LogDestination::Global {
                let process = self.process;
                lines.extend(process.logs.iter().filter_map(|g| self.line(g)));
            } else {
                lines.extend(self.line(l));
            }
        }
        let host = match &self.process.log_send_hostname {
            Some(Some(name)) => Some(name.as_str().into()),
            Some(None) => Some(self.hostname.into()),
            None => None,
        };
        LogPlan {
            targets: lines,
            tag: tag.or(self.process.log_tag.as_deref()).unwrap_or("haproxy").into(),
            host,
        }
    }

    fn line(&mut self, l: &LogTarget) -> Option<Line> {
        let address = match &l.to {
            LogDestination::Datagram(a) => match resolve(a, 514) {
                Ok(a) => Some(a),
                Err(e) => {
                    self.errors.push(PlanError { span: l.origin, message: e.to_string() });
                    return None;
                }
            },
            LogDestination::Ring(_) | LogDestination::Backend(_) if self.process.allow_planned => {
                return None;
            }
            LogDestination::Ring(_) | LogDestination::Backend(_) => {
                let message = "log targets 'ring@' and 'backend@' are not built yet".to_owned();
                self.errors.push(PlanError { span: l.origin, message });
                return None;
            }
            _ => None,
        };
        let wanted = TargetPlan { to: l.to.clone(), address };
        let target =
            self.targets.iter().position(|t| *t == wanted && l.sampling.is_none()).unwrap_or_else(|| {
                self.targets.push(wanted);
                self.targets.len() - 1
            });
        // COMPAT: a host name is sent by default only where one is configured.
        let format = l.format.unwrap_or(match self.process.log_send_hostname {
            Some(_) => LogSyslogFormat::Rfc3164,
            None => LogSyslogFormat::Local,
        });
        // COMPAT: the line end counts for `len`; before 2.8 not behind a header.
        let beside = self.dialect < Dialect::V2_8 && format != LogSyslogFormat::Raw;
        Some(Line {
            target,
            format,
            facility: l.facility.0,
            max_level: l.max_level.0,
            min_level: l.min_level.0,
            max_len: (l.max_len as usize).saturating_sub(usize::from(!beside)),
            sampling: l.sampling.clone(),
        })
    }
}

impl Line {
    /// Whether this line is one of the sampled ones; counts it.
    pub(crate) fn sampled(&self, seen: &mut u32) -> bool {
        let Some(s) = &self.sampling else { return true };
        *seen = if *seen >= s.of { 1 } else { *seen + 1 };
        s.ranges.iter().any(|(a, b)| (*a..=*b).contains(seen))
    }

    /// Appends header and message, cut to `len`.
    pub(crate) fn write(&self, level: u8, wall_us: i64, plan: &LogPlan, message: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        let level = level.max(self.min_level);
        let pri = u32::from(self.facility) * 8 + u32::from(level);
        let pid = pid();
        let tag = &plan.tag;
        match self.format {
            LogSyslogFormat::Local | LogSyslogFormat::Rfc3164 => {
                bracket(pri, out);
                date(wall_us, out);
                if self.format == LogSyslogFormat::Rfc3164 {
                    out.extend_from_slice(plan.host.as_deref().unwrap_or("localhost").as_bytes());
                    out.push(b' ');
                }
                out.extend_from_slice(tag.as_bytes());
                out.push(b'[');
                push_decimal(pid.into(), out);
                out.extend_from_slice(b"]: ");
            }
            LogSyslogFormat::Rfc5424 => {
                let _ = write!(out, "<{pri}>1 ");
                iso(wall_us, out);
                let host = plan.host.as_deref().unwrap_or("-");
                let _ = write!(out, " {host} {tag} {pid} - - ");
            }
            LogSyslogFormat::Priority => bracket(pri, out),
            LogSyslogFormat::Short => bracket(level.into(), out),
            LogSyslogFormat::Timed => {
                bracket(level.into(), out);
                iso(wall_us, out);
                out.push(b' ');
            }
            LogSyslogFormat::Iso => {
                iso(wall_us, out);
                out.push(b' ');
            }
            LogSyslogFormat::Raw => {}
        }
        out.extend_from_slice(message);
        out.truncate(start + self.max_len);
        out.push(b'\n');
    }
}

/// `<134>`.
fn bracket(n: u32, out: &mut Vec<u8>) {
    out.push(b'<');
    push_decimal(n.into(), out);
    out.push(b'>');
}

/// This process, asked of the kernel once per thread; workers start after any fork.
pub(crate) fn pid() -> u32 {
    thread_local! {
        static PID: u32 = std::process::id();
    }
    PID.with(|p| *p)
}

/// `Mon dd hh:mm:ss `, computed once a second per worker thread.
fn date(wall_us: i64, out: &mut Vec<u8>) {
    thread_local! {
        static LAST: std::cell::RefCell<(i64, [u8; 16])> = const { std::cell::RefCell::new((i64::MIN, [0; 16])) };
    }
    let s = wall_us.div_euclid(1_000_000);
    LAST.with_borrow_mut(|(at, text)| {
        if *at != s {
            *at = s;
            let d = civil(s + i64::from(rha_net::local_time(s).offset_s));
            const MONTHS: [&str; 12] =
                ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
            let month = MONTHS.get(d.month as usize - 1).unwrap_or(&"Jan");
            let mut rest = text.as_mut_slice();
            let _ = write!(rest, "{month} {:2} {:02}:{:02}:{:02} ", d.day, d.hour, d.minute, d.second);
        }
        out.extend_from_slice(text);
    });
}

/// `2026-11-20T23:58:28.000000+00:00`.
fn iso(wall_us: i64, out: &mut Vec<u8>) {
    let s = wall_us.div_euclid(1_000_000);
    let offset = rha_net::local_time(s).offset_s;
    let d = civil(s + i64::from(offset));
    let us = wall_us.rem_euclid(1_000_000);
    let sign = if offset < 0 { '-' } else { '+' };
    let o = offset.abs();
    let _ = write!(
        out,
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{us:06}{sign}{:02}:{:02}",
        d.year,
        d.month,
        d.day,
        d.hour,
        d.minute,
        d.second,
        o / 3600,
        o / 60 % 60
    );
}

struct Civil {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
}

/// Days to year, month, day (proleptic Gregorian calendar).
fn civil(s: i64) -> Civil {
    let (days, rest) = (s.div_euclid(86400), s.rem_euclid(86400));
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    Civil {
        year: yoe + era * 400 + i64::from(month <= 2),
        month,
        day: doy - (153 * mp + 2) / 5 + 1,
        hour: rest / 3600,
        minute: rest / 60 % 60,
        second: rest % 60,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        let d = civil(1_709_210_096);
        assert_eq!((d.year, d.month, d.day, d.hour, d.minute, d.second), (2024, 2, 29, 12, 34, 56));
    }

    #[test]
    fn lines_are_cut_and_levels_raised() {
        let l = Line {
            target: 0,
            format: LogSyslogFormat::Priority,
            facility: 16,
            max_level: 7,
            min_level: 5,
            max_len: 9,
            sampling: Some(Sampling { ranges: vec![(2, 2)], of: 2 }),
        };
        let mut out = Vec::new();
        l.write(3, 0, &LogPlan::default(), b"0123456789", &mut out);
        assert_eq!(out, b"<133>0123\n");
        let mut n = 0;
        assert_eq!([l.sampled(&mut n), l.sampled(&mut n), l.sampled(&mut n)], [false, true, false]);
    }
}
