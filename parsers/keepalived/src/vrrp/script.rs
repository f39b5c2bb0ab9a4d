//! `vrrp_script` and `vrrp_track_process`.

use rha_ir::failover::{Command, ScriptStart, TrackProcess, TrackScript, TrackWeight};

use super::ScriptDraft;
use crate::global::MOST_SECONDS;
use crate::keyword::Reader;
use crate::number::SECOND;
use crate::rows::*;
use crate::{Cx, Flow, Keyword, Line, Place, cx::bytes};

const S: Place = Place::SCRIPT;
const P: Place = Place::TRACK_PROCESS;

/// Rows of scripts and processes.
pub(crate) const ROWS: &[Keyword] = &[
    Keyword::block("vrrp_script", Place::TOP, "NAME {", V1_1, "A program whose exit code is watched.", S).support(FULL)
        .opening(open_script)
        .closing(close_script)
        .read_by(Reader::Vrrp),
    Keyword::new("script", S, "PROGRAM", V1_1, "The program with its arguments.", |cx, l| {
        let text = l.text.clone();
        let argv = cx.quoted_words(l, &text).and_then(|words| cx.argv(l, &words));
        if let Some(d) = cx.vrrp.scripts.last_mut() {
            d.argv_read = argv.is_some();
            d.model.command.origin = l.at(1);
            d.model.command.argv = argv.unwrap_or_default();
        }
        Ok(())
    }).support(FULL),
    Keyword::new("interval", S, "SECONDS", V1_1, "How often it is run.", |cx, l| {
        let complaint = format!("interval '{}' must be between 1 and {MOST_SECONDS} - ignoring", l.word(1));
        if let Some(n) = seconds(cx, l, "interval", &complaint)? {
            edit(cx, |s| s.interval_us = n);
        }
        Ok(())
    }).support(FULL),
    Keyword::new("timeout", S, "SECONDS", V1_2, "How long it may run.", |cx, l| {
        let complaint = format!("timeout '{}' invalid - ignoring", l.word(1));
        if let Some(n) = seconds(cx, l, "timeout", &complaint)? {
            edit(cx, |s| s.timeout_us = Some(n));
        }
        Ok(())
    }).support(FULL),
    Keyword::new("weight", S, "-253..253 [reverse]", V1_1, "What its result does to priorities.", |cx, l| {
        let name = script_name(cx);
        let n = cx.int(l, 1, -253, 253, true)?;
        if n.is_none() {
            let said = format!("vrrp_script {name} weight {} must be in [-253, 253]", l.word(1));
            cx.error("KA3012", l, 1, said);
        }
        // COMPAT: the number is used as it was read, even outside of its range.
        let value = n.or_else(|| l.word(1).parse().ok()).unwrap_or(0);
        edit(cx, |s| s.weight.weight = value);
        match l.get(2) {
            None => {}
            Some("reverse") => edit(cx, |s| s.weight.reverse = true),
            Some(o) => cx.error("KA2022", l, 2, format!("vrrp_script {name} unknown weight option {o}")),
        }
        Ok(())
    }).support(FULL),
    Keyword::new("rise", S, "N", V1_1, "How many successes make it up.", |cx, l| {
        let n = count(cx, l)?;
        edit(cx, |s| s.rise = n);
        Ok(())
    }).support(FULL),
    Keyword::new("fall", S, "N", V1_1, "How many failures make it down.", |cx, l| {
        let n = count(cx, l)?;
        edit(cx, |s| s.fall = n);
        Ok(())
    }).support(FULL),
    Keyword::new("user", S, "USER [GROUP]", V1_3, "Whom it runs as.", |cx, l| {
        let name = cx.arg(l, 1)?.to_owned();
        let user = cx.user(&name, l.get(2), l.at(1));
        if user.is_none() {
            let shown = cx.vrrp.scripts.last().map(|d| shown(&d.model.command)).unwrap_or_default();
            cx.error("KA3016", l, 1, format!("Unable to set uid/gid for script {shown}"));
        }
        if let Some(d) = cx.vrrp.scripts.last_mut() {
            d.remove = user.is_none();
            d.user_set = user.is_some() || d.user_set;
            d.model.command.user = user.or(d.model.command.user);
        }
        Ok(())
    }).support(FULL),
    Keyword::new("init_fail", S, "", V1_3, "Counts as down until its first success.", |cx, _| {
        edit(cx, |s| s.start = ScriptStart::Failed);
        Ok(())
    }).support(FULL),
    Keyword::block("vrrp_track_process", Place::TOP, "NAME {", V2_0, "Processes that are counted.", P).support(FULL)
        .opening(open_process)
        .closing(close_process)
        .read_by(Reader::Vrrp),
    Keyword::new("process", P, "PROGRAM [ARGUMENT…]", V2_0, "What the processes are called.", |cx, l| {
        let path = cx.arg(l, 1)?.to_owned();
        let Some(p) = cx.vrrp.processes.last() else { return Ok(()) };
        if !p.path.is_empty() {
            let said = format!("Process already set for track process {} - ignoring {path}", p.name);
            cx.error("KA2040", l, 1, said);
            return Ok(());
        }
        let params: Vec<_> = l.iter().skip(2).map(bytes).collect();
        process(cx, |p| {
            p.path = path;
            if !params.is_empty() {
                p.params = Some(params);
                p.full_command = true;
            }
        });
        Ok(())
    }).support(FULL),
    Keyword::new("param_match", P, "[initial|partial]", V2_0, "How much of the arguments must match.", |cx, l| {
        let partial = match l.get(1) {
            None => None,
            Some("initial") => Some(false),
            Some("partial") => Some(true),
            Some(other) => {
                cx.error("KA2022", l, 1, format!("Invalid param_match type {other} - ignoring"));
                return Ok(());
            }
        };
        process(cx, |p| {
            p.partial_match = partial;
            p.full_command = true;
            p.params.get_or_insert_default();
        });
        Ok(())
    }).support(FULL),
    Keyword::new("weight", P, "-254..254 [reverse]", V2_0, "What too few or too many do to priorities.", process_weight).support(FULL),
    Keyword::new("quorum", P, "N", V2_0, "How many there must be.", |cx, l| {
        let Some((name, most)) = cx.vrrp.processes.last().map(|p| (p.name.clone(), p.quorum_max)) else { return Ok(()) };
        match cx.unsigned(l, 1, 1, 65535, true)? {
            None => {
                let said = format!(
                    "Quorum ({}) for vrrp_track_process {name} must be between [1..65535] inclusive. Ignoring...",
                    l.word(1)
                );
                cx.error("KA2020", l, 1, said);
            }
            Some(n) if n > most => cx.error("KA3011", l, 1, "Quorum is greater than quorum_max - ignoring"),
            Some(n) => process(cx, |p| p.quorum = n),
        }
        Ok(())
    }).support(FULL),
    Keyword::new("quorum_max", P, "N", V2_0, "How many there may be.", quorum_max).support(FULL),
    Keyword::new("delay", P, "SECONDS", V2_0, "How long a change must last.", |cx, l| {
        if let Some(n) = delay(cx, l)? {
            process(cx, |p| (p.terminate_delay_us, p.fork_delay_us) = (n, n));
        }
        Ok(())
    }).support(FULL),
    Keyword::new("terminate_delay", P, "SECONDS", V2_0, "How long there must be too few.", |cx, l| {
        if let Some(n) = delay(cx, l)? {
            process(cx, |p| p.terminate_delay_us = n);
        }
        Ok(())
    }).support(FULL),
    Keyword::new("fork_delay", P, "SECONDS", V2_0, "How long there must be enough.", |cx, l| {
        if let Some(n) = delay(cx, l)? {
            process(cx, |p| p.fork_delay_us = n);
        }
        Ok(())
    }).support(FULL),
    Keyword::new("full_command", P, "", V2_0, "Looks at the command line, not at the short name.", |cx, _| {
        process(cx, |p| p.full_command = true);
        Ok(())
    }).support(FULL),
];

