//! `real_server`.

use rha_ir::Server;
use rha_ir::failover::{CheckTimes, Command, Forwarding, RealServer};

use super::server::{MOST_WEIGHT, forwarding, group_name};
use super::{RealDraft, Times, address_and_port, count, family_of, time};
use crate::keyword::{IPVS, LVS};
use crate::rows::*;
use crate::{Cx, Flow, Keyword, Line, Place};

const P: Place = Place::REAL_SERVER;
const PROGRAM: &str = "PROGRAM [USER [GROUP]]";

/// Rows of real servers.
pub(super) const ROWS: &[Keyword] = &[
    Keyword::block("real_server", Place::VIRTUAL_SERVER, "ADDRESS [PORT] {", V1, "One of the servers.", P)
        .opening(open)
        .closing(close)
        .support(LVS),
    Keyword::new("weight", P, "N", V1, "Its share.", |cx, l| {
        let said = "Real server weight {v} is outside range 0-2147483647";
        let n = count(cx, l, 0, MOST_WEIGHT, true, said)?;
        edit(cx, |d| d.weight = n.or(d.weight))
    })
    .support(LVS),
    Keyword::new("lvs_method", P, "NAT|DR|TUN …", V1_3, "How packets reach it.", |cx, l| {
        let old = cx.check.real().map_or(Forwarding::Unset, |d| d.model.forwarding);
        let new = forwarding(cx, l, old, "real")?;
        edit(cx, |d| d.model.forwarding = new)
    })
    .support(LVS),
    Keyword::new("uthreshold", P, "N", V1_1, "Most connections.", |cx, l| {
        let n = count(cx, l, 0, u32::MAX, true, "Invalid real_server uthreshold '{v}' - ignoring")?;
        edit(cx, |d| d.model.upper_threshold = n.unwrap_or(d.model.upper_threshold))
    })
    .support(IPVS),
    Keyword::new("lthreshold", P, "N", V1_1, "Connections below which it takes more again.", |cx, l| {
        let n = count(cx, l, 0, u32::MAX, true, "Invalid real_server lthreshold '{v}' - ignoring")?;
        edit(cx, |d| d.model.lower_threshold = n.unwrap_or(d.model.lower_threshold))
    })
    .support(IPVS),
    Keyword::new("inhibit_on_failure", P, "[BOOL]", V1, "Weight 0 instead of removal.", |cx, l| {
        let on = cx.optional_switch(l, |v| format!("Invalid inhibit_on_failure parameter {v}"));
        edit(cx, |d| d.inhibit = on.or(d.inhibit))
    }),
    Keyword::new("notify_up", P, PROGRAM, V1, "Told when it comes up.", |cx, l| {
        program(cx, l, |r| &mut r.notify_up)
    }),
    Keyword::new("notify_down", P, PROGRAM, V1, "Told when it goes down.", |cx, l| {
        program(cx, l, |r| &mut r.notify_down)
    }),
    Keyword::new("alpha", P, "[BOOL]", V1_3, "Down until a check succeeds.", |cx, l| {
        let on = cx.optional_switch(l, |v| format!("Invalid alpha parameter {v}"));
        edit(cx, |d| d.alpha = on.or(d.alpha))
    }),
    Keyword::new("retry", P, "N", V1_3, "How many failures more are forgiven.", |cx, l| {
        let n = count(cx, l, 1, u32::MAX, false, "retry value invalid - {v}")?;
        edit(cx, |d| d.times.retry = n.or(d.times.retry))
    }),
    Keyword::new("delay_before_retry", P, "SECONDS", V1_3, "Pause before a check is repeated.", |cx, l| {
        let n = time(cx, l, 0, 0, "real server delay_before_retry '{v}' invalid - ignoring")?;
        edit(cx, |d| d.times.before_retry_us = n.or(d.times.before_retry_us))
    }),
    Keyword::new("warmup", P, "SECONDS", V1_3, "Random wait before the first check.", |cx, l| {
        let n = time(cx, l, 0, 0, "real server warmup '{v}' invalid - ignoring")?;
        edit(cx, |d| d.times.warmup_us = n.or(d.times.warmup_us))
    }),
    Keyword::new("connect_timeout", P, "SECONDS", V2_0, "How long a connection may take.", |cx, l| {
        let n = time(cx, l, 1, u64::from(u32::MAX), "real server connect_timeout {v} invalid - ignoring")?;
        edit(cx, |d| d.times.connect_us = n.or(d.times.connect_us))
    }),
    Keyword::new("delay_loop", P, "SECONDS", V1_3, "Pause between checks.", |cx, l| {
        let n = time(cx, l, 1, 0, "real server delay_loop '{v}' invalid - ignoring")?;
        edit(cx, |d| d.times.delay_us = n.or(d.times.delay_us))
    }),
    Keyword::new("smtp_alert", P, "[BOOL]", V2_0, "Whether changes are mailed.", |cx, l| {
        let on = cx.optional_switch(l, |v| format!("Invalid real_server smtp_alert parameter {v}"));
        edit(cx, |d| d.mail = on.or(d.mail))
    }),
    Keyword::new("virtualhost", P, "NAME", V1_3, "Host that pages are asked of.", |cx, l| {
        let Some(name) = l.get(1) else {
            cx.error("KA2030", l, 0, "real server virtualhost missing");
            return Ok(());
        };
        let name = name.to_owned();
        edit(cx, |d| d.model.virtual_host = Some(name))
    }),
    Keyword::new("snmp_name", P, "NAME", V2_2, "Name in SNMP.", |cx, l| {
        if l.len() != 2 {
            cx.error("KA2030", l, 0, "real server snmp_name missing or extra parameters");
            return Ok(());
        }
        let name = l.word(1).to_owned();
        edit(cx, |d| d.model.snmp_name = Some(name))
    })
    .support(rha_vocab::Support::Planned),
];

