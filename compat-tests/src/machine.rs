//! A machine of its own for one daemon: network, pids, `/run`, `/tmp` and `/dev` are private, its first process is
//! called `systemd`, and the test reads its syslog and its notification socket.
//!
//! The first process is a shell that does what the test writes to it, so that daemons are its children as they
//! are systemd's. Everything ends with the [`Machine`].

use std::fmt::Write as _;
use std::io::Write;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::PATIENCE;
use crate::lan::Who;

/// The configuration, as the daemon sees it.
pub const CONFIG: &str = "/tmp/k.conf";
/// Pause between two looks at what nobody tells of.
const LOOK: Duration = Duration::from_millis(5);

/// Makes the machine: `$1` is its folder, `$2` the program.
const SETUP: &str = r#"
set -e
for n in null zero full random urandom tty; do : > "$1/dev/$n"; mount --bind "/dev/$n" "$1/dev/$n"; done
: > "$1/tmp/keepalived"; mount --bind "$2" "$1/tmp/keepalived"
cp /bin/sh "$1/tmp/systemd"
mount --rbind "$1/dev" /dev
mount --bind "$1/run" /run
mount --rbind "$1/tmp" /tmp
cd /
ip link set lo up
ip link add eth0 type veth peer name eth1
ip link set eth0 up; ip link set eth1 up
ip addr add 10.77.0.1/24 dev eth0
exec /tmp/systemd -c 'while read -r line; do eval "$line"; done'
"#;

/// What the machine said: log lines as `ident: text`, notifications as `notify: TEXT`.
#[derive(Default)]
struct Book {
    lines: Mutex<Vec<String>>,
    news: Condvar,
}

/// A machine.
pub struct Machine {
    who: Who,
    folder: TempDir,
    shell: Child,
    book: Arc<Book>,
    asked: usize,
    notes: String,
}

impl Machine {
    /// A new one for this program.
    ///
    /// # Panics
    /// It cannot be made: not root.
    #[must_use]
    pub fn new(who: Who) -> Machine {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["run/netns", "tmp", "dev"] {
            std::fs::create_dir_all(folder.path().join(name)).expect("a folder");
        }
        let book = Arc::new(Book::default());
        listen(&folder.path().join("dev/log"), &book, syslog_line);
        listen(&folder.path().join("tmp/notify"), &book, |t| format!("notify: {}", t.replace('\n', " ")));
        let shell = Command::new("unshare")
            .args([
                "-mnpf",
                "--mount-proc",
                "--propagation",
                "private",
                "--kill-child",
                "sh",
                "-c",
                SETUP,
                "sh",
            ])
            .arg(folder.path())
            .arg(who.path().expect("keepalived"))
            .stdin(Stdio::piped())
            .spawn()
            .expect("unshare");
        Machine { who, folder, shell, book, asked: 0, notes: String::new() }
    }

    /// Which program it is for.
    #[must_use]
    pub fn who(&self) -> Who {
        self.who
    }

