//! Every crate takes the workspace's lints; `net` alone has its own, because it alone may be unsafe.

use cargo_metadata::Metadata;
use toml::Table;

/// The one crate whose lints are its own.
const UNSAFE_ROOM: &str = "rha-net";

/// Complaints about manifests.
pub fn check(metadata: &Metadata) -> Vec<String> {
    let mut all = Vec::new();
    for package in metadata.workspace_packages() {
        let text = std::fs::read_to_string(&package.manifest_path).unwrap_or_default();
        all.extend(complaint(package.name.as_str(), &text));
    }
    all
}

fn complaint(name: &str, manifest: &str) -> Option<String> {
    let table: Table = match manifest.parse() {
        Ok(table) => table,
        Err(e) => return Some(format!("{name}: Cargo.toml: {e}")),
    };
    let lints = table.get("lints").and_then(|l| l.as_table());
    let workspace = lints.and_then(|l| l.get("workspace")).and_then(toml::Value::as_bool) == Some(true);
    if name == UNSAFE_ROOM {
        let own = lints.is_some_and(|l| l.contains_key("rust") && l.contains_key("clippy"));
        return (!workspace && !own).then(|| format!("{name}: needs a [lints] section of its own"));
    }
    (!workspace).then(|| format!("{name}: needs `[lints] workspace = true`"))
}

#[cfg(test)]
mod tests {
    use super::complaint;

    #[test]
    fn a_crate_without_the_lints_is_found() {
        assert!(complaint("rha-x", "[package]\nname = 'rha-x'").is_some());
        assert!(complaint("rha-x", "[lints.rust]\nunsafe_code = 'allow'\n[lints.clippy]").is_some());
        assert_eq!(complaint("rha-x", "[lints]\nworkspace = true"), None);
        assert_eq!(complaint("rha-net", "[lints.rust]\nunsafe_code = 'allow'\n[lints.clippy]"), None);
    }
}
