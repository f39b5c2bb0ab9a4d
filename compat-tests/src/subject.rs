//! The program under test: the original or ours, running on a configuration.

use std::fmt;
use std::io::Read;
use std::net::TcpListener;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex, OnceLock};

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Pid, kill_process};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::{PATIENCE, uninterrupted};

pub use rustix::process::Signal;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// HAProxy.
    Original,
    /// rhap.
    Ours,
}

/// A program that can be started.
#[derive(Debug, Clone)]
pub struct Program {
    /// Which of the two.
    pub kind: Kind,
    /// Where it is.
    pub path: PathBuf,
    /// The version whose meaning counts, such as `2.6.12`: what the original answers to `-v`.
    pub version: String,
}

impl Program {
    /// The original, if it is installed: `RHA_ORIGINAL_HAPROXY`, else `haproxy` on the path.
    pub fn original() -> Option<&'static Program> {
        static FOUND: OnceLock<Option<Program>> = OnceLock::new();
        FOUND
            .get_or_init(|| {
                let named = std::env::var_os("RHA_ORIGINAL_HAPROXY").map(PathBuf::from);
                let path = named.or_else(|| on_path("haproxy"))?;
                let version = version_of(&path)?;
                Some(Program { kind: Kind::Original, path, version })
            })
            .as_ref()
    }

    /// Ours: `RHA_OURS`, else `rhap` of this workspace's build folder, built if it is not there.
    ///
    /// # Panics
    /// It cannot be built.
    pub fn ours(version: &str) -> Program {
        static BUILT: OnceLock<PathBuf> = OnceLock::new();
        let path = BUILT.get_or_init(|| match std::env::var_os("RHA_OURS") {
            Some(named) => named.into(),
            None => build("rhap"),
        });
        Program { kind: Kind::Ours, path: path.clone(), version: version.to_string() }
    }

    /// A command that runs it, told whose meaning counts, in an environment without surprises.
    #[must_use]
    pub fn command(&self) -> Command {
        // a shell that runs the tests in the background ignores SIGINT, and children inherit that
        let mut command = Command::new("env");
        command.arg("--default-signal").arg(&self.path);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("TZ", "UTC").env("RHAP_COMPAT", &self.version);
        command
    }
}

/// How a process ended, with all it said.
#[derive(Debug, Clone)]
pub struct Exit {
    /// Wait status.
    pub status: ExitStatus,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Exit {
    /// Of a finished command.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn of(command: &mut Command) -> Exit {
        let running = Running::start(command, &[]);
        running.wait()
    }

    /// `exit 1`, `signal 15`.
    #[must_use]
    pub fn how(&self) -> String {
        match (self.status.code(), self.status.signal()) {
            (Some(code), _) => format!("exit {code}"),
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => "neither exit nor signal".to_string(),
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n--- stdout\n{}--- stderr\n{}", self.how(), self.stdout, self.stderr)
    }
}

/// What a running process has said so far on one stream.
#[derive(Default)]
struct Said {
    text: Mutex<(Vec<u8>, bool)>,
    news: Condvar,
}

/// A running program; killed when dropped.
pub struct Running {
    pid: Pid,
    exit: Receiver<ExitStatus>,
    stdout: Arc<Said>,
    stderr: Arc<Said>,
    ended: bool,
}

impl Running {
    /// Starts a command with listening sockets it inherits.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn start(command: &mut Command, sockets: &[TcpListener]) -> Running {
        let mut child = spawn_with(command, sockets);
        let pid = Pid::from_child(&child);
        let stdout = said(child.stdout.take());
        let stderr = said(child.stderr.take());
        let (sender, exit) = channel();
        std::thread::spawn(move || child.wait().map(|status| sender.send(status)));
        Running { pid, exit, stdout, stderr, ended: false }
    }

