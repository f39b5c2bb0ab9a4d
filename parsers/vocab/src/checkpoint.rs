//! Checkpoints: the places where an expression may be evaluated, and what each of them can see.
//!
//! Every source of [`Needs`] is visible at a set of checkpoints; a fetch is usable wherever any of its
//! sources is. The order is that of the columns of HAProxy's `-dKsmp` dump.
//! COMPAT: the sets follow HAProxy 3.0; `request-end` sources were narrower before 3.0.

use crate::{Dialect, Needs};

/// A set of checkpoints; bit positions follow the columns of the `-dKsmp` dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Checkpoints(pub u32);

#[allow(missing_docs, reason = "each is named as its entry in Checkpoints::NAMES")]
impl Checkpoints {
    pub const NONE: Checkpoints = Checkpoints(0);
    pub const FRONT_CONNECTION: Checkpoints = Checkpoints(1);
    pub const FRONT_SESSION: Checkpoints = Checkpoints(1 << 1);
    pub const FRONT_REQUEST_CONTENT: Checkpoints = Checkpoints(1 << 2);
    pub const FRONT_REQUEST_HEADERS: Checkpoints = Checkpoints(1 << 3);
    pub const FRONT_REQUEST_BODY: Checkpoints = Checkpoints(1 << 4);
    pub const FRONT_USE_BACKEND: Checkpoints = Checkpoints(1 << 5);
    pub const BACK_REQUEST_CONTENT: Checkpoints = Checkpoints(1 << 6);
    pub const BACK_REQUEST_HEADERS: Checkpoints = Checkpoints(1 << 7);
    pub const BACK_REQUEST_BODY: Checkpoints = Checkpoints(1 << 8);
    pub const BACK_SET_SERVER: Checkpoints = Checkpoints(1 << 9);
    pub const BACK_SERVER_CONNECTION: Checkpoints = Checkpoints(1 << 10);
    pub const BACK_RESPONSE_CONTENT: Checkpoints = Checkpoints(1 << 11);
    pub const BACK_RESPONSE_HEADERS: Checkpoints = Checkpoints(1 << 12);
    pub const BACK_RESPONSE_BODY: Checkpoints = Checkpoints(1 << 13);
    pub const BACK_STORE_RULE: Checkpoints = Checkpoints(1 << 14);
    pub const FRONT_RESPONSE_CONTENT: Checkpoints = Checkpoints(1 << 15);
    pub const FRONT_RESPONSE_HEADERS: Checkpoints = Checkpoints(1 << 16);
    pub const FRONT_RESPONSE_BODY: Checkpoints = Checkpoints(1 << 17);
    pub const FRONT_LOG: Checkpoints = Checkpoints(1 << 18);
    pub const BACK_CHECK_RULE: Checkpoints = Checkpoints(1 << 19);
    pub const CONFIGURATION: Checkpoints = Checkpoints(1 << 20);
    pub const COMMAND_LINE: Checkpoints = Checkpoints(1 << 21);

    /// What messages call each checkpoint, by bit position.
    pub const NAMES: [&'static str; 22] = [
        "frontend tcp-request connection rule",
        "frontend tcp-request session rule",
        "frontend tcp-request content rule",
        "frontend http-request header rule",
        "frontend http-request body rule",
        "frontend use-backend rule",
        "backend tcp-request content rule",
        "backend http-request header rule",
        "backend http-request body rule",
        "backend use-server, balance or stick-match rule",
        "server source selection",
        "backend tcp-response content rule",
        "backend http-response header rule",
        "backend http-response body rule",
        "backend stick-store rule",
        "frontend tcp-response content rule",
        "frontend http-response header rule",
        "frontend http-response body rule",
        "logs",
        "backend tcp-check rule",
        "configuration parser",
        "CLI parser",
    ];

    /// Union.
    #[must_use]
    pub const fn or(self, other: Checkpoints) -> Checkpoints {
        Checkpoints(self.0 | other.0)
    }

    /// Those in both.
    #[must_use]
    pub const fn both(self, other: Checkpoints) -> Checkpoints {
        Checkpoints(self.0 & other.0)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// What messages call the first of them.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES
            .get(self.0.trailing_zeros() as usize)
            .copied()
            .unwrap_or("unknown sample check place, please report this bug")
    }
}

