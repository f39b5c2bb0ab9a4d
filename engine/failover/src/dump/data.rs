//! `keepalived.data`: everything as it was understood and as it stands now.

use std::fmt::Write;

use rha_ir::TrackerKind;
use rha_ir::failover::{
    AdvertTarget, Command, Failover, Notify, TrackScript, Tracked, VirtualIp, VrrpInstance,
};
use rha_net::netlink::Link;
use rha_syslog::Civil;
use rha_vrrp::{Family, State, Version};

use super::routing::{route_text, rule_text};
use super::{
    ProcessView, ScriptView, Surroundings, View, address_text, command_text, device, global, owner_text,
    trackers_of,
};
use crate::Plan;
use crate::log::console_date;
use crate::plan::instance::{interfaces_used, running_interface};
use crate::worker::interfaces::Interfaces;

/// The whole file; groups, scripts and the numbers of tracked files are in the model's order.
#[must_use]
pub fn data(
    plan: &Plan,
    views: &[View<'_>],
    groups: &[State],
    around: &Surroundings<'_>,
    interfaces: &Interfaces,
) -> String {
    let mut out = global(&plan.failover, &plan.host, true);
    garp_groups(&plan.failover, &around.garp_groups, interfaces, &mut out);
    statics(&plan.failover, &around.static_addresses, interfaces, &mut out);
    if !views.is_empty() {
        out += "------< VRRP Topology >------\n";
        for v in views {
            instance(v, interfaces, &mut out);
        }
        sockets(views, &mut out);
    }
    sync_groups(plan, views, groups, &mut out);
    let mut first = true;
    for (s, view) in
        plan.failover.scripts.iter().zip(&around.scripts).filter(|(s, _)| plan.uses_script(&s.name))
    {
        if std::mem::take(&mut first) {
            out += "------< VRRP Scripts >------\n";
        }
        script(plan, s, *view, &mut out);
    }
    track_files(plan, around.files, &mut out);
    track_processes(&plan.failover, &around.processes, &mut out);
    track_bfds(&plan.failover, &around.bfds, &mut out);
    out += "------< Interfaces >------\n";
    for l in interfaces.links() {
        interface(plan, l, interfaces, &mut out);
    }
    out
}

macro_rules! put {
    ($out:expr, $($words:tt)*) => {{
        let _ = writeln!($out, $($words)*);
    }};
}

/// `1795175210.381384 (Fri Nov 20 11:46:50.381384 2026)`.
fn moment(us: i64) -> String {
    let (s, part) = (us.div_euclid(1_000_000), us.rem_euclid(1_000_000));
    let date = console_date(s, Civil::at(s, rha_net::local_time(s).offset_s));
    let (day, year) = date.rsplit_once(' ').unwrap_or((&date, ""));
    format!("{s}.{part:06} ({day}.{part:06} {year})")
}

/// The same with the microseconds behind the year.
fn moment_at_end(us: i64) -> String {
    let (s, part) = (us.div_euclid(1_000_000), us.rem_euclid(1_000_000));
    let date = console_date(s, Civil::at(s, rha_net::local_time(s).offset_s));
    format!("{s}.{part:06} ({date}.{part:06})")
}

fn instance(v: &View<'_>, interfaces: &Interfaces, out: &mut String) {
    let (i, c) = (v.ir, v.config);
    put!(out, " VRRP Instance = {}", i.name);
    put!(out, "   VRRP Version = {}", c.version.number());
    if let Some(g) = &i.sync_group {
        put!(out, "   Sync group = {g}");
    }
    if c.family == Family::V6 {
        put!(out, "   Using Native IPv6");
    }
    put!(out, "   State = {}", v.state.name());
    if v.state == State::Backup {
        put!(out, "   Master router = {}", v.master.map_or_else(|| "0.0.0.0".to_owned(), |m| m.to_string()));
        put!(out, "   Master priority = {}", v.master_priority);
        if c.version == Version::V3 {
            put!(out, "   Master advert interval = {} milli-sec", v.master_interval.as_millis());
        }
    }
    flags(v, out);
    put!(out, "   Wantstate = {}", v.wants.name());
    let more = i.config_faults.saturating_sub(1); // the machine counts them as one
    put!(out, "   Number of config faults = {}", i.config_faults);
    put!(out, "   Number of interface and track script faults = {}", v.faults + more);
    put!(out, "   Number of track scripts init = {}", v.scripts_waiting);
    put!(out, "   Last transition = {}", moment(v.last_transition_us));
    match v.deadline_us {
        Some(us) => put!(out, "   Read timeout = {}", moment(us)),
        None => put!(out, "   Read timeout = DISABLED"),
    }
    put!(out, "   Master down timer = {} usecs", v.down_timer.as_micros());
    interface_lines(v, interfaces, out);
    timers(v, out);
    addresses(v, out);
    tracker_lists(&v.ir.trackers, "Tracked processes :", out);
    notifies(v, out);
}

/// COMPAT: any of many settings makes the heading appear, three of them have a line.
fn flags(v: &View<'_>, out: &mut String) {
    let i = v.ir;
    let unicast = v.config.target.is_unicast();
    let vmac = i.vmac.is_some() || i.use_vmac_addr || i.garp.extra_if_all;
    let source = i.source.is_some() || i.track_source || i.check_unicast_src;
    let checks = i.dont_track_primary || i.linkbeat_use_polling || i.skip_check_adv_addr;
    let others = checks || i.promote_secondaries || i.preempt.never;
    if !(unicast || i.unicast_written || i.unicast_fault_no_peer || vmac || source || others) {
        put!(out, "   Flags: none");
        return;
    }
    put!(out, "   Flags:");
    if unicast {
        put!(out, "     Using unicast");
    } else if i.unicast_written {
        put!(out, "     Unicast config option specified but using multicast");
    }
    if i.unicast_fault_no_peer {
        put!(out, "     If unicast go to fault state if no peers");
    }
}

fn interface_lines(v: &View<'_>, interfaces: &Interfaces, out: &mut String) {
    let (i, c) = (v.ir, v.config);
    if let Some(m) = &i.vmac {
        let up = interfaces.is_up(&m.name);
        put!(out, "   Use VMAC, i/f name {}, is_up = {up}, xmit_base = {}", m.name, m.xmit_base);
    }
    if i.use_vmac_addr {
        put!(out, "   Use VMAC for VIPs on other interfaces");
    }
    match &i.vmac {
        Some(m) => {
            let xmit = if m.xmit_base { ", xmit base i/f" } else { "" };
            put!(out, "   Interface = {}, vmac on {}{xmit}", m.name, i.interface);
        }
        None if i.interface.is_empty() => put!(out, "   Interface = not configured"),
        None => put!(out, "   Interface = {}", i.interface),
    }
    if let Some(vrf) = &i.vrf {
        put!(out, "   VRF = {vrf}");
    }
    for (yes, text) in [
        (c.dont_track_primary, "VRRP interface tracking disabled"),
        (c.skip_check_adv_addr, "Skip checking advert IP addresses"),
        (c.strict, "Enforcing strict VRRP compliance"),
    ] {
        if yes {
            put!(out, "   {text}");
        }
    }
    let source = v.source.map_or_else(|| "(none)".to_owned(), |a| a.to_string());
    put!(out, "   Using src_ip = {source}{}", if i.source.is_some() { " (from configuration)" } else { "" });
    if let AdvertTarget::Multicast(group) = &i.target {
        match group.is_ipv6() {
            true => put!(out, "   Multicast address {group}, ifindex {}", v.socket.1),
            false => put!(out, "   Multicast address {group}"),
        }
    }
}

fn timers(v: &View<'_>, out: &mut String) {
    let c = v.config;
    put!(out, "   Gratuitous ARP delay = {}", c.garp.delay.as_secs());
    put!(out, "   Gratuitous ARP repeat = {}", c.garp.repeat);
    put!(out, "   Gratuitous ARP refresh = {}", c.garp.refresh.as_secs());
    put!(out, "   Gratuitous ARP refresh repeat = {}", c.garp.refresh_repeat);
    put!(out, "   Gratuitous ARP lower priority delay = {}", c.garp.lower_prio_delay.as_secs());
    put!(out, "   Gratuitous ARP lower priority repeat = {}", c.garp.lower_prio_repeat);
    put!(out, "   Down timer adverts = {}", c.down_timer_adverts);
    if !c.garp.extra.is_zero() {
        let what = if v.ir.garp.extra_if_all { "i/f" } else { "VMAC" };
        put!(out, "   Gratuitous ARP for each secondary {what} = {}", c.garp.extra.as_secs());
        put!(out, "   Next gratuitous ARP for such secondary = {}", moment_at_end(v.extra_us));
    }
    put!(out, "   Send advert after receive lower priority advert = {}", !c.lower_prio_no_advert);
    put!(out, "   Send advert after receive higher priority advert = {}", c.higher_prio_send_advert);
    put!(out, "   Virtual Router ID = {}", c.vrid);
    put!(out, "   Priority = {}", c.priority);
    put!(out, "   Effective priority = {}", v.effective);
    put!(out, "   Total priority = {}", v.total);
    match c.version {
        Version::V2 => put!(out, "   Advert interval = {} sec", c.advert_interval.as_secs()),
        Version::V3 => put!(out, "   Advert interval = {} milli-sec", c.advert_interval.as_millis()),
    }
    put!(out, "   Accept = {}", enabled(c.accept));
    put!(out, "   Preempt = {}", enabled(!c.nopreempt));
    if !c.preempt_delay.is_zero() {
        put!(out, "   Preempt delay = {} secs", c.preempt_delay.as_secs_f64());
    }
    put!(out, "   Promote_secondaries = {}", enabled(v.ir.promote_secondaries));
    match c.auth.number() {
        0 if c.version == Version::V3 => {}
        0 => put!(out, "   Authentication type = none"),
        1 => put!(out, "   Authentication type = SIMPLE_PASSWORD\n   Password = ********"),
        _ => put!(out, "   Authentication type = IPSEC_AH\n   Password = ********"),
    }
}

fn enabled(yes: bool) -> &'static str {
    if yes { "enabled" } else { "disabled" }
}

