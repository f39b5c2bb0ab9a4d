//! A load balancer in a network namespace of its own: keepalived's checkers, or ours, on the same virtual servers.
//!
//! The original's checker process ends at once where the kernel has no IPVS. A stand-in for it (`ipvs.c`, built with
//! the `cc` that Rust links with) grants whatever is asked of the kernel, so that everything but the forwarding can be
//! compared: what is checked, how, in which words, and what is dumped.

mod service;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::lan::Who;
pub use service::Service;

/// Longest wait for a line; on a halted machine checks take as long as the halt.
const PATIENCE: Duration = Duration::from_secs(40);

/// A namespace with only its loopback, on which everything lives; this thread is in it, and threads it starts.
pub struct Space(String);

impl Space {
    /// Makes one and enters it.
    ///
    /// # Panics
    /// It cannot be made.
    #[must_use]
    pub fn enter() -> Space {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let space = Space(format!("rhab{}x{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
        ip(&["netns", "add", &space.0]);
        ip(&["-n", &space.0, "link", "set", "lo", "up"]);
        go(&space.0);
        space
    }

    /// A namespace beside it, in which somebody else can live: 10.9.7.2 there, 10.9.7.1 here.
    ///
    /// # Panics
    /// It cannot be made.
    #[must_use]
    pub fn neighbour(&self) -> Neighbour {
        let there = Neighbour(format!("{}n", self.0));
        ip(&["netns", "add", &there.0]);
        ip(&[
            "-n", &self.0, "link", "add", "beside", "type", "veth", "peer", "name", "beside", "netns",
            &there.0,
        ]);
        for (name, address) in [(&self.0, "10.9.7.1/30"), (&there.0, "10.9.7.2/30")] {
            ip(&["-n", name, "addr", "add", address, "dev", "beside"]);
            ip(&["-n", name, "link", "set", "beside", "up"]);
        }
        there
    }

    /// An address on the loopback comes or goes.
    ///
    /// # Panics
    /// It cannot be done.
    pub fn address(&self, address: &str, present: bool) {
        let word = if present { "add" } else { "del" };
        ip(&["-n", &self.0, "addr", word, address, "dev", "lo"]);
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.0]).status();
    }
}

/// See [`Space::neighbour`].
pub struct Neighbour(String);

impl Drop for Neighbour {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.0]).status();
    }
}

/// Moves this thread into a namespace.
fn go(name: &str) {
    let file = File::open(format!("/run/netns/{name}")).unwrap();
    move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
}

fn ip(args: &[&str]) {
    assert!(Command::new("ip").args(args).status().unwrap().success(), "ip {args:?}");
}

/// The stand-in for IPVS, built once.
fn stand_in() -> &'static Path {
    static BUILT: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, library) = BUILT.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let (source, library) = (folder.path().join("ipvs.c"), folder.path().join("ipvs.so"));
        std::fs::write(&source, include_str!("ipvs.c")).unwrap();
        let built =
            Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).status().unwrap();
        assert!(built.success(), "cc builds the stand-in for IPVS");
        (folder, library)
    });
    library
}

/// A running daemon, and what it has said.
pub struct Balancer {
    child: Child,
    lines: Receiver<String>,
    said: Vec<String>,
    folder: tempfile::TempDir,
}

impl Balancer {
    /// Starts it in the namespace of this thread, with `-D`; its `/tmp` is a folder of its own.
    ///
    /// # Panics
    /// It cannot be started.
    #[must_use]
    pub fn start(who: Who, configuration: &str) -> Balancer {
        let folder = tempfile::tempdir().unwrap();
        let program = who.path().expect("the program is there");
        // what lies in the real /tmp would be out of sight
        for (from, name) in [(program.as_path(), "daemon"), (stand_in(), "ipvs.so")] {
            std::fs::copy(from, folder.path().join(name)).unwrap();
        }
        std::fs::write(folder.path().join("k.conf"), configuration).unwrap();
        let preload = if who == Who::Original { "LD_PRELOAD=/tmp/ipvs.so " } else { "" };
        let shell = format!(
            "mount --bind {} /tmp && cd /tmp && exec env {preload}/tmp/daemon -nlD -f /tmp/k.conf -p p -r v -c c -b b",
            folder.path().display()
        );
        let mut child = Command::new("unshare")
            .args(["-m", "sh", "-c", &shell])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let (tell, lines) = channel();
        std::thread::spawn(move || log.lines().map_while(Result::ok).try_for_each(|l| tell.send(l)));
        Balancer { child, lines, said: Vec::new(), folder }
    }

    /// Waits until something has been said for each of these, in any order, since the last call.
    ///
    /// # Panics
    /// It was not.
    pub fn until(&mut self, texts: &[&str]) {
        let mut missing: Vec<&str> = texts.to_vec();
        let end = Instant::now() + PATIENCE;
        while !missing.is_empty() {
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    missing.retain(|text| !line.contains(text));
                    self.said.push(line);
                }
                Err(_) => panic!("never said: {missing:?}; said:\n{}", self.said.join("\n")),
            }
        }
    }

    /// What was said about servers since the last call: without times, sorted, each line once.
    pub fn about_servers(&mut self) -> Vec<String> {
        let mut about: Vec<String> = std::mem::take(&mut self.said)
            .iter()
            .filter_map(|line| line.splitn(4, ':').nth(3).map(|text| text.trim_start().to_owned()))
            .filter(|text| text.contains("]:") && !text.contains("ctivating"))
            .collect();
        about.sort_unstable();
        about.dedup();
        about
    }

    /// A file of its `/tmp`.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Sends a signal to the parent.
    ///
    /// # Panics
    /// It cannot be sent.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Its code, once it has ended by itself.
    ///
    /// # Panics
    /// It does not end.
    pub fn ended(&mut self) -> Option<i32> {
        let end = Instant::now() + PATIENCE;
        while let Ok(line) = self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            self.said.push(line);
        }
        self.child.wait().unwrap().code()
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.signal("-TERM");
            let _ = self.child.wait();
        }
    }
}

/// The original, then ours, each in a thread and namespace of its own, come to the same.
///
/// # Panics
/// They do not.
pub fn assert_same<T: PartialEq + std::fmt::Debug + Send>(case: impl Fn(Who) -> Vec<T> + Sync) {
    let run = |who| std::thread::scope(|s| s.spawn(|| case(who)).join().unwrap());
    let (theirs, ours) = (run(Who::Original), run(Who::Ours));
    let text = |all: &[T]| all.iter().map(|t| format!("{t:?}\n")).collect::<String>();
    let (a, b) = (text(&theirs), text(&ours));
    let diff = similar::TextDiff::from_lines(&a, &b);
    assert!(theirs == ours, "{}", diff.unified_diff().header("original", "ours"));
}
