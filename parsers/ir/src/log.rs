//! Log targets.

use rha_text::Span;

use crate::Address;

/// Syslog facility, 0..=23 in RFC 5424 order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Facility(pub u8);

/// Syslog severity, 0 (emerg) ..= 7 (debug).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogLevel(pub u8);

/// Where lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogDestination {
    /// The targets of `global`.
    Global,
    /// Datagrams to an address, UDP or unix.
    Datagram(Address),
    /// `stdout`, `stderr`, `fd@n`.
    Descriptor(i32),
    /// `ring@name`.
    Ring(String),
    /// `backend@name`.
    Backend(String),
}

/// Header written before the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum LogSyslogFormat {
    /// `local`: RFC 3164 without host name.
    Local,
    /// RFC 3164.
    #[default]
    Rfc3164,
    /// RFC 5424.
    Rfc5424,
    /// `<PRI>message`.
    Priority,
    /// `<level>message`.
    Short,
    /// Date and `<level>`.
    Timed,
    /// ISO date.
    Iso,
    /// Message only.
    Raw,
}

/// `sample 1,3-5:10`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sampling {
    /// Inclusive ranges, 1-based, within the period.
    pub ranges: Vec<(u32, u32)>,
    /// Period.
    pub of: u32,
}

/// One `log` line. HAProxy configuration manual §4.2 "log".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogTarget {
    /// Where to.
    pub to: LogDestination,
    /// `len`, bytes.
    pub max_len: u32,
    /// `format`; `None` means the default of the destination.
    pub format: Option<LogSyslogFormat>,
    /// `sample`.
    pub sampling: Option<Sampling>,
    /// Facility.
    pub facility: Facility,
    /// Lines above this level number are dropped.
    pub max_level: LogLevel,
    /// Lines below this level number are raised to it.
    pub min_level: LogLevel,
    /// Where it was written.
    pub origin: Span,
}
