//! As a service: what systemd hears, going to the background, pid files, instances, namespaces.

use rha_compat_tests::lan::{Who, impossible};
use rha_compat_tests::machine::{CONFIG, Machine, same};

use crate::{VIP, config};

#[test]
fn systemd_hears_the_same() {
    if impossible("systemd").is_some() {
        return;
    }
    same(|m| {
        // as the unit of Debian starts it, with the options of its environment file
        m.write("/tmp/script", "#!/bin/sh\necho \"socket ${NOTIFY_SOCKET-none}\" > /tmp/heard.new\nmv /tmp/heard.new /tmp/heard\n");
        m.sh("chmod 755 /tmp/script; DAEMON_ARGS=-D");
        let text = config(" script_user root\n enable_script_security\n", VIP);
        m.write(CONFIG, &text.replace(" virtual_ip", " notify_master /tmp/script\n virtual_ip"));
        m.start("--dont-fork $DAEMON_ARGS");
        m.says("notify: READY=1", 0);
        m.says("Entering MASTER STATE", 0);
        let heard = m.path("/tmp/heard");
        m.wait("the script", || heard.exists());
        m.note("what a script has of it", m.text("/tmp/heard"));
        let since = m.said();
        m.signal("HUP");
        m.says("notify: READY=1", m.says("notify: RELOADING=1", since));
        let code = m.stop();
        m.says("notify: STOPPING=1", since);
        m.note_lines("systemd", 0, "notify");
        m.note("exit code", code);
    });
}

#[test]
fn a_permanent_error_is_told_to_systemd() {
    if impossible("systemd, errors").is_some() {
        return;
    }
    same(|m| {
        m.write(CONFIG, &config("", VIP).replace("interface eth0", "interface nothing0"));
        m.start("-n");
        let code = m.ended();
        m.note("exit code", code);
        m.says("Stopped", 0);
        m.note_lines("systemd", 0, "notify");
    });
}

#[test]
fn it_goes_to_the_background() {
    if impossible("background").is_some() {
        return;
    }
    same(|m| {
        m.write(CONFIG, &config("", VIP));
        m.start("-D");
        let code = m.ended();
        m.note("exit code of what was started", code);
        m.says("Entering MASTER STATE", 0);
        m.has(VIP, true, None);
        m.sh("P=$(cat /run/keepalived.pid)");
        m.note_sh("its place", "readlink /proc/$P/cwd /proc/$P/fd/0 /proc/$P/fd/1 /proc/$P/fd/2");
        m.note_sh(
            "its worker's",
            "W=$(cat /run/vrrp.pid); readlink /proc/$W/cwd /proc/$W/fd/0 /proc/$W/fd/1 /proc/$W/fd/2",
        );
        m.note_sh("its session is its own", "ps -o sid= -p $P | tr -d ' ' | grep -cx $P");
        m.note_sh("its parent", "ps -o ppid= -p $P | tr -d ' '");
        m.note_sh("modes", "stat -c '%A %n' /run/*.pid");
        // another one does not start
        let since = m.said();
        m.sh(&format!("Q=$P; /tmp/keepalived -f {CONFIG} -D; echo $? > /tmp/second"));
        m.note("exit code of another one", m.text("/tmp/second"));
        m.says("daemon is already running", since);
        let since = m.said();
        m.signal("HUP");
        m.says("Reload complete", since);
        m.signal("TERM");
        let pid_file = m.path("/run/keepalived.pid");
        m.wait("its end", || !pid_file.exists());
        m.has(VIP, false, None);
        m.note_lines("systemd", 0, "notify");
        m.note_sh("left behind", "ls /run");
    });
}

