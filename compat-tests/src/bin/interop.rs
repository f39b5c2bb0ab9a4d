//! The whole interop matrix of failover, or the part that the arguments name: variants (`v2-pass`) and pairs
//! (`ours+original`). Prints a table; exits with 1 when something differs that is not a known gap.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command's output is its purpose")]

use std::process::ExitCode;
use std::time::Instant;

use rha_compat_tests::interop::{ORACLE, PAIRS, VARIANTS, judge, pair_name, run_all, table};
use rha_compat_tests::lan::{impossible, ours_path};

fn main() -> ExitCode {
    if impossible("interop").is_some() {
        return ExitCode::FAILURE;
    }
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (pairs, variants): (Vec<_>, Vec<_>) = words.iter().partition(|w| w.contains('+'));
    let mut cases = Vec::new();
    for pair in PAIRS {
        for variant in VARIANTS {
            let named = variants.is_empty() || variants.iter().any(|v| *v == variant.name);
            // the originals are what the others are compared with
            let wanted = pairs.is_empty() || pair == ORACLE || pairs.iter().any(|p| **p == pair_name(pair));
            if named && wanted {
                cases.push((variant, pair));
            }
        }
    }
    // those that take longest first
    cases.sort_by_key(|(v, _)| std::cmp::Reverse(v.interval_ms));
    let _ = ours_path();
    let start = Instant::now();
    let outcomes = run_all(&cases);
    let complaints = judge(&outcomes);
    for complaint in &complaints {
        println!("{complaint}\n");
    }
    print!("{}", table(&outcomes));
    let cells: usize = outcomes.iter().map(|o| o.cells.len()).sum();
    println!("\n{cells} cells in {} s, {} wrong", start.elapsed().as_secs(), complaints.len());
    if complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
