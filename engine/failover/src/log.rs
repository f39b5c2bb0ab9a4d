//! Log lines where operators look for them: syslog's socket with keepalived's idents, and the console.
//!
//! COMPAT: everything is facility daemon, severity info; the parent is `Keepalived`, the worker
//! `Keepalived_vrrp`; `-l` prints `Sat Nov 21 02:36:29 2026: text` on standard error. A line is never
//! waited for: when syslog's queue is full the line is lost rather than an advert delayed.

use std::cell::RefCell;
use std::fmt::Display;
use std::fs::File;
use std::io::Write;
use std::os::unix::net::UnixDatagram;
use std::rc::Rc;

use rha_syslog::Civil;

/// Where syslog listens.
const SOCKET: &str = "/dev/log";
const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

/// What the command line says about logging.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogOptions {
    /// `-l`.
    pub console: bool,
    /// Unless `-G`.
    pub syslog: bool,
    /// `-D`.
    pub detail: bool,
    /// `-D` twice.
    pub extra_detail: bool,
    /// `-S`: syslog facility, daemon (3) by default.
    pub facility: u8,
    /// `-g`: a file that lines are appended to as well.
    pub file: Option<String>,
}

impl Default for LogOptions {
    fn default() -> Self {
        LogOptions {
            console: false,
            syslog: true,
            detail: false,
            extra_detail: false,
            facility: 3,
            file: None,
        }
    }
}

/// A process's log; clones share the connection.
#[derive(Debug, Clone)]
pub struct Log(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    options: LogOptions,
    ident: String,
    syslog: RefCell<Option<UnixDatagram>>,
    file: RefCell<Option<File>>,
}

impl Log {
    /// A log under `ident`; nothing is opened before the first line.
    #[must_use]
    pub fn new(options: &LogOptions, ident: &str) -> Log {
        let file = options.file.as_ref().and_then(|f| File::options().append(true).create(true).open(f).ok());
        Log(Rc::new(Inner {
            options: options.clone(),
            ident: ident.to_owned(),
            syslog: RefCell::new(None),
            file: RefCell::new(file),
        }))
    }

    /// Whether `-D` lines are wanted.
    #[must_use]
    pub fn is_detailed(&self) -> bool {
        self.0.options.detail
    }

    /// Whether `-D -D` lines are wanted.
    #[must_use]
    pub fn is_extra_detailed(&self) -> bool {
        self.0.options.extra_detail
    }

    /// One line.
    pub fn info(&self, text: impl Display) {
        let text = text.to_string();
        let now = rha_net::read_clocks().wall_us.div_euclid(1_000_000);
        let civil = Civil::at(now, rha_net::local_time(now).offset_s);
        if self.0.options.console || self.0.file.borrow().is_some() {
            let line = format!("{}: {text}\n", console_date(now, civil));
            if self.0.options.console {
                let _ = std::io::stderr().lock().write_all(line.as_bytes());
            }
            if let Some(f) = self.0.file.borrow_mut().as_mut() {
                let _ = f.write_all(line.as_bytes());
            }
        }
        if self.0.options.syslog {
            self.to_syslog(&format!(
                "<{}>{} {:>2} {:02}:{:02}:{:02} {}[{}]: {text}",
                u32::from(self.0.options.facility) * 8 + 6,
                civil.month_name(),
                civil.day,
                civil.hour,
                civil.minute,
                civil.second,
                self.0.ident,
                std::process::id(),
            ));
        }
    }

    /// One line that only `-D` shows.
    pub fn detail(&self, text: impl Display) {
        if self.is_detailed() {
            self.info(text);
        }
    }

    fn to_syslog(&self, line: &str) {
        let mut socket = self.0.syslog.borrow_mut();
        // Twice: syslog may have been restarted since the last line.
        for _ in 0..2 {
            if socket.is_none() {
                *socket = connect();
            }
            match socket.as_ref().map(|s| s.send(line.as_bytes())) {
                Some(Err(e)) if e.kind() != std::io::ErrorKind::WouldBlock => *socket = None,
                _ => return,
            }
        }
    }
}

fn connect() -> Option<UnixDatagram> {
    let s = UnixDatagram::unbound().ok()?;
    s.connect(SOCKET).ok()?;
    s.set_nonblocking(true).ok()?;
    Some(s)
}

/// `Sat Nov 21 02:36:29 2026`.
#[must_use]
pub fn console_date(unix_s: i64, c: Civil) -> String {
    // 1970-01-01 was a Thursday; the local day is found from the local date.
    let local = unix_s + seconds_of_day_shift(unix_s, c);
    let day = DAYS.get(usize::try_from(local.div_euclid(86_400).rem_euclid(7)).unwrap_or(0)).copied();
    format!(
        "{} {} {:>2} {:02}:{:02}:{:02} {}",
        day.unwrap_or("Thu"),
        c.month_name(),
        c.day,
        c.hour,
        c.minute,
        c.second,
        c.year
    )
}

/// What was added to UTC to get the civil time, up to whole days either way.
fn seconds_of_day_shift(unix_s: i64, c: Civil) -> i64 {
    let of_day = i64::from(c.hour) * 3600 + i64::from(c.minute) * 60 + i64::from(c.second);
    let shift = of_day - unix_s.rem_euclid(86_400);
    let same = |s: i64| Civil::at(unix_s + s, 0) == c;
    [shift, shift - 86_400, shift + 86_400].into_iter().find(|s| same(*s)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_console_date_is_that_of_the_c_library() {
        let t = 1_795_228_589;
        assert_eq!(console_date(t, Civil::at(t, 0)), "Sat Nov 21 02:36:29 2026");
        assert_eq!(console_date(t, Civil::at(t, -3 * 3600)), "Fri Nov 20 23:36:29 2026");
        assert_eq!(console_date(t, Civil::at(t, 13 * 3600 + 1800)), "Sat Nov 21 16:06:29 2026");
        assert_eq!(console_date(t, Civil::at(t, 14 * 3600)), "Sat Nov 21 16:36:29 2026");
    }

    #[test]
    fn lines_go_to_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("k.log");
        let options = LogOptions {
            syslog: false,
            file: Some(path.to_string_lossy().into_owned()),
            ..LogOptions::default()
        };
        let log = Log::new(&options, "Keepalived");
        log.info("Stopping");
        log.detail("not shown");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.ends_with(": Stopping\n"), "{text}");
        assert_eq!(text.lines().count(), 1);
    }
}
