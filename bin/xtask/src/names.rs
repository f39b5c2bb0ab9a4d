//! The names HAProxy 3.5 knows: `fixtures/haproxy/names-3.5.tsv`.

use std::path::Path;

/// One name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    /// `cfg`, `acl`, `smp`, `cnv`, `cli`, `flt` or `svc`.
    pub class: String,
    /// For `cfg`: the section, `proxy`, `bind`, `server`, or the rule set.
    pub context: String,
    /// The name itself.
    pub name: String,
}

impl Name {
    /// Put together.
    pub fn new(class: &str, context: &str, name: &str) -> Self {
        Name { class: class.to_string(), context: context.to_string(), name: name.to_string() }
    }
}

/// Reads the list.
///
/// # Errors
/// The file is missing or a line has not three columns.
pub fn read(root: &Path) -> Result<Vec<Name>, String> {
    let path = root.join("fixtures/haproxy/names-3.5.tsv");
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let lines = text.lines().filter(|l| !l.starts_with('#'));
    let name = |line: &str| match *line.split('\t').collect::<Vec<_>>() {
        [class, context, name] => Ok(Name::new(class, context, name)),
        _ => Err(format!("{}: not three columns: {line}", path.display())),
    };
    lines.map(name).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_and_whole() {
        let names = super::read(&crate::root()).unwrap();
        let unique: HashSet<_> = names.iter().collect();
        assert_eq!(unique.len(), names.len());
        assert!(names.len() > 1900, "{}", names.len());
        for class in ["cfg", "acl", "smp", "cnv", "cli", "flt", "svc"] {
            assert!(names.iter().any(|n| n.class == class), "{class}");
        }
    }
}
