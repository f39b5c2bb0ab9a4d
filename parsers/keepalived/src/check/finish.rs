//! Checks after the last line of the checker pass, and what servers and checkers take from one another.

use std::net::SocketAddr;

use hashbrown::HashMap;
use rha_ir::failover::{
    CheckTimes, Checker, CheckerKind, ConnectOptions, Forwarding, GroupEntry, LvsProtocol, RealServer,
    VirtualServerKey,
};
use rha_text::{Severity, Span};

use super::server::PERSISTENCE;
use super::{CheckerDraft, Connect, ServerDraft, Times};
use crate::script::Findings;
use crate::{Class, Cx};

/// Judges what was read and puts what can be used into the model.
pub(crate) fn finish(cx: &mut Cx<'_>) {
    link_groups(cx);
    let mut servers = std::mem::take(&mut cx.check.servers);
    servers.retain_mut(|d| judge(cx, d));
    if !servers.is_empty() {
        script_security(cx, &mut servers);
    }
    cx.model.virtual_servers = servers.into_iter().map(publish).collect();
}

/// `[address]:protocol:port`.
fn trio(address: SocketAddr, protocol: Option<LvsProtocol>) -> String {
    let protocol = match protocol {
        Some(LvsProtocol::Tcp) => "tcp",
        Some(LvsProtocol::Udp) => "udp",
        Some(LvsProtocol::Sctp) => "sctp",
        None => "none",
    };
    format!("[{}]:{protocol}:{}", address.ip(), address.port())
}

/// The real server being read, as messages show it.
pub(super) fn real_trio(cx: &mut Cx<'_>) -> Option<String> {
    let d = cx.check.server()?;
    let r = d.reals.last()?;
    Some(trio(r.model.address, d.protocol))
}

fn shown(d: &ServerDraft) -> String {
    match &d.model.key {
        VirtualServerKey::Address(a) => trio(*a, d.protocol),
        VirtualServerKey::Mark(n) => format!("FWM {n}"),
        VirtualServerKey::Group(name) => format!("[{name}]:{}", d.number),
    }
}

/// Virtual servers of groups get the group's family; those without a group go.
fn link_groups(cx: &mut Cx<'_>) {
    let mut servers = std::mem::take(&mut cx.check.servers);
    let by_name: HashMap<String, (bool, bool)> = cx
        .model
        .virtual_server_groups
        .iter()
        .map(|g| {
            let has = |six: bool| {
                g.entries.iter().any(|e| match e {
                    GroupEntry::Range { first, .. } => first.is_ipv6() == six,
                    GroupEntry::Mark { ipv6, .. } => *ipv6 == Some(six),
                })
            };
            (g.name.clone(), (has(false), has(true)))
        })
        .collect();
    let mut numbers: HashMap<String, u32> = HashMap::new();
    servers.retain_mut(|d| {
        let VirtualServerKey::Group(name) = &d.model.key else { return true };
        let Some(&(four, six)) = by_name.get(name) else {
            let text = format!(
                "Virtual server group {name} specified but not configured - ignoring virtual server {}",
                shown(d)
            );
            cx.remark("KA3040", d.model.origin, text);
            return false;
        };
        let of_group = match (four, six) {
            (true, false) => Some(4),
            (false, true) => Some(6),
            _ => None,
        };
        let mixed = four && six && d.family.is_some();
        if mixed || of_group.is_some_and(|f| d.family.is_some_and(|own| own != f)) {
            let text = format!("{name}: address family doesn't match virtual server {} - ignoring", shown(d));
            cx.remark("KA3040", d.model.origin, text);
            return false;
        }
        d.family = d.family.or(of_group);
        let n = numbers.entry(name.clone()).or_default();
        d.number = *n;
        *n += 1;
        true
    });
    cx.check.servers = servers;
}

