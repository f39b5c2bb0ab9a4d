//! A line put together: priority, time, host, tag and text in the order of the format, cut to length.
//!
//! Two ways to cut. A datagram drops the first piece of the header that does not fit and everything after
//! it, but cuts the text in the middle; a line for a file descriptor or stream is cut anywhere. Every line
//! ends in LF. Values observed on 2.6.12 and 3.0.11 are in the tests.

use rha_vocab::Dialect;

use crate::level::{Facility, Level};
use crate::time::Stamp;

/// `format …` of a `log` line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// `local`: like [`Format::Rfc3164`] without host; the default.
    #[default]
    Local,
    /// `rfc3164`: the default with `log-send-hostname`.
    Rfc3164,
    /// `rfc5424`.
    Rfc5424,
    /// `priority`: `<134>text`.
    Priority,
    /// `short`: `<6>text`, without facility.
    Short,
    /// `timed`: `<6>2026-… text`.
    Timed,
    /// `iso`: `2026-… text`.
    Iso,
    /// `raw`: the text alone.
    Raw,
}

impl Format {
    const ALL: [(&str, Format); 8] = [
        ("local", Format::Local),
        ("rfc3164", Format::Rfc3164),
        ("rfc5424", Format::Rfc5424),
        ("priority", Format::Priority),
        ("short", Format::Short),
        ("timed", Format::Timed),
        ("iso", Format::Iso),
        ("raw", Format::Raw),
    ];

    /// By name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Format> {
        Format::ALL.iter().find(|(n, _)| *n == name).map(|(_, f)| *f)
    }

    /// The format of a `log` line that names none.
    #[must_use]
    pub fn unnamed(log_send_hostname: bool) -> Format {
        if log_send_hostname { Format::Rfc3164 } else { Format::Local }
    }
}

/// How long a line may be, and how it is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// A datagram of at most `len` bytes; its LF counts since 3.0 and comes on top in 2.6.
    Datagram {
        /// `len <length>`, 80 to 65535.
        len: usize,
        /// Whose count.
        dialect: Dialect,
    },
    /// A line of at most `len` bytes with its LF.
    Stream {
        /// `len <length>`.
        len: usize,
    },
}

impl Default for Limit {
    fn default() -> Self {
        Limit::Datagram { len: 1024, dialect: Dialect::default() }
    }
}

/// What one `log` line of the configuration asks for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Target {
    /// Format.
    pub format: Format,
    /// Facility.
    pub facility: Facility,
    /// The least severe level that is sent.
    pub level: Level,
    /// Levels more severe than this are sent as this.
    pub min_level: Option<Level>,
    /// Length.
    pub limit: Limit,
}

/// Who speaks.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// Host name; empty without `log-send-hostname`.
    pub host: &'a [u8],
    /// `log-tag`; empty leaves the tag out.
    pub tag: &'a [u8],
    /// Process id in digits.
    pub pid: &'a [u8],
}

impl Target {
    /// The level under which a message goes out, or `None` if it does not.
    #[must_use]
    pub fn admit(&self, level: Level) -> Option<Level> {
        (level <= self.level).then(|| self.min_level.map_or(level, |least| level.max(least)))
    }

    /// Appends a whole line, LF included, to `out`.
    pub fn write(&self, level: Level, line: &Line<'_>, stamp: &Stamp, text: &[u8], out: &mut Vec<u8>) {
        let end = text.iter().rposition(|c| !matches!(c, b'\n' | 0)).map_or(0, |last| last + 1);
        let text = text.get(..end).unwrap_or_default();
        let mut cutter = Cutter::new(self.limit, out);
        self.pieces(level, line, stamp, &mut cutter);
        cutter.text(text);
        out.push(b'\n');
    }

