//! `bfd_instance`, which three processes read, each for itself.
//!
//! COMPAT: the BFD process looks at the session, the others only at the name and at who may track it.

use std::net::IpAddr;

use rha_ir::failover::{BfdInstance, TrackWeight, TrackedBy};

use crate::keyword::Reader;
use crate::rows::*;
use crate::{Cx, Flow, Keyword, Line, Pass, Place, values};

/// A session as VRRP and the checker know it.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub name: String,
    pub weight: TrackWeight,
}

/// Sessions being read.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// What VRRP may track.
    pub vrrp: Vec<Known>,
    /// What real servers may track.
    pub checker: Vec<Known>,
    draft: Option<Draft>,
    drafted: Vec<BfdInstance>,
    who: TrackedBy,
    british: bool,
}

#[derive(Debug)]
struct Draft {
    instance: BfdInstance,
    neighbor: Option<IpAddr>,
    max_hops: i32,
}

const P: Place = Place::BFD;

/// Rows of `bfd_instance`.
pub(crate) const ROWS: &[Keyword] = &[
    Keyword::block("bfd_instance", Place::TOP, "NAME {", V2_0, "A BFD session with a neighbour.", P).support(FULL)
        .opening(open)
        .closing(close)
        .read_by(Reader::Children),
    Keyword::new("source_ip", P, "ADDRESS", V2_0, "Address that packets leave from.", |cx, l| {
        let Some(name) = session(cx) else { return Ok(()) };
        let text = cx.arg(l, 1)?.to_owned();
        match values::address_only(&text) {
            None => {
                let said = format!("Configuration error: BFD instance {name} has malformed source address {text}, ignoring");
                cx.error("KA3030", l, 1, said);
            }
            address => edit(cx, |d| d.instance.source = address),
        }
        Ok(())
    }).support(FULL),
    Keyword::new("neighbor_ip", P, "ADDRESS", V2_0, "The neighbour.", neighbor).support(FULL),
    Keyword::new("neighbour_ip", P, "ADDRESS", V2_0, "The neighbour, in the other spelling.", neighbor).support(FULL),
    Keyword::new("min_rx", P, "MILLISECONDS", V2_0, "How often packets may come.", |cx, l| {
        let n = milliseconds(cx, l, 1)?;
        if let Some(n) = n {
            edit(cx, |d| d.instance.min_rx_us = n);
        }
        Ok(())
    }).support(FULL),
    Keyword::new("min_tx", P, "MILLISECONDS", V2_0, "How often we send at most.", |cx, l| {
        let n = milliseconds(cx, l, 1)?;
        if let Some(n) = n {
            edit(cx, |d| d.instance.min_tx_us = n);
        }
        Ok(())
    }).support(FULL),
    Keyword::new("idle_tx", P, "MILLISECONDS", V2_0, "How often we send while the session is down.", |cx, l| {
        let n = milliseconds(cx, l, 1000)?;
        if let Some(n) = n {
            edit(cx, |d| d.instance.idle_tx_us = n);
        }
        Ok(())
    }).support(FULL),
    Keyword::new("multiplier", P, "N", V2_0, "How many packets may be missed.", |cx, l| {
        let Some(name) = session(cx) else { return Ok(()) };
        match cx.unsigned(l, 1, 1, 255, false)? {
            Some(n) => edit(cx, |d| d.instance.multiplier = u8::try_from(n).unwrap_or(5)),
            None => {
                let said = format!(
                    "Configuration error: BFD instance {name} multiplier value {} not valid (must be in range [1-255]), ignoring",
                    l.word(1)
                );
                cx.error("KA3030", l, 1, said);
            }
        }
        Ok(())
    }).support(FULL),
    Keyword::new("passive", P, "", V2_0, "Waits for the neighbour to begin.", |cx, _| {
        edit(cx, |d| d.instance.passive = true);
        Ok(())
    }).support(FULL),
    Keyword::new("ttl|hoplimit", P, "N", V2_0, "Time to live of packets.", |cx, l| {
        let Some(name) = session(cx) else { return Ok(()) };
        match cx.unsigned(l, 1, 1, 255, false)? {
            Some(n) => edit(cx, |d| d.instance.ttl = u8::try_from(n).ok()),
            None => {
                let said = format!(
                    "Configuration error: BFD instance {name} ttl/hoplimit value {} not valid (must be in range [1-255]), ignoring",
                    l.word(1)
                );
                cx.error("KA3030", l, 1, said);
            }
        }
        Ok(())
    }).support(FULL),
    Keyword::new("max_hops", P, "N", V2_0, "How many hops a packet may have come.", |cx, l| {
        let Some(name) = session(cx) else { return Ok(()) };
        match cx.int(l, 1, -1, 255, false)? {
            Some(n) => edit(cx, |d| d.max_hops = n),
            None => {
                let said = format!(
                    "Configuration error: BFD instance {name} max_hops value {} not valid (must be in range [-1-255]), ignoring",
                    l.word(1)
                );
                cx.error("KA3030", l, 1, said);
            }
        }
        Ok(())
    }).support(FULL),
    Keyword::new("multihop", P, "[BOOL]", V2_2_8, "The neighbour is more than one hop away.", |cx, l| {
        let Some(name) = session(cx) else { return Ok(()) };
        if let Some(on) = cx.optional_switch(l, |v| format!("BFD instance {name} invalid multihop value {v}")) {
            edit(cx, |d| d.instance.multihop = on);
        }
        Ok(())
    }).support(FULL),
    Keyword::new("weight", P, "-253..253 [reverse]", V2_0, "What a loss costs instances that track it.", weight).support(FULL),
    Keyword::new("vrrp", P, "", V2_0, "Only instances may track it (unless checker is written too).", |cx, _| {
        cx.bfd.who.vrrp = true;
        Ok(())
    }).support(FULL),
    Keyword::new("checker", P, "", V2_0, "Only real servers may track it (unless vrrp is written too).", |cx, _| {
        cx.bfd.who.checker = true;
        Ok(())
    }).support(FULL),
];