fn edit(cx: &mut Cx<'_>, change: impl FnOnce(&mut RealDraft)) -> Flow {
    if let Some(d) = cx.check.real() {
        change(d);
    }
    Ok(())
}

fn open(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let text = cx.arg(line, 1)?.to_owned();
    let Some(address) = address_and_port(cx, line, &text, line.get(2)) else {
        let port = line.get(2).unwrap_or("(null)");
        cx.error("KA2023", line, 1, format!("Invalid real server ip address/port {text}/{port} - skipping"));
        cx.skip_block(false);
        return Ok(());
    };
    let Some(forwarding) = cx.check.server().map(|d| d.model.forwarding) else { return Ok(()) };
    let port = rha_ir::Port::One(address.port());
    let place = rha_ir::Address::Ip { host: rha_ir::Host::Ip(address.ip()), port, datagram: false };
    let model = RealServer {
        server: Server::new(text, place, line.at(1)),
        address,
        weight: 1,
        forwarding,
        upper_threshold: 0,
        lower_threshold: 0,
        inhibit: false,
        alpha: false,
        notify_up: None,
        notify_down: None,
        mail: true,
        virtual_host: None,
        snmp_name: None,
        checkers: Vec::new(),
        times: CheckTimes::default(),
        track_files: Vec::new(),
        origin: line.at(1),
    };
    let draft = RealDraft {
        port: address.port(),
        model,
        weight: None,
        alpha: None,
        inhibit: None,
        mail: None,
        times: Times::default(),
        checkers: Vec::new(),
    };
    if let Some(d) = cx.check.server() {
        if d.reals.is_empty() {
            d.reals.reserve_exact(2);
        }
        d.reals.push(draft);
    }
    Ok(())
}

/// Only tunnels may join two families.
fn close(cx: &mut Cx<'_>) -> Flow {
    let Some(d) = cx.check.server() else { return Ok(()) };
    let Some(r) = d.reals.last() else { return Ok(()) };
    if matches!(r.model.forwarding, Forwarding::Tunnel(_)) {
        return Ok(());
    }
    let (family, span, address) = (family_of(r.model.address), r.model.origin, r.model.address.ip());
    if *d.family.get_or_insert(family) != family {
        d.reals.pop();
        let line = Line { span, ..Line::default() };
        let said = format!(
            "Address family of virtual server and real server {address} don't match - skipping real server."
        );
        cx.error("KA3041", &line, 0, said);
    }
    Ok(())
}

fn program(cx: &mut Cx<'_>, line: &Line, slot: fn(&mut RealServer) -> &mut Option<Command>) -> Flow {
    if cx.check.real().is_some_and(|d| slot(&mut d.model).is_some()) {
        let name = cx.check.server().map(|d| group_name(&d.model)).unwrap_or_default();
        let (kind, program) = (line.word(0), cx.arg(line, 1)?);
        let said = format!("({name}) {kind} script already specified - ignoring {program}");
        cx.error("KA2040", line, 1, said);
        return Ok(());
    }
    let command = cx.command(line, "notify")?;
    edit(cx, |d| *slot(&mut d.model) = command)
}