#[test]
fn a_start_that_fails_says_so_in_its_exit_code() {
    if impossible("failing starts").is_some() {
        return;
    }
    same(|m| {
        let good = config("", VIP);
        for (what, text) in [
            ("no interface", good.replace("interface eth0", "interface nothing0")),
            ("no id", good.replace(" virtual_router_id 51\n", "")),
            ("nothing in it", String::new()),
        ] {
            m.write(CONFIG, &text);
            for words in ["-n", ""] {
                let since = m.said();
                m.start(words);
                if text.is_empty() {
                    // it runs all the same
                    m.says("no configuration to run", since);
                    m.sh("until [ -s /run/keepalived.pid ]; do :; done; kill $(cat /run/keepalived.pid)");
                }
                let code = m.ended();
                if words == "-n" {
                    m.note(what, code);
                } else {
                    // the original goes to the background before it looks
                    let wanted = if text.is_empty() || m.who() == Who::Original { "0" } else { "2" };
                    assert_eq!(code, wanted, "{what}");
                }
                m.says("Stopped", since);
                let pid_file = m.path("/run/keepalived.pid");
                m.wait("its end", || !pid_file.exists());
                m.note_sh("left behind", "ls /run");
            }
        }
    });
}

/// Where the pid files are, and who else is in the directory.
fn pid_files(m: &mut Machine, label: &str) {
    m.note_sh(label, "cd /run; find . -name '*.pid' | sort; cd /");
}

#[test]
fn pid_files_follow_the_configuration() {
    if impossible("pid files").is_some() {
        return;
    }
    same(|m| {
        m.sh("ip netns add blue; ip -n blue link add eth0 type veth peer name eth1");
        m.sh("for l in lo eth0 eth1; do ip -n blue link set $l up; done; ip -n blue addr add 10.77.1.1/24 dev eth0");
        for (above, inside, words, place) in [
            ("use_pid_dir\n", "", "", None),
            ("instance one\n", "", "", None),
            ("net_namespace blue\n", "", "", Some("blue")),
            ("instance one\nnet_namespace blue\n", "", "", Some("blue")),
            ("", "", "-s blue", Some("blue")),
            ("instance one\nnet_namespace green\n", "", "-s blue", Some("blue")),
            ("", " use_pid_dir\n", "", None),
        ] {
            m.write(CONFIG, &(above.to_owned() + &config(inside, VIP)));
            let since = m.said();
            m.start(&format!("-n {words}"));
            m.says("Entering MASTER STATE", since);
            m.has(VIP, true, place);
            let label = format!("{above:?} {inside:?} {words:?}");
            pid_files(m, &label);
            let names = m.lines(since);
            let idents = names.iter().filter_map(|l| l.split_once(": ")).map(|(i, _)| i.to_owned());
            let mut idents: Vec<String> = idents.filter(|i| i.starts_with("Keepalived")).collect();
            idents.sort();
            idents.dedup();
            m.note("names in the log", idents.join(" "));
            let said: Vec<&String> =
                names.iter().filter(|l| l.contains("namespace") || l.contains("ident")).collect();
            m.note("what it says of them", format!("{said:#?}"));
            if place.is_some() {
                m.has(VIP, false, None);
            }
            // the signals of both go on
            let since = m.said();
            m.signal("HUP");
            m.says("Reload complete", since);
            let code = m.stop();
            m.note("exit code", code);
            m.has(VIP, false, place);
            m.note_sh("left behind", "ls /run");
        }
    });
}

#[test]
fn metrics_are_served_to_scrapers() {
    if impossible("metrics").is_some() {
        return;
    }
    let mut m = Machine::new(Who::Ours);
    m.write(CONFIG, &config("", VIP));
    m.start("-n --metrics=127.0.0.1:9650");
    m.says("Entering MASTER STATE", 0);
    let mut ask = |request: &str| {
        m.sh(&format!("bash -c 'exec 3<>/dev/tcp/127.0.0.1/9650; printf \"{request}\" >&3; cat <&3'"))
    };
    let got = ask("GET /metrics HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n");
    assert!(got.starts_with("HTTP/1.1 200 OK\r\n"), "{got}");
    assert!(got.contains("instance=\"VI_1\""), "{got}");
    assert!(ask("GET / HTTP/1.0\\r\\n\\r\\n").starts_with("HTTP/1.0 404 "));
    assert!(ask("nonsense\\r\\n\\r\\n").starts_with("HTTP/1.1 400 "));
    // one that says nothing holds nobody up
    m.sh("bash -c 'exec 3<>/dev/tcp/127.0.0.1/9650; read -t 20 -u 3' & sleep 0");
    m.signal("HUP");
    m.says("Reload complete", 0);
    assert_eq!(m.stop(), "0");
}
