//! "Global definitions" of a data dump, and of the parent's.

use std::fmt::Write;

use rha_ir::failover::{DynamicInterfaces, Failover, FailoverGlobal, Fifo, LvsFlush, ProcessTuning};

use super::command_text;

/// Only the parent knows of a planned reload.
pub(super) const NOT_PLANNED: &str = " No reload scheduled";

/// The section; `worker` adds what only the worker's dump has.
#[must_use]
pub fn global(f: &Failover, host: &str, worker: bool) -> String {
    let g = &f.global;
    let mut out = String::from("------< Global definitions >------\n");
    let mut line = |name: &str, value: &dyn std::fmt::Display| {
        // A list has a colon and no equals sign.
        let _ = if name.ends_with(':') {
            writeln!(out, " {name}{value}")
        } else {
            writeln!(out, " {name} = {value}")
        };
    };
    if let Some(directory) = &g.config_save_dir {
        line("Config save dir", directory);
    }
    line("Network namespace", &g.net_namespace.as_deref().unwrap_or("(default)"));
    line("Network namespace ipvs", &g.net_namespace_ipvs.as_deref().unwrap_or("(main namespace)"));
    if let Some(instance) = &g.instance {
        line("Instance name", instance);
    }
    line("Router ID", &g.router_id.as_deref().unwrap_or(host));
    mail(f, host, &mut line);
    line("Checkers log all failures", &g.checker_log_all_failures);
    let _ = writeln!(
        out,
        " {}",
        match &g.reload_check_config {
            None => "No test config before reload".to_owned(),
            Some(file) => format!("Test config before reload, log to {file}"),
        }
    );
    if let Some(file) = &g.reload_time_file {
        let repeat = if g.reload_repeat { " (repeat)" } else { "" };
        let _ = writeln!(out, " Reload time file = {file}{repeat}\n{NOT_PLANNED}");
    }
    let mut line = |name: &str, value: &dyn std::fmt::Display| {
        let _ = writeln!(out, " {name} = {value}");
    };
    if let Some(file) = &g.reload_file {
        line("Reload_file", &reload_file(g, file));
    }
    line("Dynamic interfaces", &(g.dynamic_interfaces != DynamicInterfaces::No));
    if worker {
        line("Default interface", &g.default_interface);
    }
    line("Disable local IGMP", &yes_no(g.disable_local_igmp));
    line("LVS flush", &g.lvs_flush);
    let flush = match g.lvs_flush_on_stop {
        LvsFlush::No => "disabled",
        LvsFlush::All => "full",
        LvsFlush::VirtualServers => "VS only",
    };
    line("LVS flush on stop", &flush);
    for (name, fifo) in [
        ("Global notify fifo", &g.notify_fifo),
        ("VRRP notify fifo", &g.vrrp_notify_fifo),
        ("LVS notify fifo", &g.lvs_notify_fifo),
    ] {
        if let Some(x) = fifo {
            line(name, &fifo_text(x));
            if let Some(s) = &x.script {
                let script = command_text(s);
                line(&format!("{name} script"), &script);
            }
        }
    }
    vrrp(f, worker, &mut line);
    let filtered =
        |i: &rha_ir::failover::VrrpInstance| !i.accept || i.vmac.is_some() || !i.address_links.is_empty();
    if worker && f.instances.iter().any(filtered) {
        let table = g.nftables.as_deref().filter(|t| !t.is_empty()).unwrap_or("keepalived");
        let _ = writeln!(out, " nftables table name = {table}");
        let _ = writeln!(out, " nftables base chain priority = {}", g.nftables_priority);
        let _ = writeln!(out, " nftables don't force use ifindex for link local IPv6");
    }
    let _ = writeln!(out, " nftables {}counters", if g.nftables_counters { "with " } else { "without " });
    rest(f, &mut out);
    out
}

fn yes_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

fn fifo_text(x: &Fifo) -> String {
    let (uid, gid) = x.owner.map_or((0, 0), |o| (o.uid, o.gid));
    format!("{}, uid:gid {uid}:{gid}", x.path)
}

fn mail(f: &Failover, host: &str, line: &mut dyn FnMut(&str, &dyn std::fmt::Display)) {
    let m = &f.global.mail;
    if let Some(server) = m.server {
        line("Smtp server", &server.ip());
        line("Smtp server port", &server.port());
    }
    if !m.to.is_empty() {
        line("Smtp HELO name", &m.helo.as_deref().unwrap_or(host));
        line("Smtp server connection timeout", &(m.connect_timeout_us.unwrap_or(30_000_000) / 1_000_000));
        let from = m.from.clone().unwrap_or_else(|| format!("root@{host}"));
        line("Email notification from", &from);
        line("Email notification to:", &m.to.iter().map(|t| format!("\n   {t}")).collect::<String>());
    }
    let word = |written: Option<bool>| match written {
        None => "unset",
        Some(true) => "on",
        Some(false) => "off",
    };
    line("Default smtp_alert", &word(m.written.all));
    line("Default smtp_alert_vrrp", &word(m.written.vrrp));
    line("Default smtp_alert_checker", &word(m.written.checkers));
}

