//! One connection to a control socket: bytes in, commands run, bytes out.
//!
//! COMPAT: without `prompt` one line is answered and the connection ends; several commands on it are
//! separated by `;`; every answer ends with an empty line. With `prompt` lines go on until `quit`.
//! Management guide §9.3; held by the `cli` differential tests.

use std::collections::VecDeque;

use rha_ir::SocketLevel;

use crate::command::wait::{Progress, Wait};
use crate::command::{self, Answer, Mode, Severity, SeverityOutput};
use crate::view::{Site, Veiled};

/// Longest line that is read; a longer one ends the connection.
const LINE_LIMIT: usize = 16 * 1024;

/// State of one connection.
#[derive(Debug)]
pub struct Session {
    level: SocketLevel,
    interactive: bool,
    pending: Vec<u8>,
    closed: bool,
    timeout_ms: Option<u64>,
    severities: SeverityOutput,
    modes: Vec<Mode>,
    /// The key under which it wants names hidden; 0 is none.
    key: u32,
    /// Commands of the line that is being answered.
    rest: VecDeque<String>,
    /// A line is being answered.
    answering: bool,
    waiting: Option<Wait>,
}

impl Session {
    /// A connection with the level of its socket.
    #[must_use]
    pub fn new(level: SocketLevel) -> Self {
        Session {
            level,
            interactive: false,
            pending: Vec::new(),
            closed: false,
            timeout_ms: None,
            severities: SeverityOutput::None,
            modes: Vec::new(),
            key: 0,
            rest: VecDeque::new(),
            answering: false,
            waiting: None,
        }
    }

    /// Says how grave messages are, as its socket wants it.
    #[must_use]
    pub fn saying(mut self, severities: SeverityOutput) -> Self {
        self.severities = severities;
        self
    }

    /// In these modes from the start: a master passes them on.
    #[must_use]
    pub fn in_modes(mut self, modes: &[Mode]) -> Self {
        self.modes = modes.to_vec();
        self
    }

    /// Takes what was received and appends to `out` what is to be sent.
    pub fn receive(&mut self, bytes: &[u8], site: &dyn Site, out: &mut Vec<u8>) {
        self.pending.extend_from_slice(bytes);
        self.go_on(site, out);
        if self.pending.len() > LINE_LIMIT {
            self.closed = true;
        }
    }

    /// The other side sends no more: what it sent without a line end is a line.
    pub fn end(&mut self, site: &dyn Site, out: &mut Vec<u8>) {
        if !self.closed && self.waiting.is_none() && !self.pending.is_empty() {
            self.pending.push(b'\n');
            self.go_on(site, out);
        }
        self.closed = true;
    }

    /// What a `wait` waits for: nothing is answered until [`Session::waited`].
    #[must_use]
    pub fn waiting(&self) -> Option<&Wait> {
        self.waiting.as_ref()
    }

    /// The wait is over: what came of it, and on with the commands behind it.
    pub fn waited(&mut self, how: Progress, site: &dyn Site, out: &mut Vec<u8>) {
        let Some(wait) = self.waiting.take() else { return };
        let (severity, text) = match how {
            Progress::Failed => (Severity::Error, "Failed.\n"),
            Progress::Interrupted => (Severity::Error, "Interrupted.\n"),
            // COMPAT: a time that passes is success where nothing else was waited for.
            Progress::Waiting if wait.server.is_some() => (Severity::Error, "Wait delay expired.\n"),
            Progress::Done | Progress::Waiting => (Severity::Info, "Done.\n"),
        };
        self.say(severity, text, out);
        self.go_on(site, out);
    }

    /// Whether the connection is to be closed once `out` has been sent.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// What `set timeout cli` asked for, milliseconds.
    #[must_use]
    pub fn timeout_ms(&self) -> Option<u64> {
        self.timeout_ms
    }

    /// Answers all that is here, or up to a wait.
    fn go_on(&mut self, site: &dyn Site, out: &mut Vec<u8>) {
        while !self.closed && self.waiting.is_none() {
            if let Some(command) = self.rest.pop_front() {
                self.run(&command::words(&command), site, out);
                continue;
            }
            if std::mem::take(&mut self.answering) {
                if self.interactive {
                    out.extend_from_slice(b"> ");
                } else {
                    self.closed = true;
                }
                continue;
            }
            let Some(end) = self.pending.iter().position(|b| *b == b'\n') else { return };
            let line: Vec<u8> = self.pending.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            let mut parts = split_commands(line.trim_end_matches(['\n', '\r']));
            let is_empty = |part: &String| command::words(part).is_empty();
            let first = parts.first().is_some_and(|p| !is_empty(p) || !self.interactive);
            let mut n = 0;
            parts.retain(|p| {
                n += 1;
                !is_empty(p) || n == 1 && first
            });
            self.rest = parts.into();
            self.answering = true;
        }
    }

