//! How one check ended, and the part of a log line that tells it.

use std::fmt::Write as _;

use bstr::{BString, ByteSlice};

use crate::Status;

/// Longest info kept, bytes.
const INFO_MAX: usize = 127;

/// The end of a check.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Conclusion.
    pub status: Status,
    /// Code of the answer: an HTTP status, an SMTP reply, a protocol's own number.
    pub code: i32,
    /// What is known beyond the status.
    pub info: BString,
    /// From the start to the conclusion, milliseconds; `None` when no check ran.
    pub duration_ms: Option<u64>,
    /// COMPAT: a success of mysql-check, ldap-check and spop-check is counted twice, the second time without info
    /// (`mysql_counts_twice`).
    pub echoed: bool,
}

impl Outcome {
    /// An outcome; info is cut at 127 bytes and at a NUL.
    #[must_use]
    pub fn new(status: Status, code: i32, info: impl AsRef<[u8]>, duration_ms: Option<u64>) -> Outcome {
        let info = info.as_ref();
        let end = info.iter().position(|&c| c == 0).unwrap_or(info.len()).min(INFO_MAX);
        let info = BString::from(info.get(..end).unwrap_or_default());
        Outcome { status, code, info, duration_ms, echoed: false }
    }

    /// `, reason: …[, code: n][, info: "…"][, check duration: nms]`.
    #[must_use]
    pub fn reason(&self) -> String {
        let mut out = format!(", reason: {}", self.status.description());
        if self.status.has_code() {
            let _ = write!(out, ", code: {}", self.code);
        }
        if !self.info.is_empty() {
            out.push_str(", info: \"");
            encode(&mut out, &self.info);
            out.push('"');
        }
        if let Some(ms) = self.duration_ms {
            let _ = write!(out, ", check duration: {ms}ms");
        }
        out
    }
}

/// Bytes that do not print, angle brackets and the quote become `<XX>`.
fn encode(out: &mut String, bytes: &[u8]) {
    for c in bytes.bytes() {
        if (b' '..=b'~').contains(&c) && !b"<>\"".contains(&c) {
            out.push(char::from(c));
        } else {
            let _ = write!(out, "<{c:02X}>");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_shows_what_there_is() {
        for (outcome, text) in [
            (
                Outcome::new(Status::L4Ok, 0, "", Some(0)),
                ", reason: Layer4 check passed, check duration: 0ms",
            ),
            (
                Outcome::new(Status::L7Sts, 500, "Oh \"no\"\n", Some(3)),
                ", reason: Layer7 wrong status, code: 500, info: \"Oh <22>no<22><0A>\", check duration: 3ms",
            ),
            (
                Outcome::new(Status::Hana, 0, "Detected 1", None),
                ", reason: Health analyze, info: \"Detected 1\"",
            ),
            (Outcome::new(Status::L7Rsp, 9, "a\0b", None), ", reason: Layer7 invalid response, info: \"a\""),
        ] {
            assert_eq!(outcome.reason(), text);
        }
        assert_eq!(Outcome::new(Status::L7Rsp, 0, vec![b'x'; 500], None).info.len(), 127);
    }
}
