//! `check [--dialect 2.6|3.0] [--plain] FILE…`: what the original would print for `-c -dr`, and its exit
//! code, for comparing the parser with it.

use std::net::{IpAddr, ToSocketAddrs};
use std::process::ExitCode;

use rha_haproxy::{Input, parse};
use rha_text::render::haproxy::{Speaker, Stream};
use rha_text::{DiskFiles, Env, Severity};
use rha_vocab::Dialect;

#[allow(clippy::print_stderr, clippy::print_stdout, reason = "a command-line program")]
fn main() -> ExitCode {
    let mut dialect = Dialect::V3_0;
    let mut ignore_resolution = true;
    let mut paths = Vec::new();
    let mut args = std::env::args().skip(1);
    while let Some(a) = args.next() {
        match a.as_str() {
            "--dialect" => dialect = args.next().and_then(|d| Dialect::parse(&d)).unwrap_or_default(),
            "--plain" => ignore_resolution = false,
            _ => paths.push(a),
        }
    }
    let version = match dialect {
        Dialect::V2_6 => "2.6.12-1+deb12u4".to_owned(),
        Dialect::V3_0 => "3.0.11-1+deb13u3".to_owned(),
        other => format!("{other}.0"),
    };
    let resolve = |name: &str, family: Option<u8>| -> Option<IpAddr> {
        (name, 0)
            .to_socket_addrs()
            .ok()?
            .map(|a| a.ip())
            .find(|ip| family.is_none_or(|f| (f == 4) == ip.is_ipv4()))
    };
    let mut env = Env::from_pairs(std::env::vars().map(|(k, v)| (k.into_bytes(), v.into_bytes())));
    if let Ok(host) = std::fs::read_to_string("/proc/sys/kernel/hostname") {
        env.preset(b"HAPROXY_LOCALPEER", host.trim().as_bytes());
    }
    let files = DiskFiles::default();
    let input = Input {
        paths: &paths,
        files: &files,
        env,
        dialect,
        samples: rha_sample::vocab_for(dialect),
        ignore_resolution,
        resolve: &resolve,
        descriptor: &rha_haproxy::any_descriptor,
        diag: false,
        version: version.clone(),
    };
    let parsed = parse(&input);
    let speaker = Speaker { version, executable: "haproxy".into(), pid: 0 };
    let mut stream = Stream::new(speaker);
    for d in &parsed.diagnostics {
        eprint!("{}", stream.diagnostic(d));
    }
    let warned = parsed.diagnostics.iter().any(|d| d.severity == Severity::Warning && d.native.is_some());
    if parsed.is_refused() {
        return ExitCode::from(1);
    }
    if warned {
        println!("Warnings were found.");
    }
    ExitCode::SUCCESS
}