    /// A file of the machine as the test sees it; `path` begins with `/tmp/` or `/run/`.
    #[must_use]
    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path.trim_start_matches('/'))
    }

    /// Its text, empty when it is not there.
    #[must_use]
    pub fn text(&self, path: &str) -> String {
        std::fs::read_to_string(self.path(path)).unwrap_or_default()
    }

    /// Writes a file of the machine. The configuration is replaced at once: half of one is one too.
    ///
    /// # Panics
    /// It cannot be written.
    pub fn write(&self, path: &str, text: &str) {
        if path == CONFIG {
            let new = self.path("/tmp/.new.conf");
            std::fs::write(&new, text).expect("a file");
            std::fs::rename(&new, self.path(path)).expect("a file");
        } else {
            std::fs::write(self.path(path), text).expect("a file");
        }
    }

    /// Has the shell do something; what it prints, once it is done.
    ///
    /// # Panics
    /// It does not end.
    pub fn sh(&mut self, line: &str) -> String {
        self.asked += 1;
        let (said, done) = (format!("/tmp/.said{}", self.asked), format!("/tmp/.done{}", self.asked));
        self.tell(&format!("{{ {line}; }} > {said} 2>&1; : > {done}"));
        let path = self.path(&done);
        self.wait(&format!("the end of {line}"), || path.exists());
        self.text(&said)
    }

    /// Has the shell do something without waiting.
    fn tell(&mut self, line: &str) {
        let stdin = self.shell.stdin.as_mut().expect("its input");
        writeln!(stdin, "{line}").expect("the shell listens");
    }

    /// Starts the daemon with these words behind `-f`, as a service of systemd: `$P` is its pid.
    pub fn start(&mut self, words: &str) {
        self.sh(&format!(
            "NOTIFY_SOCKET=/tmp/notify /tmp/keepalived -f {CONFIG} {words} > /tmp/stdout 2> /tmp/stderr & P=$!"
        ));
    }

    /// Waits for the daemon's end; its exit code.
    pub fn ended(&mut self) -> String {
        self.sh("wait $P; echo $?").trim().to_owned()
    }

    /// Ends it; its exit code.
    pub fn stop(&mut self) -> String {
        self.sh("kill $P");
        self.ended()
    }

    /// Sends its parent process a signal.
    pub fn signal(&mut self, name: &str) {
        self.sh(&format!("kill -{name} $P"));
    }

    /// How many lines there are by now.
    #[must_use]
    pub fn said(&self) -> usize {
        self.book.lines.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The lines since then.
    #[must_use]
    pub fn lines(&self, since: usize) -> Vec<String> {
        self.book
            .lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(since..)
            .unwrap_or_default()
            .to_vec()
    }

    /// Waits for a line with this text since then; how many there are up to it.
    ///
    /// # Panics
    /// It does not come.
    pub fn says(&self, text: &str, since: usize) -> usize {
        let at = |lines: &Vec<String>| lines.iter().skip(since).position(|l| l.contains(text));
        let lines = self.book.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.book.news.wait_timeout_while(lines, PATIENCE, |lines| at(lines).is_none());
        let (lines, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let found = at(&lines);
        drop(lines);
        since + 1 + found.unwrap_or_else(|| panic!("{:?} does not say {text:?}\n{}", self.who, self.story()))
    }

    /// Waits for something that nobody tells of.
    ///
    /// # Panics
    /// It does not come.
    pub fn wait(&self, what: &str, so: impl Fn() -> bool) {
        let start = Instant::now();
        while !so() {
            assert!(start.elapsed() < PATIENCE, "{:?}: not in time: {what}\n{}", self.who, self.story());
            std::thread::sleep(LOOK);
        }
    }

    /// Waits until the machine's eth0 has, or has not, an address; in a namespace if one is given.
    pub fn has(&mut self, address: &str, yes: bool, namespace: Option<&str>) {
        let inside = namespace.map_or_else(String::new, |n| format!("-n {n} "));
        let start = Instant::now();
        while self.sh(&format!("ip {inside}-o addr show dev eth0")).contains(&format!(" {address}/")) != yes {
            assert!(start.elapsed() < PATIENCE, "{:?}: {address}: {yes}\n{}", self.who, self.story());
            std::thread::sleep(LOOK);
        }
    }

    /// Notes what is to be the same for both programs.
    pub fn note(&mut self, label: &str, text: impl AsRef<str>) {
        let _ = writeln!(self.notes, "-- {label}\n{}", text.as_ref());
    }

    /// Notes what a command prints.
    pub fn note_sh(&mut self, label: &str, line: &str) {
        let text = self.sh(line);
        self.note(label, text);
    }

    /// Notes lines since then, those of one process: `Keepalived`, `Keepalived_vrrp`, `notify`.
    pub fn note_lines(&mut self, label: &str, since: usize, ident: &str) {
        let own: Vec<String> = self.lines(since).into_iter().filter(|l| is_of(l, ident)).collect();
        self.note(label, own.join("\n"));
    }

    /// Everything it said, for messages.
    #[must_use]
    pub fn story(&self) -> String {
        let (out, err) = (self.text("/tmp/stdout"), self.text("/tmp/stderr"));
        format!("{}\n--- stdout\n{out}\n--- stderr\n{err}", self.lines(0).join("\n"))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

/// Runs a case with the original, then with ours, and compares what they noted.
///
/// # Panics
/// They differ.
pub fn same(case: impl Fn(&mut Machine)) {
    let notes = [Who::Original, Who::Ours].map(|who| {
        let mut machine = Machine::new(who);
        case(&mut machine);
        normal(&machine.notes)
    });
    if std::env::var_os("RHA_SHOW").is_some() {
        println!("{}", notes[0]);
    }
    let diff = similar::TextDiff::from_lines(&notes[0], &notes[1]);
    assert!(notes[0] == notes[1], "{}", diff.unified_diff().header("original", "ours"));
}

/// Pids are not the same twice.
fn normal(text: &str) -> String {
    let pids = regex::Regex::new(r"(?i)(pid[ =]|process\()[0-9]+").expect("a pattern");
    pids.replace_all(text, "${1}N").into_owned()
}

fn is_of(line: &str, ident: &str) -> bool {
    // what only the original tells of bugs, and what each says of itself
    const OWN: [&str; 7] = [
        "Please log an issue",
        "and include a full copy",
        "copies of the keepalived system log",
        "Running on",
        "rkeepalived ",
        "CPU usage",
        "Script user 'keepalived_script' does not exist",
    ];
    // the original tells systemd nothing when it ends, and when it forgets the socket
    line.split_once(": ")
        .is_some_and(|(i, text)| i == ident && !text.is_empty() && !OWN.iter().any(|o| text.contains(o)))
}

/// Reads datagrams until the machine's folder is gone.
fn listen(path: &Path, book: &Arc<Book>, form: impl Fn(&str) -> String + Send + 'static) {
    let socket = UnixDatagram::bind(path).expect("a socket");
    socket.set_read_timeout(Some(Duration::from_millis(200))).expect("a time limit");
    let (book, path) = (Arc::clone(book), path.to_owned());
    std::thread::spawn(move || {
        let mut buffer = [0u8; 8192];
        while path.exists() {
            if let Ok(n) = socket.recv(&mut buffer) {
                let text = form(&String::from_utf8_lossy(&buffer[..n]));
                book.lines.lock().unwrap_or_else(PoisonError::into_inner).push(text);
                book.news.notify_all();
            }
        }
    });
}

/// `<30>Nov 21 06:05:16 Keepalived_vrrp[12]: text` without what differs from run to run.
fn syslog_line(line: &str) -> String {
    let bare = line.get(20..).unwrap_or(line).trim_start_matches(' ').trim_end_matches(['\0', '\n']);
    let (ident, text) = bare.split_once(": ").unwrap_or((bare, ""));
    format!("{}: {text}", ident.split('[').next().unwrap_or(ident))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_line_loses_what_differs() {
        let line = "<30>Nov 21 06:05:16 Keepalived_vrrp[19101]: (VI_1) Entering MASTER STATE";
        assert_eq!(syslog_line(line), "Keepalived_vrrp: (VI_1) Entering MASTER STATE");
        assert_eq!(normal("pid 12 and pid=13, process(14)"), "pid N and pid=N, process(N)");
        assert!(is_of("Keepalived: Stopping", "Keepalived"));
        assert!(
            !is_of("Keepalived_vrrp: Stopping", "Keepalived")
                && !is_of("Keepalived: CPU usage", "Keepalived")
        );
    }
}
