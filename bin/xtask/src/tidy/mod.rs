//! The house rules that a machine can see; also run as a test.
//!
//! One file per rule. A rule is a pure function from facts (cargo's metadata, the files of the tree) to
//! a list of complaints, so that each is tested on made-up facts too.

mod licences;
mod lints;
mod sources;
mod stray;
mod walls;

use std::path::Path;

use cargo_metadata::{Metadata, MetadataCommand};

/// Runs every rule and prints what breaks one.
///
/// # Errors
/// All complaints, one a line, or why the facts could not be had.
pub fn run(root: &Path) -> Result<(), String> {
    let complaints = complaints(root)?;
    if complaints.is_empty() {
        println!("tidy: nothing to complain about");
        return Ok(());
    }
    Err(complaints.join("\n"))
}

fn complaints(root: &Path) -> Result<Vec<String>, String> {
    let metadata = metadata(root)?;
    let files = stray::tracked_files(root)?;
    let mut all = walls::check(&walls::edges(&metadata));
    all.extend(lints::check(&metadata));
    all.extend(licences::check(&metadata, &licences::allowed(root)?));
    all.extend(sources::check(root, &files));
    all.extend(stray::check(root, &files));
    Ok(all)
}

fn metadata(root: &Path) -> Result<Metadata, String> {
    MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .exec()
        .map_err(|e| format!("cargo metadata: {e}"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_tree_is_tidy() {
        let complaints = super::complaints(&crate::root()).unwrap();
        assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
    }
}
