//! Two network namespaces joined by a link, for tests that need root.
//!
//! `va` (10.9.0.1/24, fd09::1/64, MAC 02:00:00:00:00:01) is where a test runs, `vb` (.2, ::2, :02) is the
//! neighbour. Both vanish with the thread that holds them, whatever becomes of the test.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::netlink::Netlink;
use crate::scheduling::{enter_network, new_network};

/// No test waits longer than this for what it waits for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// The two namespaces.
pub(crate) struct Lab {
    here: File,
    there: File,
}

/// Runs a test inside a lab, on a thread of its own with a runtime.
///
/// # Panics
/// The test does; or the lab cannot be had and `CI` is set.
pub(crate) fn in_lab<F: AsyncFnOnce(&Lab) + Send>(name: &'static str, test: F) {
    in_lab_with(&[], name, test);
}

/// The same for a test that also runs these programs.
///
/// # Panics
/// As [`in_lab`]; a program that is not there counts as a lab that cannot be had.
pub(crate) fn in_lab_with<F: AsyncFnOnce(&Lab) + Send>(programs: &[&str], name: &'static str, test: F) {
    std::thread::scope(|scope| {
        let ready = || {
            programs.iter().try_for_each(|p| try_run(p, "--version").map(|_| ())).and_then(|()| Lab::new())
        };
        let done = scope.spawn(move || match ready() {
            Ok(lab) => crate::run_local(async {
                tokio::time::timeout(PATIENCE * 2, test(&lab)).await.expect("the test does not end");
            })
            .unwrap(),
            Err(why) => {
                println!("skipped: {name}: {why}");
                assert!(
                    std::env::var_os("CI").is_none(),
                    "CI runs {name} as root, with iproute2 and nftables"
                );
            }
        });
        if let Err(panic) = done.join() {
            std::panic::resume_unwind(panic);
        }
    });
}

impl Lab {
    fn new() -> Result<Lab, String> {
        let own = || File::open("/proc/thread-self/ns/net").map_err(|e| e.to_string());
        new_network().map_err(|e| format!("no new network namespace: {e}"))?;
        let there = own()?;
        new_network().map_err(|e| e.to_string())?;
        let lab = Lab { here: own()?, there };
        let peer = lab.path(&lab.there);
        try_run("ip", &format!("link add va address 02:00:00:00:00:01 type veth peer name vb netns {peer}"))?;
        lab.address("va", 1);
        lab.at_peer(|| {
            ip("link set vb address 02:00:00:00:00:02");
            lab.address("vb", 2);
            ready("vb");
        });
        ready("va");
        Ok(lab)
    }

    fn path(&self, file: &File) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd())
    }

    fn address(&self, link: &str, n: u8) {
        ip("link set lo up");
        for setting in ["accept_dad", "dad_transmits", "router_solicitations"] {
            std::fs::write(format!("/proc/sys/net/ipv6/conf/{link}/{setting}"), "0").unwrap();
        }
        ip(&format!("link set {link} up"));
        ip(&format!("address add 10.9.0.{n}/24 dev {link}"));
        ip(&format!("address add fd09::{n}/64 dev {link} nodad"));
    }

    /// Does something as the neighbour; sockets opened there stay there.
    pub(crate) fn at_peer<R>(&self, what: impl FnOnce() -> R) -> R {
        enter_network(&self.path(&self.there)).unwrap();
        let result = what();
        enter_network(&self.path(&self.here)).unwrap();
        result
    }
}

/// Waits until a link carries packets and its addresses may be used.
fn ready(name: &str) {
    let start = Instant::now();
    let mut netlink = Netlink::open().unwrap();
    loop {
        let link = netlink.link(name).unwrap().unwrap();
        let mut own = netlink.addresses().unwrap();
        own.retain(|a| a.link == link.index);
        if link.running && own.len() >= 3 && !own.iter().any(|a| a.tentative) {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "{name} does not come up: {link:?} {own:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Runs `ip` with these words.
pub(crate) fn ip(words: &str) {
    try_run("ip", words).unwrap();
}

/// Runs a program in this thread's namespace; what it printed, or why it failed.
pub(crate) fn try_run(program: &str, words: &str) -> Result<String, String> {
    let output = Command::new(program)
        .args(words.split_whitespace())
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("{program}: {e}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("{program} {words}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}

/// What a future gives, within the tests' patience.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("{what} does not come"))
}
