//! A program on a node: which one, its processes, what it says.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitOptions, getpid, kill_process, set_child_subreaper, waitpid};

use crate::Signal;
use crate::lan::book::Book;

/// Which program runs on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Who {
    /// keepalived: `RHA_ORIGINAL_KEEPALIVED`, or on the path, or where daemons are.
    Original,
    /// rkeepalived: `RHA_OURS_KEEPALIVED`, or built from this workspace.
    Ours,
}

impl Who {
    /// Where it is; `None` if the original is not installed.
    #[must_use]
    pub fn path(self) -> Option<PathBuf> {
        match self {
            Who::Original => original().cloned(),
            Who::Ours => Some(ours_path().clone()),
        }
    }

    /// As tables name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Who::Original => "original",
            Who::Ours => "ours",
        }
    }
}

fn original() -> Option<&'static PathBuf> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        if let Some(named) = std::env::var_os("RHA_ORIGINAL_KEEPALIVED") {
            return Some(PathBuf::from(named));
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
        folders.map(|f| f.join("keepalived")).find(|p| p.is_file())
    });
    found.as_ref()
}

/// Our program.
///
/// # Panics
/// It cannot be built.
pub fn ours_path() -> &'static PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| match std::env::var_os("RHA_OURS_KEEPALIVED") {
        Some(named) => named.into(),
        None => crate::subject::build("rkeepalived"),
    })
}

/// A node's program, if it runs.
#[derive(Default)]
pub(super) struct Node {
    child: Option<Child>,
}

impl Node {
    pub(super) fn start(command: &mut Command, node: usize, book: &Arc<Book>) -> Result<Node, String> {
        // children of a killed parent come to us: one that nobody waits for still looks alive to the original
        set_child_subreaper(Some(getpid())).map_err(|e| e.to_string())?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|e| format!("{command:?}: {e}"))?;
        read(child.stdout.take(), node, book);
        read(child.stderr.take(), node, book);
        Ok(Node { child: Some(child) })
    }

    pub(super) fn runs(&self) -> bool {
        self.child.is_some()
    }

    pub(super) fn signal(&self, signal: Signal) -> Result<(), String> {
        let child = self.child.as_ref().ok_or("nothing runs there")?;
        kill_process(Pid::from_child(child), signal).map_err(|e| e.to_string())
    }

    pub(super) fn ended(&mut self, limit: Duration) -> Result<(), String> {
        let mut child = self.child.take().ok_or("nothing runs there")?;
        let start = Instant::now();
        while child.try_wait().map_err(|e| e.to_string())?.is_none() {
            if start.elapsed() > limit {
                self.child = Some(child);
                return Err(format!("the program does not end within {limit:?}"));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Kills a process and all below it. All of them stop first, so that none sees another die.
    pub(super) fn kill_all(&mut self) -> Result<(), String> {
        let mut child = self.child.take().ok_or("nothing runs there")?;
        let mut all = vec![Pid::from_child(&child)];
        let mut next = 0;
        while let Some(pid) = all.get(next).copied() {
            let _ = kill_process(pid, Signal::STOP);
            all.extend(children(pid));
            next += 1;
        }
        for pid in &all {
            let _ = kill_process(*pid, Signal::KILL);
        }
        child.wait().map_err(|e| e.to_string())?;
        for pid in all.into_iter().skip(1) {
            let _ = waitpid(Some(pid), WaitOptions::empty());
        }
        Ok(())
    }
}

fn children(pid: Pid) -> Vec<Pid> {
    let n = pid.as_raw_nonzero();
    let text = std::fs::read_to_string(format!("/proc/{n}/task/{n}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|p| Pid::from_raw(p.parse().ok()?)).collect()
}

fn read(stream: Option<impl Read + Send + 'static>, node: usize, book: &Arc<Book>) {
    let Some(stream) = stream else { return };
    let book = Arc::clone(book);
    std::thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            book.line(node, String::from_utf8_lossy(&line).into_owned());
        }
    });
}