fn addresses(v: &View<'_>, out: &mut String) {
    let i = v.ir;
    let list = |title: String, all: &[VirtualIp], out: &mut String| {
        if all.is_empty() {
            return;
        }
        put!(out, "   {title}");
        for a in all {
            let (device, base) = device(a, i);
            put!(out, "     {}", address_text(a, device, base, v.addresses_set, v.blocked));
        }
    };
    list(format!("Virtual IP ({}):", i.addresses.len()), &i.addresses, out);
    list("Virtual IP Excluded :".to_owned(), &i.excluded, out);
    if let AdvertTarget::Unicast(peers) = &i.target {
        if let Some(ttl) = i.unicast_ttl {
            put!(out, "   Unicast TTL = {ttl}");
        }
        put!(out, "   Check unicast src : {}", if i.check_unicast_src { "yes" } else { "no" });
        put!(out, "   Unicast Peer :");
        for p in peers {
            put!(out, "     {} min_ttl {} max_ttl {}", p.address, p.min_ttl, p.max_ttl);
        }
        let old = match (i.old_unicast_checksum, v.old_checksum) {
            (Some(false), _) => "never",
            (Some(true), _) => "config",
            (None, true) => "auto",
            (None, false) => "no",
        };
        put!(out, "   Unicast checksum compatibility = {old}");
    }
    put!(out, "   fd_in {}, fd_out {}", v.fds.0, v.fds.1);
    if !i.routes.is_empty() {
        put!(out, "   Virtual Routes :");
        i.routes.iter().for_each(|r| put!(out, "     {}", route_text(r)));
    }
    if !i.rules.is_empty() {
        put!(out, "   Virtual Rules :");
        i.rules.iter().for_each(|r| put!(out, "     {}", rule_text(r)));
    }
}

