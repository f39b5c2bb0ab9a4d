//! The process: flags, exit codes, signals, pid file, daemon, master and its notifications.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::io::Read;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::time::Duration;

use rha_compat_tests::{
    Exit, Origin, Running, Signal, Stage, Start, assert_same, each, stderr_text, uninterrupted,
};
use rustix::process::{Pid, kill_process, test_kill_process};

const SITE: &str = "\
global
    stats socket {tmp}/cli.sock level admin
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 5s
frontend fe
    bind {listen:fe}
    http-request return status 200 content-type text/plain string hi
";

/// The same without an inherited socket, for runs to the end.
const CHECKED: &str = "\
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 5s
frontend fe
    bind unix@{tmp}/fe.sock
    http-request return status 200 content-type text/plain string hi
";

/// Waits until it serves.
fn serves(stage: &mut Stage, label: &str) {
    let mut client = stage.client("fe");
    let back = client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").response();
    stage.note(label, back.status());
    // gone on both sides, so that it is not counted by what comes next
    let _ = client.end();
}

#[test]
fn signals_end_it_as_they_end_the_original() {
    each([("term", Signal::TERM), ("int", Signal::INT), ("usr1", Signal::USR1)], |(id, signal)| {
        assert_same(&format!("process/{id}"), |stage| {
            stage.start(&Start::with(SITE));
            serves(stage, "serving");
            stage.stop(signal);
        });
    });
}

#[test]
fn a_graceful_stop_lets_connections_finish() {
    assert_same("process/graceful", |stage| {
        let gate = rha_compat_tests::Gate::new();
        let held = gate.clone();
        let origin = Origin::new(move |peer| {
            if peer.request().is_some() && held.wait() {
                peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate");
            }
        });
        let site = SITE.replace(
            "http-request return status 200 content-type text/plain string hi",
            "default_backend be\nbackend be\n    server s {s}",
        );
        stage.start(&Start::with(&site).fill("s", origin.address()));
        let mut client = stage.client("fe");
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let _ = origin.next();
        stage.running().signal(Signal::USR1);
        let _ = stage.running().stderr_with("Proxy fe stopped");
        gate.open();
        let back = client.response();
        stage.note("finished", back);
        drop(client);
        let exit = stage.wait();
        stage.note_exit("end", &exit);
    });
}

#[test]
fn hup_dumps_the_state_of_proxies() {
    assert_same("process/hup", |stage| {
        let site = format!(
            "{SITE}backend one\n    server s1 127.0.0.1:9 \n    server s2 127.0.0.1:9 backup\nbackend empty\n"
        );
        stage.start(&Start::with(&site));
        serves(stage, "serving");
        stage.running().signal(Signal::HUP);
        let said = stage.running().stderr_with("Proxy empty");
        // the proxies of the original's own HTTP client are its private matter
        let ours = said.lines().filter(|l| !l.contains("HTTPCLIENT") && !l.contains("Proxy GLOBAL"));
        let text = ours.take_while(|l| l.starts_with('[')).map(|l| format!("{l}\n")).collect::<String>();
        stage.note("standard error", stderr_text(&text));
        serves(stage, "still serving");
    });
}

#[test]
fn other_signals_do_not_end_it() {
    assert_same("process/pause", |stage| {
        stage.start(&Start::with(SITE));
        serves(stage, "serving");
        for signal in [Signal::TTOU, Signal::TTIN, Signal::PIPE, Signal::QUIT, Signal::USR2] {
            stage.running().signal(signal);
            let version = stage.cli("show version");
            stage.note("answers after the signal", !version.is_empty());
            if signal == Signal::USR2 {
                return;
            }
        }
    });
}

