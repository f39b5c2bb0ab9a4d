//! Runs a configuration file until killed: `cargo run --release -p rha-proxy --example serve -- FILE`.
//! For measurements; the real program is `bin/rhap`.
#![allow(clippy::print_stderr, reason = "a tool for developers")]

use rha_haproxy::Input;
use rha_proxy::{Options, Plan, start};
use rha_text::{DiskFiles, Env};
use rha_vocab::Dialect;

fn main() -> std::process::ExitCode {
    let paths: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let dialect = std::env::var("RHAP_COMPAT").ok().and_then(|t| Dialect::parse(&t)).unwrap_or_default();
    let files = DiskFiles::default();
    let resolve = |name: &str, _: Option<u8>| name.parse().ok();
    let mut env = Env::default();
    for (k, v) in std::env::vars() {
        env.set(k.as_bytes(), v.as_bytes());
    }
    let input = Input {
        paths: &paths,
        files: &files,
        env,
        dialect,
        samples: rha_sample::vocab_for(dialect),
        ignore_resolution: true,
        resolve: &resolve,
        descriptor: &rha_haproxy::any_descriptor,
        diag: false,
        version: format!("{dialect}"),
    };
    let parsed = rha_haproxy::parse(&input);
    for d in &parsed.diagnostics {
        eprintln!("{:?}: {}", d.severity, d.message);
    }
    if parsed.is_refused() {
        return 1.into();
    }
    let plan = match Plan::build(&parsed.model, dialect, None) {
        Ok(p) => p,
        Err(errors) => {
            for e in errors {
                eprintln!("{}:{}: {e}", parsed.sources.name(e.span.file), e.span.line);
            }
            return 1.into();
        }
    };
    rha_net::raise_descriptor_limit(1_048_576);
    match start(plan, Options::default()) {
        Ok(runtime) => runtime.join(),
        Err(errors) => {
            for e in errors {
                eprintln!("{e}");
            }
            return 1.into();
        }
    }
    0.into()
}
