//! Every option of `keepalived --help`: exit code, output and effect of the original against ours.

use rha_compat_tests::lan::{Who, impossible};
use rha_compat_tests::machine::{CONFIG, Machine, same};

use crate::{VIP, config};

/// What both answer alike and then end: words, with the configuration in place.
const ANSWERED: [&str; 26] = [
    "-t",
    "--config-test",
    "-t extra",
    "--config-test=/tmp/verdict",
    "-nZ",
    "-nZq",
    "--foo",
    "--log",
    "-f",
    "-p",
    "-s",
    "--pid=",
    "--signum=STOP",
    "--signum=RELOAD",
    "--signum=DATA",
    "--signum=STATS",
    "--signum=STATS_CLEAR",
    "--signum=JSON",
    "--signum JSON",
    "--signum=TDATA",
    "--signum=",
    "-n -f /nowhere",
    "-n -e -f /tmp/includes",
    "-i one -t -f /tmp/ids",
    "-i two -t -f /tmp/ids",
    "--config-id=two -t -f /tmp/ids",
];

/// Modes of the files it makes.
const MODES: &str = "kill -USR1 $P; for f in keepalived keepalived_parent; do until [ -s /tmp/$f.data ]; do :; done; \
                     done; stat -c '%A %n' /tmp/*.data /run/*.pid";

/// What both start with: words, and what tells of the effect once they are up. `-n` is among the words unless
/// the daemon goes to the background.
const STARTED: [(&str, &str); 24] = [
    ("-n", "ls /run"),
    ("--dont-fork", "ls /run"),
    ("-nP", "ls /run"),
    ("-nB", "ls /run"),
    ("-n --all", "ls /run"),
    ("-n -p /tmp/a -r /tmp/b -c /tmp/c -b /tmp/d", "ls /run /tmp/[abcd]"),
    ("-n --all -p /tmp/a -r /tmp/b -c /tmp/c -b /tmp/d", "ls /run /tmp/[abcd]"),
    ("-n --pid=/tmp/a --vrrp_pid /tmp/b --checkers_pid=/tmp/c --bfd_pid=/tmp/d", "ls /run /tmp/[abcd]"),
    ("-nl", "grep -c Entering /tmp/stderr"),
    ("-n --log-con", "grep -c Entering /tmp/stderr"),
    ("-nD", "true"),
    ("-nDD", "true"),
    ("-nS 3", "true"),
    ("-nu 0x12", MODES),
    ("-nu 022", MODES),
    ("-n", MODES),
    ("-nX", "true"),
    ("-nI", "true"),
    ("-nm", "grep core /proc/$P/limits"),
    ("-n extra", "true"),
    ("-nR", "kill -9 $(cat /run/vrrp.pid); wait $P; echo $?"),
    ("-nA /tmp/agent", "true"),
    ("-ni one", "true"),
    ("-ne", "true"),
];

/// Messages, each once, with its file where the original tells it with and without.
fn each_once(text: &str) -> String {
    let mut seen: Vec<&str> = Vec::new();
    for line in text.lines() {
        let with_file = line.strip_prefix('(').is_some_and(|rest| text.contains(&format!(": {rest}\n")));
        if !with_file && !seen.contains(&line) {
            seen.push(line);
        }
    }
    seen.join("\n")
}

fn prepare(m: &Machine) {
    m.write(CONFIG, &config("", VIP));
    m.write("/tmp/includes", "include /tmp/no-such-file\n");
    m.write("/tmp/ids", "@one nonsense one\n@two nonsense two\n@^two nonsense other\n");
}

#[test]
fn what_ends_at_once_answers_alike() {
    if impossible("options").is_some() {
        return;
    }
    same(|m| {
        prepare(m);
        for words in ANSWERED {
            // a file named last counts
            m.start(words);
            let code = m.ended();
            m.note(words, format!("exit code {code}"));
            m.note("standard output", m.text("/tmp/stdout"));
            m.note("standard error", each_once(&m.text("/tmp/stderr").replace("--X", "--signum")));
            m.note("verdict", m.text("/tmp/verdict"));
        }
    });
}

#[test]
fn what_starts_has_the_same_effect() {
    if impossible("options with an effect").is_some() {
        return;
    }
    std::thread::scope(|scope| {
        for part in STARTED.chunks(8) {
            scope.spawn(move || same(|m| part.iter().for_each(|(words, look)| start_with(m, words, look))));
        }
    });
}