/// One virtual server; false when it goes.
fn judge(cx: &mut Cx<'_>, d: &mut ServerDraft) -> bool {
    let span = d.model.origin;
    if d.reals.is_empty() {
        cx.late("KA3040", span, format!("Virtual server {} has no real servers - ignoring", shown(d)));
        return false;
    }
    let (marks, ranges): (bool, Vec<u16>) = match &d.model.key {
        VirtualServerKey::Address(_) => (false, Vec::new()),
        VirtualServerKey::Mark(_) => (true, Vec::new()),
        VirtualServerKey::Group(name) => {
            let group = cx.model.virtual_server_groups.iter().find(|g| g.name == *name);
            let entries = group.map(|g| g.entries.as_slice()).unwrap_or_default();
            let ports = entries.iter().filter_map(|e| match e {
                GroupEntry::Range { port, .. } => Some(*port),
                GroupEntry::Mark { .. } => None,
            });
            (entries.iter().any(|e| matches!(e, GroupEntry::Mark { .. })), ports.collect())
        }
    };
    service(cx, d, marks, &ranges);
    d.model.mail = d.mail.unwrap_or(cx.model.global.mail.checkers);
    real_servers(cx, d);
    quorum(cx, d);
    ports(cx, d, marks);
    true
}

fn service(cx: &mut Cx<'_>, d: &mut ServerDraft, marks: bool, ranges: &[u16]) {
    let span = d.model.origin;
    let by_group = matches!(d.model.key, VirtualServerKey::Group(_));
    if d.model.ha_suspend && marks {
        let text =
            format!("Virtual server {}: cannot use ha_suspend with fwmarks - clearing ha_suspend", shown(d));
        cx.late("KA3040", span, text);
        d.model.ha_suspend = false;
    }
    let zero = "zero port only valid for persistent services - setting";
    if !ranges.is_empty() || matches!(d.model.key, VirtualServerKey::Address(_)) {
        if d.protocol.is_none() {
            cx.late(
                "KA3040",
                span,
                format!("Virtual server {}: no protocol set - defaulting to UDP", shown(d)),
            );
            d.protocol = Some(LvsProtocol::Udp);
        }
        if d.model.flags.one_packet && d.protocol != Some(LvsProtocol::Udp) {
            let text = format!("Virtual server {}: one packet scheduling requires UDP - resetting", shown(d));
            cx.late("KA3040", span, text);
            d.model.flags.one_packet = false;
        }
        let no_port = matches!(d.model.key, VirtualServerKey::Address(a) if a.port() == 0);
        if d.model.persistence.timeout == 0 && no_port {
            cx.late("KA3040", span, format!("Virtual server {}: {zero}", shown(d)));
            d.model.persistence.timeout = PERSISTENCE;
        }
    }
    if d.model.persistence.timeout == 0 && by_group && ranges.contains(&0) {
        cx.late("KA3040", span, format!("Virtual server {}: {zero}", shown(d)));
        d.model.persistence.timeout = PERSISTENCE;
    }
    if d.protocol.is_some() && marks && ranges.is_empty() {
        let text = format!(
            "Warning: Virtual server {}: protocol specified for fwmark - protocol will be ignored",
            shown(d)
        );
        cx.late("KA3040", span, text);
        d.protocol = None;
    }
    if d.model.scheduler.is_empty() {
        let text = format!("Virtual server {}: no scheduler set, setting default 'wlc'", shown(d));
        cx.late("KA3040", span, text);
        "wlc".clone_into(&mut d.model.scheduler);
    }
}

/// Says that NAT is taken because no method was written.
fn default_forwarding(cx: &mut Cx<'_>, d: &mut ServerDraft) -> Forwarding {
    if d.model.forwarding == Forwarding::Unset {
        let text = format!("Virtual server {}: no forwarding method set, setting default NAT", shown(d));
        cx.late("KA3040", d.model.origin, text);
        d.model.forwarding = Forwarding::Nat;
    }
    d.model.forwarding
}

