//! `keepalived_check.data`: virtual servers, their checkers, and what these have found.
//!
//! COMPAT: the layout of keepalived 2.2.7, oddities included: regular expressions with an option show all options, and
//! times of a `BFD_CHECK` are the largest number there is.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};

use rha_health::lvs::{CheckerFacts, MemberFacts, PoolFacts, PoolPlan};
use rha_ir::TrackerKind;
use rha_ir::failover::{
    Checker, CheckerKind, Command, ConnectOptions, Failover, Forwarding, GroupEntry, HttpProtocol, HttpUrl,
    LvsProtocol, RealServer, RegexCheck, TrackFile, Tracked, TunnelKind, VirtualServer, VirtualServerGroup,
    VirtualServerKey,
};
use rha_syslog::Civil;

use super::{command_text, global, owner_text};
use crate::Plan;
use crate::checkers::{name, protocol_word};
use crate::log::console_date;

macro_rules! put {
    ($out:expr, $($words:tt)*) => {{
        let _ = writeln!($out, $($words)*);
    }};
}

/// PCRE2's options in the original's order.
const REGEX_OPTIONS: &str = " allow_empty_class alt_bsux auto_callout caseless dollar_endonly dotall dupnames extended firstline \
     match_unset_backref multiline never_ucp never_utf no_auto_capture no_auto_possess no_dotstar_anchor \
     no_start_optimize ucp ungreedy utf never_backslash_c alt_circumflex alt_verbnames use_offset_limit";

/// The whole file; facts are found by the virtual servers' names, files are in the model's order.
#[must_use]
pub fn check(plan: &Plan, facts: &[PoolFacts], files: &[i64]) -> String {
    let f = &plan.failover;
    let mut out = global(f, &plan.host, false);
    let none = PoolFacts::default();
    let all: Vec<Pool<'_>> = f
        .virtual_servers
        .iter()
        .map(|vs| {
            let protocol = protocol_word(vs.protocol);
            let name = name(vs, protocol);
            let facts = facts.iter().find(|p| p.name == name).unwrap_or(&none);
            Pool { vs, name, protocol, facts }
        })
        .collect();
    ssl(f, &mut out);
    if !all.is_empty() {
        put!(out, "------< LVS Topology >------\n System is compiled with LVS v1.2.1");
        f.virtual_server_groups.iter().for_each(|g| group(g, &all, &mut out));
        all.iter().for_each(|p| virtual_server(p, &mut out));
    }
    checkers(f, &all, &mut out);
    track_files(f, &all, files, &mut out);
    track_bfds(f, &all, &mut out);
    out
}

/// A virtual server with what is known about it.
struct Pool<'a> {
    vs: &'a VirtualServer,
    name: String,
    protocol: &'static str,
    facts: &'a PoolFacts,
}

impl Pool<'_> {
    fn server_name(&self, server: &RealServer) -> String {
        PoolPlan::server_name(server.address, self.protocol)
    }

    fn member(&self, at: usize) -> MemberFacts {
        self.facts.servers.get(at).cloned().unwrap_or_default()
    }

    /// Real servers in the kernel's table, the sorry server included.
    fn set(&self) -> usize {
        self.facts.servers.iter().filter(|s| s.set).count() + usize::from(self.facts.sorry_set)
    }
}

/// COMPAT: there is a context without a block, too, once there are pages over TLS.
fn ssl(f: &Failover, out: &mut String) {
    let is_tls = |c: &Checker| matches!(c.kind, CheckerKind::Http { tls: true, .. });
    let used = f.virtual_servers.iter().flat_map(|v| &v.real_servers).flat_map(|r| &r.checkers).any(is_tls);
    if f.ssl.is_none() && !used {
        return;
    }
    put!(out, "------< SSL definitions >------");
    let Some(ssl) = f.ssl.as_ref().filter(|s| **s != Default::default()) else {
        put!(out, " Using autogen SSL context");
        return;
    };
    if ssl.password.is_some() {
        // DIFFERS: the original writes it down
        put!(out, " Password : ********");
    }
    for (what, value) in
        [("CA-file", &ssl.ca), ("Certificate file", &ssl.certificate), ("Key file", &ssl.key)]
    {
        if let Some(value) = value {
            put!(out, " {what} : {value}");
        }
    }
}

