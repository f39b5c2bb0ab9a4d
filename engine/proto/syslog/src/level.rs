//! Facilities and levels: their names and numbers. RFC 5424 §6.2.1; the names are HAProxy's.

/// Names by number.
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "auth2", "ftp", "ntp",
    "audit", "alert", "cron2", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
    "local7",
];

/// Names by number.
const LEVELS: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

/// Who is speaking, 0 to 23.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Facility(u8);

impl Facility {
    /// By name, in lower case as HAProxy wants it.
    #[must_use]
    pub fn parse(name: &str) -> Option<Facility> {
        let number = FACILITIES.iter().position(|f| *f == name)?;
        Some(Facility(u8::try_from(number).ok()?))
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        FACILITIES.get(usize::from(self.0)).copied().unwrap_or("kern")
    }

    pub(crate) fn number(self) -> u8 {
        self.0
    }
}

/// How bad it is; the lower, the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
#[repr(u8)]
pub enum Level {
    /// `emerg`: unusable.
    Emerg,
    /// `alert`: act now.
    Alert,
    /// `crit`.
    Crit,
    /// `err`.
    Err,
    /// `warning`.
    Warning,
    /// `notice`.
    Notice,
    /// `info`: traffic.
    Info,
    /// `debug`.
    #[default]
    Debug,
}

impl Level {
    const ALL: [Level; 8] = [
        Level::Emerg,
        Level::Alert,
        Level::Crit,
        Level::Err,
        Level::Warning,
        Level::Notice,
        Level::Info,
        Level::Debug,
    ];

    /// By name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Level> {
        Level::ALL.into_iter().find(|l| l.name() == name)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        LEVELS.get(usize::from(self as u8)).copied().unwrap_or("debug")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        assert_eq!(Facility::parse("local7").map(Facility::number), Some(23));
        assert_eq!(Facility::parse("Local7"), None);
        assert_eq!(Facility::parse("daemon").map(Facility::name), Some("daemon"));
        for level in Level::ALL {
            assert_eq!(Level::parse(level.name()), Some(level));
        }
        assert!(Level::Emerg < Level::Debug);
    }
}
