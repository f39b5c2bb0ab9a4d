//! A new configuration under traffic: nobody who connects, waits or asks again is lost.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use rha_compat_tests::{Gate, Origin, PATIENCE, Running, Signal, Stage, Start, assert_same, cli, each};

const SITE: &str = "\
global
    stats socket {tmp}/cli.sock level admin
defaults
    mode http
    timeout client 10s
    timeout server 10s
    timeout connect 5s
frontend fe
    bind {port:fe}
    default_backend be
backend be
    server s {s}
";

const ONE: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
const KEPT: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// Clients that come one after another, several at a time, until told to stop.
struct Crowd {
    enough: Arc<AtomicBool>,
    served: Arc<AtomicUsize>,
    threads: Vec<std::thread::JoinHandle<BTreeMap<String, usize>>>,
}

impl Crowd {
    fn come(to: SocketAddr) -> Crowd {
        let (enough, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let thread = |_| {
            let (enough, served) = (enough.clone(), served.clone());
            std::thread::spawn(move || {
                let mut outcomes = BTreeMap::new();
                while !enough.load(Ordering::SeqCst) {
                    *outcomes.entry(visit(to)).or_default() += 1;
                    served.fetch_add(1, Ordering::SeqCst);
                }
                outcomes
            })
        };
        let threads = (0..4).map(thread).collect();
        Crowd { enough, served, threads }
    }

    /// Waits until so many more have been served.
    fn more(&self, n: usize) {
        let wanted = self.served.load(Ordering::SeqCst) + n;
        until("served clients", || self.served.load(Ordering::SeqCst) >= wanted);
    }

    /// What became of them: one word for each kind of end.
    fn end(self) -> String {
        self.enough.store(true, Ordering::SeqCst);
        let mut all: BTreeMap<String, usize> = BTreeMap::new();
        for thread in self.threads {
            thread.join().unwrap().into_iter().for_each(|(k, n)| *all.entry(k).or_default() += n);
        }
        all.into_keys().collect::<Vec<_>>().join(" ")
    }
}

/// One connection with one request: the status, or how it went wrong.
fn visit(to: SocketAddr) -> String {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(to)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(ONE)?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text.split(' ').nth(1).unwrap_or("nothing").to_owned())
    };
    ask().unwrap_or_else(|e| format!("{:?}", e.kind()))
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::yield_now();
    }
}

/// The pid of the process behind the runtime socket.
fn serving_pid(stage: &Stage) -> String {
    let path = stage.folder().join("cli.sock");
    until("runtime socket", || std::os::unix::net::UnixStream::connect(&path).is_ok());
    let info = cli(&path, "show info");
    info.lines().find_map(|l| l.strip_prefix("Pid: ")).unwrap_or_default().to_owned()
}

/// Waits until the master answers: the original loses signals that come before.
fn listens_to_signals(stage: &Stage) {
    let path = stage.folder().join("master.sock");
    let answers = || {
        let Ok(mut stream) = std::os::unix::net::UnixStream::connect(&path) else { return false };
        let _ = stream.set_read_timeout(Some(PATIENCE));
        let mut buffer = [0; 64];
        stream.write_all(b"show proc\n").is_ok() && stream.read(&mut buffer).is_ok_and(|n| n > 0)
    };
    until("the master", answers);
}

/// An origin that keeps `/slow` waiting at a gate.
fn origin(gate: &Gate) -> Origin {
    let gate = gate.clone();
    Origin::new(move |peer| {
        while let Some(request) = peer.request() {
            let slow = request.head.starts_with(b"GET /slow");
            if slow && !gate.wait() {
                return;
            }
            if !peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi") {
                return;
            }
        }
    })
}

