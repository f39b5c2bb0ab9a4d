//! Lints: what is valid and probably not meant. One file per rule; the file's comment is its manual page.
//!
//! A lint never enters the native stream and never counts for `-dW`: its diagnostics have no native
//! words. Codes are `HA5xxx` for one file, `XF…` across files, `XN…` across nodes.
//!
//! Deliberately absent: anything that decides whether a configuration starts.

mod rules;

use rha_ir::Model;
use rha_text::{Diagnostic, Sources};

/// A rule.
#[derive(Clone, Copy)]
pub struct Rule {
    /// Its code.
    pub code: &'static str,
    /// Its name on command lines, `short-check-interval`.
    pub name: &'static str,
    /// One sentence.
    pub about: &'static str,
    find: fn(&Model, &Sources) -> Vec<Diagnostic>,
}

/// All rules, by code.
pub const RULES: &[Rule] = &[rules::short_check_interval::RULE];

/// What all rules find, in the order of the files.
#[must_use]
pub fn run(model: &Model, sources: &Sources) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = RULES.iter().flat_map(|r| (r.find)(model, sources)).collect();
    found.sort_by_key(|d| d.span().map(|s| (s.file, s.start)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_are_unique_and_in_order() {
        for pair in RULES.windows(2) {
            assert!(pair[0].code < pair[1].code && pair[0].name != pair[1].name);
        }
        assert!(RULES.iter().all(|r| r.code.starts_with("HA5") && !r.about.is_empty()));
    }
}
