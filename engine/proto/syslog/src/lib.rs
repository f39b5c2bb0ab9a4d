//! Syslog lines as HAProxy sends them: what stands before the text, how long it may be, who gets it.
//!
//! HAProxy configuration manual §4.2 `log`; RFC 3164 §4.1, RFC 5424 §6. Time, offset from UTC, host name
//! and process id are arguments; nothing here opens a socket or reads a clock. A line is appended to the
//! caller's buffer without allocation, and the time is put into words once a second ([`Stamp`]).
//!
//! # Intended use
//! ```
//! use rha_syslog::{Facility, Format, Level, Limit, Line, Stamp, Target};
//!
//! let target = Target { format: Format::Rfc3164, facility: Facility::parse("local0").unwrap(), ..Target::default() };
//! let mut stamp = Stamp::default();
//! stamp.set(1_795_221_414_328_205, 0); // microseconds since 1970, seconds east of UTC
//! let line = Line { host: b"vm", tag: b"haproxy", pid: b"32156" };
//! let mut out = Vec::new();
//! if let Some(level) = target.admit(Level::Info) {
//!     target.write(level, &line, &stamp, b"some text", &mut out);
//! }
//! assert_eq!(out, b"<134>Nov 21 00:36:54 vm haproxy[32156]: some text\n");
//! # let _ = Limit::default();
//! ```

mod header;
mod level;
mod sample;
mod time;

pub use header::{Format, Limit, Line, Target};
pub use level::{Facility, Level};
pub use sample::Sample;
pub use time::{Civil, Stamp};
