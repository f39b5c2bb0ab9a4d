//! `gaps`: what `compat-tests/known-gaps.toml` says is missing, against the rows.
//!
//! A ratchet in both directions: a row that is planned or partial stands in exactly one `[[missing]]`
//! entry with a reason a person wrote, and an entry that names a row that works now, or none at all,
//! fails. Behaviours that have no row stand there under the class `behaviour`.

use std::collections::HashSet;
use std::path::Path;

use rha_vocab::Support;
use serde::Deserialize;

use crate::names::Name;
use crate::rows;

const FILE: &str = "compat-tests/known-gaps.toml";

/// Class of entries about something no row stands for.
const BEHAVIOUR: &str = "behaviour";

#[derive(Debug, Deserialize)]
struct Gaps {
    #[serde(default)]
    missing: Vec<Missing>,
}

/// One entry.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Missing {
    /// Class of the rows as `names-3.5.tsv` has it, or `behaviour`.
    class: String,
    /// Sections or rule sets the names stand in; all of the class without it.
    #[serde(default, rename = "in")]
    contexts: Vec<String>,
    /// Names; a `*` stands for anything.
    names: Vec<String>,
    /// Why, in a sentence.
    reason: String,
}

/// Prints how many entries name how many rows.
///
/// # Errors
/// The complaints, one a line.
pub fn run(root: &Path) -> Result<(), String> {
    let gaps = read(root)?;
    let rows = supports();
    let complaints = complaints(&gaps, &rows);
    if !complaints.is_empty() {
        return Err(complaints.join("\n"));
    }
    let open = rows.iter().filter(|(_, s)| is_open(*s)).count();
    println!("gaps: {} entries say why {open} rows are not done", gaps.missing.len());
    Ok(())
}

fn read(root: &Path) -> Result<Gaps, String> {
    let path = root.join(FILE);
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    toml::from_str(&text).map_err(|e| format!("{FILE}: {e}"))
}

fn supports() -> Vec<(Name, Support)> {
    rows::all().into_iter().chain(crate::keepalived::rows()).map(|r| (r.name, r.support)).collect()
}

fn is_open(support: Support) -> bool {
    matches!(support, Support::Planned | Support::Partial(_))
}

fn complaints(gaps: &Gaps, rows: &[(Name, Support)]) -> Vec<String> {
    let mut out = Vec::new();
    let mut said: HashSet<&Name> = HashSet::new();
    for entry in &gaps.missing {
        if !is_sentence(&entry.reason) {
            out.push(format!("{FILE}: {:?}: the reason is no sentence: {:?}", entry.names, entry.reason));
        }
        if entry.class == BEHAVIOUR {
            continue;
        }
        for pattern in &entry.names {
            let named: Vec<_> = rows.iter().filter(|(name, _)| entry.names_row(pattern, name)).collect();
            if named.is_empty() {
                out.push(format!(
                    "{FILE}: {} {:?} {pattern}: there is no such row",
                    entry.class, entry.contexts
                ));
            }
            for (name, support) in named {
                if !is_open(*support) {
                    out.push(format!("{FILE}: {} is {} now: take it out", show(name), support.word()));
                } else if !said.insert(name) {
                    out.push(format!("{FILE}: {} stands in two entries", show(name)));
                }
            }
        }
    }
    let silent = rows.iter().filter(|(name, support)| is_open(*support) && !said.contains(name));
    out.extend(silent.map(|(name, support)| {
        format!("{} is {}, but no entry of {FILE} says why", show(name), support.word())
    }));
    out.sort();
    out.dedup();
    out
}

impl Missing {
    fn names_row(&self, pattern: &str, row: &Name) -> bool {
        self.class == row.class
            && (self.contexts.is_empty() || self.contexts.contains(&row.context))
            && fits(pattern, &row.name)
    }
}

/// A reason says something: several words and a full stop.
fn is_sentence(text: &str) -> bool {
    text.split_whitespace().count() >= 4 && text.trim_end().ends_with('.')
}

fn show(name: &Name) -> String {
    format!("{} {} {}", name.class, name.context, name.name).replace("  ", " ")
}

/// Whether a name is what a pattern with `*` describes.
fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => {
            let Some(tail) = name.strip_prefix(start) else { return false };
            (0..=tail.len()).filter(|i| tail.is_char_boundary(*i)).any(|i| fits(rest, &tail[i..]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_that_is_not_done_has_a_reason_and_no_other() {
        let gaps = read(&crate::root()).unwrap();
        let complaints = complaints(&gaps, &supports());
        assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
    }

    #[test]
    fn both_directions_of_the_ratchet_hold() {
        let gaps: Gaps = toml::from_str(
            "[[missing]]\nclass = \"smp\"\nnames = [\"sc*_rate\", \"gone\", \"src\"]\nreason = \"Tables are a later issue.\"\n\
             [[missing]]\nclass = \"behaviour\"\nnames = [\"anything\"]\nreason = \"no\"\n",
        )
        .unwrap();
        let row = |name: &str, support| (Name::new("smp", "", name), support);
        let rows = [
            row("sc0_conn_rate", Support::Planned),
            row("src", Support::Full),
            row("silent", Support::Partial("half")),
            row("fine", Support::NoEffect("nothing")),
        ];
        let said = complaints(&gaps, &rows).join("\n");
        for wanted in
            ["gone: there is no such row", "smp src is full now", "smp silent is partial", "no sentence"]
        {
            assert!(said.contains(wanted), "{wanted}: {said}");
        }
        assert_eq!(said.lines().count(), 4, "{said}");
    }

    #[test]
    fn a_star_stands_for_anything() {
        assert!(fits("a*c", "abc") && fits("a*", "a") && fits("*", "") && fits("a", "a"));
        assert!(!fits("a*c", "abd") && !fits("a", "ab") && !fits("*x", "y"));
    }
}