    fn say(&self, severity: Severity, text: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(self.severities.prefix(severity).as_bytes());
        out.extend_from_slice(text.as_bytes());
        out.push(b'\n');
    }

    fn run(&mut self, words: &[String], site: &dyn Site, out: &mut Vec<u8>) {
        if let Some(mode) = command::needs(words)
            && !self.modes.contains(&mode)
        {
            let text = format!("This command is restricted to {} mode only.\n", mode.word());
            return self.say(Severity::Error, &text, out);
        }
        let site = Veiled { site, key: self.key };
        match command::run(words, self.level, &site) {
            Answer::Text(t) => {
                out.extend_from_slice(t.as_bytes());
                out.push(b'\n');
                return;
            }
            Answer::Said(severity, t) => return self.say(severity, &t, out),
            Answer::Mode(mode, None) => {
                let state = if self.modes.contains(&mode) { "ON" } else { "OFF" };
                return self.say(Severity::Info, &format!("{}-mode is {state}\n", mode.word()), out);
            }
            Answer::Wait(wait) => {
                self.waiting = Some(wait);
                return;
            }
            Answer::Mode(mode, Some(on)) => {
                self.modes.retain(|m| *m != mode);
                if on {
                    self.modes.push(mode);
                }
            }
            Answer::Severities(s) => self.severities = s,
            Answer::Veil(key) => self.key = key,
            Answer::Level(level) => self.level = level,
            Answer::Prompt => self.interactive = !self.interactive,
            Answer::Timeout(ms) => self.timeout_ms = Some(ms),
            Answer::Quit => self.closed = true,
        }
        out.push(b'\n');
    }
}

/// Splits at `;` that is not behind a backslash.
fn split_commands(line: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut escaped = false;
    for c in line.chars() {
        let last = parts.len() - 1;
        match c {
            ';' if !escaped => parts.push(String::new()),
            _ => parts[last].push(c),
        }
        escaped = c == '\\' && !escaped;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::tests::Fake;

    fn talk(input: &str) -> (String, bool) {
        let site = Fake::default();
        let mut s = Session::new(SocketLevel::Admin);
        let mut out = Vec::new();
        s.receive(input.as_bytes(), &site, &mut out);
        (String::from_utf8(out).unwrap(), s.is_closed())
    }

    #[test]
    fn one_line_is_answered_and_the_connection_ends() {
        assert_eq!(talk("show version\nshow version\n"), ("9.9\n\n".into(), true));
        assert_eq!(talk("show version;show cli level\n"), ("9.9\n\nadmin\n\n".into(), true));
        assert_eq!(talk("show version").0, "");
    }

    #[test]
    fn a_prompt_keeps_it_open() {
        assert_eq!(talk("prompt\nshow version\nquit\n"), ("\n> 9.9\n\n> \n".into(), true));
        assert_eq!(talk("user\n").0, "\n");
    }

    #[test]
    fn modes_severities_and_waits_belong_to_the_connection() {
        assert_eq!(talk("set var proc.x 1\n").0, "This command is restricted to experimental mode only.\n\n");
        assert_eq!(
            talk("experimental-mode on;set var proc.x 1;get var proc.x\n").0,
            "\n\nproc.x: type=sint value=<5>\n\n"
        );
        assert_eq!(
            talk("expert-mode;expert-mode on;expert-mode\n").0,
            "expert-mode is OFF\n\n\nexpert-mode is ON\n\n"
        );
        assert_eq!(
            talk("set severity-output string;get weight x;show version\n").0,
            "\n[err]: Require 'backend/server'.\n\n[info]: 9.9\n\n"
        );
        assert_eq!(talk("set anon on 5;show anon;show servers conn\n").0.matches("Key : 5").count(), 1);
        let (site, mut out) = (Fake::default(), Vec::new());
        let mut s = Session::new(SocketLevel::Admin);
        s.receive(b"wait 10ms;show version\n", &site, &mut out);
        assert_eq!((s.waiting().map(|w| w.us), out.len(), s.is_closed()), (Some(10_000), 0, false));
        s.waited(Progress::Waiting, &site, &mut out);
        assert_eq!((String::from_utf8(out).unwrap().as_str(), s.is_closed()), ("Done.\n\n9.9\n\n", true));
    }

    #[test]
    fn an_endless_line_ends_the_connection() {
        assert_eq!(talk(&"x".repeat(LINE_LIMIT + 1)), (String::new(), true));
    }
}
