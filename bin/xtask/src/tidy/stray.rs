//! Traces of the machine a file was written on: paths of the checkout, of a home folder.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Largest file that is searched, bytes.
const LARGEST: u64 = 4 << 20;

/// The files that git tracks or would track, relative to `root`.
///
/// # Errors
/// git cannot be run here.
pub fn tracked_files(root: &Path) -> Result<Vec<PathBuf>, String> {
    let listing = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .map_err(|e| format!("git ls-files: {e}"))?;
    if !listing.status.success() {
        return Err(format!("git ls-files: {}", String::from_utf8_lossy(&listing.stderr)));
    }
    let text = String::from_utf8_lossy(&listing.stdout);
    Ok(text.split('\0').filter(|f| !f.is_empty()).map(PathBuf::from).collect())
}

/// Complaints about files with such traces.
pub fn check(root: &Path, files: &[PathBuf]) -> Vec<String> {
    let traces = traces(root);
    let mut all = Vec::new();
    for file in files {
        let path = root.join(file);
        if std::fs::metadata(&path).is_ok_and(|m| m.len() > LARGEST) {
            continue;
        }
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        for (n, line) in text.lines().enumerate() {
            if let Some(trace) = traces.iter().find(|t| mentions(line, t)) {
                all.push(format!("{}:{}: a path of somebody's machine: {trace}", file.display(), n + 1));
            }
        }
    }
    all
}

/// What must not be mentioned: this checkout, its parents' folder, the home folder.
fn traces(root: &Path) -> Vec<String> {
    let mut all = vec![root.display().to_string()];
    if let Some(parent) = root.parent().filter(|p| p.components().count() > 2) {
        all.push(parent.display().to_string());
    }
    if let Some(home) = std::env::home_dir().filter(|h| h.components().count() > 2) {
        all.push(home.display().to_string());
    }
    // the usual places of homes, put together so that this file does not mention them
    all.extend(["home", "Users"].map(|h| format!("/{h}/")));
    all
}

/// Whether a line mentions a path, and not a longer one that begins alike.
fn mentions(line: &str, trace: &str) -> bool {
    line.match_indices(trace).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + trace.len()..].chars().next();
        let inside = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '-');
        !inside(before) && before != Some('.') && (inside(after) == trace.ends_with('/'))
    })
}

#[cfg(test)]
mod tests {
    use super::mentions;

    #[test]
    fn only_whole_paths_are_mentions() {
        assert!(mentions("see /a/checkout/x.rs", "/a/checkout"));
        assert!(!mentions("see /a/checkouts", "/a/checkout"));
        assert!(mentions("= \"/u/jane/x\"", "/u/"));
        assert!(!mentions("GET /v/u/ HTTP/1.1", "/u/"));
    }
}
