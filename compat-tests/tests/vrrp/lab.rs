//! Two nodes and a switch in network namespaces of their own; nothing leaves them.
//!
//! `RHA_ORIGINAL_KEEPALIVED` and `RHA_OURS_KEEPALIVED` name other programs than `keepalived` on the path and
//! our built `rkeepalived`.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Pause between two looks at a condition.
const LOOK: Duration = Duration::from_millis(15);

/// Which program runs on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// keepalived.
    Original,
    /// rkeepalived.
    Ours,
}

impl Who {
    fn path(self) -> PathBuf {
        match self {
            Who::Original => original().expect("the caller has looked").clone(),
            Who::Ours => ours().clone(),
        }
    }
}

/// The original, if it is installed.
pub fn original() -> Option<&'static PathBuf> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOUND
        .get_or_init(|| {
            let named = std::env::var_os("RHA_ORIGINAL_KEEPALIVED").map(PathBuf::from);
            let usual = ["/usr/sbin/keepalived", "/usr/local/sbin/keepalived", "/sbin/keepalived"];
            named.or_else(|| usual.iter().map(PathBuf::from).find(|p| p.exists()))
        })
        .as_ref()
}

fn ours() -> &'static PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| std::env::var_os("RHA_OURS_KEEPALIVED").map_or_else(build, PathBuf::from))
}

fn build() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let done = Command::new(cargo).args(["build", "-q", "-p", "rkeepalived"]).status().expect("cargo");
    assert!(done.success(), "rkeepalived does not build");
    let exe = std::env::current_exe().expect("own path");
    let target = exe.ancestors().find(|p| p.join("rkeepalived").is_file()).expect("target folder");
    target.join("rkeepalived")
}

/// Whether namespaces can be made here; says why not.
pub fn possible() -> bool {
    static TRIED: OnceLock<bool> = OnceLock::new();
    if original().is_none() {
        println!("skipped: keepalived not found");
        return false;
    }
    let possible = *TRIED.get_or_init(|| {
        let name = format!("rha-probe-{}", std::process::id());
        let made = quiet(&["netns", "add", &name]);
        made && quiet(&["netns", "del", &name])
    });
    if !possible {
        println!("skipped: no network namespaces (not root?)");
    }
    possible
}

fn quiet(args: &[&str]) -> bool {
    let run = Command::new("ip").args(args).stdout(Stdio::null()).stderr(Stdio::null()).status();
    run.is_ok_and(|s| s.success())
}

