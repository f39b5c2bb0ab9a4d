//! A LAN in network namespaces: a switch, nodes that run keepalived or rkeepalived, a client that listens and
//! pings. Nothing leaves it, and all of it goes with the [`Lan`].
//!
//! Whatever happens is written into one [`Book`] with its time: address changes as the kernel tells them,
//! log lines, frames the client hears, replies to its pings. A test waits for conditions over the book, so it
//! wakes when something happens and never sleeps for time to pass.
//!
//! Node N has 10.77.0.N/24 and fd77::N/64 on eth0, MAC 02:77:00:00:00:0N; the client is 100.

mod book;
mod node;
mod ping;
mod wire;

pub use book::{Change, Line, NodeSeen, Seen};
pub use node::{Who, ours_path};
pub use ping::Pings;
pub use wire::{Advert, Announcement};

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tempfile::TempDir;

use book::Book;
use node::Node;

/// How often a thread that hears nothing looks whether it should end.
const GLANCE: Duration = Duration::from_millis(100);

/// An address that only says that address changes are being listened to.
const MARK: &str = "127.77.77.77";

/// The network namespaces of a LAN, removed when dropped. Removing them holds the kernel's lock on links and
/// addresses for up to 0.7 s, so that somebody who measures other LANs meanwhile keeps them until the end.
#[derive(Debug)]
pub struct Spaces(Vec<String>);

/// A LAN, removed when dropped.
pub struct Lan {
    name: String,
    spaces: Spaces,
    folder: TempDir,
    book: Arc<Book>,
    nodes: Vec<Node>,
    monitors: Vec<Child>,
    stop: Arc<AtomicBool>,
    hub: bool,
}

/// Why no LAN can be had here: not root, a program that is missing.
///
/// # Panics
/// There is a reason and `CI` is set.
#[must_use]
pub fn impossible(test: &str) -> Option<String> {
    static WHY: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    let why = WHY.get_or_init(|| {
        if Who::Original.path().is_none() {
            return Some("keepalived not found".to_owned());
        }
        let name = format!("rhap{}", std::process::id());
        let made = ip(&format!("netns add {name}"));
        let _ = ip(&format!("netns del {name}"));
        made.err()
    });
    let why = why.clone()?;
    println!("skipped: {test}: {why}");
    assert!(std::env::var_os("CI").is_none(), "CI runs {test} as root, with keepalived and iproute2: {why}");
    Some(why)
}

