//! HAProxy's own form: `[ALERT]    (pid) : text` on standard error.
//!
//! COMPAT: the first warning or alert of a run is preceded by two notices naming the version and the
//! executable; a notice is not (`reference contracts.md` §2, held by the `badcfg` differential tests).

use crate::{Diagnostic, Severity};

/// What a run of the original says of itself.
#[derive(Debug, Clone)]
pub struct Speaker {
    /// Version text, as in `haproxy version is 3.0.11-1+deb13u3`.
    pub version: String,
    /// Path of the executable.
    pub executable: String,
    /// Process id in parentheses.
    pub pid: u32,
}

/// State of a native stream: whether the two notices have been said.
#[derive(Debug, Clone)]
pub struct Stream {
    speaker: Speaker,
    introduced: bool,
    said: String,
}

/// How much a stream remembers of what was said on it, bytes.
const MEMORY: usize = 64 * 1024;

impl Stream {
    /// A stream nothing has been said on yet.
    #[must_use]
    pub fn new(speaker: Speaker) -> Self {
        Stream { speaker, introduced: false, said: String::new() }
    }

    /// Ends the start: COMPAT: what a serving process says has no introduction.
    pub fn serves(&mut self) {
        self.introduced = true;
    }

    /// Whether something was said that has an introduction before it.
    #[must_use]
    pub fn is_introduced(&self) -> bool {
        self.introduced
    }

    /// One message at a level, with its introduction if it is the first.
    #[must_use]
    pub fn say(&mut self, severity: Severity, text: &str) -> String {
        let mut out = String::new();
        if severity > Severity::Notice && !self.introduced {
            out = self.introduce();
        }
        out.push_str(&self.line(severity, text));
        self.remember(&out);
        out
    }

    /// What was said so far, `show startup-logs`; the first of it, if it is much.
    #[must_use]
    pub fn said(&self) -> &str {
        &self.said
    }

    /// Forgets what was said.
    pub fn forget(&mut self) {
        self.said.clear();
    }

    fn remember(&mut self, text: &str) {
        if self.said.len() + text.len() <= MEMORY {
            self.said.push_str(text);
        }
    }

    /// A diagnostic in the original's words; empty when the original does not say it.
    #[must_use]
    pub fn diagnostic(&mut self, d: &Diagnostic) -> String {
        let Some(native) = &d.native else { return String::new() };
        if d.code != crate::DIAG {
            return self.say(d.severity, &native.text);
        }
        // COMPAT: 2.6 does not introduce itself for what only a diagnostic run says.
        let mut out = String::new();
        if !self.introduced && !self.speaker.version.starts_with("2.6") {
            out = self.introduce();
        }
        out.push_str(&format!("[DIAG]     ({}) : {}\n", self.speaker.pid, native.text));
        self.remember(&out);
        out
    }

    fn introduce(&mut self) -> String {
        self.introduced = true;
        let version = format!("haproxy version is {}", self.speaker.version);
        let path = format!("path to executable is {}", self.speaker.executable);
        self.line(Severity::Notice, &version) + &self.line(Severity::Notice, &path)
    }

    fn line(&self, severity: Severity, text: &str) -> String {
        let level = match severity {
            Severity::Notice => "[NOTICE]  ",
            Severity::Warning => "[WARNING] ",
            Severity::Error => "[ALERT]   ",
        };
        format!("{level} ({}) : {text}\n", self.speaker.pid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_alert_is_introduced() {
        let speaker = Speaker { version: "3.0.11".into(), executable: "/usr/sbin/haproxy".into(), pid: 7 };
        let mut s = Stream::new(speaker);
        assert_eq!(s.say(Severity::Notice, "hello"), "[NOTICE]   (7) : hello\n");
        assert_eq!(
            s.say(Severity::Error, "config : bad"),
            "[NOTICE]   (7) : haproxy version is 3.0.11\n[NOTICE]   (7) : path to executable is /usr/sbin/haproxy\n[ALERT]    (7) : config : bad\n"
        );
        assert_eq!(s.say(Severity::Warning, "w"), "[WARNING]  (7) : w\n");
    }
}