/// Per source of [`Needs`], by bit position: its name in messages, and where it is visible.
const SOURCES: [(&str, u32); 24] = [
    ("", 0b11_1111_1111_1111_1111_1111),
    ("internal state", 0b10_1111_1111_1111_1111_1111),
    ("listener", 0b00_0111_1111_1111_1111_1111),
    ("frontend", 0b00_0111_1111_1111_1111_1111),
    ("client address", 0b00_1111_1111_1111_1111_1111),
    ("client-side connection", 0b00_0111_1111_1111_1111_1110),
    ("track counters", 0b00_0111_1111_1111_1111_1111),
    ("request buffer", 0b00_0000_0000_0111_1111_1100),
    ("HTTP request headers", 0b00_0000_0000_0111_1111_1100),
    ("HTTP request", 0b00_0111_1111_1111_1111_1100),
    ("HTTP request body", 0b00_0000_0000_0111_1111_0000),
    ("backend", 0b00_1111_1111_1111_1100_0000),
    ("server", 0b00_1111_1111_1100_0000_0000),
    ("server address", 0b00_1111_1111_1000_0000_0000),
    ("server-side connection", 0b00_1111_1111_1000_0000_0000),
    ("response buffer", 0b00_1011_1111_1000_0000_0000),
    ("HTTP response headers", 0b00_1011_1111_1000_0000_0000),
    ("HTTP response", 0b00_1111_1111_1000_0000_0000),
    ("HTTP response body", 0b00_1011_1110_0000_0000_0000),
    ("request buffer statistics", 0b00_0111_1111_1111_1111_1100),
    ("response buffer statistics", 0b00_0111_1111_1110_0000_0000),
    ("transaction statistics", 0b00_0111_1111_1111_1111_1100),
    ("session statistics", 0b00_0111_1111_1111_1111_1111),
    ("", 0b00_1111_1111_1100_0000_0000),
];

/// Sources that are there only when all is over, which before 3.5 only logs saw.
const FINAL: std::ops::Range<usize> = 19..23;

impl Needs {
    /// Where a fetch with these needs may be used: wherever any of its sources is visible.
    #[must_use]
    pub fn checkpoints(self) -> Checkpoints {
        let sets = SOURCES.iter().enumerate().filter(|(bit, _)| self.0 & (1 << bit) != 0);
        Checkpoints(sets.fold(0, |all, (_, (_, set))| all | set))
    }

    /// As [`Needs::checkpoints`], in a version.
    ///
    /// COMPAT: before 3.5, what is known only at the end of a message, transaction or stream is for logs
    /// alone.
    #[must_use]
    pub fn checkpoints_in(self, dialect: Dialect) -> Checkpoints {
        let sets = SOURCES.iter().enumerate().filter(|(bit, _)| self.0 & (1 << bit) != 0);
        let old = dialect < Dialect::V3_5;
        Checkpoints(sets.fold(0, |all, (bit, (_, set))| {
            all | if old && FINAL.contains(&bit) { Checkpoints::FRONT_LOG.0 } else { *set }
        }))
    }

    /// The sources as messages list them, `HTTP request headers,HTTP response headers`.
    #[must_use]
    pub fn names(self) -> String {
        let named = SOURCES.iter().enumerate().filter(|(bit, _)| self.0 & (1 << bit) != 0);
        let names = named.map(|(_, (name, _))| *name).filter(|n| !n.is_empty());
        names.collect::<Vec<_>>().join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_gone_when_the_log_line_is_written() {
        assert!(Needs::HTTP_REQUEST_HEADERS.checkpoints().both(Checkpoints::FRONT_LOG).is_none());
        assert!(!Needs::HTTP_REQUEST_LINE.checkpoints().both(Checkpoints::FRONT_LOG).is_none());
        assert_eq!(
            Needs::HTTP_REQUEST_HEADERS.and(Needs::HTTP_RESPONSE_HEADERS).names(),
            "HTTP request headers,HTTP response headers"
        );
        assert_eq!(Checkpoints::FRONT_LOG.name(), "logs");
    }
}