    fn pieces(&self, level: Level, line: &Line<'_>, stamp: &Stamp, out: &mut Cutter<'_>) {
        let facility = self.facility.number() * 8;
        match self.format {
            Format::Raw => {}
            Format::Priority => out.priority(facility + level as u8),
            Format::Short => out.priority(level as u8),
            Format::Iso => out.iso(stamp),
            Format::Timed => {
                out.priority(level as u8);
                out.iso(stamp);
            }
            Format::Local => {
                out.priority(facility + level as u8);
                out.piece(&[stamp.legacy(), b" "]);
                out.tag(line);
            }
            Format::Rfc3164 => {
                out.priority(facility + level as u8);
                out.piece(&[stamp.legacy(), b" "]);
                if line.host.is_empty() {
                    out.piece(&[b"localhost "]);
                } else {
                    out.piece(&[line.host]);
                    out.piece(&[b" "]);
                }
                out.tag(line);
            }
            Format::Rfc5424 => {
                out.priority(facility + level as u8);
                out.piece(&[b"1 "]);
                out.iso(stamp);
                for part in [line.host, line.tag, line.pid, b"", b""] {
                    out.or_dash(part);
                }
            }
        }
    }
}

/// Appends pieces as long as there is room.
struct Cutter<'a> {
    out: &'a mut Vec<u8>,
    left: usize,
    /// Pieces go in whole or not at all.
    whole: bool,
}