/// The session's name, when it is the BFD process that reads.
fn session(cx: &Cx<'_>) -> Option<String> {
    cx.bfd.draft.as_ref().map(|d| d.instance.name.clone())
}

fn edit(cx: &mut Cx<'_>, change: impl FnOnce(&mut Draft)) {
    if let Some(d) = &mut cx.bfd.draft {
        change(d);
    }
}

fn open(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let name = cx.arg(line, 1)?.to_owned();
    cx.bfd.who = TrackedBy::default();
    match cx.pass {
        Pass::Bfd => begin_session(cx, line, name),
        Pass::Vrrp => {
            if name.len() >= 32 {
                cx.error("KA2022", line, 1, format!("BFD name {name} too long"));
                cx.skip_block(false);
            } else if cx.bfd.vrrp.iter().any(|k| k.name == name) {
                cx.error("KA2040", line, 1, format!("BFD {name} already specified"));
                cx.skip_block(false);
            } else {
                cx.bfd.vrrp.push(Known { name, weight: TrackWeight::default() });
            }
        }
        Pass::Checker | Pass::Parent => {
            if cx.bfd.checker.iter().any(|k| k.name == name) {
                cx.error("KA2040", line, 1, format!("BFD {name} already specified"));
                cx.skip_block(false);
            } else {
                cx.bfd.checker.push(Known { name, weight: TrackWeight::default() });
            }
        }
    }
    Ok(())
}

fn begin_session(cx: &mut Cx<'_>, line: &Line, name: String) {
    if name.len() >= 32 {
        let said = format!(
            "Configuration error: BFD instance {name} name too long (maximum length is 31 characters) - ignoring"
        );
        cx.error("KA3030", line, 1, said);
        return cx.skip_block(false);
    }
    if cx.bfd.drafted.iter().any(|b| b.name == name) {
        let said = format!("Configuration error: BFD instance {name} already configured - ignoring");
        cx.error("KA3030", line, 1, said);
        return cx.skip_block(false);
    }
    let instance = BfdInstance {
        name,
        neighbor: IpAddr::from([0, 0, 0, 0]),
        source: None,
        min_rx_us: 10_000,
        min_tx_us: 10_000,
        idle_tx_us: 1_000_000,
        multiplier: 5,
        passive: false,
        ttl: None,
        max_hops: None,
        multihop: false,
        weight: TrackWeight::default(),
        seen_by: TrackedBy::default(),
        origin: line.at(1),
    };
    cx.bfd.draft = Some(Draft { instance, neighbor: None, max_hops: 0 });
}

fn neighbor(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let Some(name) = session(cx) else { return Ok(()) };
    let text = cx.arg(line, 1)?.to_owned();
    let Some(address) = values::address_only(&text) else {
        let said = format!(
            "Configuration error: BFD instance {name} has malformed {} address {text}, ignoring instance",
            spelling(cx)
        );
        cx.error("KA3030", line, 1, said);
        cx.bfd.draft = None;
        cx.skip_block(true);
        return Ok(());
    };
    edit(cx, |d| d.neighbor = Some(address));
    Ok(())
}