fn start_with(m: &mut Machine, words: &str, look: &str) {
    prepare(m);
    let since = m.said();
    m.start(words);
    m.says("Startup complete", since);
    m.says("Entering MASTER STATE", since);
    let seen = m.sh(look);
    // our control socket is not theirs
    m.note(words, seen.replace("keepalived.sock\n", ""));
    let code = m.stop();
    m.note("exit code", code);
    m.says("Keepalived: Stopped", since);
    let mut own: Vec<String> = m.lines(since);
    own.retain(|l| l.starts_with("Keepalived: ") && !l.contains("child process"));
    own.retain(|l| ["Starting", "NOTICE", "Stop", "Configuration", "Command"].iter().any(|w| l.contains(w)));
    m.note("the parent", own.join("\n"));
    m.note_sh("left behind", "ls /run; rm -f /tmp/*.data");
}

#[test]
fn addresses_stay_with_v_and_are_told_of_with_a() {
    if impossible("-V and -a").is_some() {
        return;
    }
    same(|m| {
        prepare(m);
        m.start("-nV");
        m.says("Entering MASTER STATE", 0);
        m.has(VIP, true, None);
        m.stop();
        m.note_sh("left behind", &format!("ip -o addr show dev eth0 | grep -c ' {VIP}/'"));
        let since = m.said();
        m.start("-na");
        let since = m.says("Startup complete", since);
        m.says("Entering MASTER STATE", since);
        m.has(VIP, true, None);
        let since = m.said();
        m.sh("ip addr add 10.77.0.9/24 dev eth0");
        m.says("10.77.0.9", since);
        m.note_lines("an address", since, "Keepalived_vrrp");
        m.stop();
    });
}

#[test]
fn addresses_go_with_and_without_x() {
    if impossible("-X").is_some() {
        return;
    }
    // "Drop VIP on transition from signal": a reload that gives the master up
    let logs = ["-nD", "-nDX"].map(|words| {
        let log = std::sync::Mutex::new(Vec::new());
        same(|m| {
            prepare(m);
            m.start(words);
            m.says("Entering MASTER STATE", 0);
            m.has(VIP, true, None);
            m.write(
                CONFIG,
                &config("", VIP).replace(" virtual_ip", " track_interface {\n  eth1\n }\n virtual_ip"),
            );
            let since = m.said();
            m.signal("HUP");
            m.says("Reload complete", since);
            m.sh("ip link set eth1 down");
            m.says("Entering FAULT STATE", since);
            m.has(VIP, false, None);
            log.lock()
                .unwrap()
                .push(m.lines(since).iter().filter(|l| l.contains("(VI_1)")).cloned().collect::<Vec<_>>());
            m.stop();
        });
        log.into_inner().unwrap()
    });
    assert_eq!(logs[0], logs[1]);
}

/// What stays different, and why: words, the original's exit code, ours.
const DIFFERENT: [(&str, &str, &str); 9] = [
    // genhash prints its usage
    ("-T -h", "1", "1"),
    // Debian builds 2.2.7 without log files, 2.3.3 with them
    ("-n -g", "1", "started"),
    ("-n --flush-log-file", "1", "started"),
    ("-n --ignore-sigint", "1", "started"),
    // options of other builds
    ("-n --perf", "1", "started"),
    ("-n --debug", "1", "started"),
    ("-n --no-mem-check", "1", "started"),
    // no SNMP here
    ("-n -x", "started", "1"),
    // a start that fails is no success
    ("-n -s nowhere", "0", "1"),
];

#[test]
fn what_differs_is_what_the_documentation_says() {
    if impossible("options that differ").is_some() {
        return;
    }
    for (who, column) in [(Who::Original, 0), (Who::Ours, 1)] {
        let mut m = Machine::new(who);
        prepare(&m);
        for (words, theirs, ours) in DIFFERENT {
            let wanted = [theirs, ours][column];
            let since = m.said();
            m.start(words);
            if wanted == "started" {
                m.says("Startup complete", since);
                m.says("Entering MASTER STATE", since);
                assert_eq!(m.stop(), "0", "{who:?} {words}");
            } else {
                assert_eq!(m.ended(), wanted, "{who:?} {words}");
            }
        }
    }
}