fn real_servers(cx: &mut Cx<'_>, d: &mut ServerDraft) {
    let protocol = d.protocol;
    let mut seen = Addresses::default();
    let mut repeated = Vec::new();
    d.reals.retain(|r| {
        let fresh = seen.insert(r.model.address);
        if !fresh {
            repeated.push((r.model.origin, r.model.address));
        }
        fresh
    });
    if !repeated.is_empty() {
        let name = shown(d);
        for (origin, address) in repeated {
            let text = format!(
                "VS {name}: real server {} is duplicated - removing second rs",
                trio(address, protocol)
            );
            cx.late("KA3041", origin, text);
        }
    }
    if d.reals.iter().any(|r| r.model.forwarding == Forwarding::Unset) {
        let method = default_forwarding(cx, d);
        for r in d.reals.iter_mut().filter(|r| r.model.forwarding == Forwarding::Unset) {
            r.model.forwarding = method;
        }
    }
    let g = &cx.global;
    let mail = g.smtp_alert_checker.or(g.smtp_alert).unwrap_or(true);
    // Only a sorry server can be talked of below.
    let name = if d.model.sorry.is_some() { shown(d) } else { String::new() };
    for r in &mut d.reals {
        r.model.alpha = r.alpha.unwrap_or(d.model.alpha);
        r.model.inhibit = r.inhibit.unwrap_or(d.inhibit);
        r.model.weight = r.weight.unwrap_or(d.weight);
        r.model.server.weight = r.model.weight;
        r.model.mail = r.mail.unwrap_or(mail);
        let (own, above) = (r.times, d.times);
        r.times = Times {
            connect_us: own.connect_us.or(above.connect_us),
            delay_us: own.delay_us.or(above.delay_us),
            warmup_us: own.warmup_us.or(above.warmup_us),
            retry: own.retry.or(above.retry),
            before_retry_us: own.before_retry_us.or(above.before_retry_us),
        };
        if let Some(s) = &mut d.model.sorry
            && s.address == r.model.address
            && s.inhibit != r.model.inhibit
        {
            let text = format!(
                "Virtual server {name}: real server {} matches sorry server, but inhibit setting differs, {}ing on sorry server",
                trio(r.model.address, protocol),
                if r.model.inhibit { "sett" } else { "clear" }
            );
            cx.late("KA3041", r.model.origin, text);
            s.inhibit = r.model.inhibit;
        }
    }
    if d.model.sorry.is_some_and(|s| s.forwarding == Forwarding::Unset) {
        let method = default_forwarding(cx, d);
        d.model.sorry.iter_mut().for_each(|s| s.forwarding = method);
    }
}

fn quorum(cx: &mut Cx<'_>, d: &mut ServerDraft) {
    let span = d.model.origin;
    // COMPAT: the sum is kept in 32 bits.
    let sum = d.reals.iter().fold(0u32, |s, r| s.wrapping_add(r.model.weight));
    if d.model.quorum > sum {
        let text = format!(
            "Warning - quorum {} for {} exceeds total weight of real servers {sum}, reducing quorum to {sum}",
            d.model.quorum,
            shown(d)
        );
        cx.late("KA3040", span, text);
        d.model.quorum = sum;
    }
    if d.model.hysteresis >= d.model.quorum {
        let less = d.model.quorum.wrapping_sub(1);
        let text = format!(
            "Virtual server {}: hysteresis {} >= quorum {}; setting hysteresis to {less}",
            shown(d),
            d.model.hysteresis,
            d.model.quorum
        );
        cx.late("KA3040", span, text);
        d.model.hysteresis = less;
    }
}

