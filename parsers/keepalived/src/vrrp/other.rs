//! Track files and groups, pauses between gratuitous ARP, link delays, polled links.

use rha_ir::failover::{GarpGroup, InterfaceDelay, Linkbeat, TrackFile, TrackWeight};
use rha_text::Span;

use crate::keyword::Reader;
use crate::number::SECOND;
use crate::rows::*;
use crate::{Class, Cx, FileKind, Flow, Keyword, Line, Pass, Place};

const F: Place = Place::TRACK_FILE.or(Place::OLD_TRACK_FILE);
const G: Place = Place::GARP_GROUP;
const L: Place = Place::TRACK_LIST;

/// A track file being read.
#[derive(Debug)]
pub(crate) struct TrackFileDraft {
    model: TrackFile,
    init: bool,
}

/// Rows of what is left of the VRRP side.
pub(crate) const ROWS: &[Keyword] = &[
    Keyword::block("track_file", Place::TOP, "NAME {", V2_0, "A file holding a number.", Place::TRACK_FILE)
        .support(FULL)
        .opening(open_file)
        .closing(close_file)
        .read_by(Reader::Trackers),
    Keyword::block(
        "vrrp_track_file",
        Place::TOP,
        "NAME {",
        V2_0,
        "Older word for track_file.",
        Place::OLD_TRACK_FILE,
    )
    .support(FULL)
    .opening(|cx, l| {
        cx.remark("KA4101", l.at(0), "\"vrrp_track_file\" is deprecated, please use \"track_file\"");
        open_file(cx, l)
    })
    .closing(close_file)
    .read_by(Reader::Trackers),
    Keyword::new("file", F, "PATH", V2_0, "Path of the file.", |cx, l| {
        let Some(path) = l.get(1) else {
            cx.error("KA2030", l, 0, "track file file name missing");
            return Ok(());
        };
        let Some(d) = &mut cx.track_file else { return Ok(()) };
        if d.model.path.is_empty() {
            d.model.path = path.to_owned();
        } else {
            let said = format!("File already set for track file {} - ignoring {path}", d.model.name);
            cx.error("KA2040", l, 1, said);
        }
        Ok(())
    })
    .support(FULL),
    Keyword::new("weight", F, "N [reverse]", V2_0, "Factor on the number.", file_weight).support(FULL),
    Keyword::new("init_file", F, "[VALUE] [overwrite]", V2_0, "Makes the file at start.", init_file)
        .support(FULL),
    Keyword::block(
        "track_group",
        Place::TOP,
        "NAME {",
        V2_0,
        "Instances that static items follow.",
        Place::TRACK_GROUP,
    )
    .support(FULL)
    .opening(open_track_group)
    .read_by(Reader::Vrrp)
    .support(FULL),
    Keyword::new("group", Place::TRACK_GROUP, "{ INSTANCE… }", V2_0, "Their names.", track_group_list)
        .support(FULL),
    Keyword::part("INSTANCE_NAME", Place::TRACK_GROUP_LIST, "", "An instance.", "group").support(FULL),
    Keyword::block(
        "garp_group",
        Place::TOP,
        "{",
        V1_2,
        "Pauses between gratuitous ARP of some interfaces.",
        G,
    )
    .support(FULL)
    .opening(|cx, l| {
        cx.vrrp.garp_written = (false, false);
        cx.vrrp.garp_listed = false;
        cx.model.garp_groups.push(GarpGroup { origin: l.at(0), ..GarpGroup::default() });
        Ok(())
    })
    .closing(close_garp)
    .read_by(Reader::Vrrp),
    Keyword::new("garp_interval", G, "SECONDS", V1_2, "Pause between two gratuitous ARP.", |cx, l| {
        if let Some(n) = garp_interval(cx, l)? {
            cx.vrrp.garp_written.0 = true;
            if let Some(g) = cx.model.garp_groups.last_mut() {
                g.garp_interval_us = n;
            }
        }
        Ok(())
    })
    .support(FULL),
    Keyword::new("gna_interval", G, "SECONDS", V1_2, "Pause between two unsolicited NA.", |cx, l| {
        if let Some(n) = garp_interval(cx, l)? {
            cx.vrrp.garp_written.1 = true;
            if let Some(g) = cx.model.garp_groups.last_mut() {
                g.gna_interval_us = n;
            }
        }
        Ok(())
    })
    .support(FULL),
    Keyword::new("interface", G, "INTERFACE", V1_2, "An interface of the group.", |cx, l| {
        let name = cx.arg(l, 1)?.to_owned();
        garp_interface(cx, l, 1, &name, &name);
        Ok(())
    })
    .support(FULL),
    Keyword::new("interfaces", G, "{ INTERFACE… }", V1_2, "Interfaces of the group.", |cx, l| {
        let words = cx.value_words(l)?;
        if words.is_empty() {
            cx.error("KA2030", l, 0, "Warning - empty garp_group interfaces block");
        } else {
            cx.vrrp.garp_listed = true;
        }
        // COMPAT: the complaint about a second group names the second interface of the block.
        let second = words.get(1).map(|w| w.0.clone()).unwrap_or_default();
        for (name, span) in &words {
            let at = Line { span: *span, ..Line::default() };
            garp_interface(cx, &at, 0, name, &second);
        }
        Ok(())
    })
    .support(FULL),
    Keyword::part("IFNAME", Place::GARP_INTERFACES, "", "An interface.", "interfaces").support(FULL),
    Keyword::new(
        "linkbeat_interfaces",
        Place::TOP,
        "{ INTERFACE… }",
        V2_0,
        "Links that are polled.",
        |cx, l| cx.value_block(l, &mut linkbeat),
    )
    .support(LINKBEAT)
    .read_by(Reader::Vrrp)
    .support(LINKBEAT),
    Keyword::part(
        "IFNAME",
        Place::LINKBEAT,
        "[MII|ETHTOOL|IOCTL]",
        "An interface and how it is asked.",
        "linkbeat_interfaces",
    )
    .support(LINKBEAT),
    Keyword::new(
        "interface_up_down_delays",
        Place::TOP,
        "{ INTERFACE DOWN [UP]… }",
        V2_2,
        "How long a link state must last.",
        |cx, l| cx.value_block(l, &mut delays),
    )
    .support(FULL)
    .read_by(Reader::Vrrp),
    Keyword::part(
        "IFNAME",
        Place::DELAYS,
        "DOWN [UP]",
        "An interface and its seconds.",
        "interface_up_down_delays",
    )
    .support(FULL),
    Keyword::part(
        "NAME",
        L,
        "[weight N [reverse|noreverse]]",
        "What is tracked, and its weight here.",
        "track_…",
    )
    .support(FULL),
];