#[test]
fn checks_say_and_return_what_the_original_does() {
    each(
        [
            ("check", &["-c", "-f", "haproxy.cfg"][..]),
            ("check-v", &["-c", "-V", "-f", "haproxy.cfg"]),
            ("check-q", &["-c", "-q", "-f", "haproxy.cfg"]),
            ("check-dw", &["-c", "-dW", "-f", "haproxy.cfg"]),
            (
                "check-flags",
                &[
                    "-c",
                    "-dM",
                    "-dI",
                    "-dr",
                    "-dp",
                    "-db",
                    "-n",
                    "10",
                    "-N",
                    "5",
                    "-m",
                    "100",
                    "-f",
                    "haproxy.cfg",
                ],
            ),
            ("check-master", &["-c", "-Ws", "-f", "haproxy.cfg"]),
            ("check-rest", &["-c", "--", "haproxy.cfg"]),
            ("check-twice", &["-c", "-f", "haproxy.cfg", "-f", "haproxy.cfg"]),
            ("check-missing", &["-c", "-f", "nowhere.cfg"]),
            ("check-folder", &["-c", "-f", "."]),
            ("check-folder-of-folder", &["-C", "{tmp}", "-c", "-f", "haproxy.cfg"]),
            ("check-nothing", &["-c"]),
            ("unknown-flag", &["-Q"]),
            ("flag-without-value", &["-f"]),
            ("no-arguments", &[]),
            ("cc-true", &["-cc", "version_atleast(2.0)"]),
            ("cc-false", &["-cc", "streq(a,b)"]),
            ("cc-bad", &["-cc", "nonsense(a"]),
            ("peer-name", &["-c", "-L", "me", "-f", "haproxy.cfg"]),
        ],
        |(id, args)| {
            assert_same(&format!("process/{id}"), |stage| {
                let exit = stage.run(&Start::with(CHECKED).args(args));
                // the usage of an unknown flag is a page that names each version's flags: its first lines count
                let usage = exit.stderr.contains("Usage") || exit.stdout.contains("Usage");
                let exit = if usage {
                    Exit { stdout: String::new(), stderr: "usage\n".to_string(), ..exit }
                } else {
                    exit
                };
                stage.note_exit("end", &exit);
            });
        },
    );
}

#[test]
fn it_does_not_start_without_listeners_or_rights() {
    each(
        [
            ("no-listener", "defaults\n    mode http\nbackend be\n"),
            (
                "no-such-folder",
                "global\n    chroot /nonexistent/folder\nlisten l\n    mode http\n    bind unix@{tmp}/l.sock\n    timeout client 1s\n    timeout server 1s\n    timeout connect 1s\n",
            ),
            ("no-such-user", "global\n    user nobody-of-that-name\nlisten l\n    bind unix@{tmp}/l.sock\n"),
            (
                "no-such-address",
                "listen l\n    mode http\n    bind 192.0.2.1:80\n    timeout client 1s\n    timeout server 1s\n    timeout connect 1s\n",
            ),
            (
                "pidfile-nowhere",
                "global\n    pidfile /nonexistent/folder/pid\n    daemon\nlisten l\n    mode http\n    bind unix@{tmp}/l.sock\n    timeout client 1s\n    timeout server 1s\n    timeout connect 1s\n",
            ),
        ],
        |(id, site)| {
            assert_same(&format!("process/{id}"), |stage| {
                let mode = if id.starts_with("pidfile") { "-D" } else { "-db" };
                let exit = stage.run(&Start::with(site).args(&[mode, "-f", "haproxy.cfg"]));
                stage.note_exit("end", &exit);
            });
        },
    );
}

#[test]
fn a_daemon_leaves_and_writes_its_pid() {
    assert_same("process/daemon", |stage| {
        stage.start(&Start::with(SITE).args(&["-D", "-p", "{tmp}/pid"]));
        let exit = stage.wait();
        stage.note_exit("the starter", &exit);
        serves(stage, "serving");
        let text = std::fs::read_to_string(stage.folder().join("pid")).unwrap();
        let pid = Pid::from_raw(text.trim().parse().unwrap()).unwrap();
        stage.note("pid file is one line", text.lines().count() == 1 && text.ends_with('\n'));
        stage.note("that process lives", test_kill_process(pid).is_ok());
        kill_process(pid, Signal::TERM).unwrap();
        gone(pid);
    });
}

/// Waits until a process that is not our child is gone.
fn gone(pid: Pid) {
    let status = format!("/proc/{}/status", pid.as_raw_nonzero());
    let deadline = std::time::Instant::now() + rha_compat_tests::PATIENCE;
    let alive = || std::fs::read_to_string(&status).is_ok_and(|s| !s.contains("State:\tZ"));
    while alive() {
        assert!(std::time::Instant::now() < deadline, "the daemon does not end");
        std::thread::yield_now();
    }
}

