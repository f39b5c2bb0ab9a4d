//! What came of the runs: packets against the originals', gaps against the list, a table.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;

use super::chain::LATE;
use super::{Cell, Event, ORACLE, Outcome, Pair, Variant, id, pair_name};
use crate::Gaps;
use crate::lan::Who;

/// Packets of our nodes in a run that the same node of two originals does not send, or the other way round.
#[must_use]
pub fn compare(run: &Outcome, oracle: &Outcome) -> Option<String> {
    let mut out = String::new();
    for node in 0..2 {
        if run.pair[node] != Who::Ours {
            continue;
        }
        let (ours, right) = (&run.shapes[node], &oracle.shapes[node]);
        for shape in ours.difference(right) {
            let _ = writeln!(out, "node {} alone: {shape}", node + 1);
        }
        for shape in right.difference(ours) {
            let _ = writeln!(out, "node {} never: {shape}", node + 1);
        }
    }
    (!out.is_empty()).then_some(out)
}

/// What must make a test fail: cases that are wrong and not listed, listed ones that are right.
#[must_use]
pub fn judge(outcomes: &[Outcome]) -> Vec<String> {
    let mut complaints = Vec::new();
    for run in outcomes {
        let variant = Variant::named(run.variant);
        let oracle = outcomes.iter().find(|o| o.variant == run.variant && o.pair == ORACLE);
        for cell in &run.cells {
            let wrong = cell.wrong.clone().or_else(|| slow_heal(cell, oracle?));
            hold(&mut complaints, &id(variant, run.pair, cell.event.name()), wrong.as_deref());
        }
        let whole = run.cells.iter().all(|c| c.wrong.is_none());
        if let Some(oracle) = oracle
            && run.pair != ORACLE
            && whole
        {
            let wrong = run.sequence.clone().or_else(|| compare(run, oracle));
            hold(&mut complaints, &id(variant, run.pair, "packets"), wrong.as_deref());
        }
    }
    complaints
}

/// How much longer than with two originals nobody answered after a partition healed. The protocol has no bound
/// for it: who hears the other first decides whether anybody announces the addresses.
fn slow_heal(cell: &Cell, oracle: &Outcome) -> Option<String> {
    let outage = cell.outage.filter(|_| cell.event == Event::Heal)?;
    let theirs = oracle.cells.iter().find(|c| c.event == Event::Heal)?.outage?;
    (outage > theirs + LATE).then(|| format!("no answer for {outage:?}, with two originals for {theirs:?}"))
}

fn hold(complaints: &mut Vec<String>, id: &str, wrong: Option<&str>) {
    match (wrong, Gaps::listed().reason(id)) {
        (Some(what), None) => complaints.push(format!("{id}: {what}")),
        (None, Some(_)) => complaints.push(format!("{id}: works now: take it out of known-gaps.toml")),
        _ => {}
    }
}

/// One line per variant and event, one column per pair: `takeover/outage/return`, milliseconds.
#[must_use]
pub fn table(outcomes: &[Outcome]) -> String {
    let mut by_row: BTreeMap<(usize, usize), BTreeMap<Pair, String>> = BTreeMap::new();
    let mut pairs = BTreeSet::new();
    for run in outcomes {
        let row = super::VARIANTS.iter().position(|v| v.name == run.variant).unwrap_or(0);
        pairs.insert(run.pair);
        for cell in &run.cells {
            let column = Event::ALL.iter().position(|e| *e == cell.event).unwrap_or(0);
            by_row.entry((row, column)).or_default().insert(run.pair, show(cell));
        }
    }
    let mut out = String::from("takeover/outage/outage of the return, ms\n\n| variant | event |");
    for pair in &pairs {
        let _ = write!(out, " {} |", pair_name(*pair));
    }
    let _ = write!(out, "\n|---|---|{}\n", "---|".repeat(pairs.len()));
    for ((row, column), cells) in by_row {
        let _ = write!(out, "| {} | {} |", super::VARIANTS[row].name, Event::ALL[column].name());
        for pair in &pairs {
            let _ = write!(out, " {} |", cells.get(pair).map_or("", String::as_str));
        }
        out.push('\n');
    }
    out
}

fn show(cell: &Cell) -> String {
    let ms = |d: Option<Duration>| d.map_or_else(|| "-".to_owned(), |d| d.as_millis().to_string());
    let wrong = if cell.wrong.is_some() { " WRONG" } else { "" };
    format!("{}/{}/{}{wrong}", ms(cell.takeover), ms(cell.outage), ms(cell.back))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(pair: Pair, shapes: [&[&str]; 2], wrong: Option<&str>) -> Outcome {
        let cell = Cell {
            event: Event::Start,
            takeover: Some(Duration::from_millis(7)),
            outage: None,
            back: None,
            wrong: wrong.map(str::to_owned),
        };
        let shapes = shapes.map(|s| s.iter().map(|t| (*t).to_owned()).collect());
        Outcome { variant: "v2-pass", pair, cells: vec![cell], shapes, sequence: None }
    }

    #[test]
    fn another_packet_of_ours_is_named_and_the_originals_own_are_not() {
        let ours_first = [Who::Ours, Who::Original];
        let oracle = outcome(ORACLE, [&["a", "b"], &["c"]], None);
        assert_eq!(judge(&[oracle.clone(), outcome(ours_first, [&["a", "b"], &["x"]], None)]), [""; 0]);
        let complaints = judge(&[oracle, outcome(ours_first, [&["a", "x"], &["c"]], None)]);
        assert_eq!(complaints, ["interop/v2-pass/ours+original/packets: node 1 alone: x\nnode 1 never: b\n"]);
    }

    #[test]
    fn what_is_wrong_is_a_complaint_and_stands_in_the_table() {
        let bad = outcome(ORACLE, [&[], &[]], Some("late"));
        assert_eq!(judge(std::slice::from_ref(&bad)), ["interop/v2-pass/original+original/start: late"]);
        assert!(table(&[bad]).contains("| v2-pass | start | 7/-/- WRONG |"));
    }
}
