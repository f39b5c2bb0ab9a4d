//! Reloads: what the worker reads, what cannot change, and the files around it.

use rha_compat_tests::lan::{Who, impossible};
use rha_compat_tests::machine::{CONFIG, Machine, same};

use crate::{VIP, config};

const OTHER: &str = "10.77.0.201";

fn start(m: &mut Machine, global: &str) {
    m.write(CONFIG, &config(global, VIP));
    m.start("-nD");
    m.says("Startup complete", 0);
    m.says("Entering MASTER STATE", 0);
    m.has(VIP, true, None);
}

/// Kills the worker; its successor is master when this returns.
fn kill_worker(m: &mut Machine) {
    let since = m.said();
    m.sh("kill -9 $(cat /run/vrrp.pid)");
    m.says("died: Respawning", since);
    m.says("Entering MASTER STATE", since);
}

#[test]
fn a_worker_reads_what_its_parent_has_read() {
    if impossible("a worker's reload").is_some() {
        return;
    }
    same(|m| {
        start(m, "");
        // the worker alone is told: the file has changed, but its parent has not read that
        m.write(CONFIG, &config("", OTHER));
        let since = m.said();
        m.sh("kill -HUP $(cat /run/vrrp.pid)");
        m.says("Keepalived_vrrp: Reloading", since);
        m.says("Keepalived_vrrp: (VI_1) setting VIPs.", since);
        m.has(VIP, true, None);
        m.has(OTHER, false, None);
        // and its successor has the same plan
        kill_worker(m);
        m.has(VIP, true, None);
        m.has(OTHER, false, None);
        // both are told
        let since = m.said();
        m.signal("HUP");
        m.says("Reload complete", since);
        m.note_lines("the parent reloads", since, "Keepalived");
        m.has(OTHER, true, None);
        m.has(VIP, false, None);
        kill_worker(m);
        m.has(OTHER, true, None);
        m.has(VIP, false, None);
        let code = m.stop();
        m.note("exit code", code);
    });
}

#[test]
fn what_cannot_change_stays() {
    if impossible("unsupported changes").is_some() {
        return;
    }
    same(|m| {
        start(m, "");
        let other = config(" nftables other\n disable_local_igmp\n", OTHER);
        m.write(CONFIG, &other);
        let since = m.said();
        m.signal("HUP");
        m.says("Cannot change disable_local_igmp", since);
        m.note_lines("a reload that cannot be", since, "Keepalived");
        m.has(VIP, true, None);
        m.has(OTHER, false, None);
        m.write(CONFIG, &config("", OTHER));
        let since = m.said();
        m.signal("HUP");
        m.says("Reload complete", since);
        m.has(OTHER, true, None);
        m.stop();
    });
}

#[test]
fn a_reload_is_checked_first_where_that_is_asked_for() {
    if impossible("reload_check_config").is_some() {
        return;
    }
    same(|m| {
        let global =
            " reload_check_config /tmp/verdict\n reload_file /tmp/marker\n config_save_dir /tmp/saved\n";
        start(m, global);
        m.write(CONFIG, &config(global, "10.77.0.299"));
        m.write("/tmp/verdict", "what the last one said");
        let since = m.said();
        m.write("/tmp/marker", "reading is not done");
        m.signal("HUP");
        m.says("New config failed validation", since);
        m.note_lines("a broken file", since, "Keepalived");
        m.note_lines("a broken file", since, "notify");
        m.note("its verdict", m.text("/tmp/verdict"));
        let marker = m.path("/tmp/marker");
        m.wait("the marker is gone", || !marker.exists());
        m.has(VIP, true, None);
        m.write(CONFIG, &config(global, OTHER));
        let since = m.said();
        m.write("/tmp/marker", "reading is not done");
        m.signal("HUP");
        m.says("Reload complete", since);
        m.wait("the marker is gone", || !marker.exists());
        m.note_lines("a good file", since, "Keepalived");
        m.note("its verdict", format!("{:?}", m.text("/tmp/verdict")));
        m.note_sh("mode", "stat -c '%A %n' /tmp/saved /tmp/verdict");
        m.has(OTHER, true, None);
        let kept = "/tmp/saved/keepalived_vrrp.*.1.";
        let dumps = [m.sh(&format!("cat {kept}pre")), m.sh(&format!("cat {kept}post"))];
        for (dump, address) in dumps.iter().zip([VIP, OTHER]) {
            assert!(dump.contains(&format!("{address}/24 dev eth0")), "{dump}");
        }
        m.note_sh("the settings", &format!("grep -iE 'reload|Config save' {kept}post"));
        m.note_sh("the last configuration", "cat $(ls -t /tmp/saved/keepalived.conf.* | head -1)");
        m.stop();
    });
}