    /// Process id.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let _ = kill_process(self.pid, signal);
    }

    /// Waits until standard error contains `text`, and gives all of it.
    ///
    /// # Panics
    /// It does not in time.
    #[must_use]
    pub fn stderr_with(&self, text: &str) -> String {
        let has = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(text);
        let said = self.stderr.text.lock().expect("stderr");
        let waiting = |(bytes, closed): &mut (Vec<u8>, bool)| !has(bytes) && !*closed;
        let (said, _) = self.stderr.news.wait_timeout_while(said, PATIENCE, waiting).expect("stderr");
        let all = String::from_utf8_lossy(&said.0).into_owned();
        assert!(all.contains(text), "no {text:?} on standard error, but:\n{all}");
        all
    }

    /// How it ended, if it did already.
    #[must_use]
    pub fn ended(mut self) -> Option<Exit> {
        let status = self.exit.try_recv().ok()?;
        self.ended = true;
        Some(Exit { status, stdout: self.stdout.all(), stderr: self.stderr.all() })
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// It does not end in time.
    pub fn wait(mut self) -> Exit {
        let Ok(status) = self.exit.recv_timeout(PATIENCE) else {
            let stderr = self.stderr.so_far();
            panic!("the program does not end; standard error so far:\n{stderr}");
        };
        self.ended = true;
        Exit { status, stdout: self.stdout.all(), stderr: self.stderr.all() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended && self.exit.try_recv().is_err() {
            let _ = kill_process(self.pid, Signal::KILL);
        }
    }
}

impl Said {
    /// Everything, once the stream is closed (a child left behind may keep it open: then what there is).
    fn all(&self) -> String {
        let said = self.text.lock().expect("output");
        let open = |(_, closed): &mut (Vec<u8>, bool)| !*closed;
        let (said, _) = self.news.wait_timeout_while(said, PATIENCE, open).expect("output");
        String::from_utf8_lossy(&said.0).into_owned()
    }

    fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.text.lock().expect("output").0).into_owned()
    }
}

fn said(stream: Option<impl Read + Send + 'static>) -> Arc<Said> {
    let said = Arc::new(Said::default());
    let Some(mut stream) = stream else { return said };
    let writer = Arc::clone(&said);
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        loop {
            let read = uninterrupted(|| stream.read(&mut buffer)).unwrap_or(0);
            let mut text = writer.text.lock().expect("output");
            text.0.extend_from_slice(&buffer[..read]);
            text.1 = read == 0;
            writer.news.notify_all();
            if read == 0 {
                return;
            }
        }
    });
    said
}

/// Starts a child that inherits exactly these sockets. Only one start at a time, so that no other child
/// inherits them too and keeps a dead subject's port open.
fn spawn_with(command: &mut Command, sockets: &[TcpListener]) -> Child {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    for socket in sockets {
        fcntl_setfd(socket.as_fd(), FdFlags::empty()).expect("an inherited socket");
    }
    // one CPU: with several threads the original counts a connection twice while two of them race for it
    let cpus = sched_getaffinity(None).expect("the CPUs we may use");
    let first = (0..CpuSet::MAX_CPU).find(|n| cpus.is_set(*n)).expect("a CPU");
    let mut one = CpuSet::new();
    one.set(first);
    sched_setaffinity(None, &one).expect("the CPU the subject runs on");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn();
    sched_setaffinity(None, &cpus).expect("the CPUs we may use");
    for socket in sockets {
        let _ = fcntl_setfd(socket.as_fd(), FdFlags::CLOEXEC);
    }
    child.unwrap_or_else(|e| panic!("{command:?}: {e}"))
}

/// The number under which a child knows an inherited socket.
pub fn inherited_number(socket: &TcpListener) -> String {
    socket.as_raw_fd().to_string()
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    // Debian keeps daemons where a user's path does not look
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    folders.map(|f| f.join(program)).find(|p| p.is_file())
}

fn version_of(path: &Path) -> Option<String> {
    let output = Command::new(path).arg("-v").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let word = text.split_whitespace().skip_while(|w| *w != "version").nth(1)?;
    let end = word.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(word.len());
    Some(word[..end].trim_end_matches('.').to_string())
}

/// Builds one of our programs in the profile these tests were built in.
pub fn build(package: &str) -> PathBuf {
    let here = std::env::current_exe().expect("the test's own path");
    let folder = here.ancestors().find(|a| a.join("deps").is_dir()).expect("a build folder").to_path_buf();
    let release = folder.file_name().is_some_and(|n| n == "release");
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_string());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--package", package]).current_dir(env!("CARGO_MANIFEST_DIR"));
    if release {
        command.arg("--release");
    }
    let status = command.status().expect("cargo");
    assert!(status.success(), "{package} cannot be built");
    folder.join(package)
}