#[test]
fn a_master_reports_readiness_and_ends_its_worker() {
    each(
        [("master-term", Signal::TERM), ("master-usr1", Signal::USR1), ("master-int", Signal::INT)],
        |(id, signal)| {
            assert_same(&format!("process/{id}"), |stage| {
                let path = stage.folder().join("notify");
                let notify = UnixDatagram::bind(&path).unwrap();
                notify.set_read_timeout(Some(rha_compat_tests::PATIENCE)).unwrap();
                let start = Start::with(SITE).args(&["-Ws", "-p", "{tmp}/pid", "-S", "{tmp}/master.sock"]);
                stage.start(&start.env("NOTIFY_SOCKET", path.display()));
                let ready =
                    std::iter::repeat_with(|| receive(&notify)).find(|m| m.lines().any(|l| l == "READY=1"));
                stage.note("ready", ready.is_some());
                in_its_loop(stage);
                serves(stage, "serving");
                let text = std::fs::read_to_string(stage.folder().join("pid")).unwrap();
                stage.note("pid file has the master's pid", text.trim() == stage.running().pid().to_string());
                stage.running().signal(signal);
                let exit = stage.wait();
                stage.note("end", exit.how());
            });
        },
    );
}

/// Waits until the master's own socket is served: the original says that it is ready a moment before its
/// signal handlers are in place, and loses a signal that comes in between.
fn in_its_loop(stage: &Stage) {
    let path = stage.folder().join("master.sock");
    let Ok(mut stream) = std::os::unix::net::UnixStream::connect(path) else { return };
    stream.set_read_timeout(Some(rha_compat_tests::PATIENCE)).unwrap();
    let _ = std::io::Write::write_all(&mut stream, b"show proc\n");
    let _ = uninterrupted(|| stream.read(&mut [0; 512]));
}

fn receive(socket: &UnixDatagram) -> String {
    let mut message = [0; 512];
    let n = uninterrupted(|| socket.recv(&mut message)).expect("a notification");
    String::from_utf8_lossy(&message[..n]).into_owned()
}

