//! `interop`: the failover matrix of `compat-tests`, whole or in part.

use std::path::Path;
use std::process::Command;

/// Builds both sides and runs the matrix, which prints its table.
///
/// # Errors
/// A build failed, or something differs that is not a known gap.
pub fn run(root: &Path, parts: &[String]) -> Result<(), String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_string());
    let matrix = ["run", "--quiet", "--package", "rha-compat-tests", "--bin", "interop", "--"];
    let status = Command::new(cargo).args(matrix).args(parts).current_dir(root).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("interop: {status}")),
        Err(e) => Err(format!("cargo: {e}")),
    }
}