fn ip(args: &[&str]) -> String {
    let out = Command::new("ip").args(args).output().expect("ip");
    assert!(out.status.success(), "ip {}: {}", args.join(" "), String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// A lab; everything in it ends with it.
pub struct Lab {
    name: String,
    dir: TempDir,
    running: [Option<Child>; 2],
    who: [Who; 2],
    /// What happened, for the message of a failure.
    pub title: String,
}

impl Lab {
    /// Two nodes (1 and 2) with eth0 at 10.77.0.N/24 and fd77::N/64, joined by a switch.
    pub fn new(title: &str, who: [Who; 2]) -> Lab {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("rhav{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let dir = tempfile::tempdir().expect("temporary folder");
        let lab = Lab { name, dir, running: [None, None], who, title: format!("{title} {who:?}") };
        let sw = lab.ns("sw");
        ip(&["netns", "add", &sw]);
        ip(&["-n", &sw, "link", "add", "br0", "type", "bridge", "mcast_snooping", "0", "forward_delay", "0"]);
        ip(&["-n", &sw, "link", "set", "br0", "up"]);
        for node in 1..=2 {
            lab.make_node(node);
        }
        lab
    }

    fn make_node(&self, node: usize) {
        let (ns, sw, port) = (self.ns(&node.to_string()), self.ns("sw"), format!("p{node}"));
        ip(&["netns", "add", &ns]);
        ip(&["-n", &ns, "link", "set", "lo", "up"]);
        ip(&["-n", &sw, "link", "add", &port, "type", "veth", "peer", "name", "eth0", "netns", &ns]);
        ip(&["-n", &sw, "link", "set", &port, "master", "br0", "up"]);
        let no_dad = ["net.ipv6.conf.eth0.accept_dad=0", "net.ipv6.conf.eth0.dad_transmits=0"];
        let set = Command::new("ip").args(["netns", "exec", &ns, "sysctl", "-qw"]).args(no_dad).status();
        assert!(set.is_ok_and(|s| s.success()));
        ip(&["-n", &ns, "link", "set", "eth0", "address", &format!("02:77:00:00:00:0{node}"), "up"]);
        ip(&["-n", &ns, "addr", "add", &format!("10.77.0.{node}/24"), "dev", "eth0"]);
        ip(&["-n", &ns, "addr", "add", &format!("fd77::{node}/64"), "dev", "eth0", "nodad"]);
        self.wait("a link-local address", Duration::from_secs(5), || {
            ip(&["-n", &ns, "-6", "addr", "show", "dev", "eth0", "scope", "link"]).contains("fe80::")
        });
    }

    fn ns(&self, part: &str) -> String {
        format!("{}-{part}", self.name)
    }

    /// A path in the lab's own folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a node's configuration.
    pub fn configure(&self, node: usize, text: &str) {
        fs::write(self.path(&format!("{node}.conf")), text).expect("configuration");
    }

    /// Starts a node's program with the lab's folder as its `/tmp`, where dumps go.
    pub fn start_in_private(&mut self, node: usize) {
        let shell = format!("mount --bind {} /tmp && exec \"$@\"", self.dir.path().display());
        self.start_through(node, &["unshare", "-m", "sh", "-c", &shell, "sh"], "/tmp");
    }

    /// Starts a node's program.
    pub fn start(&mut self, node: usize) {
        let folder = self.dir.path().display().to_string();
        self.start_through(node, &[], &folder);
    }

    fn start_through(&mut self, node: usize, through: &[&str], folder: &str) {
        let file = |what: &str| format!("{folder}/{node}.{what}");
        let log = fs::File::options().append(true).create(true).open(self.path(&format!("{node}.log")));
        let log = log.expect("log file");
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.ns(&node.to_string())]).args(through);
        command.arg(self.who[node - 1].path()).args(["-nlDG", "-f", &file("conf"), "-p", &file("main")]);
        command.args(["-r", &file("vrrp"), "-c", &file("chk"), "-b", &file("bfd")]);
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("log")).stderr(log);
        self.running[node - 1] = Some(command.spawn().expect("start"));
    }

    /// Sends a signal to a node's parent process.
    pub fn signal(&self, node: usize, signal: &str) {
        let pid = self.running[node - 1].as_ref().expect("running").id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().is_ok_and(|s| s.success()));
    }

    /// Ends a node's program as systemd would.
    pub fn stop(&mut self, node: usize) {
        self.signal(node, "-TERM");
        let mut child = self.running[node - 1].take().expect("running");
        let limit = Instant::now() + Duration::from_secs(10);
        while child.try_wait().expect("wait").is_none() {
            assert!(Instant::now() < limit, "{}: node {node} does not stop\n{}", self.title, self.logs());
            std::thread::sleep(LOOK);
        }
    }

    /// Kills all processes of a node at once.
    pub fn kill(&mut self, node: usize) {
        let mut child = self.running[node - 1].take().expect("running");
        let all = family(child.id());
        let pids: Vec<String> = all.iter().map(ToString::to_string).collect();
        let _ = Command::new("kill").arg("-9").args(&pids).stderr(Stdio::null()).status();
        let _ = child.wait();
    }

    /// Process id of a node's VRRP process.
    pub fn worker(&self, node: usize) -> u32 {
        let text = fs::read_to_string(self.path(&format!("{node}.vrrp"))).expect("pid file");
        text.trim().parse().expect("pid")
    }

    /// Takes the carrier away, or gives it back.
    pub fn plug(&self, node: usize, plugged: bool) {
        let state = if plugged { "up" } else { "down" };
        ip(&["-n", &self.ns("sw"), "link", "set", &format!("p{node}"), state]);
    }

    /// Takes a node's port out of the switch: the carrier stays, packets do not pass.
    pub fn cut(&self, node: usize, cut: bool) {
        let port = format!("p{node}");
        let sw = self.ns("sw");
        if cut {
            ip(&["-n", &sw, "link", "set", &port, "nomaster"]);
        } else {
            ip(&["-n", &sw, "link", "set", &port, "master", "br0"]);
        }
    }

    /// Removes an address by hand.
    pub fn remove_address(&self, node: usize, address: &str) {
        ip(&["-n", &self.ns(&node.to_string()), "addr", "del", address, "dev", "eth0"]);
    }

    /// Whether a node has an address on any interface.
    pub fn holds(&self, node: usize, address: &str) -> bool {
        ip(&["-n", &self.ns(&node.to_string()), "-o", "addr", "show"]).contains(&format!(" {address}/"))
    }

    /// Waits until exactly this node has all the addresses and the other none.
    pub fn only(&self, node: usize, addresses: &[&str], limit: Duration) -> Duration {
        let other = 3 - node;
        self.wait(&format!("{addresses:?} on node {node} only"), limit, || {
            addresses.iter().all(|a| self.holds(node, a)) && !addresses.iter().any(|a| self.holds(other, a))
        })
    }

    /// Waits until a node has an address, or has not; how long that took.
    pub fn has(&self, node: usize, address: &str, yes: bool, limit: Duration) -> Duration {
        let what = if yes { "has" } else { "has not" };
        self.wait(&format!("node {node} {what} {address}"), limit, || self.holds(node, address) == yes)
    }

    /// Waits for a line in a node's log.
    pub fn says(&self, node: usize, text: &str, limit: Duration) -> Duration {
        self.wait(&format!("node {node} says {text}"), limit, || self.log(node).contains(text))
    }

    /// Waits for a condition; how long that took.
    pub fn wait(&self, what: &str, limit: Duration, condition: impl Fn() -> bool) -> Duration {
        let start = Instant::now();
        while !condition() {
            assert!(start.elapsed() < limit, "{}: not within {limit:?}: {what}\n{}", self.title, self.logs());
            std::thread::sleep(LOOK);
        }
        start.elapsed()
    }

    /// What a node has logged.
    pub fn log(&self, node: usize) -> String {
        fs::read_to_string(self.path(&format!("{node}.log"))).unwrap_or_default()
    }

    fn logs(&self) -> String {
        format!("--- node 1\n{}--- node 2\n{}", self.log(1), self.log(2))
    }

    /// Runs our client on a node: `status`, `handover`.
    pub fn ask(&self, node: usize, words: &[&str]) -> (bool, String) {
        let main = self.path(&format!("{node}.main")).display().to_string();
        let out = Command::new(ours()).args(["-p", &main]).args(words).output().expect("client");
        let text = [out.stdout, out.stderr].concat();
        (out.status.success(), String::from_utf8_lossy(&text).into_owned())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for child in self.running.iter_mut().flatten() {
            let pids: Vec<String> = family(child.id()).iter().map(ToString::to_string).collect();
            let _ = Command::new("kill").arg("-9").args(&pids).stderr(Stdio::null()).status();
            let _ = child.wait();
        }
        for part in ["1", "2", "sw"] {
            quiet(&["netns", "del", &self.ns(part)]);
        }
    }
}

/// A process and all below it, the lowest first.
fn family(pid: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let mut all: Vec<u32> =
        children.split_whitespace().filter_map(|p| p.parse().ok()).flat_map(family).collect();
    all.push(pid);
    all
}
