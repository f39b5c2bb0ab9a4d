//! Licences of everything that is linked: only those that `deny.toml` lists.
//!
//! `deny.toml` has cargo-deny's format, so that either program can hold it; we read `licenses.allow` and
//! judge cargo's metadata ourselves. SPDX expressions: `OR`, `AND`, `WITH`, parentheses, and the old
//! slash for `OR`.

use std::path::Path;

use cargo_metadata::Metadata;
use toml::Table;

/// The licences of `deny.toml`.
///
/// # Errors
/// The file is missing or not in cargo-deny's form.
pub fn allowed(root: &Path) -> Result<Vec<String>, String> {
    let text = std::fs::read_to_string(root.join("deny.toml")).map_err(|e| format!("deny.toml: {e}"))?;
    let table: Table = text.parse().map_err(|e| format!("deny.toml: {e}"))?;
    let list = table.get("licenses").and_then(|l| l.get("allow")).and_then(|a| a.as_array());
    let list = list.ok_or("deny.toml: no licenses.allow")?;
    Ok(list.iter().filter_map(|v| v.as_str().map(str::to_string)).collect())
}

/// Complaints about packages whose licence is not allowed.
pub fn check(metadata: &Metadata, allowed: &[String]) -> Vec<String> {
    let bad = |p: &&cargo_metadata::Package| !p.license.as_deref().is_some_and(|l| permits(l, allowed));
    let say = |p: &cargo_metadata::Package| {
        format!(
            "{} {}: licence {} is not in deny.toml",
            p.name,
            p.version,
            p.license.as_deref().unwrap_or("(none)")
        )
    };
    metadata.packages.iter().filter(bad).map(say).collect()
}

/// Whether an SPDX expression can be met with the allowed licences.
fn permits(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    either(&mut rest, allowed) && rest.is_empty()
}

fn either(rest: &mut &[&str], allowed: &[String]) -> bool {
    let mut ok = both(rest, allowed);
    while eat(rest, "OR") {
        ok |= both(rest, allowed);
    }
    ok
}

fn both(rest: &mut &[&str], allowed: &[String]) -> bool {
    let mut ok = one(rest, allowed);
    while eat(rest, "AND") {
        ok &= one(rest, allowed);
    }
    ok
}

fn one(rest: &mut &[&str], allowed: &[String]) -> bool {
    if eat(rest, "(") {
        return either(rest, allowed) & eat(rest, ")");
    }
    let Some((first, more)) = rest.split_first() else { return false };
    *rest = more;
    let mut name = (*first).to_string();
    if eat(rest, "WITH") {
        let Some((exception, more)) = rest.split_first() else { return false };
        *rest = more;
        name = format!("{name} WITH {exception}");
    }
    allowed.contains(&name)
}

fn eat(rest: &mut &[&str], word: &str) -> bool {
    match rest.split_first() {
        Some((first, more)) if *first == word => {
            *rest = more;
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_judged() {
        let allowed = ["MIT", "Apache-2.0", "Unicode-3.0"].map(String::from);
        for (expression, verdict) in [
            ("MIT", true),
            ("MIT/Apache-2.0", true),
            ("GPL-2.0-only", false),
            ("GPL-2.0-only OR MIT", true),
            ("GPL-2.0-only AND MIT", false),
            ("(MIT OR GPL-2.0-only) AND Unicode-3.0", true),
            ("(MIT OR Apache-2.0) AND OpenSSL", false),
            ("Apache-2.0 WITH LLVM-exception", false),
            ("Apache-2.0 WITH LLVM-exception OR MIT", true),
            ("", false),
            ("(MIT", false),
        ] {
            assert_eq!(permits(expression, &allowed), verdict, "{expression}");
        }
    }

    #[test]
    fn our_list_is_permissive() {
        let list = allowed(&crate::root()).unwrap();
        assert!(list.iter().any(|l| l == "MIT"));
        assert!(!list.iter().any(|l| l.contains("GPL")), "{list:?}");
    }
}