impl Lan {
    /// A switch, so many nodes, a client. A hub passes every frame to every port, so that the client hears
    /// unicast adverts too.
    ///
    /// # Errors
    /// A command that failed.
    pub fn new(nodes: usize, hub: bool) -> Result<Lan, String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("rha{}x{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let mut lan = Lan {
            name,
            spaces: Spaces(Vec::new()),
            folder,
            book: Arc::new(Book::new(nodes)),
            nodes: (0..nodes).map(|_| Node::default()).collect(),
            monitors: Vec::new(),
            stop: Arc::default(),
            hub,
        };
        let switch = lan.add_space("sw")?;
        ip(&format!("-n {switch} link add br0 type bridge mcast_snooping 0 forward_delay 0"))?;
        ip(&format!("-n {switch} link set br0 up"))?;
        for node in 1..=nodes {
            lan.machine(&node.to_string(), node)?;
            lan.monitor(node)?;
        }
        lan.machine("cli", 100)?;
        lan.listen()?;
        Ok(lan)
    }

    fn machine(&mut self, part: &str, number: usize) -> Result<(), String> {
        let (space, switch) = (self.add_space(part)?, self.space("sw"));
        ip(&format!("-n {space} link set lo up"))?;
        ip(&format!("-n {switch} link add p{part} type veth peer name eth0 netns {space}"))?;
        self.connect_port(part)?;
        ip(&format!("-n {switch} link set p{part} up"))?;
        let set = "net.ipv6.conf.eth0.accept_dad=0 net.ipv6.conf.eth0.dad_transmits=0";
        ip(&format!("netns exec {space} sysctl -qw {set}"))?;
        ip(&format!("-n {space} link set eth0 address 02:77:00:00:00:{number:02x} up"))?;
        ip(&format!("-n {space} addr add 10.77.0.{number}/24 dev eth0"))?;
        ip(&format!("-n {space} addr add fd77::{number}/64 dev eth0 nodad"))?;
        let show = || ip(&format!("-n {space} -6 addr show dev eth0 scope link -tentative"));
        poll("a link-local address", Duration::from_secs(5), || show().is_ok_and(|t| t.contains("fe80::")))
    }

    fn connect_port(&self, part: &str) -> Result<(), String> {
        let switch = self.space("sw");
        ip(&format!("-n {switch} link set p{part} master br0"))?;
        if self.hub {
            ip(&format!("-n {switch} link set p{part} type bridge_slave learning off flood on"))?;
        }
        Ok(())
    }

    /// Follows a node's addresses; returns once that works.
    fn monitor(&mut self, node: usize) -> Result<(), String> {
        let space = self.space(&node.to_string());
        let mut command = Command::new("ip");
        command.args(["-n", &space, "-o", "monitor", "address"]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = child.map_err(|e| format!("ip monitor: {e}"))?;
        let out = child.stdout.take().ok_or("ip monitor has no output")?;
        self.monitors.push(child);
        let book = Arc::clone(&self.book);
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if let Some((link, address, present)) = address_line(&line) {
                    book.address(node, &link, address, present);
                }
            }
        });
        let mark: IpAddr = MARK.parse().map_err(|_| "the mark")?;
        poll("ip monitor", Duration::from_secs(5), || {
            let _ = ip(&format!("-n {space} addr replace {MARK}/32 dev lo"));
            self.book.read(|seen| seen.node(node).holds(mark))
        })
    }

    /// Starts the client's ear.
    fn listen(&self) -> Result<(), String> {
        let (book, stop) = (Arc::clone(&self.book), Arc::clone(&self.stop));
        let ear = self.inside("cli", wire::open)??;
        std::thread::spawn(move || wire::listen(&ear, &stop, |heard| book.heard(heard)));
        Ok(())
    }

    /// Runs something on a thread inside a namespace: sockets opened there stay there.
    ///
    /// # Errors
    /// There is no such namespace.
    pub fn inside<R: Send>(&self, part: &str, what: impl FnOnce() -> R + Send) -> Result<R, String> {
        let path = format!("/run/netns/{}", self.space(part));
        let file = File::open(&path).map_err(|e| format!("{path}: {e}"))?;
        let run = || {
            move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
                .map_err(|e| format!("{path}: {e}"))?;
            Ok(what())
        };
        std::thread::scope(|s| s.spawn(run).join().map_err(|_| "the thread panicked".to_owned())?)
    }

    fn add_space(&mut self, part: &str) -> Result<String, String> {
        let space = self.space(part);
        ip(&format!("netns add {space}"))?;
        self.spaces.0.push(space.clone());
        Ok(space)
    }

    /// Ends everything that runs in it; its namespaces go with what is returned.
    #[must_use]
    pub fn retire(mut self) -> Spaces {
        std::mem::replace(&mut self.spaces, Spaces(Vec::new()))
    }

    fn space(&self, part: &str) -> String {
        format!("{}-{part}", self.name)
    }

    /// A file of this LAN's own folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a node's configuration.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn configure(&self, node: usize, text: &str) -> Result<(), String> {
        std::fs::write(self.path(&format!("{node}.conf")), text).map_err(|e| e.to_string())
    }

    /// Starts a program on a node, with these words behind the usual ones.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(&mut self, node: usize, who: Who, more: &[&str]) -> Result<(), String> {
        let folder = self.folder.path().display().to_string();
        self.start_through(node, who, &[], &folder, more)
    }

    /// The same with the LAN's own folder as the program's `/tmp`, where dumps go.
    ///
    /// # Errors
    /// As [`Lan::start`].
    pub fn start_in_private(&mut self, node: usize, who: Who) -> Result<(), String> {
        // A program that lies in the real one would be out of sight.
        let program = who.path().ok_or("keepalived not found")?;
        let name = program.file_name().ok_or("a program has a name")?;
        let seen = self.folder.path().join(name);
        std::fs::copy(&program, &seen).map_err(|e| format!("{}: {e}", seen.display()))?;
        let there = std::path::Path::new("/tmp").join(name);
        let shell = format!(
            "shift; mount --bind {} /tmp && exec {} \"$@\"",
            self.folder.path().display(),
            there.display()
        );
        self.start_through(node, who, &["unshare", "-m", "sh", "-c", &shell, "sh"], "/tmp", &[])
    }

    fn start_through(
        &mut self,
        node: usize,
        who: Who,
        through: &[&str],
        folder: &str,
        more: &[&str],
    ) -> Result<(), String> {
        let space = self.space(&node.to_string());
        let file = |what: &str| format!("{folder}/{node}.{what}");
        let program = who.path().ok_or("keepalived not found")?;
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &space]).args(through).arg(program);
        command.args(["-nlDG", "-f", &file("conf"), "-p", &file("main"), "-r", &file("vrrp")]);
        command.args(["-c", &file("chk"), "-b", &file("bfd")]);
        command.args(more).current_dir(self.folder.path());
        let started = Node::start(&mut command, node, &self.book)?;
        *self.node_mut(node)? = started;
        Ok(())
    }

    fn node_mut(&mut self, node: usize) -> Result<&mut Node, String> {
        self.nodes.get_mut(node.wrapping_sub(1)).ok_or_else(|| format!("there is no node {node}"))
    }

    fn node(&self, node: usize) -> Result<&Node, String> {
        self.nodes.get(node.wrapping_sub(1)).ok_or_else(|| format!("there is no node {node}"))
    }

    /// Whether a program runs there that was started here.
    #[must_use]
    pub fn runs(&self, node: usize) -> bool {
        self.node(node).is_ok_and(Node::runs)
    }

    /// Sends a signal to a node's parent process.
    ///
    /// # Errors
    /// There is none.
    pub fn signal(&self, node: usize, signal: crate::Signal) -> Result<(), String> {
        self.node(node)?.signal(signal)
    }

    /// The process that speaks VRRP on a node.
    ///
    /// # Errors
    /// It has no pid file.
    pub fn worker(&self, node: usize) -> Result<i32, String> {
        let text = std::fs::read_to_string(self.path(&format!("{node}.vrrp"))).map_err(|e| e.to_string())?;
        text.trim().parse().map_err(|e| format!("{text:?}: {e}"))
    }

    /// Waits for the end of a node's program, which was told to end.
    ///
    /// # Errors
    /// It does not end in time.
    pub fn ended(&mut self, node: usize) -> Result<(), String> {
        self.node_mut(node)?.ended(crate::PATIENCE)
    }

    /// Kills all processes of a node at once.
    ///
    /// # Errors
    /// Nothing runs there.
    pub fn kill(&mut self, node: usize) -> Result<(), String> {
        self.node_mut(node)?.kill_all()
    }

    /// Gives a node its carrier, or takes it away.
    ///
    /// # Errors
    /// As `ip` tells them.
    pub fn plug(&self, node: usize, plugged: bool) -> Result<(), String> {
        let state = if plugged { "up" } else { "down" };
        ip(&format!("-n {} link set p{node} {state}", self.space("sw"))).map(|_| ())
    }

    /// Gives a node a second link, eth1, straight to the client, with 10.78.0.N/24 and fd78::N/64.
    ///
    /// # Errors
    /// As `ip` tells them.
    pub fn second_link(&self, node: usize) -> Result<(), String> {
        let (space, client) = (self.space(&node.to_string()), self.space("cli"));
        ip(&format!("-n {space} link add eth1 type veth peer name n{node} netns {client}"))?;
        for (space, link) in [(&space, "eth1".to_owned()), (&client, format!("n{node}"))] {
            ip(&format!("netns exec {space} sysctl -qw net.ipv6.conf.{link}.accept_dad=0"))?;
        }
        ip(&format!("-n {client} link set n{node} up"))?;
        ip(&format!("-n {space} link set eth1 address 02:78:00:00:00:{node:02x} up"))?;
        ip(&format!("-n {space} addr add 10.78.0.{node}/24 dev eth1"))?;
        ip(&format!("-n {space} addr add fd78::{node}/64 dev eth1 nodad"))?;
        let show = || ip(&format!("-n {space} -6 addr show dev eth1 scope link -tentative"));
        poll("a link-local address", Duration::from_secs(5), || show().is_ok_and(|t| t.contains("fe80::")))
    }

    /// Gives a node's second link its carrier, or takes it away.
    ///
    /// # Errors
    /// As `ip` tells them.
    pub fn plug_second(&self, node: usize, plugged: bool) -> Result<(), String> {
        let state = if plugged { "up" } else { "down" };
        ip(&format!("-n {} link set n{node} {state}", self.space("cli"))).map(|_| ())
    }

    /// Runs a program inside a node; what it prints.
    ///
    /// # Errors
    /// It cannot be run, or fails.
    pub fn run(&self, node: usize, words: &[&str]) -> Result<String, String> {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.space(&node.to_string())]).args(words);
        let out = command.stdin(Stdio::null()).output().map_err(|e| format!("{words:?}: {e}"))?;
        let text = String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned();
        if out.status.success() { Ok(text) } else { Err(text) }
    }

    /// Joins a node to the switch, or cuts it off while its carrier stays.
    ///
    /// # Errors
    /// As `ip` tells them.
    pub fn join(&self, node: usize, joined: bool) -> Result<(), String> {
        if joined {
            return self.connect_port(&node.to_string());
        }
        ip(&format!("-n {} link set p{node} nomaster", self.space("sw"))).map(|_| ())
    }

    /// Runs `ip` inside a node.
    ///
    /// # Errors
    /// As `ip` tells them.
    pub fn ip(&self, node: usize, words: &str) -> Result<String, String> {
        ip(&format!("-n {} {words}", self.space(&node.to_string())))
    }

    /// Runs our client on a node: `status`, `handover`. The text, as an error where it exits so.
    ///
    /// # Errors
    /// What it says when it fails.
    pub fn ask(&self, node: usize, words: &[&str]) -> Result<String, String> {
        let mut command = Command::new(ours_path());
        command.arg("-p").arg(self.path(&format!("{node}.main"))).args(words);
        let out = command.output().map_err(|e| e.to_string())?;
        let text = String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned();
        if out.status.success() { Ok(text) } else { Err(text) }
    }

    /// What a node's kernel says its addresses are, on all links.
    ///
    /// # Errors
    /// As `ip` tells them.
    pub fn addresses(&self, node: usize) -> Result<BTreeSet<IpAddr>, String> {
        let text = self.ip(node, "-j addr show")?;
        let json: serde_json::Value = serde_json::from_str(&text).map_err(|e| format!("{text}: {e}"))?;
        let links = json.as_array().into_iter().flatten();
        let infos = links.flat_map(|l| l["addr_info"].as_array().into_iter().flatten());
        Ok(infos.filter_map(|i| i["local"].as_str()?.parse().ok()).collect())
    }

    /// Pings an address from the client every 10 ms until the result is dropped.
    ///
    /// # Errors
    /// No socket.
    pub fn ping(&self, target: IpAddr) -> Result<Pings, String> {
        let socket = self.inside("cli", || ping::open(target))??;
        Pings::start(socket, target)
    }

    /// Makes the client forget who has which address.
    ///
    /// # Errors
    /// As `ip` tells them.
    pub fn forget(&self) -> Result<(), String> {
        ip(&format!("-n {} neigh flush all", self.space("cli"))).map(|_| ())
    }

    /// Waits until the book says so; when that was.
    ///
    /// # Errors
    /// It does not in time; with the last lines of all logs.
    pub fn until(
        &self,
        what: &str,
        limit: Duration,
        mut so: impl FnMut(&Seen) -> bool,
    ) -> Result<Instant, String> {
        match self.book.until(limit, &mut so) {
            Some(at) => Ok(at),
            None => Err(format!("not within {} ms: {what}\n{}", limit.as_millis(), self.story())),
        }
    }

    /// Waits for a line in a node's log that was written since then.
    ///
    /// # Errors
    /// As [`Lan::until`].
    pub fn says(&self, node: usize, text: &str, since: Instant, limit: Duration) -> Result<Instant, String> {
        self.until(&format!("node {node} says {text:?}"), limit, |seen| {
            seen.node(node).said(text, since).is_some()
        })
    }

    /// Looks into the book.
    pub fn look<R>(&self, at: impl FnOnce(&Seen) -> R) -> R {
        self.book.read(at)
    }

    /// The last lines of every log, for messages.
    #[must_use]
    pub fn story(&self) -> String {
        self.book.read(Seen::story)
    }
}