const fn spelling(cx: &Cx<'_>) -> &'static str {
    if cx.bfd.british { "neighbour" } else { "neighbor" }
}

/// An interval with three decimals, as microseconds.
fn milliseconds(cx: &mut Cx<'_>, line: &Line, low: u32) -> Flow<Option<u32>> {
    /// Most milliseconds that 32 bits of microseconds hold.
    const MOST: u32 = u32::MAX / 1000;
    let Some(name) = session(cx) else { return Ok(None) };
    let n = cx.fraction(line, 1, u64::from(low) * 1000, u64::from(MOST) * 1000, 3, false)?;
    let keyword = line.word(0);
    match n {
        None => {
            let said = format!(
                "Configuration error: BFD instance {name} {keyword} value {} is not valid (must be in range [{low}-{MOST}]), ignoring",
                line.word(1)
            );
            cx.error("KA3030", line, 1, said);
        }
        Some(n) if n > 10_000_000 => {
            let said = format!(
                "Configuration warning: BFD instance {name} {keyword} value {} is larger than max sensible (10000)",
                line.word(1)
            );
            cx.remark("KA3030", line.at(1), said);
        }
        Some(_) => {}
    }
    Ok(n.and_then(|n| u32::try_from(n).ok()))
}

fn weight(cx: &mut Cx<'_>, line: &Line) -> Flow {
    if cx.pass != Pass::Vrrp {
        return Ok(());
    }
    let Some(name) = cx.bfd.vrrp.last().map(|k| k.name.clone()) else { return Ok(()) };
    let n = cx.int(line, 1, -253, 253, true)?;
    if n.is_none() {
        let said = format!(
            "Configuration error: BFD instance {name} weight value {} not valid (must be in range [-253-253]), ignoring",
            line.word(1)
        );
        cx.error("KA3012", line, 1, said);
    }
    let mut reverse = false;
    match line.get(2) {
        None => {}
        Some("reverse") => reverse = true,
        Some(other) => {
            let said = format!("Configuration error: BFD instance {name} unknown weight option {other}");
            cx.error("KA2022", line, 2, said);
        }
    }
    if let Some(k) = cx.bfd.vrrp.last_mut() {
        k.weight.weight = n.unwrap_or(k.weight.weight);
        k.weight.reverse |= reverse;
    }
    Ok(())
}

fn close(cx: &mut Cx<'_>) -> Flow {
    let who = cx.bfd.who;
    let named = who.vrrp || who.checker;
    match cx.pass {
        Pass::Vrrp if named && !who.vrrp => {
            cx.bfd.vrrp.pop();
        }
        Pass::Checker if named && !who.checker => {
            cx.bfd.checker.pop();
        }
        Pass::Bfd => close_session(cx, if named { who } else { TrackedBy { vrrp: true, checker: true } }),
        _ => {}
    }
    Ok(())
}

fn close_session(cx: &mut Cx<'_>, seen_by: TrackedBy) {
    let Some(Draft { mut instance, neighbor, max_hops }) = cx.bfd.draft.take() else { return };
    let name = instance.name.clone();
    let line = Line { span: instance.origin, ..Line::default() };
    let spelling = spelling(cx);
    let Some(neighbor) = neighbor else {
        let said = format!(
            "Configuration error: BFD instance {name} has no {spelling} address set, disabling instance"
        );
        return cx.error("KA3030", &line, 0, said);
    };
    if let Some(source) = instance.source
        && source.is_ipv4() != neighbor.is_ipv4()
    {
        let said = format!(
            "Configuration error: BFD instance {name} source address {source} and {spelling} address {neighbor} are not of the same family, disabling instance"
        );
        return cx.error("KA3030", &line, 0, said);
    }
    if cx.bfd.drafted.iter().any(|b| b.neighbor == neighbor && b.source == instance.source) {
        let said = match instance.source {
            Some(source) => format!(
                "Configuration error: BFD instance {name} has duplicate source/{spelling} address {source}/{neighbor}, ignoring instance"
            ),
            None => format!(
                "Configuration error: BFD instance {name} has duplicate {spelling} address {neighbor}, ignoring instance"
            ),
        };
        return cx.error("KA3030", &line, 0, said);
    }
    let ttl = i32::from(instance.ttl.unwrap_or(if neighbor.is_ipv4() { 255 } else { 64 }));
    // COMPAT: -1, for any number, is kept as 255, and that is more than most TTLs.
    let mut hops = if max_hops < 0 { i32::from(u8::MAX) } else { max_hops };
    if hops > ttl {
        let said = format!("BFD instance {name}: max_hops exceeds ttl/hoplimit - setting to ttl/hoplimit");
        cx.error("KA3030", &line, 0, said);
        hops = ttl;
    }
    instance.neighbor = neighbor;
    instance.ttl = u8::try_from(ttl).ok();
    instance.max_hops = u8::try_from(hops).ok();
    instance.seen_by = seen_by;
    cx.bfd.drafted.push(instance);
}

/// Brings what the passes know of a session together.
pub(crate) fn finish(cx: &mut Cx<'_>) {
    let mut all = std::mem::take(&mut cx.bfd.drafted);
    for b in &mut all {
        if let Some(k) = cx.bfd.vrrp.iter().find(|k| k.name == b.name) {
            b.weight = k.weight;
        }
    }
    cx.model.bfd_instances = all;
}
