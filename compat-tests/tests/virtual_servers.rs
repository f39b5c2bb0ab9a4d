//! rkeepalived's virtual servers in a network namespace of their own: checkers find servers dead and well, traffic
//! follows, the sorry server stands in, a reload and the end leave nothing behind.
//!
//! The original cannot be asked here: forwarding goes through nftables where the kernel has no IPVS, which it does not
//! know. What it finds and says is compared in `checkers`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rha_compat_tests::lan::{impossible, ours_path};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Longest wait for a line.
const PATIENCE: Duration = Duration::from_secs(20);
const VIRTUAL: &str = "10.9.9.9:80";

/// A namespace with only its loopback, on which everything lives.
struct Space(String);

impl Space {
    fn new() -> Space {
        let space = Space(format!("rhas{}", std::process::id()));
        ip(&["netns", "add", &space.0]);
        ip(&["-n", &space.0, "link", "set", "lo", "up"]);
        ip(&["-n", &space.0, "addr", "add", "10.9.9.9/32", "dev", "lo"]);
        space
    }

    /// Moves this thread, and threads it starts, into the namespace.
    fn enter(&self) {
        let file = File::open(format!("/run/netns/{}", self.0)).unwrap();
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
    }

    fn tables(&self) -> String {
        let out =
            Command::new("ip").args(["netns", "exec", &self.0, "nft", "list", "tables"]).output().unwrap();
        String::from_utf8(out.stdout).unwrap()
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.0]).status();
    }
}

fn ip(args: &[&str]) {
    assert!(Command::new("ip").args(args).status().unwrap().success(), "ip {args:?}");
}

/// A web server that says its address.
struct Web {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Web {
    fn start(address: &str) -> Web {
        let listener = TcpListener::bind(address).unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), Arc::new(AtomicBool::new(false)));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let _ = stream.map(|s| answer(s, address));
            }
        });
        Web { address, stop, thread: Some(thread) }
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
        let _ = self.thread.take().map(std::thread::JoinHandle::join);
    }
}

fn answer(mut stream: TcpStream, address: SocketAddr) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(2)));
    let mut heard = Vec::new();
    let mut bytes = [0; 512];
    while !heard.windows(4).any(|w| w == b"\r\n\r\n") {
        match stream.read(&mut bytes) {
            Ok(0) | Err(_) => return,
            Ok(len) => heard.extend_from_slice(&bytes[..len]),
        }
    }
    let body = address.to_string();
    let _ = write!(stream, "HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
}

/// Who answers at the virtual address; empty while that is a dead server.
fn ask() -> String {
    let Ok(mut stream) = TcpStream::connect(VIRTUAL) else { return String::new() };
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.rsplit("\r\n").next().unwrap().to_owned()
}

/// Asks until this one answers every time; the kernel's table changes a moment after the line.
fn ask_until(who: &str) {
    let end = Instant::now() + PATIENCE;
    loop {
        let answers = [ask(), ask(), ask(), ask()];
        if answers == [who; 4] {
            return;
        }
        assert!(Instant::now() < end, "{who} should answer, not {answers:?}");
        std::thread::yield_now();
    }
}

struct Daemon {
    child: Child,
    lines: Receiver<String>,
    said: Vec<String>,
}

impl Daemon {
    fn start(space: &Space, folder: &std::path::Path) -> Daemon {
        let file = |name: &str| folder.join(name).display().to_string();
        let (conf, pid, vrrp, checkers) = (file("k.conf"), file("p"), file("v"), file("c"));
        let mut child = Command::new("ip")
            .args(["netns", "exec", &space.0])
            .arg(ours_path())
            .args(["-n", "-l", "-f", &conf, "-p", &pid, "-r", &vrrp, "-c", &checkers, "-b", &file("b")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let (tell, lines) = channel();
        std::thread::spawn(move || log.lines().map_while(Result::ok).try_for_each(|l| tell.send(l)));
        Daemon { child, lines, said: Vec::new() }
    }

    fn until(&mut self, text: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    let found = line.contains(text);
                    self.said.push(line);
                    if found {
                        return;
                    }
                }
                Err(_) => panic!("never said: {text}; said:\n{}", self.said.join("\n")),
            }
        }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.signal("-TERM");
        let _ = self.child.wait();
    }
}

fn configuration(weight: u32) -> String {
    let check = "connect_timeout 1\n   retry 0\n   delay_loop 0.2";
    format!(
        "virtual_server 10.9.9.9 80 {{
 delay_loop 0.2
 warmup 0
 lb_algo rr
 lb_kind NAT
 protocol TCP
 sorry_server 127.0.0.99 8099
 real_server 127.0.0.11 8011 {{
  weight {weight}
  TCP_CHECK {{
   {check}
  }}
 }}
 real_server 127.0.0.12 8012 {{
  HTTP_GET {{
   {check}
   url {{
    path /
    status_code 200
   }}
  }}
 }}
}}
"
    )
}

#[test]
fn traffic_follows_the_checks() {
    if impossible("traffic_follows_the_checks").is_some() {
        return;
    }
    let space = Space::new();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("k.conf"), configuration(1)).unwrap();
    space.enter();
    let one = Web::start("127.0.0.11:8011");
    let two = Web::start("127.0.0.12:8012");
    let _sorry = Web::start("127.0.0.99:8099");
    let mut daemon = Daemon::start(&space, folder.path());
    daemon.until("Remote Web server [127.0.0.12]:tcp:8012 succeed on service.");
    let mut both = [ask(), ask()];
    both.sort();
    assert_eq!(both, ["127.0.0.11:8011", "127.0.0.12:8012"]);
    drop(two);
    daemon.until("Removing service [127.0.0.12]:tcp:8012 from VS [10.9.9.9]:tcp:80");
    ask_until("127.0.0.11:8011");
    drop(one);
    daemon.until("Adding sorry server [127.0.0.99]:tcp:8099 to VS [10.9.9.9]:tcp:80");
    ask_until("127.0.0.99:8099");
    let _one = Web::start("127.0.0.11:8011");
    daemon.until("Removing sorry server [127.0.0.99]:tcp:8099 from VS [10.9.9.9]:tcp:80");
    ask_until("127.0.0.11:8011");
    std::fs::write(folder.path().join("k.conf"), configuration(3)).unwrap();
    daemon.signal("-HUP");
    daemon.until(
        "Changing weight from 1 to 3 for active service [127.0.0.11]:tcp:8011 of VS [10.9.9.9]:tcp:80",
    );
    ask_until("127.0.0.11:8011");
    daemon.signal("-TERM");
    daemon.until("Shutting down service [127.0.0.11]:tcp:8011 from VS [10.9.9.9]:tcp:80");
    daemon.until("Stopped Keepalived");
    assert_eq!(space.tables(), "");
}