impl Drop for Lan {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for node in &mut self.nodes {
            let _ = node.kill_all();
        }
        for monitor in &mut self.monitors {
            let _ = monitor.kill();
            let _ = monitor.wait();
        }
    }
}

impl Drop for Spaces {
    fn drop(&mut self) {
        for space in &self.0 {
            let _ = ip(&format!("netns del {space}"));
        }
    }
}

/// Runs `ip` with these words.
fn ip(words: &str) -> Result<String, String> {
    let out = Command::new("ip").args(words.split_whitespace()).stdin(Stdio::null()).output();
    let out = out.map_err(|e| format!("ip: {e}"))?;
    if out.status.success() {
        return Ok(String::from_utf8_lossy(&out.stdout).into_owned());
    }
    Err(format!("ip {words}: {}", String::from_utf8_lossy(&out.stderr).trim()))
}

/// For what cannot be told by an event: looks again and again.
fn poll(what: &str, limit: Duration, mut so: impl FnMut() -> bool) -> Result<(), String> {
    let start = Instant::now();
    while !so() {
        if start.elapsed() > limit {
            return Err(format!("not within {limit:?}: {what}"));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// Link, address and whether it is there now, from a line of `ip -o monitor address`.
fn address_line(line: &str) -> Option<(String, IpAddr, bool)> {
    let (rest, present) = match line.strip_prefix("Deleted ") {
        Some(rest) => (rest, false),
        None => (line, true),
    };
    let mut words = rest.split_whitespace();
    let number = words.next()?;
    number.strip_suffix(':')?.parse::<u32>().ok()?;
    let link = words.next()?.split('@').next()?.to_owned();
    matches!(words.next()?, "inet" | "inet6").then_some(())?;
    let address = words.next()?.split('/').next()?.parse().ok()?;
    Some((link, address, present))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_lines_are_read() {
        let got =
            address_line("2: eth0    inet 10.77.0.200/24 scope global secondary eth0\\       valid_lft 2sec");
        assert_eq!(got, Some(("eth0".into(), "10.77.0.200".parse().unwrap(), true)));
        let got =
            address_line("Deleted 3: vrrp.51    inet6 fe80::1/64 scope link \\       valid_lft forever");
        assert_eq!(got, Some(("vrrp.51".into(), "fe80::1".parse().unwrap(), false)));
        assert_eq!(address_line("eth0: something else"), None);
    }
}
