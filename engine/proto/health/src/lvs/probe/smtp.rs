//! `SMTP_CHECK`: greeting, HELO, QUIT, each with the expected code. RFC 5321 §4.3.
//!
//! COMPAT: of an answer only the first line counts, and it must be a code and a blank or nothing; a greeting of
//! several lines fails.

use bstr::ByteSlice;

use super::super::change::Event;
use super::super::watch::Verdict;
use super::{Given, Progress, target};

/// Most of a line that is kept, bytes.
const LINE_MAX: usize = 511;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Connecting,
    Greeting,
    Helo,
    Quit,
}

/// A run.
#[derive(Debug, Clone)]
pub(in super::super) struct Smtp {
    stage: Stage,
    target: String,
    helo: String,
    unreachable: String,
    line: Vec<u8>,
}

impl Smtp {
    pub(super) fn new(given: &Given<'_>, helo: &str) -> Smtp {
        let (address, server) = (given.plan.target.ip(), &given.server_pair);
        Smtp {
            stage: Stage::Connecting,
            target: target(given),
            helo: helo.to_owned(),
            unreachable: format!("Network unreachable for server {address} - real server {server}"),
            line: Vec::new(),
        }
    }

    pub(super) fn handle(&mut self, event: Event) -> Progress {
        let target = &self.target;
        match (self.stage, event) {
            (Stage::Connecting, Event::Connected) => {
                self.stage = Stage::Greeting;
                Progress::wait()
            }
            (Stage::Connecting, Event::Unreachable) => Progress::bad(self.unreachable.clone()),
            (Stage::Connecting, _) => Progress::bad(format!("Could not connect to server {target}")),
            (_, Event::Data(data)) => self.read(&data),
            (_, Event::WriteError) => Progress::bad(format!("Write failure to server {target}")),
            _ => Progress::bad(format!("Read failure from server {target}")),
        }
    }

    pub(super) fn timeout(&self) -> Verdict {
        Verdict::Bad(match self.stage {
            Stage::Connecting => format!("Connection timeout to server {}", self.target),
            _ => format!("Read timeout from server {}", self.target),
        })
    }

    fn read(&mut self, data: &[u8]) -> Progress {
        let mut overflow = Vec::new();
        if self.line.len() + data.len() > LINE_MAX && !data.contains(&b'\n') {
            self.line.clear();
            overflow.push(format!(
                "SMTP_CHECK Buffer overflow reading from server {}. Increase SMTP_BUFF_MAX in check_smtp.h",
                self.target
            ));
        } else {
            self.line.extend_from_slice(data);
        }
        let Some(end) = self.line.find_byte(b'\n') else {
            return Progress { lines: overflow, ..Progress::wait() };
        };
        let code = self.line.get(..end).and_then(code);
        // what follows the line is not looked at
        self.line.clear();
        match self.stage {
            Stage::Connecting | Stage::Greeting if code != Some(220) => {
                Progress::bad(format!("Bad greeting banner from server {}", self.target))
            }
            Stage::Connecting | Stage::Greeting => {
                self.stage = Stage::Helo;
                Progress::send(format!("HELO {}\r\n", self.helo).into_bytes())
            }
            Stage::Helo if code != Some(250) => {
                Progress::bad(format!("Bad HELO response from server {}", self.target))
            }
            Stage::Helo => {
                self.stage = Stage::Quit;
                Progress::send(b"QUIT\r\n".to_vec())
            }
            Stage::Quit => Progress::good(""),
        }
    }
}

/// Three digits, then a blank or the end.
fn code(line: &[u8]) -> Option<u16> {
    let (digits, rest) = line.split_at_checked(3)?;
    let ends = rest.first().is_none_or(|b| *b == b' ');
    let all = digits.iter().all(u8::is_ascii_digit);
    (all && ends).then(|| digits.iter().fold(0, |n, d| n * 10 + u16::from(d - b'0')))
}