#[test]
fn a_dead_worker_ends_the_master() {
    assert_same("process/worker-killed", |stage| {
        stage.start(&Start::with(SITE).args(&["-W", "-p", "{tmp}/pid"]));
        serves(stage, "serving");
        let info = stage.cli("show info");
        let pid = info.lines().find_map(|l| l.strip_prefix("Pid: ")).and_then(|p| p.parse().ok()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
        let exit = stage.wait();
        stage.note("end", exit.how());
        stage.note("what is said", stderr_text(&exit.stderr));
    });
}

#[test]
fn it_listens_on_every_kind_of_address() {
    let ask = |stage: &mut Stage, path: &std::path::Path| {
        let deadline = std::time::Instant::now() + rha_compat_tests::PATIENCE;
        let mut stream = loop {
            match std::os::unix::net::UnixStream::connect(path) {
                Ok(stream) => break stream,
                Err(e) => assert!(std::time::Instant::now() < deadline, "{e}"),
            }
        };
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        std::io::Write::write_all(&mut stream, b"GET / HTTP/1.0\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        stage.note("answer", text);
    };
    assert_same("process/unix-listener", |stage| {
        stage.start(&Start::with(CHECKED));
        let path = stage.folder().join("fe.sock");
        ask(stage, &path);
        stage.stop(Signal::TERM);
    });
    assert_same("process/unix-server", |stage| {
        let path = stage.folder().join("origin.sock");
        let listener = UnixListener::bind(&path).unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut buffer = [0; 4096];
            let _ = stream.read(&mut buffer);
            std::io::Write::write_all(&mut stream, b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nunix")
                .unwrap();
        });
        let site = SITE.replace(
            "http-request return status 200 content-type text/plain string hi",
            "default_backend be\nbackend be\n    server s unix@{tmp}/origin.sock",
        );
        stage.start(&Start::with(&site));
        let back = stage.exchange("fe", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        stage.note("answer", back);
    });
}

#[test]
fn versions_are_told_in_the_same_form() {
    assert_same("process/version", |stage| {
        let run = |stage: &Stage, flag: &str| {
            let running = Running::start(stage.command().arg(flag), &[]);
            running.wait()
        };
        let short = run(stage, "-v");
        let first = short.stdout.lines().next().unwrap_or_default();
        let words: Vec<_> = first.split_whitespace().take(2).collect();
        stage.note("-v", format!("{} {}", short.how(), words.join(" ")));
        let branch = first
            .split_whitespace()
            .nth(2)
            .unwrap_or_default()
            .split('.')
            .take(2)
            .collect::<Vec<_>>()
            .join(".");
        stage.note("branch", branch);
        let long = run(stage, "-vv");
        let line = |start: &str| long.stdout.lines().any(|l| l.trim_start().starts_with(start));
        stage.note("-vv", format!("{} {} {}", long.how(), line("TARGET"), line("Available polling systems")));
    });
}

#[test]
fn the_master_has_a_socket_of_its_own() {
    assert_same("process/master-cli", |stage| {
        let args = &["-W", "-p", "{tmp}/pid", "-S", "{tmp}/master.sock,level,admin,mode,600"];
        stage.start(&Start::with(SITE).args(args));
        serves(stage, "serving");
        let path = stage.folder().join("master.sock");
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
        stage.note("mode", format!("{:o}", mode & 0o777));
        listens(&path);
        let pid = stage.running().pid().to_string();
        let shape = |answer: &str| {
            let own = |w: &str| if w == pid { "<master>".to_owned() } else { w.to_owned() };
            let word = |(i, w): (usize, &str)| match i {
                0 if w.parse::<u32>().is_ok_and(|n| n.to_string() != pid) => "<worker>".to_owned(),
                _ if w.contains('.') => "<version>".to_owned(),
                _ if w.starts_with("0d") => "<uptime>".to_owned(),
                _ => own(w),
            };
            let line = |l: &str| l.split_whitespace().enumerate().map(word).collect::<Vec<_>>().join(" ");
            answer.lines().map(|l| line(l) + "\n").collect::<String>()
        };
        let ask = |text: &str, half: bool| {
            let mut stream = std::os::unix::net::UnixStream::connect(&path).unwrap();
            stream.set_read_timeout(Some(rha_compat_tests::PATIENCE)).unwrap();
            std::io::Write::write_all(&mut stream, text.as_bytes()).unwrap();
            if half {
                stream.shutdown(std::net::Shutdown::Write).unwrap();
            }
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        };
        for command in [
            "show proc",
            "show version",
            "@1 show version",
            "@9 show version",
            "@master show proc",
            "@0 show version",
            "@!x show version",
            "@1",
            "@1; show version",
            "show cli level",
            "show cli sockets",
            "operator; show cli level",
            "@1 show cli level",
            "@1 operator; show cli level",
            "show proc; show version",
            "@1 show version; @1 show version",
            "expert-mode",
            "mcli-debug-mode",
            "expert-mode on; expert-mode",
            "experimental-mode on; @1 experimental-mode",
            "@1 experimental-mode on; @1 experimental-mode",
            "experimental-mode on; @1 set var proc.x int(3); @1 get var proc.x",
            "user; reload",
            "@1 disable frontend fe",
            "@1 enable frontend fe",
        ] {
            stage.note(command, shape(&ask(&format!("{command}\n"), true)));
        }
        for lines in [
            "prompt\n@1\nshow cli level\n@\nshow cli level\nquit\n",
            "prompt\n@master\nuser\nquit\n",
            "prompt\nexpert-mode on\nexperimental-mode on\nmcli-debug-mode on\nexpert-mode off\nquit\n",
        ] {
            let text = ask(lines, false);
            let pid = text.split("> ").find(|w| w.parse::<u32>().is_ok()).unwrap_or("no worker");
            stage.note(lines, text.replace(pid, "<worker>"));
        }
        let worker = |text: &str| {
            let row = text.lines().find(|l| l.contains(" worker ")).unwrap_or_default();
            row.split_whitespace().next().unwrap_or_default().to_owned()
        };
        let before = worker(&ask("show proc\n", true));
        let mut asked = std::os::unix::net::UnixStream::connect(&path).unwrap();
        std::io::Write::write_all(&mut asked, b"reload\n").unwrap();
        let deadline = std::time::Instant::now() + rha_compat_tests::PATIENCE;
        let after = loop {
            assert!(std::time::Instant::now() < deadline, "no new worker");
            if std::os::unix::net::UnixStream::connect(&path).is_err() {
                continue;
            }
            let now = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| ask("show proc\n", true)));
            let now = now.unwrap_or_default();
            if !worker(&now).is_empty() && worker(&now) != before && !now.contains("old workers") {
                break now;
            }
        };
        stage.note("after a reload", shape(&after));
        serves(stage, "still serving");
    });
}

/// Waits until somebody accepts on a socket.
fn listens(path: &std::path::Path) {
    let deadline = std::time::Instant::now() + rha_compat_tests::PATIENCE;
    while std::os::unix::net::UnixStream::connect(path).is_err() {
        assert!(std::time::Instant::now() < deadline, "{} is not served", path.display());
        std::thread::yield_now();
    }
}