fn open_file(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let name = cx.arg(line, 1)?.to_owned();
    let model = TrackFile {
        name,
        path: String::new(),
        weight: TrackWeight { weight: 1, reverse: false },
        init: None,
        overwrite: false,
        origin: line.at(1),
    };
    cx.track_file = Some(TrackFileDraft { model, init: false });
    Ok(())
}

fn file_weight(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let Some((name, old)) = cx.track_file.as_ref().map(|d| (d.model.name.clone(), d.model.weight.weight))
    else {
        return Ok(());
    };
    if line.len() < 2 {
        cx.error("KA2030", line, 0, format!("No weight specified for track file {name} - ignoring"));
        return Ok(());
    }
    if old != 1 {
        let said = format!("Weight already set for track file {name} - ignoring {}", line.word(1));
        cx.error("KA2040", line, 1, said);
        return Ok(());
    }
    let n = cx.int(line, 1, -254, 254, true)?;
    if n.is_none() {
        let said = format!(
            "Weight ({}) for track_file {name} must be between [-254..254] inclusive. Ignoring...",
            line.word(1)
        );
        cx.error("KA3012", line, 1, said);
    }
    let reverse = line.get(2) == Some("reverse");
    if let Some(other) = line.get(2).filter(|_| !reverse) {
        cx.error("KA2022", line, 2, format!("track_file {name} unknown weight option {other}"));
    }
    if let Some(d) = &mut cx.track_file {
        d.model.weight = TrackWeight { weight: n.unwrap_or(1), reverse };
    }
    Ok(())
}

