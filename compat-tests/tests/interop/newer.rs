//! Words newer than the original that is installed: ours alone.

use std::time::{Duration, Instant};

use rha_compat_tests::lan::{Lan, Who, impossible};

/// Enough for a node to become master.
const SOON: Duration = Duration::from_secs(6);
/// Pause between two looks at a file.
const LOOK: Duration = Duration::from_millis(15);

fn kill(signal: &str, pid: i32) {
    let status = std::process::Command::new("kill").args([signal, &pid.to_string()]).status();
    assert!(status.is_ok_and(|s| s.success()));
}

#[test]
fn a_master_that_was_stopped_gives_way() {
    rha_compat_tests::steadily(a_master_that_was_stopped_gives_way_once);
}

fn a_master_that_was_stopped_gives_way_once() {
    if impossible("timer_expired_backup").is_some() {
        return;
    }
    let config = |priority: u8| {
        format!(
            "vrrp_instance A {{\n interface eth0\n virtual_router_id 51\n version 3\n advert_int 0.2\n nopreempt\n \
             priority {priority}\n timer_expired_backup 90\n virtual_ipaddress {{\n  10.77.0.200/24\n }}\n}}\n"
        )
    };
    let address = "10.77.0.200".parse().unwrap();
    let mut lan = Lan::new(2, false).unwrap();
    lan.configure(1, &config(110)).unwrap();
    lan.configure(2, &config(90)).unwrap();
    lan.start(1, Who::Ours, &[]).unwrap();
    lan.until("node 1 is master", SOON, |s| s.node(1).holds(address)).unwrap();
    lan.start(2, Who::Ours, &[]).unwrap();
    let worker = lan.worker(1).unwrap();
    let start = Instant::now();
    lan.says(2, "(A) Entering BACKUP STATE", start - SOON, SOON).unwrap();
    kill("-STOP", worker);
    lan.until("node 2 is master", SOON, |s| s.node(2).holds(address)).unwrap();
    let back = Instant::now();
    kill("-CONT", worker);
    lan.says(1, "VRRP thread timer expired", back, SOON).unwrap();
    lan.says(1, "(A) Entering BACKUP STATE", back, SOON).unwrap();
    // Node 2 goes on, and node 1 has said nothing.
    let another =
        |s: &rha_compat_tests::lan::Seen| s.adverts_since(back).filter(|a| a.priority == 90).count() > 5;
    lan.until("node 2 goes on", SOON, another).unwrap();
    let said = lan.look(|s| s.adverts_since(back).filter(|a| a.priority == 110).count());
    assert_eq!(said, 0, "{}", lan.story());
}

#[test]
fn the_second_layout_of_the_json_dump_has_processes() {
    rha_compat_tests::steadily(the_second_layout_of_the_json_dump_has_processes_once);
}

fn the_second_layout_of_the_json_dump_has_processes_once() {
    if impossible("json_version 2").is_some() {
        return;
    }
    let config = "global_defs {\n json_version 2\n}\nvrrp_track_process P {\n process \"none such\"\n param_match partial\n \
                  full_command\n weight 3\n quorum 2\n delay 0.5\n}\n\
                  vrrp_instance A {\n interface eth0\n virtual_router_id 51\n version 3\n advert_int 0.2\n \
                  track_process {\n  P\n }\n virtual_ipaddress {\n  10.77.0.200/24\n }\n}\n";
    let mut lan = Lan::new(1, false).unwrap();
    lan.configure(1, config).unwrap();
    lan.start_in_private(1, Who::Ours).unwrap();
    let address = "10.77.0.200".parse().unwrap();
    lan.until("master", SOON, |s| s.node(1).holds(address)).unwrap();
    let read = |name: &str| std::fs::read_to_string(lan.path(name)).unwrap_or_default();
    kill("-36", read("1.main").trim().parse().unwrap());
    let asked = Instant::now();
    while !read("keepalived.json").ends_with("}\n") {
        assert!(asked.elapsed() < SOON, "{}", lan.story());
        std::thread::sleep(LOOK);
    }
    let text = read("keepalived.json");
    assert!(text.starts_with("{\"vrrp\":[{\"data\":{\"iname\":\"A\","), "{text}");
    // As 2.3.3 writes it.
    let process = "\"track_process\":[{\"process\":\"P\",\"param_match\":\"partial\",\"min_processes\":2,\
                   \"current_processes\":0,\"have_quorum\":false,\"weight\":3,\"terminate_delay\":0.5,\
                   \"fork_delay\":0.5,\"fork_delay_timer_running\":false,\"terminate_delay_timer_running\":false,\
                   \"full_command\":true}]}\n";
    assert!(text.ends_with(process), "{text}");
}
