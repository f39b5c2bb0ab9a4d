//! Lines of `track_interface`, `track_script`, `track_file`, `track_process` and `track_bfd`.
//!
//! COMPAT: each kind has wording of its own; what they have in common is in [`Kind`].

use rha_ir::TrackerKind;
use rha_ir::failover::{TrackWeight, Tracked};

use crate::{Cx, Flow, Line};

/// Which list, with its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Interface,
    Script,
    File,
    Process,
    Bfd,
}

/// Whose list it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Instance,
    Group,
}

/// Reads a whole `track_…` block into the instance or group being read.
pub(super) fn block(cx: &mut Cx<'_>, line: &Line, kind: Kind, owner: Owner) -> Flow {
    cx.value_block(line, &mut |cx, l| entry(cx, l, kind, owner))
}

fn list<'c>(cx: &'c mut Cx<'_>, owner: Owner) -> Option<(&'c str, &'c mut Vec<Tracked>)> {
    match owner {
        Owner::Instance => {
            cx.vrrp.instances.last_mut().map(|d| (d.model.name.as_str(), &mut d.model.trackers))
        }
        Owner::Group => cx.vrrp.groups.last_mut().map(|d| (d.model.name.as_str(), &mut d.model.trackers)),
    }
}

/// The weight a block gives its tracker, `None` when there is no such block.
fn defined(cx: &Cx<'_>, kind: Kind, name: &str) -> Option<TrackWeight> {
    match kind {
        Kind::Interface => Some(TrackWeight::default()),
        Kind::Script => cx.vrrp.scripts.iter().find(|s| s.model.name == name).map(|s| s.model.weight),
        Kind::File => cx.vrrp.files.iter().find(|f| f.name == name).map(|f| f.weight),
        Kind::Process => cx.vrrp.processes.iter().find(|p| p.name == name).map(|p| p.weight),
        Kind::Bfd => cx.bfd.vrrp.iter().find(|b| b.name == name).map(|b| b.weight),
    }
}

fn entry(cx: &mut Cx<'_>, line: &Line, kind: Kind, owner: Owner) -> Flow {
    let tracked = line.word(0).to_owned();
    let Some(name) = list(cx, owner).map(|(n, _)| n.to_owned()) else { return Ok(()) };
    let found = match kind {
        Kind::Interface => cx.interface(&tracked).map(|_| TrackWeight::default()),
        _ => defined(cx, kind, &tracked),
    };
    let Some(default) = found else {
        let said = match kind {
            Kind::Interface => format!("({name}) tracked interface {tracked} doesn't exist"),
            Kind::Script => format!("({name}) track script {tracked} not found, ignoring..."),
            Kind::File => format!("({name}) track file {tracked} not found, ignoring..."),
            Kind::Process => format!("({name}) track process {tracked} not found, ignoring..."),
            Kind::Bfd => format!("({name}) track bfd {tracked} not found, ignoring..."),
        };
        cx.error("KA3011", line, 0, said);
        return Ok(());
    };
    let key = match kind {
        Kind::Interface => TrackerKind::Interface(tracked.clone()),
        Kind::Script => TrackerKind::Script(tracked.clone()),
        Kind::File => TrackerKind::File(tracked.clone()),
        Kind::Process => TrackerKind::Process(tracked.clone()),
        Kind::Bfd => TrackerKind::Bfd(tracked.clone()),
    };
    if list(cx, owner).is_some_and(|(_, l)| super::tracked_of(l, &key)) {
        let word = match kind {
            Kind::Interface => "track_interface",
            Kind::Script => "track_script",
            Kind::File => "track_file",
            Kind::Process => "track_process",
            Kind::Bfd => "track_bfd",
        };
        cx.error("KA2040", line, 0, format!("({name}) duplicate {word} {tracked} - ignoring"));
        return Ok(());
    }
    let Some(weight) = weight(cx, line, kind, &name, &tracked, default)? else { return Ok(()) };
    if kind == Kind::Script
        && let Some(s) = cx.vrrp.scripts.iter_mut().find(|s| s.model.name == tracked)
    {
        // COMPAT: a script that is tracked begins without a state again, whatever `init_fail` said before.
        s.used = true;
    }
    if let Some((_, l)) = list(cx, owner) {
        l.push(Tracked { kind: key, weight, origin: line.at(0) });
    }
    Ok(())
}