fn init_file(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let Some(name) = cx.track_file.as_ref().map(|d| d.model.name.clone()) else { return Ok(()) };
    let (mut value, mut overwrite) = (0, false);
    for i in 1..line.len() {
        let word = line.word(i).trim_start();
        if word.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
            value = match cx.int(line, i, i32::MIN, i32::MAX, false)? {
                None => {
                    cx.error("KA2020", line, i, format!("Track file {name} init value {word} is invalid"));
                    0
                }
                Some(n) => {
                    if !(-254..=254).contains(&n) {
                        let said =
                            format!("Track file {name} init value {n} is outside sensible range [-254, 254]");
                        cx.error("KA2020", line, i, said);
                    }
                    n
                }
            };
        } else if word == "overwrite" {
            overwrite = true;
        } else {
            cx.error("KA2022", line, i, format!("Unknown track file init option {word}"));
        }
    }
    if let Some(d) = &mut cx.track_file {
        d.init = true;
        d.model.init = Some(i64::from(value));
        d.model.overwrite = overwrite;
    }
    Ok(())
}

fn close_file(cx: &mut Cx<'_>) -> Flow {
    let Some(d) = &cx.track_file else { return Ok(()) };
    let (name, path, origin) = (d.model.name.clone(), d.model.path.clone(), d.model.origin);
    let line = Line { span: origin, ..Line::default() };
    if path.is_empty() {
        cx.error("KA3011", &line, 0, format!("No file set for track_file {name} - ignoring"));
        return Ok(());
    }
    let Some(d) = cx.track_file.take() else { return Ok(()) };
    let special = cx.input.machine.stat(&path, true).is_ok_and(|s| s.kind != FileKind::File);
    if d.init && d.model.overwrite && special {
        let said = format!("Cannot initialise track file {name} - it is not a regular file");
        cx.error("KA3011", &line, 0, said);
    }
    if cx.pass == Pass::Checker {
        cx.check.files.push(d.model);
    } else {
        cx.vrrp.files.push(d.model);
    }
    Ok(())
}

fn open_track_group(cx: &mut Cx<'_>, line: &Line) -> Flow {
    if line.len() != 2 {
        cx.error("KA2030", line, 0, "track_group must have a name - skipping");
        cx.skip_block(false);
        return Ok(());
    }
    let name = line.word(1).to_owned();
    if cx.vrrp.track_groups.iter().any(|g| g.0 == name) {
        cx.error("KA2040", line, 1, format!("track_group {name} already defined"));
        cx.skip_block(false);
        return Ok(());
    }
    cx.vrrp.track_groups.push((name, None, line.at(1)));
    Ok(())
}

fn track_group_list(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let Some((name, members, _)) = cx.vrrp.track_groups.last().cloned() else { return Ok(()) };
    if members.is_some() {
        cx.error("KA2040", line, 0, format!("Group list already specified for sync group {name}"));
        cx.skip_block(false);
        return Ok(());
    }
    let words: Vec<(String, Span)> = cx.value_words(line)?;
    if words.is_empty() {
        cx.error("KA3013", line, 0, format!("Warning - track group {name} has empty group block"));
    } else if let Some(g) = cx.vrrp.track_groups.last_mut() {
        g.1 = Some(words.into_iter().map(|(w, _)| w).collect());
    }
    Ok(())
}

fn garp_interval(cx: &mut Cx<'_>, line: &Line) -> Flow<Option<u32>> {
    let n = cx.fraction(line, 1, 0, i32::MAX as u64, 6, true)?;
    match n {
        None => {
            let said = format!("garp_group {} '{}' invalid", line.word(0), line.word(1));
            cx.error("KA2020", line, 1, said);
        }
        Some(n) if n >= SECOND => {
            let said = format!("The {} is very large - {} seconds", line.word(0), line.word(1));
            cx.remark("KA3007", line.at(1), said);
        }
        Some(_) => {}
    }
    Ok(n.and_then(|n| u32::try_from(n).ok()))
}

