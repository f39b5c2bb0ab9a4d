//! `cargo xtask`: the project's own chores.
//!
//! `tidy` holds the walls between crates and the house rules that machines can see, `coverage` counts
//! which names of HAProxy have a row, `docs` writes the pages made from the rows, `gaps` holds the list of
//! what is missing against them, `interop` takes pairs of failover daemons through everything, `test` runs all tests with the originals beside them. Each exits with 1 when something is wrong.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command's output is its purpose")]

mod coverage;
mod docs;
mod gaps;
mod interop;
mod keepalived;
mod names;
mod rows;
mod test;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The project's own chores.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Check imports between crates, unsafe code, file lengths, licences, lints and stray paths.
    Tidy,
    /// Print how many names have a row, per class and support level.
    Coverage {
        /// Also list the names without a row.
        #[arg(long)]
        missing: bool,
    },
    /// Write the pages of docs/ that are made from the keyword tables.
    Docs {
        /// Write nothing; fail if a page is not current.
        #[arg(long)]
        check: bool,
    },
    /// Hold the list of what is missing against the rows.
    Gaps,
    /// Run the failover matrix: ours and keepalived in every pairing, through every event.
    Interop {
        /// Variants (v2-pass) and pairs (ours+original) to run; everything without any.
        parts: Vec<String>,
    },
    /// Install the original programs where possible, build, and run every test.
    Test {
        /// Arguments for `cargo test`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
}

fn main() -> ExitCode {
    let root = root();
    let outcome = match Cli::parse().chore {
        Chore::Tidy => tidy::run(&root),
        Chore::Coverage { missing } => coverage::run(&root, missing),
        Chore::Docs { check } => docs::run(&root, check),
        Chore::Gaps => gaps::run(&root),
        Chore::Interop { parts } => interop::run(&root, &parts),
        Chore::Test { args } => test::run(&root, &args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// The workspace's top folder.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}