fn tracker_lists(all: &[Tracked], processes: &str, out: &mut String) {
    type NameOf = fn(&TrackerKind) -> Option<&str>;
    let kinds: [(&str, NameOf); 5] = [
        ("Tracked interfaces :", |k| if let TrackerKind::Interface(n) = k { Some(n) } else { None }),
        ("Tracked scripts :", |k| if let TrackerKind::Script(n) = k { Some(n) } else { None }),
        ("Tracked files :", |k| if let TrackerKind::File(n) = k { Some(n) } else { None }),
        (processes, |k| if let TrackerKind::Process(n) = k { Some(n) } else { None }),
        ("Tracked BFDs :", |k| if let TrackerKind::Bfd(n) = k { Some(n) } else { None }),
    ];
    for (title, name_of) in kinds {
        let mut first = true;
        for t in all {
            let Some(name) = name_of(&t.kind) else { continue };
            if std::mem::take(&mut first) {
                put!(out, "   {title}");
            }
            let separator = match t.kind {
                TrackerKind::File(_) | TrackerKind::Process(_) => ",",
                TrackerKind::Bfd(_) => ":",
                _ => "",
            };
            put!(out, "     {name}{separator} weight {}{}", t.weight.weight, reverse(t.weight.reverse));
        }
    }
}