#[test]
fn a_reload_loses_nobody() {
    each([("reload", ""), ("reload-threads", "    nbthread 2\n")], |(id, more)| {
        assert_same(&format!("reload/{id}"), |stage| {
            let gate = Gate::new();
            let origin = origin(&gate);
            let site = SITE.replace("global\n", &format!("global\n{more}"));
            let args = &["-W", "-S", "{tmp}/master.sock"];
            stage.start(&Start::with(&site).args(args).fill("s", origin.address()));
            until("listening", || TcpStream::connect(stage.at("fe")).is_ok());
            let before = serving_pid(stage);
            let mut busy = stage.client("fe");
            busy.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
            while !origin.next().head.starts_with(b"GET /slow") {}
            let mut idle = stage.client("fe");
            stage.note("kept", idle.send(KEPT).response().status());
            let crowd = Crowd::come(stage.at("fe"));
            for _ in 0..2 {
                crowd.more(50);
                let now = serving_pid(stage);
                listens_to_signals(stage);
                stage.running().signal(Signal::USR2);
                until("a new worker", || serving_pid(stage) != now);
                crowd.more(100);
            }
            stage.note("new connections", crowd.end());
            stage.note("another process", serving_pid(stage) != before);
            gate.open();
            let back = busy.response();
            stage.note("what was under way", format!("{} {:?}", back.status(), back.end));
            stage.note("an idle connection", format!("{:?}", idle.end()));
            stage.running().signal(Signal::TERM);
            let exit = stage.wait();
            stage.note("end", exit.how());
        });
    });
}

#[test]
fn a_second_process_takes_over_from_the_first() {
    each([("sf", "-sf"), ("st", "-st")], |(id, flag)| {
        assert_same(&format!("reload/{id}"), |stage| {
            let gate = Gate::new();
            let origin = origin(&gate);
            stage.start(&Start::with(SITE).fill("s", origin.address()));
            until("listening", || TcpStream::connect(stage.at("fe")).is_ok());
            let first = serving_pid(stage);
            let mut busy = stage.client("fe");
            busy.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
            while !origin.next().head.starts_with(b"GET /slow") {}
            let mut command = stage.command();
            command.args(["-db", "-f", "haproxy.cfg", flag]).arg(&first);
            let second = Running::start(&mut command, &[]);
            until("a new process", || serving_pid(stage) != first);
            stage.note("the second one serves", serving_pid(stage) == second.pid().to_string());
            if flag == "-st" {
                stage.note("what was under way", format!("{:?}", busy.end()));
            } else {
                // the first one listens no more, but finishes what it has
                stage.note("another", visit(stage.at("fe")));
                gate.open();
                let back = busy.response();
                stage.note("what was under way", format!("{} {:?}", back.status(), back.end));
                drop(busy);
            }
            let exit = stage.wait();
            stage.note("the first one's end", exit.how());
            stage.note("a new one", visit(stage.at("fe")));
            second.signal(Signal::USR1);
            stage.note("the second one's end", second.wait().how());
        });
    });
}

#[test]
fn sockets_are_taken_over_from_a_stats_socket() {
    each([("x", ""), ("x-threads", "    nbthread 2\n")], |(id, more)| {
        assert_same(&format!("reload/{id}"), |stage| {
            let origin = origin(&Gate::new());
            let site = SITE.replace("level admin", "level admin expose-fd listeners");
            let site = site.replace("global\n", &format!("global\n{more}"));
            stage.start(&Start::with(&site).fill("s", origin.address()));
            until("listening", || TcpStream::connect(stage.at("fe")).is_ok());
            let first = serving_pid(stage);
            let crowd = Crowd::come(stage.at("fe"));
            crowd.more(50);
            let mut command = stage.command();
            command.args(["-db", "-f", "haproxy.cfg", "-x", "cli.sock", "-sf"]).arg(&first);
            let second = Running::start(&mut command, &[]);
            until("a new process", || serving_pid(stage) != first);
            let exit = stage.wait();
            stage.note("the first one's end", exit.how());
            crowd.more(100);
            stage.note("new connections", crowd.end());
            second.signal(Signal::USR1);
            stage.note("the second one's end", second.wait().how());
        });
    });
}

#[test]
fn nobody_to_take_sockets_from_is_an_error() {
    assert_same("reload/x-nobody", |stage| {
        let start =
            Start::with(&SITE.replace("{port:fe}", "unix@{tmp}/fe.sock").replace("{s}", "127.0.0.1:1"));
        let exit = stage.run(&start.args(&["-db", "-f", "haproxy.cfg", "-x", "{tmp}/nowhere.sock"]));
        stage.note_exit("end", &exit);
    });
    assert_same("reload/x-closed", |stage| {
        let origin = origin(&Gate::new());
        stage.start(&Start::with(SITE).fill("s", origin.address()));
        until("listening", || TcpStream::connect(stage.at("fe")).is_ok());
        let _ = serving_pid(stage);
        let mut command = stage.command();
        command.args(["-db", "-f", "haproxy.cfg", "-x", "cli.sock"]);
        let exit = Running::start(&mut command, &[]).wait();
        stage.note_exit("not exposed", &exit);
    });
}