fn group(g: &VirtualServerGroup, all: &[Pool<'_>], out: &mut String) {
    let has = |v6: bool| {
        g.entries.iter().any(|e| match e {
            GroupEntry::Range { first, .. } => first.is_ipv6() == v6,
            GroupEntry::Mark { ipv6, .. } => *ipv6 == Some(v6),
        })
    };
    put!(out, " ------< Virtual server group >------");
    put!(
        out,
        " Virtual Server Group = {}, IPv4 = {}, IPv6 = {}",
        g.name,
        yes_no(has(false)),
        yes_no(has(true))
    );
    let users = || all.iter().filter(|p| p.vs.key == VirtualServerKey::Group(g.name.clone()));
    let count = |fits: &dyn Fn(&VirtualServer) -> bool| -> usize {
        users().filter(|p| fits(p.vs)).map(Pool::set).sum()
    };
    let reloaded = if users().any(|p| p.facts.reloaded) { "True" } else { "False" };
    let (marks, ranges): (Vec<_>, Vec<_>) =
        g.entries.iter().partition(|e| matches!(e, GroupEntry::Mark { .. }));
    for entry in ranges.into_iter().chain(marks) {
        match entry {
            GroupEntry::Range { first, last, port, .. } => {
                if first == last {
                    put!(out, "   VIP = {first}, VPORT = {port}");
                } else {
                    put!(out, "   VIP Range = {first}-{last}, VPORT = {port}");
                }
                let of = |p: LvsProtocol| count(&|vs: &VirtualServer| vs.protocol == Some(p));
                put!(
                    out,
                    "     Alive: {} tcp, {} udp, {} sctp",
                    of(LvsProtocol::Tcp),
                    of(LvsProtocol::Udp),
                    of(LvsProtocol::Sctp)
                );
            }
            GroupEntry::Mark { mark, ipv6, .. } => {
                let family = match ipv6 {
                    Some(false) => " IPv4",
                    Some(true) => " IPv6",
                    None => "",
                };
                put!(out, "   FWMARK = {mark}{family}");
                put!(out, "     Alive: {} IPv4, {} IPv6", count(&|vs| !vs.ipv6), count(&|vs| vs.ipv6));
            }
        }
        put!(out, "     reloaded = {reloaded}");
    }
}

fn virtual_server(p: &Pool<'_>, out: &mut String) {
    let vs = p.vs;
    put!(out, " ------< Virtual server >------");
    match &vs.key {
        VirtualServerKey::Group(_) => put!(out, " VS GROUP = {}", p.name),
        VirtualServerKey::Mark(mark) => put!(out, " VS FWMARK = {mark}"),
        VirtualServerKey::Address(a) => put!(out, " VS VIP = {}, VPORT = {}", a.ip(), a.port()),
    }
    option("   VirtualHost = ", vs.virtual_host.as_ref(), out);
    if let Some(name) = &vs.snmp_name {
        put!(out, "   SNMP name = '{name}'");
    }
    put!(out, "   Address family = inet{}", if vs.ipv6 { "6" } else { "" });
    put!(out, "   connection timeout = {}", seconds(vs.times.connect_timeout_us));
    put!(out, "   delay_loop = {}", seconds(vs.times.delay_loop_us));
    scheduling(vs, out);
    put!(out, "   alpha is {}", on_off(vs.alpha));
    put!(out, "   omega is {}", on_off(vs.omega));
    retries(vs.times, out);
    put!(out, "   Inhibit on failure is {}", on_off(vs.inhibit));
    put!(out, "   quorum = {}, hysteresis = {}", vs.quorum, vs.hysteresis);
    script("   Quorum up notify script", vs.quorum_up.as_ref(), out);
    script("   Quorum down notify script", vs.quorum_down.as_ref(), out);
    if vs.ha_suspend {
        put!(out, "   Using HA suspend");
    }
    put!(out, "   Using smtp notification = {}", yes_no(vs.mail));
    forwarding("default ", vs.forwarding, out);
    if let Some(sorry) = &vs.sorry {
        let same = vs.real_servers.iter().any(|r| r.address == sorry.address);
        let place = PoolPlan::server_name(sorry.address, p.protocol);
        put!(out, "   sorry server {}= {place}", if same { "(duplicates rs) " } else { "" });
        forwarding("  ", sorry.forwarding, out);
        put!(out, "     Inhibit on failure is {}", on_off(sorry.inhibit));
    }
    put!(out, "   alive = 1");
    put!(out, "   quorum_state_up = {}", u8::from(p.facts.quorum_up));
    put!(out, "   reloaded = {}", u8::from(p.facts.reloaded));
    for (at, server) in vs.real_servers.iter().enumerate() {
        real_server(server, &p.member(at), out);
    }
}

fn scheduling(vs: &VirtualServer, out: &mut String) {
    let flags = vs.flags;
    put!(out, "   lvs_sched = {}", vs.scheduler);
    put!(out, "   Hashed = {}", abled(flags.hashed));
    match vs.scheduler.as_str() {
        s @ ("sh" | "mh") => {
            put!(out, "   {s}-port = {}", abled(flags.flag2));
            put!(out, "   {s}-fallback = {}", abled(flags.flag1));
        }
        _ => {
            put!(out, "   flag-1 = {}", abled(flags.flag1));
            put!(out, "   flag-2 = {}", abled(flags.flag2));
            put!(out, "   flag-3 = {}", abled(flags.flag3));
        }
    }
    let idle = flags.one_packet && vs.protocol != Some(LvsProtocol::Udp);
    let idle = if idle { " (inactive due to not UDP)" } else { "" };
    put!(out, "   One packet scheduling = {}{idle}", abled(flags.one_packet));
    if vs.persistence.timeout > 0 {
        put!(out, "   persistence timeout = {}", vs.persistence.timeout);
    }
    match vs.persistence.granularity {
        Some(len) if vs.ipv6 => put!(out, "   persistence granularity = {len}"),
        Some(mask) if mask != u32::MAX => {
            put!(out, "   persistence granularity = {}", Ipv4Addr::from(mask));
        }
        _ => {}
    }
    let protocol = match vs.protocol {
        Some(LvsProtocol::Tcp) => "TCP",
        Some(LvsProtocol::Udp) => "UDP",
        Some(LvsProtocol::Sctp) => "SCTP",
        None => "none",
    };
    put!(out, "   protocol = {protocol}");
}

fn retries(times: rha_ir::failover::CheckTimes, out: &mut String) {
    option("   Retry count = ", times.retry.as_ref(), out);
    option("   Retry delay = ", times.delay_before_retry_us.map(seconds).as_ref(), out);
    option("   Warmup = ", times.warmup_us.map(seconds).as_ref(), out);
}

fn real_server(server: &RealServer, facts: &MemberFacts, out: &mut String) {
    let (ip, port) = (server.address.ip(), server.address.port());
    let weight = facts.weight.clamp(0, i64::from(i32::MAX));
    put!(out, "   ------< Real server >------");
    put!(out, "   RIP = {ip}, RPORT = {port}, WEIGHT = {weight} EFF WEIGHT = {}", facts.weight);
    forwarding("", server.forwarding, out);
    put!(out, "   Alpha is {}", on_off(server.alpha));
    put!(out, "   connection timeout = {}", seconds(server.times.connect_timeout_us));
    put!(out, "   connection limit range = {} -> {}", server.lower_threshold, server.upper_threshold);
    put!(out, "   Delay loop = {}", seconds(server.times.delay_loop_us));
    retries(server.times, out);
    put!(out, "   Inhibit on failure is {}", on_off(server.inhibit));
    script("     RS up notify script", server.notify_up.as_ref(), out);
    script("     RS down notify script", server.notify_down.as_ref(), out);
    if let Some(host) = &server.virtual_host {
        put!(out, "    VirtualHost = '{host}'");
    }
    option("   SNMP name = ", server.snmp_name.as_ref(), out);
    put!(out, "   Using smtp notification = {}", yes_no(server.mail));
    put!(out, "   initial weight = {}", server.weight);
    put!(out, "   effective weight = {}", facts.weight);
    put!(out, "   previous effective_weight = {}", facts.weight_before);
    put!(out, "   alive = {}", u8::from(facts.alive));
    put!(out, "   num failed checkers = {}", facts.failed);
    put!(out, "   RS set = {}", u8::from(facts.set));
    put!(out, "   reloaded = {}", u8::from(facts.reloaded));
    if !server.track_files.is_empty() {
        put!(out, "   Tracked Files");
        for (file, weight, reverse) in server.track_files.iter().filter_map(tracked_file) {
            put!(out, "     {file}, weight {weight}{reverse}");
        }
    }
    let bfds = server.checkers.iter().filter_map(bfd_of);
    for (n, bfd) in bfds.enumerate() {
        if n == 0 {
            put!(out, "   Tracked BFDs");
        }
        put!(out, "     {bfd}");
    }
}

fn forwarding(prefix: &str, method: Forwarding, out: &mut String) {
    // COMPAT: types of tunnels that have more to say leave the prefix out
    match method {
        Forwarding::Nat | Forwarding::Unset => put!(out, "   {prefix}forwarding method = NAT"),
        Forwarding::DirectRoute => put!(out, "   {prefix}forwarding method = DR"),
        Forwarding::Tunnel(t) => {
            let checksum = match t.checksum {
                0 => "no checksum",
                1 => "checksum",
                _ => "remote checksum",
            };
            match t.kind {
                TunnelKind::Ipip => put!(out, "   {prefix}forwarding method = TUN, type = IPIP"),
                TunnelKind::Gue => {
                    put!(out, "   forwarding method = TUN, type = GUE, port = {}, {checksum}", t.port);
                }
                TunnelKind::Gre => put!(out, "   forwarding method = TUN, type = GRE, {checksum}"),
            }
        }
    }
}

/// COMPAT: `FILE_CHECK`s are behind all others.
fn checkers(f: &Failover, all: &[Pool<'_>], out: &mut String) {
    let mut files = String::new();
    let mut others = String::new();
    for p in all {
        for (at, server) in p.vs.real_servers.iter().enumerate() {
            let name = p.server_name(server);
            let mut facts = p.member(at).checkers.into_iter();
            let mut next = || facts.next().unwrap_or_default();
            for checker in &server.checkers {
                let mut say = |connect: Option<&ConnectOptions>| {
                    put!(others, " {} -> {name}", p.name);
                    let now = next();
                    state(checker, &now, &mut others);
                    if let Some(connect) = connect {
                        connection(connect, &mut others);
                        option(
                            "     Last errno = ",
                            Some(now.last_errno).filter(|n| *n != 0).as_ref(),
                            &mut others,
                        );
                    }
                    method(f, checker, &now, &mut others);
                };
                say(checker.connect.as_ref());
                if let CheckerKind::Smtp { hosts, .. } = &checker.kind {
                    hosts.iter().for_each(|host| say(Some(host)));
                }
            }
            for (file, ..) in server.track_files.iter().filter_map(tracked_file) {
                put!(files, " {} -> {name}", p.name);
                let now = next();
                opinion(&now, &mut files);
                put!(files, "   Log all failures = no\n   Keepalive method = FILE_CHECK");
                put!(files, "     Tracked file = {file}\n     Reloaded = No");
            }
        }
    }
    if !(others.is_empty() && files.is_empty()) {
        put!(out, "------< Health checkers >------");
        *out += &others;
        *out += &files;
    }
}

fn opinion(now: &CheckerFacts, out: &mut String) {
    put!(out, "   Enabled = {}", yes_no(now.enabled));
    put!(out, "   Up = {}", yes_no(now.up));
    put!(out, "   Has run = {}", yes_no(now.has_run));
    put!(out, "   Current weight = {}", now.share);
}

fn state(c: &Checker, now: &CheckerFacts, out: &mut String) {
    opinion(now, out);
    put!(out, "   Alpha = {}", yes_no(c.alpha));
    if let CheckerKind::Bfd { .. } = c.kind {
        put!(out, "   Delay loop = {} us\n   Warmup = {} us", u64::MAX, u64::MAX);
        put!(out, "   Retries = {}\n   Delay before retry = {} us", u32::MAX, u64::MAX);
        put!(out, "   Retries iterations = {}", u32::MAX);
    } else {
        put!(out, "   Delay loop = {} us\n   Warmup = {} us", c.delay_loop_us, c.warmup_us);
        put!(out, "   Retries = {}", c.retry);
        if c.retry > 0 {
            put!(out, "   Delay before retry = {} us", c.delay_before_retry_us);
            put!(out, "   Retries iterations = {}", now.failures);
        }
    }
    let usual = match c.kind {
        CheckerKind::Http { .. } => 3_000_000,
        CheckerKind::Dns { .. } => 0,
        _ => 1_000_000,
    };
    put!(out, "   Default delay before retry = {usual} us");
    put!(out, "   Log all failures = {}", yes_no(c.log_all_failures));
}

fn connection(c: &ConnectOptions, out: &mut String) {
    let pair = |ip: IpAddr, port: u16| format!("[{ip}]:{port}");
    put!(out, "   Connection\n     Dest = {}", pair(c.target.ip(), c.target.port()));
    option("     Bind to = ", c.bind_ip.map(|ip| pair(ip, c.bind_port)).as_ref(), out);
    option("     Bind i/f = ", c.bind_if.as_ref(), out);
    option("     Mark = ", Some(c.fwmark).filter(|m| *m != 0).as_ref(), out);
    put!(out, "     Timeout = {}", seconds(c.timeout_us));
}

fn method(f: &Failover, c: &Checker, now: &CheckerFacts, out: &mut String) {
    match &c.kind {
        CheckerKind::Tcp => put!(out, "   Keepalive method = TCP_CHECK"),
        CheckerKind::Ping => put!(out, "   Keepalive method = PING_CHECK"),
        CheckerKind::Smtp { helo, .. } => put!(out, "   Keepalive method = SMTP_CHECK\n   helo = {helo}"),
        CheckerKind::Dns { kind, name } => {
            put!(out, "   Keepalive method = DNS_CHECK\n   Type = {}\n   Name = {name}", dns_type(kind.0));
        }
        CheckerKind::Bfd { instance } => {
            put!(
                out,
                "   Keepalive method = BFD_CHECK\n   Name = {instance}\n   Alpha is {}",
                on_off(c.alpha)
            );
        }
        CheckerKind::Udp { payload, reply } => {
            put!(out, "   Keepalive method = UDP_CHECK");
            match payload.len() {
                0 => put!(out, "   Payload specified = no"),
                len => put!(out, "   Payload len = {len}"),
            }
            put!(out, "   Require reply = {}", yes_no(reply.required));
            if reply.required {
                put!(
                    out,
                    "     Min reply length = {}\n     Max reply length = {}",
                    reply.min_len,
                    reply.max_len
                );
                let (len, mask) = reply.pattern.as_ref().map_or((0, false), |(bytes, ignored)| {
                    (bytes.len(), ignored.iter().any(|bits| *bits != 0))
                });
                put!(out, "     Reply data len = {len}");
                if len > 0 {
                    put!(out, "     Reply data mask = {}", yes_no(mask));
                }
            }
        }
        CheckerKind::Misc { command, timeout_us, dynamic } => {
            put!(out, "   Keepalive method = MISC_CHECK\n   script = {}", command_text(command));
            put!(out, "   timeout = {}", timeout_us / 1_000_000);
            put!(out, "   dynamic = {}", if *dynamic { "YES" } else { "NO" });
            let user = command.user.map_or((0, 0), |u| (u.uid, u.gid));
            put!(out, "   uid:gid = {}:{}", user.0, user.1);
            put!(out, "   Last ran = {}\n   Last status = {}", ran(now.ran_us.unwrap_or(0)), now.exit);
        }
        CheckerKind::Http { .. } => pages(f, c, now, out),
        // they come with the files
        CheckerKind::File { .. } => {}
    }
}

fn pages(f: &Failover, c: &Checker, now: &CheckerFacts, out: &mut String) {
    let CheckerKind::Http { tls, sni, protocol, fast_recovery, urls, virtual_host, .. } = &c.kind else {
        return;
    };
    let version = match protocol {
        HttpProtocol::Http10Close => "1.0C",
        HttpProtocol::Http10 => "1.0",
        HttpProtocol::Http11 => "1.1",
    };
    put!(out, "   Keepalive method = {}_GET, http protocol {version}", if *tls { "SSL" } else { "HTTP" });
    option("   Virtualhost = ", virtual_host.as_ref(), out);
    let set = |on: bool| if on { "set" } else { "unset" };
    put!(out, "   Enable SNI {}\n   Fast recovery {}", set(*sni), set(*fast_recovery));
    urls.iter().for_each(|u| page(f, u, out));
    let failed = now.failed_url.and_then(|at| urls.get(at));
    option("   Failed URL = ", failed.map(|u| &u.path), out);
}

fn page(f: &Failover, u: &HttpUrl, out: &mut String) {
    put!(out, "   Checked url = {}", u.path);
    if let Some(digest) = u.digest {
        let hex: String = digest.iter().map(|b| format!("{b:02x}")).collect();
        put!(out, "     digest = {hex}");
    }
    put!(out, "     HTTP Status Code(s)");
    for (low, high) in united(&u.status) {
        if low == high { put!(out, "       {low}") } else { put!(out, "       {low}-{high}") }
    }
    option("     Virtual host = ", u.virtual_host.as_ref(), out);
    if let Some(regex) = &u.regex {
        regular_expression(f, regex, out);
    }
}

fn regular_expression(f: &Failover, r: &RegexCheck, out: &mut String) {
    put!(out, "     Regex = \"{}\"", r.pattern);
    if r.no_match {
        put!(out, "     Regex no match");
    }
    match (r.min_offset, r.max_offset) {
        (0, 0) => {}
        (min, 0) => put!(out, "     Regex min offset = {min}"),
        (min, max) => put!(out, "     Regex min offset = {min}, max_offset = {}", max - 1),
    }
    put!(out, "     Regex options:{}", if r.options.is_empty() { "" } else { REGEX_OPTIONS });
    let pages = f
        .virtual_servers
        .iter()
        .flat_map(|v| &v.real_servers)
        .flat_map(|s| &s.checkers)
        .flat_map(|c| if let CheckerKind::Http { urls, .. } = &c.kind { urls.as_slice() } else { &[] });
    let same =
        pages.filter_map(|u| u.regex.as_ref()).filter(|o| o.pattern == r.pattern && o.options == r.options);
    put!(out, "     Regex ref count = {}", same.count());
    if let Some((start, max)) = r.stack {
        put!(out, "     Regex stack start {start}, max {max}");
    }
}

/// Ranges as one counts them: in order, and those that touch as one.
fn united(written: &[(u16, u16)]) -> Vec<(u16, u16)> {
    let mut ranges = written.to_vec();
    ranges.sort_unstable();
    let mut all: Vec<(u16, u16)> = Vec::new();
    for (low, high) in ranges {
        match all.last_mut() {
            Some((_, end)) if low <= end.saturating_add(1) => *end = high.max(*end),
            _ => all.push((low, high)),
        }
    }
    all
}

fn track_files(f: &Failover, all: &[Pool<'_>], files: &[i64], out: &mut String) {
    let mut first = true;
    for (file, value) in f.track_files.iter().zip(files) {
        let uses = uses_of(file, all);
        if uses.is_empty() {
            continue;
        }
        if std::mem::take(&mut first) {
            put!(out, "------< Checker track files >------");
        }
        put!(out, " Track file = {}\n   File = {}\n   Status = {value}", file.name, file.path);
        put!(out, "   Weight = {}{}", file.weight.weight, reverse(file.weight.reverse));
        put!(out, "   Tracking instances :");
        *out += &uses;
    }
}

fn uses_of(file: &TrackFile, all: &[Pool<'_>]) -> String {
    let mut out = String::new();
    for p in all {
        for server in &p.vs.real_servers {
            let found =
                server.track_files.iter().filter_map(tracked_file).filter(|(name, ..)| *name == file.name);
            for (_, weight, reverse) in found {
                put!(out, "     {} -> {}, weight {weight}{reverse}", p.name, p.server_name(server));
            }
        }
    }
    out
}

fn track_bfds(f: &Failover, all: &[Pool<'_>], out: &mut String) {
    let mut first = true;
    for bfd in &f.bfd_instances {
        let mut uses = String::new();
        for p in all {
            let watched = |s: &&RealServer| s.checkers.iter().filter_map(bfd_of).any(|name| name == bfd.name);
            for server in p.vs.real_servers.iter().filter(watched) {
                put!(uses, "   {}", p.server_name(server));
            }
        }
        if uses.is_empty() {
            continue;
        }
        if std::mem::take(&mut first) {
            put!(out, "------< Checker track BFDs >------");
        }
        put!(out, " Checker Track BFD = {}\n   Tracking RS :", bfd.name);
        *out += &uses;
    }
}

fn bfd_of(c: &Checker) -> Option<&str> {
    if let CheckerKind::Bfd { instance } = &c.kind { Some(instance) } else { None }
}

fn tracked_file(t: &Tracked) -> Option<(&str, i32, &'static str)> {
    match &t.kind {
        TrackerKind::File(file) => Some((file, t.weight.weight, reverse(t.weight.reverse))),
        _ => None,
    }
}

fn option(what: &str, value: Option<&impl std::fmt::Display>, out: &mut String) {
    if let Some(value) = value {
        put!(out, "{what}{value}");
    }
}

fn script(what: &str, command: Option<&Command>, out: &mut String) {
    if let Some(c) = command.filter(|c| c.disabled.is_none()) {
        put!(out, "{what} = {}, {}", command_text(c), owner_text(c));
    }
}

/// COMPAT: microseconds follow the year here.
fn ran(us: i64) -> String {
    let (s, part) = (us.div_euclid(1_000_000), us.rem_euclid(1_000_000));
    let date = console_date(s, Civil::at(s, rha_net::local_time(s).offset_s));
    format!("{s}.{part:06} ({date}.{part:06})")
}

fn seconds(us: u64) -> String {
    format!("{}.{:06}", us / 1_000_000, us % 1_000_000)
}

fn yes_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

fn on_off(on: bool) -> &'static str {
    if on { "ON" } else { "OFF" }
}

fn abled(on: bool) -> &'static str {
    if on { "enabled" } else { "disabled" }
}

fn reverse(yes: bool) -> &'static str {
    if yes { " reverse" } else { "" }
}

/// RFC 1035 §3.2.2 and those since.
fn dns_type(kind: u16) -> &'static str {
    match kind {
        1 => "A",
        2 => "NS",
        5 => "CNAME",
        6 => "SOA",
        15 => "MX",
        16 => "TXT",
        28 => "AAAA",
        46 => "RRSIG",
        48 => "DNSKEY",
        _ => "-",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_counted_up() {
        assert_eq!(
            united(&[(200, 200), (404, 404), (300, 310), (201, 205)]),
            [(200, 205), (300, 310), (404, 404)]
        );
        assert_eq!(united(&[(100, 599), (200, 200)]), [(100, 599)]);
        assert_eq!(united(&[]), []);
    }
}
