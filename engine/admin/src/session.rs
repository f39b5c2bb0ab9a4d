//! One connection to a control socket: bytes in, commands run, bytes out.
//!
//! COMPAT: without `prompt` one line is answered and the connection ends; several commands on it are
//! separated by `;`; every answer ends with an empty line. With `prompt` lines go on until `quit`.
//! Management guide §9.3; held by the `cli` differential tests.

use rha_ir::SocketLevel;

use crate::command::{self, Answer};
use crate::view::Site;

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
}

impl Session {
    /// A connection with the level of its socket.
    #[must_use]
    pub fn new(level: SocketLevel) -> Self {
        Session { level, interactive: false, pending: Vec::new(), closed: false, timeout_ms: None }
    }

    /// Takes what was received and appends to `out` what is to be sent.
    pub fn receive(&mut self, bytes: &[u8], site: &dyn Site, out: &mut Vec<u8>) {
        self.pending.extend_from_slice(bytes);
        while !self.closed {
            let Some(end) = self.pending.iter().position(|b| *b == b'\n') else { break };
            let line: Vec<u8> = self.pending.drain(..=end).collect();
            self.line(&String::from_utf8_lossy(&line), site, out);
        }
        if self.pending.len() > LINE_LIMIT {
            self.closed = true;
        }
    }

    /// The other side sends no more: what it sent without a line end is a line.
    pub fn end(&mut self, site: &dyn Site, out: &mut Vec<u8>) {
        if !self.closed && !self.pending.is_empty() {
            let line = std::mem::take(&mut self.pending);
            self.line(&String::from_utf8_lossy(&line), site, out);
        }
        self.closed = true;
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

    fn line(&mut self, line: &str, site: &dyn Site, out: &mut Vec<u8>) {
        let line = line.trim_end_matches(['\n', '\r']);
        for (i, part) in split_commands(line).into_iter().enumerate() {
            let words = command::words(&part);
            if words.is_empty() && i > 0 {
                continue;
            }
            if self.interactive && words.is_empty() {
                continue;
            }
            self.run(&words, site, out);
            if self.closed {
                return;
            }
        }
        if self.interactive {
            out.extend_from_slice(b"> ");
        } else {
            self.closed = true;
        }
    }

    fn run(&mut self, words: &[String], site: &dyn Site, out: &mut Vec<u8>) {
        match command::run(words, self.level, site) {
            Answer::Text(t) => {
                out.extend_from_slice(t.as_bytes());
                out.push(b'\n');
            }
            Answer::Level(level) => {
                self.level = level;
                out.push(b'\n');
            }
            Answer::Prompt => {
                self.interactive = !self.interactive;
                out.push(b'\n');
            }
            Answer::Timeout(ms) => {
                self.timeout_ms = Some(ms);
                out.push(b'\n');
            }
            Answer::Quit => {
                self.closed = true;
                out.push(b'\n');
            }
        }
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
    fn an_endless_line_ends_the_connection() {
        assert_eq!(talk(&"x".repeat(LINE_LIMIT + 1)), (String::new(), true));
    }
}
