//! `known-gaps.toml`: cases that are known to differ, each with a reason. A ratchet: a listed case that
//! passes fails the run, so that the list only ever describes what is missing. The file's `[[missing]]`
//! entries, about rows of the keyword tables, are held by `cargo xtask gaps`, which can see the rows.

use std::sync::OnceLock;

use serde::Deserialize;

/// The list.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gaps {
    /// Its entries.
    #[serde(default)]
    pub gap: Vec<Gap>,
    /// Rows that are not done; read elsewhere.
    #[serde(default, rename = "missing")]
    _missing: Vec<toml::Table>,
}

/// One entry.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    /// The case.
    pub id: String,
    /// What is missing.
    pub reason: String,
}

impl Gaps {
    /// The file as it was when these tests were built.
    pub fn listed() -> &'static Gaps {
        static LIST: OnceLock<Gaps> = OnceLock::new();
        LIST.get_or_init(|| toml::from_str(include_str!("../known-gaps.toml")).expect("known-gaps.toml"))
    }

    /// Why a case is expected to differ.
    #[must_use]
    pub fn reason(&self, id: &str) -> Option<&str> {
        self.gap.iter().find(|g| g.id == id).map(|g| g.reason.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_gap_names_a_case_once_and_says_why() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let files = std::fs::read_dir(here.join("tests")).unwrap().map(|f| f.unwrap().path());
        let suites: String =
            files.filter(|f| f.is_file()).map(|f| std::fs::read_to_string(f).unwrap()).collect();
        let matrix: HashSet<String> = crate::interop::ids().collect();
        let mut ids = HashSet::new();
        for gap in &Gaps::listed().gap {
            assert!(ids.insert(&gap.id), "{} stands twice", gap.id);
            assert!(!gap.reason.trim().is_empty(), "{} has no reason", gap.id);
            let (suite, case) = gap.id.split_once('/').expect("suite/case");
            let file = ["good", "bad"].map(|d| here.join(format!("../fixtures/haproxy/{d}/{case}.cfg")));
            let page = here.join(format!("../fixtures/documents/{case}.cfg"));
            let known = suites.contains(&format!("\"{case}\""))
                || suites.contains(&format!("\"{suite}/{case}\""))
                || matrix.contains(&gap.id);
            assert!(
                known || page.exists() || file.iter().any(|f| f.exists()),
                "{}: there is no such case",
                gap.id
            );
        }
    }
}