fn edit(cx: &mut Cx<'_>, change: impl FnOnce(&mut TrackScript)) {
    if let Some(d) = cx.vrrp.scripts.last_mut() {
        change(&mut d.model);
    }
}

fn process(cx: &mut Cx<'_>, change: impl FnOnce(&mut TrackProcess)) {
    if let Some(p) = cx.vrrp.processes.last_mut() {
        change(p);
    }
}

fn script_name(cx: &Cx<'_>) -> String {
    cx.vrrp.scripts.last().map(|d| d.model.name.clone()).unwrap_or_default()
}

/// A command as messages show it.
pub(super) fn shown(command: &Command) -> String {
    command.argv.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn open_script(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let name = cx.arg(line, 1)?.to_owned();
    let command = Command { argv: Vec::new(), user: None, disabled: None, origin: line.at(1) };
    let model = TrackScript {
        name,
        command,
        interval_us: SECOND,
        timeout_us: None,
        weight: TrackWeight::default(),
        rise: 1,
        fall: 1,
        start: ScriptStart::Unknown,
        origin: line.at(1),
    };
    let draft =
        ScriptDraft { model, argv_read: false, user_set: false, remove: false, disabled: false, used: false };
    cx.vrrp.scripts.push(draft);
    Ok(())
}

/// Whole seconds; 0 was allowed once and means 1.
fn seconds(cx: &mut Cx<'_>, line: &Line, what: &str, complaint: &str) -> Flow<Option<u64>> {
    let name = script_name(cx);
    let n = cx.unsigned(line, 1, 0, MOST_SECONDS, true)?;
    match n {
        None => cx.error("KA2020", line, 1, format!("({name}): vrrp script {complaint}")),
        Some(0) => {
            let said = format!("({name}): vrrp script {what} must be greater than 0, setting to 1");
            cx.error("KA2020", line, 1, said);
        }
        Some(_) => {}
    }
    Ok(n.map(|n| u64::from(n.max(1)) * SECOND))
}

/// `rise` and `fall`.
fn count(cx: &mut Cx<'_>, line: &Line) -> Flow<u32> {
    let n = cx.unsigned(line, 1, 1, i32::MAX as u32, true)?;
    if n.is_none() {
        let (name, what) = (script_name(cx), line.word(0));
        let said = format!("({name}): vrrp script {what} value '{}' invalid, defaulting to 1", line.word(1));
        cx.error("KA2020", line, 1, said);
    }
    Ok(n.unwrap_or(1))
}

fn close_script(cx: &mut Cx<'_>) -> Flow {
    let Some(d) = cx.vrrp.scripts.last() else { return Ok(()) };
    let (name, origin) = (d.model.name.clone(), d.model.origin);
    let (mut remove, empty, user_set) = (d.remove, d.model.command.argv.is_empty(), d.user_set);
    let line = Line { span: origin, ..Line::default() };
    if empty {
        cx.error("KA3014", &line, 0, format!("No script set for vrrp_script {name} - removing"));
        remove = true;
    } else if !remove && !user_set {
        let user = cx.default_user(&line);
        if user.is_none() {
            let said = format!("Unable to set default user for vrrp script {name} - removing");
            cx.error("KA3016", &line, 0, said);
            remove = true;
        }
        edit(cx, |s| s.command.user = user);
    }
    if remove {
        cx.vrrp.scripts.pop();
    }
    Ok(())
}

fn open_process(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let name = cx.arg(line, 1)?.to_owned();
    cx.vrrp.processes.push(TrackProcess {
        name,
        path: String::new(),
        params: None,
        partial_match: None,
        full_command: false,
        weight: TrackWeight::default(),
        quorum: 1,
        quorum_max: u32::MAX,
        terminate_delay_us: 0,
        fork_delay_us: 0,
        origin: line.at(1),
    });
    Ok(())
}

fn process_weight(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let Some((name, old)) = cx.vrrp.processes.last().map(|p| (p.name.clone(), p.weight.weight)) else {
        return Ok(());
    };
    if line.len() < 2 {
        let said = format!("No weight specified for track process {name} - ignoring");
        cx.error("KA2030", line, 0, said);
        return Ok(());
    }
    if old != 0 {
        let said = format!("Weight already set for track process {name} - ignoring {}", line.word(1));
        cx.error("KA2040", line, 1, said);
        return Ok(());
    }
    let Some(n) = cx.int(line, 1, -254, 254, true)? else {
        let said = format!(
            "Weight ({}) for vrrp_track_process {name} must be between [-254..254] inclusive. Ignoring...",
            line.word(1)
        );
        cx.error("KA3012", line, 1, said);
        return Ok(());
    };
    match line.get(2) {
        None => {}
        Some("reverse") => process(cx, |p| p.weight.reverse = true),
        Some(o) => {
            cx.error("KA2022", line, 2, format!("vrrp_track_process {name} unknown weight option {o}"));
        }
    }
    process(cx, |p| p.weight.weight = n);
    Ok(())
}

fn quorum_max(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let Some((name, quorum)) = cx.vrrp.processes.last().map(|p| (p.name.clone(), p.quorum)) else {
        return Ok(());
    };
    let Some(n) = cx.unsigned(line, 1, 0, 65535, true)? else {
        let said = format!(
            "quorum_max ({}) for vrrp_track_process {name} must be between [0..65535] inclusive. Ignoring...",
            line.word(1)
        );
        cx.error("KA2020", line, 1, said);
        return Ok(());
    };
    // COMPAT: 0 is allowed as long as no quorum was asked for.
    if (n > 0 || quorum > 1) && n < quorum {
        cx.error("KA3011", line, 1, "quorum_max is less than quorum - ignoring");
        return Ok(());
    }
    process(cx, |p| {
        p.quorum_max = n;
        p.quorum = if n == 0 { 0 } else { p.quorum.max(1) };
    });
    Ok(())
}

fn delay(cx: &mut Cx<'_>, line: &Line) -> Flow<Option<u64>> {
    let n = cx.fraction(line, 1, 1, 3600 * SECOND, 6, true)?;
    if n.is_none() {
        let name = cx.vrrp.processes.last().map(|p| p.name.clone()).unwrap_or_default();
        let said = format!(
            "{} ({}) for vrrp_track_process {name} must be between [0.000001..3600] inclusive. Ignoring...",
            line.word(0),
            line.word(1)
        );
        cx.error("KA2020", line, 1, said);
    }
    Ok(n)
}

fn close_process(cx: &mut Cx<'_>) -> Flow {
    let Some(p) = cx.vrrp.processes.last() else { return Ok(()) };
    if p.path.is_empty() {
        let (name, origin) = (p.name.clone(), p.origin);
        let line = Line { span: origin, ..Line::default() };
        cx.error("KA3011", &line, 0, format!("track process '{name}' process name not specified"));
        cx.vrrp.processes.pop();
    }
    Ok(())
}
