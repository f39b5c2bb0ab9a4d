//! `docs`: the pages made from the rows.

use std::collections::BTreeMap;
use std::path::Path;

use rha_vocab::Support;

use crate::rows::{self, Row};

/// What a page is made from.
type Rows = fn() -> Vec<Row>;

/// The pages: where each goes, how it begins, what it is made from.
const PAGES: &[(&str, &str, Rows)] = &[
    ("docs/support-haproxy.md", HAPROXY, rows::all),
    ("docs/support-keepalived.md", KEEPALIVED, crate::keepalived::rows),
];

/// Writes the pages, or with `check` compares them.
///
/// # Errors
/// A page cannot be written, or is not current.
pub fn run(root: &Path, check: bool) -> Result<(), String> {
    for (name, head, rows) in PAGES {
        let page = page(head, &rows());
        let path = root.join(name);
        if !check {
            std::fs::create_dir_all(root.join("docs")).map_err(|e| format!("docs: {e}"))?;
            std::fs::write(&path, page).map_err(|e| format!("{name}: {e}"))?;
        } else if std::fs::read_to_string(&path).unwrap_or_default() != page {
            return Err(format!("{name} is not current: run cargo xtask docs"));
        }
    }
    Ok(())
}

/// A support matrix.
fn page(head: &str, rows: &[Row]) -> String {
    let mut tables: BTreeMap<(&str, &str), Vec<&Row>> = BTreeMap::new();
    for row in rows {
        tables.entry((&row.name.class, &row.name.context)).or_default().push(row);
    }
    let mut out = String::from(head);
    for ((class, context), mut rows) in tables {
        rows.sort_by(|a, b| a.name.name.cmp(&b.name.name));
        out += &format!(
            "\n## {}\n\n| name | support | versions | what it is |\n|---|---|---|---|\n",
            title(class, context)
        );
        for row in rows {
            let usage = cell(format!("{} {}", row.name.name, row.usage).trim());
            out += &format!(
                "| `{usage}` | {} | {} | {} |\n",
                support(row.support),
                row.versions,
                cell(&row.doc)
            );
        }
    }
    out
}

const KEEPALIVED: &str =
    "<!-- made by `cargo xtask docs` from the keyword tables; change the rows, not this page -->
# What of keepalived's language is supported

`full`: as the original does it. `partial`: but for what the note says. `no effect`: accepted, nothing
anyone could notice depends on it here. `refused`: `-t` gives the original's verdict, a start is refused
with the reason. `planned`: parsed and checked like the original does, a start is refused unless
`--allow-planned` is given.
";

const HAPROXY: &str =
    "<!-- made by `cargo xtask docs` from the keyword tables; change the rows, not this page -->
# What of HAProxy's language is supported

`full`: as the original does it. `partial`: but for what the note says. `no effect`: accepted, nothing
anyone could notice depends on it here. `refused`: `-c` gives the original's verdict, a start is refused
with the reason. `planned`: parsed and checked like the original does, a start is refused unless
`--allow-planned` is given.
";

fn title(class: &str, context: &str) -> String {
    match class {
        "cfg" => format!("Configuration: {context}"),
        "acl" => "ACL keywords".to_string(),
        "smp" => "Sample fetches".to_string(),
        "cnv" => "Converters".to_string(),
        "cli" => "Runtime commands".to_string(),
        "flt" => "Filters".to_string(),
        "svc" => "Services".to_string(),
        crate::keepalived::CLASS => context.to_string(),
        other => other.to_string(),
    }
}

fn support(support: Support) -> String {
    match support {
        Support::Full => "full".to_string(),
        Support::Planned => "planned".to_string(),
        Support::Partial(note) => format!("partial: {}", cell(note)),
        Support::NoEffect(note) => format!("no effect: {}", cell(note)),
        Support::Refused(note) => format!("refused: {}", cell(note)),
    }
}

/// Text that may stand in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_becomes_a_line() {
        let row = Row {
            name: crate::names::Name::new("cfg", "proxy", "mode"),
            usage: "{ tcp|http }".to_string(),
            versions: String::new(),
            support: Support::Partial("not log"),
            doc: "What is spoken.".to_string(),
        };
        let text = page("", &[row]);
        assert!(text.contains("## Configuration: proxy"), "{text}");
        assert!(text.contains("| `mode { tcp\\|http }` | partial: not log |  | What is spoken. |"), "{text}");
    }
}
