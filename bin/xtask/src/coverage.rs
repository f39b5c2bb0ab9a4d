//! `coverage`: how many names of HAProxy 3.5 have a row, per class and support level; then the rows of
//! keepalived's language by block (that each of its names has one is a test of the parser).

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use rha_vocab::Support;

use crate::names::{self, Name};
use crate::rows;

const LEVELS: [&str; 5] = ["full", "partial", "no-effect", "refused", "planned"];

/// Prints the table, and the names without a row if asked to.
///
/// # Errors
/// The list of names cannot be read.
pub fn run(root: &Path, missing: bool) -> Result<(), String> {
    let names = names::read(root)?;
    let rows: HashMap<Name, Support> = rows::all().into_iter().map(|r| (r.name, r.support)).collect();
    print!("{}", table(&names, &rows));
    let keepalived: HashMap<Name, Support> =
        crate::keepalived::rows().into_iter().map(|r| (r.name, r.support)).collect();
    let names_of_keepalived: Vec<Name> = keepalived.keys().cloned().collect();
    print!("\n{}", table(&names_of_keepalived, &keepalived));
    if missing {
        for n in names.iter().filter(|n| support_of(n, &rows).is_none()) {
            println!("missing\t{}\t{}\t{}", n.class, n.context, n.name);
        }
    }
    Ok(())
}

/// The support of the row that reads a name: its own, or that of its first word (`stats` reads
/// `stats auth`).
fn support_of(name: &Name, rows: &HashMap<Name, Support>) -> Option<Support> {
    let own = rows.get(name).copied();
    own.or_else(|| {
        let (first, _) = name.name.split_once(' ').filter(|_| name.class == "cfg")?;
        rows.get(&Name::new("cfg", &name.context, first)).copied()
    })
}

/// Counts of one class and context.
#[derive(Default)]
struct Count {
    names: usize,
    rows: usize,
    levels: BTreeMap<&'static str, usize>,
}

fn table(names: &[Name], rows: &HashMap<Name, Support>) -> String {
    let mut counts: BTreeMap<String, Count> = BTreeMap::new();
    for n in names {
        for key in [format!("{} {}", n.class, n.context).trim().to_string(), "total".to_string()] {
            let count = counts.entry(key).or_default();
            count.names += 1;
            if let Some(support) = support_of(n, rows) {
                count.rows += 1;
                *count.levels.entry(support.word()).or_default() += 1;
            }
        }
    }
    let mut out = format!("{:<48}{:>7}{:>7}", "class", "names", "rows");
    for level in LEVELS {
        out += &format!("{level:>11}");
    }
    out.push('\n');
    for (key, count) in counts {
        out += &format!("{key:<48}{:>7}{:>7}", count.names, count.rows);
        for level in LEVELS {
            out += &format!("{:>11}", count.levels.get(level).copied().unwrap_or(0));
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_where_they_belong() {
        let names = [
            Name::new("cfg", "global", "maxconn"),
            Name::new("cfg", "global", "uid"),
            Name::new("smp", "", "src"),
            Name::new("cfg", "proxy", "stats auth"),
        ];
        let rows = HashMap::from([
            (names[0].clone(), Support::Full),
            (names[2].clone(), Support::Planned),
            (Name::new("cfg", "proxy", "stats"), Support::Full),
        ]);
        let text = table(&names, &rows);
        let line = |start: &str| {
            let found = text.lines().find(|l| l.starts_with(start)).unwrap();
            found[start.len()..].split_whitespace().map(|w| w.parse().unwrap()).collect::<Vec<usize>>()
        };
        assert_eq!(line("cfg global"), [2, 1, 1, 0, 0, 0, 0]);
        assert_eq!(line("smp"), [1, 1, 0, 0, 0, 0, 1]);
        assert_eq!(line("cfg proxy"), [1, 1, 1, 0, 0, 0, 0]);
        assert_eq!(line("total"), [4, 3, 2, 0, 0, 0, 1]);
    }
}
