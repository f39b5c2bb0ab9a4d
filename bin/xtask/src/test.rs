//! `test`: everything that must be green, with the originals installed where that is possible.
//!
//! On Debian as root the original programs come from the distribution's packages, because differential
//! tests without them prove nothing. Elsewhere what is missing is named, and with `CI=true` those tests
//! fail.

use std::path::Path;
use std::process::Command;

/// Programs the tests run, with the Debian package that has each.
const PROGRAMS: &[(&str, &str)] =
    &[("haproxy", "haproxy"), ("keepalived", "keepalived"), ("ip", "iproute2"), ("nft", "nftables")];

/// Libraries the build links, as pkg-config knows them, with their Debian packages.
const LIBRARIES: &[(&str, &str)] = &[];

/// Installs what is missing, builds the programs, runs `cargo test --workspace`.
///
/// # Errors
/// A step failed.
pub fn run(root: &Path, args: &[String]) -> Result<(), String> {
    let missing = missing();
    if !missing.is_empty() {
        install(&missing)?;
    }
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_string());
    step(
        Command::new(&cargo)
            .args(["build", "--package", "rhap", "--package", "rkeepalived"])
            .current_dir(root),
    )?;
    // --no-fail-fast: one differential test that fails must not hide the others' verdicts
    let tests = ["test", "--workspace", "--no-fail-fast"];
    step(Command::new(&cargo).args(tests).args(args).current_dir(root))
}

fn missing() -> Vec<&'static str> {
    let programs = PROGRAMS.iter().filter(|(program, _)| !on_path(program));
    let libraries = LIBRARIES.iter().filter(|(library, _)| !linkable(library));
    programs.chain(libraries).map(|(_, package)| *package).collect()
}

/// Installs packages, or says what is missing.
fn install(packages: &[&str]) -> Result<(), String> {
    let debian = Path::new("/etc/debian_version").exists();
    if !debian || !is_root() {
        eprintln!("not installed: {}; tests that need them are skipped", packages.join(" "));
        return Ok(());
    }
    let apt = |args: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(["-qq", "-o", "Dpkg::Use-Pty=0"]).args(args).env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    // a daemon that the package starts would only be in the way: the tests start their own
    let quiet = ["install", "--yes", "--no-install-recommends"];
    let wanted = [&quiet[..], packages].concat();
    step(&mut apt(&["update"]))?;
    step(&mut apt(&wanted))
}

fn step(command: &mut Command) -> Result<(), String> {
    let what = format!("{command:?}");
    let status = command.status().map_err(|e| format!("{what}: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("{what}: {status}")) }
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).collect::<Vec<_>>();
    folders.iter().any(|f| f.join(program).is_file()) || Path::new("/usr/sbin").join(program).is_file()
}

fn linkable(library: &str) -> bool {
    Command::new("pkg-config").args(["--exists", library]).status().is_ok_and(|s| s.success())
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout == b"0\n")
}
