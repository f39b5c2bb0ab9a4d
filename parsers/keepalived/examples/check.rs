//! `check -t -f FILE [-i ID]`: the verdict on one configuration, as `keepalived -t` gives it.
//!
//! For measuring and for replaying recorded verdicts; the program itself is `bin/rkeepalived`.
#![allow(clippy::print_stderr, clippy::print_stdout, reason = "a program")]

use std::process::ExitCode;

use rha_keepalived::{Input, LocalMachine, check};
use rha_text::{DiskFiles, Env};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let after = |flag: &str| args.iter().position(|a| a == flag).and_then(|i| args.get(i + 1)).cloned();
    let path = after("-f").unwrap_or_else(|| "/etc/keepalived/keepalived.conf".to_owned());
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim().split('.').next().unwrap_or_default().to_owned();
    let machine = LocalMachine { path: std::env::var("PATH").unwrap_or_default(), own: (0, 0) };
    let files = DiskFiles::default();
    let mut input = Input::new(&path, &files, &machine);
    input.config_id = after("-i").unwrap_or(host);
    input.env = Env::from_pairs(std::env::vars());
    let outcome = check(&input);
    if args.iter().any(|a| a == "--all") {
        for d in &outcome.diagnostics {
            println!("{} {:?} {}", d.code, d.span(), d.message);
        }
    }
    let mut said = outcome.native().join("\n");
    if !said.is_empty() {
        said.push('\n');
        eprint!("{said}");
    }
    let code = ExitCode::from(u8::try_from(outcome.exit_code).unwrap_or(1));
    // The process ends: the system takes the memory back faster than we do piece by piece.
    std::mem::forget(outcome);
    code
}