/// `[weight N [reverse|noreverse]]`; `None` when the line is dropped.
fn weight(
    cx: &mut Cx<'_>,
    line: &Line,
    kind: Kind,
    name: &str,
    tracked: &str,
    default: TrackWeight,
) -> Flow<Option<TrackWeight>> {
    let Some(option) = line.get(1) else { return Ok(Some(default)) };
    let what = match kind {
        Kind::Interface => format!("track_interface {tracked}"),
        Kind::Script => format!("track script {tracked}"),
        Kind::File => format!("track file {tracked}"),
        Kind::Process => format!("track process {tracked}"),
        Kind::Bfd => format!("track bfd {tracked}"),
    };
    if option != "weight" {
        let said = match kind {
            Kind::Interface => format!("({name}) unknown {what} option {option} - ignoring"),
            Kind::Bfd => format!("({name}) unknown {what} option {option} - ignoring"),
            Kind::Script => format!("({name}) unknown track script option {option} - ignoring"),
            Kind::File => format!("({name}) unknown track file option {option} - ignoring"),
            Kind::Process => format!("({name}) unknown track process option {option} - ignoring"),
        };
        cx.error("KA2022", line, 1, said);
        return Ok(None);
    }
    if line.get(2).is_none() {
        let said = format!("({name}) weight without value specified for {what} - ignoring");
        cx.error("KA2030", line, 1, said);
        return Ok(None);
    }
    let most = if kind == Kind::Bfd { 253 } else { 254 };
    let mut out = default;
    match cx.int(line, 2, -most, most, true)? {
        None => {
            let value = line.word(2);
            let said = match kind {
                Kind::Interface => format!(
                    "({name}) weight {value} for {tracked} must be between [-253..253] inclusive. Ignoring..."
                ),
                Kind::Script => format!(
                    "({name}) track script {tracked}: weight must be between [-253..253] inclusive, ignoring..."
                ),
                Kind::File | Kind::Process => {
                    format!("({name}) weight for {what} must be in [-254..254] inclusive. Ignoring...")
                }
                Kind::Bfd => {
                    format!("({name}) weight for {what} must be in [-253..253] inclusive. Ignoring...")
                }
            };
            cx.error("KA3012", line, 2, said);
        }
        Some(n) if n.abs() == 254 && matches!(kind, Kind::Interface | Kind::Script) => {
            let said = format!("({name}) weight for {tracked} cannot be +/-254. Setting to +/-253");
            cx.error("KA3012", line, 2, said);
            out.weight = n.signum() * 253;
        }
        Some(n) => out.weight = n,
    }
    let Some(direction) = line.get(3) else { return Ok(Some(out)) };
    match direction {
        "reverse" => out.reverse = true,
        "noreverse" if kind != Kind::Interface => out.reverse = false,
        other => {
            let said = match kind {
                Kind::Interface => {
                    format!("({name}) unknown track_interace {tracked} weight option {other} - ignoring")
                }
                Kind::Script => {
                    format!("({name}) unknown track_script {tracked} weight option {other} - ignoring")
                }
                Kind::Process => {
                    format!("({name}) unknown track_process {tracked} weight option {other} - ignoring")
                }
                Kind::File | Kind::Bfd => format!("({name}) unknown {what} weight option {other} - ignoring"),
            };
            cx.error("KA2022", line, 3, said);
            if matches!(kind, Kind::File | Kind::Bfd) {
                return Ok(None);
            }
        }
    }
    Ok(Some(out))
}