/// Ports of real servers follow the virtual server's, but for NAT.
fn ports(cx: &mut Cx<'_>, d: &mut ServerDraft, marks: bool) {
    let protocol = d.protocol;
    let mut said: Vec<(Span, String)> = Vec::new();
    match d.model.key.clone() {
        VirtualServerKey::Group(group) => {
            let name = shown(d);
            let ported = |f: Forwarding, a: SocketAddr| f != Forwarding::Nat && a.port() != 0;
            let reals: Vec<(Span, SocketAddr)> = d
                .reals
                .iter()
                .filter(|r| ported(r.model.forwarding, r.model.address))
                .map(|r| (r.model.origin, r.model.address))
                .collect();
            let sorry = d.model.sorry.filter(|s| ported(s.forwarding, s.address));
            let ignored = "has port specified - port will be ignored";
            if marks {
                for (origin, a) in &reals {
                    let rs = trio(*a, protocol);
                    said.push((
                        *origin,
                        format!("WARNING - fwmark virtual server {name}, real server {rs} {ignored}"),
                    ));
                }
                said.extend(sorry.map(|s| {
                    (s.origin, format!("WARNING - fwmark virtual server {name}, sorry server {ignored}"))
                }));
            }
            let group = cx.model.virtual_server_groups.iter().find(|g| g.name == group);
            for entry in group.map(|g| g.entries.as_slice()).unwrap_or_default() {
                let GroupEntry::Range { first, last, port, .. } = entry else { continue };
                let range =
                    if first == last { format!("{first},{port}") } else { format!("{first}-{last},{port}") };
                for (origin, a) in reals.iter().filter(|(_, a)| a.port() != *port) {
                    let rs = trio(*a, protocol);
                    let text =
                        format!("virtual server {name}:[{range}] and real server {rs} ports don't match");
                    said.push((*origin, text));
                }
                said.extend(
                    sorry.filter(|s| s.address.port() != *port).map(|s| {
                        (s.origin, format!("WARNING - virtual server {name}, sorry server {ignored}"))
                    }),
                );
            }
        }
        key => {
            let own = match key {
                VirtualServerKey::Address(a) => Some(a.port()),
                _ => None,
            };
            let mut wrong = Vec::new();
            for r in &mut d.reals {
                let written = r.model.address;
                if let Some(text) = port_of(&mut r.model.address, own, r.model.forwarding == Forwarding::Nat)
                {
                    wrong.push((r.model.origin, written, text));
                }
                let (host, port) = (r.model.address.ip(), r.model.address.port());
                r.model.server.address = rha_ir::Address::Ip {
                    host: rha_ir::Host::Ip(host),
                    port: rha_ir::Port::One(port),
                    datagram: protocol == Some(LvsProtocol::Udp),
                };
            }
            for (origin, written, text) in wrong {
                let (name, rs) = (shown(d), trio(written, protocol));
                let text = if text == "clearing" {
                    format!(
                        "WARNING - fwmark virtual server {name}, real server {rs} has port specified - clearing"
                    )
                } else {
                    format!(
                        "WARNING - virtual server {name} and real server {rs} ports don't match - resetting"
                    )
                };
                said.push((origin, text));
            }
            let name = if d.model.sorry.is_some() { shown(d) } else { String::new() };
            if let Some(s) = d.model.sorry.as_mut().filter(|s| s.forwarding != Forwarding::Nat)
                && let Some(text) = port_of(&mut s.address, own, false)
            {
                let text = if text == "clearing" {
                    format!("WARNING - virtual server {name}, sorry server has port specified - clearing")
                } else {
                    format!("WARNING - virtual server {name} and sorry server ports don't match - resetting")
                };
                said.push((s.origin, text));
            }
        }
    }
    for (span, text) in said {
        cx.late("KA3041", span, text);
    }
}

/// Addresses met so far: a handful is looked through, more are hashed.
#[derive(Default)]
struct Addresses {
    few: Vec<SocketAddr>,
    many: hashbrown::HashSet<SocketAddr>,
}

impl Addresses {
    /// True when it was not there.
    fn insert(&mut self, address: SocketAddr) -> bool {
        if !self.many.is_empty() {
            return self.many.insert(address);
        }
        if self.few.contains(&address) {
            return false;
        }
        self.few.push(address);
        if self.few.len() > 16 {
            self.many.extend(self.few.drain(..));
        }
        true
    }
}

/// Repairs a port; says what it did when that is worth saying.
fn port_of(address: &mut SocketAddr, own: Option<u16>, nat: bool) -> Option<&'static str> {
    match own {
        None if nat || address.port() == 0 => None,
        None => {
            address.set_port(0);
            Some("clearing")
        }
        Some(port) if address.port() == 0 => {
            address.set_port(port);
            None
        }
        Some(port) if !nat && address.port() != port => {
            address.set_port(port);
            Some("resetting")
        }
        Some(_) => None,
    }
}

/// Looks at every program of checkers and servers.
fn script_security(cx: &mut Cx<'_>, servers: &mut [ServerDraft]) {
    let mut all = Findings::default();
    for d in servers.iter_mut() {
        for r in &mut d.reals {
            r.checkers.retain_mut(|c| {
                let CheckerKind::Misc { command, .. } = &mut c.kind else { return true };
                let found = cx.inspect(command);
                all = all.and(found);
                if let Some(why) = &command.disabled {
                    let text = format!("Disabling misc script {} ({why})", first(command));
                    cx.remark("KA3014", command.origin, text);
                }
                command.disabled.is_none()
            });
        }
    }
    for d in servers.iter_mut() {
        let mut slots = vec![&mut d.model.quorum_up, &mut d.model.quorum_down];
        for r in &mut d.reals {
            slots.push(&mut r.model.notify_up);
            slots.push(&mut r.model.notify_down);
        }
        for slot in slots {
            let Some(mut command) = slot.take() else { continue };
            all = all.and(cx.inspect(&mut command));
            *slot = command.disabled.is_none().then_some(command);
        }
    }
    for which in 0..2 {
        let g = &mut cx.model.global;
        let slot = if which == 0 { &g.notify_fifo } else { &g.lvs_notify_fifo };
        let Some(mut command) = slot.as_ref().and_then(|f| f.script.clone()) else { continue };
        all = all.and(cx.inspect(&mut command));
        if which == 1
            && let Some(f) = &mut cx.model.global.lvs_notify_fifo
        {
            f.script = command.disabled.is_none().then_some(command);
        }
    }
    if !cx.scripts.security && all.is_script {
        let more = if all.insecure { " There are insecure scripts." } else { "" };
        let text = format!(
            "SECURITY VIOLATION - check scripts are being executed but script_security not enabled.{more}"
        );
        cx.late_class("KA3015", Class::Security, Severity::Error, None, text);
    }
}