fn vrrp(f: &Failover, worker: bool, line: &mut dyn FnMut(&str, &dyn std::fmt::Display)) {
    let g = &f.global;
    let garp = f.instances.first().map(|i| i.garp);
    line("FIFO write vrrp states on reload", &g.fifo_write_vrrp_states_on_reload);
    line("VRRP notify priority changes", &g.notify_priority_changes);
    line("VRRP IPv4 mcast group", &g.vrrp_mcast_group4);
    line("VRRP IPv6 mcast group", &g.vrrp_mcast_group6);
    line("Gratuitous ARP delay", &5);
    line("Gratuitous ARP repeat", &5);
    line("Gratuitous ARP refresh timer", &0);
    line("Gratuitous ARP refresh repeat", &1);
    let unset: u32 = u32::MAX;
    let lower = if worker { (5, 5) } else { (unset, unset) };
    line("Gratuitous ARP lower priority delay", &lower.0);
    line("Gratuitous ARP lower priority repeat", &lower.1);
    line("Num adverts before down", &3);
    line(
        "Gratuitous ARP for each secondary VMAC",
        &format!("{}s", garp.map_or(0, |x| x.extra_if_us / 1_000_000)),
    );
    line("Send advert after receive lower priority advert", &true);
    line("Send advert after receive higher priority advert", &false);
    line("Gratuitous ARP interval", &micros(g.garp.interval_us));
    line("Gratuitous NA interval", &micros(g.garp.gna_interval_us));
    line("VRRP default protocol version", &g.vrrp_version);
}

fn micros(us: u32) -> String {
    format!("{}.{:06}", us / 1_000_000, us % 1_000_000)
}

fn rest(f: &Failover, out: &mut String) {
    let g = &f.global;
    let mut line = |name: &str, value: &dyn std::fmt::Display| {
        let _ = writeln!(out, " {name} = {value}");
    };
    line("VRRP check unicast_src", &g.vrrp_check_unicast_src);
    line("VRRP skip check advert addresses", &false);
    line("VRRP strict mode", &g.vrrp_strict);
    line("Max auto priority", &g.max_auto_priority.unwrap_or(0));
    let _ = writeln!(
        out,
        " Min auto priority delay = {} usecs",
        g.min_auto_priority_delay_us.unwrap_or(1_000_000)
    );
    for (name, p) in [("VRRP", &g.vrrp_process), ("Checker", &g.checker_process), ("BFD", &g.bfd_process)] {
        process(name, p, out);
    }
    let s = &g.snmp;
    for (name, on) in [
        ("vrrp", s.vrrp),
        ("checker", s.checker),
        ("RFCv2", s.rfc_v2),
        ("RFCv3", s.rfc_v3),
        ("traps", s.traps),
    ] {
        let _ = writeln!(out, " SNMP {name} {}", if on { "enabled" } else { "disabled" });
    }
    let socket = s.socket.as_deref().unwrap_or("default (unix:/var/agentx/master)");
    let _ = writeln!(out, " SNMP socket = {socket}");
    let _ = writeln!(out, " DBus {}", if g.enable_dbus { "enabled" } else { "disabled" });
    let _ = writeln!(out, " DBus service name = {}", g.dbus_service_name.as_deref().unwrap_or(""));
    let _ =
        writeln!(out, " Script security {}", if g.enable_script_security { "enabled" } else { "disabled" });
    let user = g.script_user.map_or((0, 0), |u| (u.uid, u.gid));
    let _ = writeln!(out, " Default script uid:gid {}:{}", user.0, user.1);
    for (name, p) in [
        ("vrrp", &g.vrrp_process),
        ("process_monitor", &ProcessTuning::default()),
        ("lvs", &g.checker_process),
    ] {
        let buffers: &[(&str, (Option<u32>, bool))] = if name == "process_monitor" {
            &[("rcv_bufs", g.process_monitor_rcv)]
        } else {
            &[
                ("netlink_cmd_rcv_bufs", p.netlink_cmd_rcv),
                ("netlink_monitor_rcv_bufs", p.netlink_monitor_rcv),
            ]
        };
        for (what, (size, forced)) in buffers {
            let _ = writeln!(out, " {name}_{what} = {}", size.unwrap_or(0));
            let _ = writeln!(out, " {name}_{what}_force = {}", u8::from(*forced));
        }
    }
    let _ = writeln!(out, " rs_init_notifies = {}", u8::from(g.rs_init_notifies));
    let _ = writeln!(out, " no_checker_emails = {}", u8::from(g.mail.no_checker_emails));
    let _ = writeln!(out, " rx_bufs_multiples = {}", g.vrrp_rx_bufs_multiplier);
    let _ = writeln!(out, " umask = 0{:o}", g.umask.unwrap_or(0o177));
}

/// `reload_file`. COMPAT: below a namespace's own directory, which its daemon sees as the usual one.
fn reload_file(g: &FailoverGlobal, written: &str) -> String {
    match &g.instance {
        _ if !written.is_empty() => written.to_owned(),
        Some(i) => format!("/run/keepalived/keepalived_{i}.reload"),
        None if g.use_pid_dir || g.net_namespace.is_some() => "/run/keepalived/keepalived.reload".to_owned(),
        None => "/run/keepalived.reload".to_owned(),
    }
}

fn process(name: &str, p: &ProcessTuning, out: &mut String) {
    let _ = writeln!(out, " {name} process priority = {}", p.nice.unwrap_or(0));
    let _ = writeln!(out, " {name} don't swap = {}", p.no_swap);
    let _ = writeln!(out, " {name} realtime priority = {}", p.rt_priority.unwrap_or(0));
    let _ = writeln!(out, " {name} realtime limit = {}", p.rlimit_rttime_us.unwrap_or(10_000));
}
