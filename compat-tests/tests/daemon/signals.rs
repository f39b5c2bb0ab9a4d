//! Signals to the parent and to the worker, and deaths of either.

use rha_compat_tests::lan::{Who, impossible};
use rha_compat_tests::machine::{CONFIG, Machine, same};

use crate::{VIP, config};

const OTHER: &str = "10.77.0.201";

fn start(m: &mut Machine) {
    m.write(CONFIG, &config("", VIP));
    m.start("-nD");
    m.says("Startup complete", 0);
    m.says("Entering MASTER STATE", 0);
    m.has(VIP, true, None);
}

#[test]
fn dumps_are_asked_for_by_signal() {
    if impossible("dump signals").is_some() {
        return;
    }
    same(|m| {
        start(m);
        for (signal, files) in [
            ("USR1", &["keepalived.data", "keepalived_parent.data"][..]),
            ("USR2", &["keepalived.stats"]),
            ("$(/tmp/keepalived --signum=JSON)", &["keepalived.json"]),
            ("$(/tmp/keepalived --signum=STATS_CLEAR)", &["keepalived.stats"]),
        ] {
            m.sh("rm -f /tmp/keepalived.* /tmp/keepalived_parent.data");
            let since = m.said();
            m.signal(signal);
            for file in files {
                let path = m.path(&format!("/tmp/{file}"));
                m.wait(file, || std::fs::metadata(&path).is_ok_and(|f| f.len() > 0));
                m.note_sh(signal, &format!("stat -c '%A %n' /tmp/{file}"));
            }
            m.says(" on signal", since);
        }
        m.stop();
    });
}

#[test]
fn ten_reloads_in_a_second_end_with_the_last_file() {
    if impossible("reloads in a row").is_some() {
        return;
    }
    same(|m| {
        start(m);
        let since = m.said();
        for n in 0..10 {
            m.write(CONFIG, &config("", &format!("10.77.0.{}", 210 + n)));
            m.signal("HUP");
        }
        m.has("10.77.0.219", true, None);
        m.has(VIP, false, None);
        m.says("Reload complete", since);
        let entered = m.lines(since).iter().filter(|l| l.contains("Entering")).count();
        m.note("changes of state", entered.to_string());
        m.note_sh("addresses", "ip -o -4 addr show dev eth0 | awk '{print $4}' | sort");
        // it still listens
        let since = m.said();
        m.write(CONFIG, &config("", OTHER));
        m.signal("HUP");
        m.has(OTHER, true, None);
        m.says("Reload complete", since);
        let code = m.stop();
        m.note("exit code", code);
        m.note_sh("addresses", "ip -o -4 addr show dev eth0 | awk '{print $4}'");
    });
}

#[test]
fn requests_during_a_start_do_not_end_it() {
    if impossible("signals during a start").is_some() {
        return;
    }
    same(|m| {
        m.write(CONFIG, &config("", VIP));
        m.start("-nD");
        m.says("Starting Keepalived", 0);
        m.sh("for n in 1 2 3 4 5 6 7 8 9 10; do for s in USR1 USR2 HUP 36 63; do kill -$s $P; done; done");
        m.says("Startup complete", 0);
        m.says("Entering MASTER STATE", 0);
        m.has(VIP, true, None);
        let ended = m.lines(0).iter().filter(|l| l.contains("died") || l.contains("exited")).count();
        m.note("ends", ended.to_string());
        let code = m.stop();
        m.note("exit code", code);
    });
}

#[test]
fn an_end_during_a_reload_is_an_end() {
    if impossible("an end during a reload").is_some() {
        return;
    }
    same(|m| {
        for _ in 0..3 {
            let since = m.said();
            m.write(CONFIG, &config("", VIP));
            m.start("-nD");
            m.says("Entering MASTER STATE", since);
            m.has(VIP, true, None);
            m.write(CONFIG, &config("", OTHER));
            m.sh("kill -HUP $P; kill $P");
            let code = m.ended();
            m.note("exit code", code);
            m.note_sh("addresses", "ip -o -4 addr show dev eth0 | awk '{print $4}'");
            m.note_sh("left behind", "ls /run");
        }
    });
}

#[test]
fn a_file_that_is_gone_or_broken_changes_nothing() {
    if impossible("a file that is gone").is_some() {
        return;
    }
    // the original drops all it has, or ends
    let mut m = Machine::new(Who::Original);
    start(&mut m);
    m.sh("rm /tmp/k.conf; kill -HUP $P");
    m.has(VIP, false, None);
    drop(m);
    let mut m = Machine::new(Who::Ours);
    start(&mut m);
    for what in [
        "rm /tmp/k.conf",
        "echo 'vrrp_instance {' > /tmp/k.conf",
        ": > /tmp/nothing; mv /tmp/nothing /tmp/k.conf; chmod 0 /tmp/k.conf; echo nonsense > /tmp/k.conf",
    ] {
        let since = m.said();
        m.sh(&format!("{what}; kill -HUP $P"));
        m.says("the running configuration stays", since);
        m.has(VIP, true, None);
        assert!(
            !m.lines(since).iter().any(|l| l.contains("RELOADING") || l.contains("Entering")),
            "{}",
            m.story()
        );
    }
    // the next good one counts
    m.sh("rm -f /tmp/k.conf");
    m.write(CONFIG, &config("", OTHER));
    m.signal("HUP");
    m.has(OTHER, true, None);
    m.has(VIP, false, None);
    assert_eq!(m.stop(), "0");
}

#[test]
fn an_interrupt_ends_it_and_other_signals_do_not() {
    if impossible("other signals").is_some() {
        return;
    }
    same(|m| {
        start(m);
        let since = m.said();
        m.sh("kill -PIPE $P; kill -INT $(cat /run/vrrp.pid); kill -PIPE $(cat /run/vrrp.pid)");
        m.signal("HUP");
        m.says("Reload complete", since);
        m.has(VIP, true, None);
        m.signal("INT");
        let code = m.ended();
        m.note("exit code", code);
        m.note_lines("an interrupt", since, "Keepalived");
        m.has(VIP, false, None);
    });
}

#[test]
fn a_worker_that_ends_is_started_again() {
    if impossible("a worker that ends").is_some() {
        return;
    }
    same(|m| {
        start(m);
        for signal in ["TERM", "KILL"] {
            let since = m.said();
            m.sh(&format!("kill -{signal} $(cat /run/vrrp.pid)"));
            m.says("Entering MASTER STATE", since);
            m.has(VIP, true, None);
            let mut lines = m.lines(since);
            lines.retain(|l| {
                l.starts_with("Keepalived: ")
                    && (l.contains("exited") || l.contains("died:") || l.contains("delayed"))
            });
            m.note(signal, lines.join("\n"));
        }
        let code = m.stop();
        m.note("exit code", code);
    });
}

#[test]
fn a_parent_that_dies_takes_its_worker_along() {
    if impossible("a parent that dies").is_some() {
        return;
    }
    same(|m| {
        start(m);
        let since = m.said();
        m.signal("KILL");
        m.says("Keepalived_vrrp: (VI_1) sent 0 priority", since);
        m.has(VIP, false, None);
        let worker = m.path("/run/vrrp.pid");
        m.wait("the worker's end", || !worker.exists());
        m.ended();
        m.note_sh("left behind", "ls /run | grep -v sock");
        let since = m.said();
        m.start("-nD");
        m.says("Entering MASTER STATE", since);
        m.note_lines("the next start", since, "Keepalived");
        let code = m.stop();
        m.note("exit code", code);
        m.note_sh("left behind", "ls /run");
    });
}