#[test]
fn the_marker_goes_without_a_check_as_well() {
    if impossible("reload_file").is_some() {
        return;
    }
    same(|m| {
        // one that is left over goes at the start
        m.write("/tmp/marker", "");
        start(m, " reload_file /tmp/marker\n");
        m.note("at the start", m.path("/tmp/marker").exists().to_string());
        m.write("/tmp/marker", "reading is not done");
        m.signal("HUP");
        let marker = m.path("/tmp/marker");
        m.wait("the marker is gone", || !marker.exists());
        m.stop();
    });
    // the original never removes the one without a name
    let mut m = Machine::new(Who::Ours);
    m.write(CONFIG, &format!("use_pid_dir\n{}", config(" reload_file\n", VIP)));
    m.start("-nD");
    m.says("Startup complete", 0);
    m.write("/run/keepalived/keepalived.reload", "reading is not done");
    m.signal("HUP");
    let marker = m.path("/run/keepalived/keepalived.reload");
    m.wait("the marker is gone", || !marker.exists());
    m.says("Reload complete", 0);
}

#[test]
fn a_planned_reload_comes_at_its_time() {
    rha_compat_tests::steadily(a_planned_reload_comes_at_its_time_once);
}

fn a_planned_reload_comes_at_its_time_once() {
    if impossible("reload_time_file").is_some() {
        return;
    }
    same(|m| {
        start(m, " reload_time_file /tmp/time\n");
        for (at, text) in
            [("nonsense", "soon"), ("over", "2020-01-01 00:00:00"), ("no day", "2031-02-30 00:00:00")]
        {
            let since = m.said();
            // each is a file of its own: a change of a file and its creation are told apart there
            m.sh(&format!("rm -f /tmp/time; echo '{text}' > /tmp/new; mv /tmp/new /tmp/time"));
            m.says(" - ignoring", m.says(" - ignoring", since));
            m.note_lines(at, since, "Keepalived");
        }
        for (at, text) in [
            ("planned", "2031-01-01 10:00:00"),
            ("put off", "31-01-02 10:00:00"),
            ("utc", "2031-01-03 10:00:00Z"),
        ] {
            let since = m.said();
            m.write("/tmp/time", text);
            m.says("31-01-0", since);
            m.note_lines(at, since, "Keepalived");
        }
        m.signal("USR1");
        let data = m.path("/tmp/keepalived_parent.data");
        m.wait("the dump", || std::fs::read_to_string(&data).is_ok_and(|t| t.contains("umask")));
        m.note_sh("the dump", "grep -i reload /tmp/keepalived_parent.data");
        let since = m.said();
        m.sh("rm /tmp/time");
        m.says("Cancelling reload", since);
        m.note_lines("cancelled", since, "Keepalived");
        m.write(CONFIG, &config("", OTHER));
        let since = m.said();
        m.sh("date -d '2 seconds' '+%Y-%m-%d %H:%M:%S' > /tmp/new; mv /tmp/new /tmp/time");
        m.says("Scheduling reload for", since);
        let since = m.says("Keepalived: Reloading ...", since);
        m.says("Reload complete", since);
        m.note_lines("its time has come", since, "Keepalived");
        m.has(OTHER, true, None);
        m.note("the file", m.path("/tmp/time").exists().to_string());
        m.stop();
    });
}

#[test]
fn a_planned_reload_comes_every_day() {
    rha_compat_tests::steadily(a_planned_reload_comes_every_day_once);
}

fn a_planned_reload_comes_every_day_once() {
    if impossible("reload_repeat").is_some() {
        return;
    }
    same(|m| {
        start(m, " reload_time_file /tmp/time\n reload_repeat\n");
        let since = m.said();
        m.sh("date -d '2 seconds' '+%H:%M:%S' > /tmp/new; mv /tmp/new /tmp/time");
        let since = m.says("Scheduling reload for", since);
        let since = m.says("Reload complete", since);
        // the original may plan the same second again, and then never comes to it
        let tomorrow = m.sh("date -d tomorrow '+Scheduling reload for %Y-%m-%d'");
        if m.who() == Who::Ours {
            m.says(tomorrow.trim(), since - 3);
        }
        m.note("the file", m.path("/tmp/time").exists().to_string());
        m.stop();
    });
}