fn garp_interface(cx: &mut Cx<'_>, line: &Line, i: usize, name: &str, shown: &str) {
    let Some(info) = cx.interface(name) else {
        let said = format!("WARNING - interface {name} specified for garp_group doesn't exist");
        return cx.error("KA3002", line, i, said);
    };
    if cx.vrrp.garp_interfaces.iter().any(|(n, _)| n == name) {
        return cx.error("KA2040", line, i, format!("garp_group already specified for {shown} - ignoring"));
    }
    if info.base.is_some() {
        return cx.error(
            "KA3010",
            line,
            i,
            format!("Cannot specify garp_delay on a vmac ({name}) - ignoring"),
        );
    }
    let number = cx.model.garp_groups.len();
    cx.vrrp.garp_interfaces.push((name.to_owned(), number));
    if let Some(g) = cx.model.garp_groups.last_mut() {
        g.interfaces.push(name.to_owned());
    }
}

fn close_garp(cx: &mut Cx<'_>) -> Flow {
    if cx.vrrp.garp_written == (false, false) {
        // COMPAT: only groups with an `interfaces` block are numbered.
        let number = cx.model.garp_groups.len();
        let removed = cx.model.garp_groups.pop();
        cx.vrrp.garp_interfaces.retain(|(_, n)| *n != number);
        let shown = if cx.vrrp.garp_listed { cx.vrrp.garp_numbered + 1 } else { 0 };
        let span = removed.map(|g| g.origin).unwrap_or_default();
        let line = Line { span, ..Line::default() };
        cx.error("KA2030", &line, 0, format!("garp group {shown} does not have any delay set - removing"));
    } else if cx.vrrp.garp_listed {
        cx.vrrp.garp_numbered += 1;
    }
    Ok(())
}

/// An interface of a list that may also name ones to come.
fn listed_interface(cx: &mut Cx<'_>, line: &Line, what: &str) -> bool {
    let name = line.word(0).to_owned();
    let dynamic = cx.model.global.dynamic_interfaces != rha_ir::failover::DynamicInterfaces::No;
    if cx.known_interface(&name).is_none() && !dynamic {
        let said = format!("unknown interface {name} specified for {what}");
        cx.say("KA3002", Class::Missing, line, 0, said);
        return false;
    }
    true
}

fn linkbeat(cx: &mut Cx<'_>, line: &Line) -> Flow {
    if !listed_interface(cx, line, "linkbeat interface") {
        return Ok(());
    }
    let method = match line.get(1) {
        None => None,
        Some("MII") => Some("MII"),
        Some("ETHTOOL") => Some("ETHTOOL"),
        Some("IOCTL") => Some("IOCTL"),
        Some(_) => Some(""),
    };
    if method == Some("") || line.len() > 2 {
        cx.error("KA2022", line, 1, format!("extra characters {} in linkbeat interface", line.word(1)));
    }
    let method = method.filter(|m| !m.is_empty());
    cx.model.linkbeat.push(Linkbeat { interface: line.word(0).to_owned(), method, origin: line.at(0) });
    Ok(())
}

fn delays(cx: &mut Cx<'_>, line: &Line) -> Flow {
    if !listed_interface(cx, line, "up/down delay") {
        return Ok(());
    }
    if line.len() < 2 {
        cx.remark("KA2030", line.at(0), format!("No timeouts specified for {} up/down delays", line.word(0)));
        return Ok(());
    }
    let Some(down_us) = cx.timer(line, 1, 0, 255 * SECOND, true)? else { return Ok(()) };
    let up_us = if line.len() > 2 {
        let Some(n) = cx.timer(line, 2, 0, 255 * SECOND, true)? else { return Ok(()) };
        n
    } else {
        0
    };
    let interface = line.word(0).to_owned();
    cx.model.interface_delays.push(InterfaceDelay { interface, down_us, up_us, origin: line.at(0) });
    Ok(())
}
