//! `wait`: the next command of a connection comes later.

use std::time::{Duration, Instant};

use rha_ir::SocketLevel;

use super::{Answer, told, wrong};
use crate::view::Site;

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// At most so long, microseconds.
    pub us: u64,
    /// The server that has to become removable, as backend and server.
    pub server: Option<(String, String)>,
}

/// How waiting stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// What was waited for is so.
    Done,
    /// It cannot become so.
    Failed,
    /// Not yet.
    Waiting,
    /// Who waited has closed its side.
    Interrupted,
}

const USAGE: &str = "Usage: wait {-h|<duration>} [condition [args...]]
  - '-h' displays this help
  - <duration> is the maximum wait time, optionally suffixed by the unit among
    'us', 'ms', 's', 'm', 'h', and 'd'. ; the default unit is milliseconds.
  - <condition> indicates what to wait for, no longer than the specified
    duration. Supported conditions are:
    - <none> : by default, just sleep for the specified duration.
    - srv-removable <px>/<sv> : wait for this server to become removable.
";

/// `wait {-h|<duration>} [<condition> [args…]]`.
pub fn parse(words: &[String], _: SocketLevel, _: &dyn Site) -> Answer {
    let Some(time) = words.get(1) else { return wrong("Expects a duration in milliseconds.\n") };
    if time == "-h" {
        return told(USAGE);
    }
    let Some(us) = duration_us(time, 1000).filter(|us| *us > 0) else { return wrong("Invalid duration.\n") };
    let server = match words.get(2).map(String::as_str) {
        None => None,
        Some("srv-removable") => match words.get(3) {
            None => return wrong("Missing server name (<backend>/<server>).\n"),
            Some(name) => match name.split_once('/') {
                None => return wrong("Require 'backend/server'.\n"),
                Some((b, s)) => Some((b.to_owned(), s.to_owned())),
            },
        },
        Some(_) => return told(USAGE),
    };
    Answer::Wait(Wait { us, server })
}

/// Whether a wait is over before its time.
pub fn progress(wait: &Wait, site: &dyn Site) -> Progress {
    let Some((backend, server)) = &wait.server else { return Progress::Waiting };
    let snapshot = site.look();
    let back = snapshot.proxies.iter().find(|p| p.name == *backend).and_then(|p| p.back.as_ref());
    match back.and_then(|b| b.servers.iter().find(|s| s.name == *server)) {
        // COMPAT: one that is not in maintenance will not become removable by waiting (`talk/wait`).
        None => Progress::Failed,
        Some(s) if s.status.starts_with("MAINT") => {
            let busy = s.sessions.0 + s.queue.0 + s.idle > 0;
            if busy { Progress::Waiting } else { Progress::Done }
        }
        Some(_) => Progress::Failed,
    }
}

/// How often [`hold`] looks.
const LOOK: Duration = Duration::from_millis(20);

/// Waits on a thread of its own.
pub fn hold(wait: &Wait, site: &dyn Site) -> Progress {
    let end = Instant::now() + Duration::from_micros(wait.us);
    loop {
        let how = progress(wait, site);
        let left = end.saturating_duration_since(Instant::now());
        if how != Progress::Waiting || left.is_zero() {
            return how;
        }
        std::thread::sleep(if wait.server.is_some() { left.min(LOOK) } else { left });
    }
}

/// A time in microseconds: a number in a default unit of so many microseconds, or with a unit.
pub fn duration_us(text: &str, default_us: u64) -> Option<u64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let n: u64 = text.get(..digits)?.parse().ok()?;
    let rest = text.get(digits..)?;
    // COMPAT: what follows the unit is not looked at.
    let unit = match rest.as_bytes() {
        [] => default_us,
        [b'u', b's', ..] => 1,
        [b'm', b's', ..] => 1000,
        [b's', ..] => 1_000_000,
        [b'm', ..] => 60_000_000,
        [b'h', ..] => 3_600_000_000,
        [b'd', ..] => 86_400_000_000,
        _ => return None,
    };
    n.checked_mul(unit)
}