impl<'a> Cutter<'a> {
    fn new(limit: Limit, out: &'a mut Vec<u8>) -> Cutter<'a> {
        let (left, whole) = match limit {
            // COMPAT: 2.6 sends one byte more, the LF
            Limit::Datagram { len, dialect } if (dialect.major, dialect.minor) < (3, 0) => (len, true),
            Limit::Datagram { len, .. } => (len.saturating_sub(1), true),
            Limit::Stream { len } => (len.saturating_sub(1), false),
        };
        Cutter { out, left, whole }
    }

    /// One piece of the header, given in parts.
    fn piece(&mut self, parts: &[&[u8]]) {
        let len: usize = parts.iter().map(|p| p.len()).sum();
        if self.whole && len > 0 && len >= self.left {
            self.left = 0;
            return;
        }
        for part in parts {
            self.text(part);
        }
    }

    fn text(&mut self, text: &[u8]) {
        let text = text.get(..self.left).unwrap_or(text);
        self.out.extend_from_slice(text);
        self.left -= text.len();
    }

    fn priority(&mut self, number: u8) {
        let digits = [b'0' + number / 100, b'0' + number / 10 % 10, b'0' + number % 10];
        let start = if number >= 100 {
            0
        } else if number >= 10 {
            1
        } else {
            2
        };
        self.piece(&[b"<", digits.get(start..).unwrap_or_default(), b">"]);
    }

    fn iso(&mut self, stamp: &Stamp) {
        let [date, fraction, zone] = stamp.iso();
        self.piece(&[date, fraction, zone, b" "]);
    }

    fn tag(&mut self, line: &Line<'_>) {
        if line.tag.is_empty() {
            return;
        }
        self.piece(&[line.tag]);
        if !line.pid.is_empty() {
            self.piece(&[b"["]);
            self.piece(&[line.pid]);
            self.piece(&[b"]"]);
        }
        self.piece(&[b": "]);
    }

    fn or_dash(&mut self, part: &[u8]) {
        if part.is_empty() {
            self.piece(&[b"- "]);
        } else {
            self.piece(&[part]);
            self.piece(&[b" "]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stamp(offset: i32) -> Stamp {
        let mut stamp = Stamp::default();
        stamp.set(1_795_221_414_328_205, offset);
        stamp
    }

    fn put(target: Target, line: Line<'_>, text: &[u8]) -> String {
        let mut out = Vec::new();
        target.write(Level::Info, &line, &stamp(0), text, &mut out);
        String::from_utf8(out).unwrap()
    }

    const VM: Line<'_> = Line { host: b"vm", tag: b"haproxy", pid: b"32156" };

    #[test]
    fn formats_as_recorded() {
        let local3 = Facility::parse("local3").unwrap();
        for (name, want) in [
            ("local", "<158>Nov 21 00:36:54 haproxy[32156]: /m\n"),
            ("rfc3164", "<158>Nov 21 00:36:54 vm haproxy[32156]: /m\n"),
            ("rfc5424", "<158>1 2026-11-21T00:36:54.328205+00:00 vm haproxy 32156 - - /m\n"),
            ("priority", "<158>/m\n"),
            ("short", "<6>/m\n"),
            ("timed", "<6>2026-11-21T00:36:54.328205+00:00 /m\n"),
            ("iso", "2026-11-21T00:36:54.328205+00:00 /m\n"),
            ("raw", "/m\n"),
        ] {
            let format = Format::parse(name).unwrap();
            let target = Target { format, facility: local3, ..Target::default() };
            assert_eq!(put(target, VM, b"/m"), want);
            assert_eq!(put(target, VM, b"/m\n\0\n"), want);
        }
        let bare = Line { host: b"", ..VM };
        let target =
            |format| Target { format, facility: Facility::parse("daemon").unwrap(), ..Target::default() };
        assert_eq!(
            put(target(Format::Rfc3164), bare, b"x"),
            "<30>Nov 21 00:36:54 localhost haproxy[32156]: x\n"
        );
        let want = "<30>1 2026-11-21T00:36:54.328205+00:00 - haproxy 32156 - - x\n";
        assert_eq!(put(target(Format::Rfc5424), bare, b"x"), want);
    }

    #[test]
    fn lengths_as_recorded() {
        let host = [b'h'; 70];
        let line = Line { host: &host, tag: b"x", pid: b"2453" };
        let text = [&b"/"[..], &[b'y'; 50]].concat();
        let size = |len, dialect, format| {
            let facility = Facility::parse("local0").unwrap();
            let target =
                Target { format, facility, limit: Limit::Datagram { len, dialect }, ..Target::default() };
            put(target, line, &text).len()
        };
        let (old, new) = (Dialect::V2_6, Dialect::V3_0);
        // 3.0.11, pid of four digits
        for (len, want) in
            [(80, 22), (90, 22), (92, 22), (93, 92), (94, 93), (95, 94), (96, 95), (97, 95), (99, 95)]
        {
            assert_eq!(size(len, new, Format::Rfc3164), want, "{len}");
        }
        for (len, want) in [(100, 99), (101, 100), (102, 100), (120, 120)] {
            assert_eq!(size(len, new, Format::Rfc3164), want, "{len}");
        }
        assert_eq!(size(100, new, Format::Rfc5424), 41);
        assert_eq!(size(120, new, Format::Rfc5424), 119);
        // 2.6.12 sends one byte more
        for (len, want) in [(80, 22), (92, 92), (93, 93), (94, 94), (95, 95), (120, 121)] {
            assert_eq!(size(len, old, Format::Rfc3164), want, "{len}");
        }
        let stream = Target { format: Format::Raw, limit: Limit::Stream { len: 80 }, ..Target::default() };
        assert_eq!(put(stream, VM, &[b'y'; 2000]).len(), 80);
        let stream =
            Target { format: Format::Rfc3164, limit: Limit::Stream { len: 95 }, ..Target::default() };
        assert_eq!(put(stream, line, &text).len(), 95);
    }

    #[test]
    fn levels_filter_and_cap() {
        let target = |level, min_level| Target { level, min_level, ..Target::default() };
        assert_eq!(target(Level::Notice, None).admit(Level::Info), None);
        assert_eq!(target(Level::Info, Some(Level::Notice)).admit(Level::Info), Some(Level::Info));
        assert_eq!(target(Level::Debug, Some(Level::Err)).admit(Level::Emerg), Some(Level::Err));
    }

    proptest! {
        #[test]
        fn no_line_is_longer_than_allowed(
            text in prop::collection::vec(any::<u8>(), 0..400), host in "[a-z]{0,90}", tag in "[a-z]{0,40}",
            len in 80usize..400, format in 0usize..8, stream in any::<bool>(),
        ) {
            let limit = if stream { Limit::Stream { len } } else { Limit::Datagram { len, dialect: Dialect::V3_0 } };
            let target = Target { format: Format::ALL[format].1, limit, ..Target::default() };
            let mut out = b"before".to_vec();
            let line = Line { host: host.as_bytes(), tag: tag.as_bytes(), pid: b"1" };
            target.write(Level::Alert, &line, &stamp(3600), &text, &mut out);
            prop_assert!(out.len() <= 6 + len);
            prop_assert!(out.starts_with(b"before") && out.ends_with(b"\n"));
        }
    }
}