fn first(command: &rha_ir::failover::Command) -> String {
    command.argv.first().map(ToString::to_string).unwrap_or_default()
}

fn publish(d: ServerDraft) -> rha_ir::failover::VirtualServer {
    let mut model = d.model;
    model.ipv6 = d.family == Some(6);
    model.protocol = d.protocol;
    model.number = d.number;
    model.inhibit = d.inhibit;
    model.times = taken_over(d.times);
    model.real_servers = d
        .reals
        .into_iter()
        .map(|r| {
            let mut out = r.model;
            let times = r.times;
            out.times = taken_over(times);
            let mut place = out.address;
            // COMPAT: a port that was changed because nothing but NAT changes ports is still that of the checks
            if r.port != 0 {
                place.set_port(r.port);
            }
            let built: Vec<Checker> =
                r.checkers.into_iter().map(|c| checker(c, &out, place, times)).collect();
            out.server.checked = !built.is_empty();
            if let Some(c) = built.first() {
                let t = &mut out.server.timing;
                t.inter_ms = u32::try_from(c.delay_loop_us / 1000).unwrap_or(u32::MAX);
                (t.rise, t.fall) = (1, c.retry.saturating_add(1));
            }
            out.checkers = built;
            out
        })
        .collect();
    model
}

fn taken_over(times: Times) -> CheckTimes {
    let usual = CheckTimes::default();
    CheckTimes {
        connect_timeout_us: times.connect_us.unwrap_or(usual.connect_timeout_us),
        delay_loop_us: times.delay_us.unwrap_or(usual.delay_loop_us),
        retry: times.retry,
        delay_before_retry_us: times.before_retry_us,
        warmup_us: times.warmup_us,
    }
}

/// A checker with the times it takes from its server, and that server's place.
fn checker(c: CheckerDraft, r: &RealServer, place: SocketAddr, times: Times) -> Checker {
    let delay_loop_us = c.times.delay_us.or(times.delay_us).unwrap_or(60_000_000);
    let options = |w: &Connect| ConnectOptions {
        target: SocketAddr::new(w.ip.unwrap_or(place.ip()), w.port.unwrap_or(place.port())),
        bind_ip: w.bind_ip,
        bind_port: w.bind_port,
        bind_if: w.bind_if.clone(),
        timeout_us: w.timeout_us.or(times.connect_us).unwrap_or(5_000_000),
        fwmark: w.fwmark,
    };
    let mut kind = c.kind;
    let mut connect = c.connect.as_ref().map(options);
    if let CheckerKind::Smtp { hosts, .. } = &mut kind {
        let mut all = c.hosts.iter().map(options);
        // COMPAT: the first of the `host`s takes the place of a target of which nothing is written
        if c.connect.as_ref().is_some_and(Connect::is_blank) {
            connect = all.next().or(connect);
        }
        *hosts = all.collect();
    }
    Checker {
        kind,
        connect,
        delay_loop_us,
        warmup_us: c.times.warmup_us.or(times.warmup_us).unwrap_or(delay_loop_us),
        retry: c.times.retry.or(times.retry).unwrap_or(c.default_retry),
        delay_before_retry_us: c
            .times
            .before_retry_us
            .or(times.before_retry_us)
            .or(c.default_before_retry_us)
            .unwrap_or(delay_loop_us),
        alpha: c.alpha.unwrap_or(r.alpha),
        log_all_failures: c.log_all_failures,
        origin: c.origin,
    }
}