fn scripts_of(n: &Notify, out: &mut String) {
    let line = |what: &str, c: &Option<Command>, out: &mut String| {
        if let Some(c) = c {
            put!(out, "   {what} = {}, {}", command_text(c), owner_text(c));
        }
    };
    line("Backup state transition script", &n.backup, out);
    line("Master state transition script", &n.master, out);
    line("Fault state transition script", &n.fault, out);
    line("Stop state transition script", &n.stop, out);
    line("Deleted state transition script", &n.deleted, out);
    line("Generic state transition script", &n.any, out);
    line("Master rx lower pri state transition script", &n.master_rx_lower_pri, out);
}

fn reverse(yes: bool) -> &'static str {
    if yes { " reverse" } else { "" }
}

fn notifies(v: &View<'_>, out: &mut String) {
    let n = &v.ir.notify;
    put!(out, "   Using smtp notification = {}", if n.mail { "yes" } else { "no" });
    put!(out, "   Notify deleted = {}", if v.config.notify_deleted { "Deleted" } else { "Fault" });
    scripts_of(n, out);
    put!(out, "   Notify priority changes = {}", n.priority_changes);
}

fn sync_groups(plan: &Plan, views: &[View<'_>], states: &[State], out: &mut String) {
    if plan.failover.sync_groups.is_empty() {
        return;
    }
    put!(out, "------< VRRP Sync groups >------");
    for (g, state) in plan.failover.sync_groups.iter().zip(states) {
        let members = || views.iter().filter(|v| g.members.contains(&v.ir.name));
        let faulty = members().filter(|v| v.faults > 0).count();
        let waiting = members().filter(|v| v.scripts_waiting > 0).count();
        put!(out, " VRRP Sync Group = {}, {}", g.name, state.name());
        put!(out, "   Num member fault {faulty}, num member init {waiting}");
        put!(out, "   VRRP member instances :");
        for m in &g.members {
            put!(out, "     {m}");
        }
        if g.tracking_weight {
            put!(out, "   sync group tracking weight set");
        }
        put!(out, "   Using smtp notification = {}", if g.notify.mail { "yes" } else { "no" });
        if let Some(on) = g.priority_changes {
            put!(out, "   Notify priority changes = {}", if on { "yes" } else { "no" });
        }
        tracker_lists(&g.trackers, "Tracked process :", out);
        scripts_of(&g.notify, out);
    }
}

fn track_files(plan: &Plan, files: &[i64], out: &mut String) {
    let all = &plan.failover.track_files;
    if all.is_empty() {
        return;
    }
    put!(out, "------< VRRP Track files >------");
    for (f, value) in all.iter().zip(files) {
        put!(out, " Track file = {}", f.name);
        put!(out, "   File = {}\n   Status = {value}", f.path);
        put!(out, "   Weight = {}{}", f.weight.weight, reverse(f.weight.reverse));
        put!(out, "   Tracking instances :");
        for (name, weight, rev) in trackers_of(&plan.failover, |k| *k == TrackerKind::File(f.name.clone())) {
            put!(out, "     {name}, weight {weight}{}", reverse(rev));
        }
    }
}

/// `garp_group` of an interface, as it is kept to.
fn garp_pace(f: &Failover, name: &str, out: &mut String) {
    let group = f.garp_groups.iter().zip(1..).find(|(g, _)| g.interfaces.iter().any(|i| i == name));
    let Some((g, number)) = group else { return };
    for (what, us) in [("ARP", g.garp_interval_us), ("NA", g.gna_interval_us)] {
        if us > 0 {
            put!(out, "   Gratuitous {what} interval {}ms", us / 1000);
        }
    }
    put!(out, "   Gratuitous ARP aggregation group {number}");
}

fn garp_groups(f: &Failover, next_us: &[[i64; 2]], interfaces: &Interfaces, out: &mut String) {
    if !f.garp_groups.is_empty() {
        put!(out, "------< Gratuitous ARP delays >------");
    }
    for ((g, [arp, na]), number) in f.garp_groups.iter().zip(next_us).zip(1..) {
        put!(out, "------< GARP delay group {number} >------");
        for (what, interval, next) in [("GARP", g.garp_interval_us, *arp), ("GNA", g.gna_interval_us, *na)] {
            if interval > 0 {
                put!(out, " {what} interval = {}", f64::from(interval) / 1e6);
                let (s, part) = (next.div_euclid(1_000_000), next.rem_euclid(1_000_000));
                let date = console_date(s, Civil::at(s, rha_net::local_time(s).offset_s));
                let day = date.rsplit_once(' ').map_or("", |(day, _)| day);
                put!(out, " {what} next time {s}.{part:06} ({day}.{part:06})");
            }
        }
        if g.garp_interval_us == 0 && g.gna_interval_us == 0 {
            put!(out, " No configuration");
        }
        put!(out, " Interfaces");
        let listed = interfaces.links().filter(|l| g.interfaces.contains(&l.name));
        listed.for_each(|l| put!(out, "  {}", l.name));
    }
}

/// COMPAT: a route's own interface is not known to the original, which shows it as 0.
fn statics(f: &Failover, set: &[bool], interfaces: &Interfaces, out: &mut String) {
    if !f.static_addresses.is_empty() {
        put!(out, "------< Static Addresses >------");
    }
    for (a, set) in f.static_addresses.iter().zip(set) {
        let device = a.interface.as_deref().unwrap_or(&f.global.default_interface);
        put!(out, "     {}", address_text(a, device, None, *set, false));
    }
    if !f.static_routes.is_empty() {
        put!(out, "------< Static Routes >------");
    }
    for r in &f.static_routes {
        let here = r.interface.as_deref().is_none_or(|device| interfaces.index(device).is_some());
        let installed = if here && !r.no_track { " [installed ifindex 0]" } else { "" };
        put!(out, "     {}{installed}", route_text(r));
    }
    if !f.static_rules.is_empty() {
        put!(out, "------< Static Rules >------");
        f.static_rules.iter().for_each(|r| put!(out, "     {}", rule_text(r)));
    }
    if !f.track_groups.is_empty() {
        put!(out, "------< Static Track groups >------");
    }
    for g in &f.track_groups {
        put!(out, " Static Track Group = {}\n   VRRP member instances :", g.name);
        g.instances.iter().for_each(|i| put!(out, "     {i}"));
    }
}

/// Who tracks what; without a title when nobody does.
fn tracking(f: &Failover, kind: &TrackerKind, out: &mut String) {
    let mut first = true;
    for (name, weight, rev) in trackers_of(f, |k| k == kind) {
        if std::mem::take(&mut first) {
            put!(out, "   Tracking instances :");
        }
        put!(out, "     {name}, weight {weight}{}", reverse(rev));
    }
}

fn track_processes(f: &Failover, views: &[ProcessView], out: &mut String) {
    if !f.track_processes.is_empty() {
        put!(out, "------< VRRP Track processes >------");
    }
    for (p, now) in f.track_processes.iter().zip(views) {
        put!(out, " VRRP Track process = {}\n   Process = {}", p.name, p.path);
        if let Some(params) = &p.params {
            let words: Vec<String> = params.iter().map(ToString::to_string).collect();
            put!(out, "   Parameters = {}", words.join(" "));
            let kind =
                p.partial_match.map_or("", |partial| if partial { " = partial" } else { " = initial" });
            put!(out, "   Param match{kind}");
        }
        put!(out, "   Min processes = {}", p.quorum);
        if p.quorum_max < u32::MAX {
            put!(out, "   Max processes = {}", p.quorum_max);
        }
        put!(out, "   Current processes = {}\n   Have quorum = {}", now.count, now.has_quorum);
        put!(out, "   Weight = {}{}", p.weight.weight, reverse(p.weight.reverse));
        for (what, us) in [("Terminate", p.terminate_delay_us), ("Fork", p.fork_delay_us)] {
            put!(out, "   {what} delay = {}.{:06}s", us / 1_000_000, us % 1_000_000);
        }
        for (what, runs) in [("Fork", !now.has_quorum), ("Terminate", now.has_quorum)] {
            put!(out, "   {what} delay timer {}running", if runs && now.waits { "" } else { "not " });
        }
        put!(out, "   Full command = {}", p.full_command);
        tracking(f, &TrackerKind::Process(p.name.clone()), out);
    }
}

/// Sessions that instances may track.
fn track_bfds(f: &Failover, up: &[bool], out: &mut String) {
    let mut first = true;
    for (b, up) in f.bfd_instances.iter().zip(up).filter(|(b, _)| b.seen_by.vrrp) {
        if std::mem::take(&mut first) {
            put!(out, "------< VRRP Track BFDs >------");
        }
        put!(out, " VRRP Track BFD = {}", b.name);
        put!(out, "   Weight = {}{}", b.weight.weight, reverse(b.weight.reverse));
        put!(out, "   Bfd is {}\n   Tracking VRRP instances :", if *up { "up" } else { "down" });
        tracking(f, &TrackerKind::Bfd(b.name.clone()), out);
    }
}

fn sockets(views: &[View<'_>], out: &mut String) {
    put!(out, "------< VRRP Sockpool >------");
    let mut seen: Vec<(i32, i32)> = Vec::new();
    for v in views.iter().filter(|v| v.fds.0 >= 0) {
        if seen.contains(&v.fds) {
            continue;
        }
        seen.push(v.fds);
        put!(out, " fd_in {} fd_out = {}", v.fds.0, v.fds.1);
        put!(out, "   Interface = {}", v.socket.0);
        put!(out, "   Family = {}", if v.config.family == Family::V4 { "IPv4" } else { "IPv6" });
        put!(out, "   Protocol = {}", if v.config.auth.number() == 2 { "AH" } else { "VRRP" });
        put!(out, "   Type = {}icast", if v.config.target.is_unicast() { "Un" } else { "Mult" });
        if let Some(source) = v.socket.2 {
            put!(out, "   Address = {source}");
        }
        put!(out, "   Rx buf size = {}", v.ir.kernel_rx_buf_size.unwrap_or(0));
        put!(out, "   VRRP instances");
        for w in views.iter().filter(|w| w.fds == v.fds) {
            put!(out, "     {} vrid {}", w.ir.name, w.config.vrid);
        }
    }
}

fn seconds(us: u64) -> String {
    match us % 1_000_000 {
        0 => format!("{} sec", us / 1_000_000),
        part => format!("{}.{:03} sec", us / 1_000_000, part / 1000),
    }
}

fn script(plan: &Plan, s: &TrackScript, v: ScriptView, out: &mut String) {
    put!(out, " VRRP Script = {}", s.name);
    put!(out, "   Command = {}", command_text(&s.command));
    put!(out, "   Interval = {}", seconds(s.interval_us));
    put!(out, "   Timeout = {}", seconds(s.timeout_us.unwrap_or(0)));
    put!(out, "   Weight = {}{}", s.weight.weight, reverse(s.weight.reverse));
    put!(out, "   Rise = {}", s.rise);
    put!(out, "   Fall = {}", s.fall);
    put!(out, "   Result = {}", v.result);
    put!(out, "   Insecure = {}", if s.command.disabled.is_some() { "yes" } else { "no" });
    // COMPAT: 2.2.7 has no word for a script that has answered.
    put!(out, "   Init state = {}", if v.answered { "unknown" } else { "INIT" });
    put!(out, "   Status = {}", if v.good { "GOOD" } else { "BAD" });
    let (uid, gid) = s.command.user.map_or((0, 0), |u| (u.uid, u.gid));
    put!(out, "   Script uid:gid = {uid}:{gid}");
    put!(out, "   VRRP instances :\n   Tracking instances :");
    for (name, weight, rev) in trackers_of(&plan.failover, |k| *k == TrackerKind::Script(s.name.clone())) {
        put!(out, "     {name}, weight {weight}{}", reverse(rev));
    }
    put!(out, "   State = {}", if v.running { "running" } else { "idle" });
}

fn interface(plan: &Plan, l: &Link, interfaces: &Interfaces, out: &mut String) {
    put!(out, " Name = {}", l.name);
    put!(out, "   index = {}", l.index);
    let of = |v6: bool| {
        // COMPAT: virtual addresses are not listed here.
        let fits = move |a: &&rha_net::netlink::InterfaceAddress| {
            a.address.is_ipv6() == v6 && !plan.is_virtual(a.address)
        };
        interfaces.addresses(l.index).filter(fits).map(|a| a.address.to_string()).collect::<Vec<_>>()
    };
    let (v4, v6) = (of(false), of(true));
    let first = |all: &[String]| all.first().cloned().unwrap_or_else(|| "(none)".to_owned());
    put!(out, "   IPv4 address = {}", first(&v4));
    let more = |title: &str, all: &[String], out: &mut String| {
        if all.len() > 1 {
            put!(out, "   Additional {title} addresses :");
            for a in all.iter().skip(1) {
                put!(out, "     {a}");
            }
        }
    };
    more("IPv4", &v4, out);
    let link_local = v6.iter().find(|a| a.starts_with("fe80:")).cloned();
    put!(out, "   IPv6 address = {}", link_local.unwrap_or_else(|| "(none)".to_owned()));
    if let Some(mac) = l.mac.filter(|_| !l.loopback) {
        put!(out, "   MAC = {mac}");
        put!(out, "   MAC broadcast = ff:ff:ff:ff:ff:ff");
    }
    let not = |yes: bool| if yes { "" } else { "not " };
    let extra: String =
        [(l.loopback, ", no broadcast, loopback"), (l.no_arp, ", no arp"), (!l.multicast, ", no multicast")]
            .iter()
            .filter_map(|(yes, text)| yes.then_some(*text))
            .collect();
    put!(out, "   State = {}UP, {}RUNNING{extra}", not(l.up), not(l.running));
    put!(out, "   Seen up = {}", u8::from(l.up));
    put!(out, "   Delayed state change running = false");
    put!(out, "   Up debounce timer = 0us\n   Down debounce timer = 0us");
    let below = l.parent.and_then(|p| interfaces.at(p));
    if let (true, Some(below)) = (l.private_macvlan, below) {
        let state = format!("{}UP, {}RUNNING", not(below.up), not(below.running));
        put!(out, "   VMAC type private, underlying interface = {}, state = {state}", below.name);
        put!(out, "   I/f created by keepalived");
    }
    put!(out, "   MTU = {}", l.mtu);
    let kind = if l.loopback {
        "LOOPBACK"
    } else if l.ethernet {
        "ETHERNET"
    } else {
        "UNKNOWN"
    };
    put!(out, "   HW Type = {kind}");
    put!(out, "   NIC netlink status update");
    garp_pace(&plan.failover, &l.name, out);
    put!(out, "   Reset ARP config counter 0\n   Original arp_ignore 0\n   Original arp_filter 0");
    put!(out, "   Original promote_secondaries 0\n   Reset promote_secondaries counter 0");
    let of_group = |i: &VrrpInstance| {
        let group = plan.failover.sync_groups.iter().find(|g| Some(&g.name) == i.sync_group.as_ref());
        group
            .into_iter()
            .flat_map(|g| &g.trackers)
            .find(|t| is_interface(t, &l.name))
            .map(|t| t.weight.weight)
    };
    let mut first_tracker = true;
    for i in &plan.failover.instances {
        let own = running_interface(i) == l.name || i.interface == l.name;
        let used = interfaces_used(i, &plan.failover).contains(&l.name.as_str());
        let tracked = i.trackers.iter().find(|t| is_interface(t, &l.name)).map(|t| t.weight.weight);
        let written = tracked.or_else(|| of_group(i)).filter(|_| !used);
        let Some(weight) = written.or((own || used).then_some(0)) else { continue };
        if std::mem::take(&mut first_tracker) {
            put!(out, "   Tracking VRRP instances :");
        }
        put!(out, "     {}, weight {weight}", i.name);
    }
}

fn is_interface(t: &Tracked, name: &str) -> bool {
    matches!(&t.kind, TrackerKind::Interface(n) if n == name)
}
