//! What `-v` and `-vv` answer: HAProxy's format, for the chosen dialect, so that scripts that read it
//! (packaging, `run-regtests.sh`, the Data Plane API) go on working.

use std::fmt::Write as _;

use rha_vocab::Dialect;

use crate::options::VersionAsk;

/// Our own version.
pub const OURS: &str = env!("CARGO_PKG_VERSION");

/// Date of this version.
pub const DATE: &str = "2026/11/20";

/// The HAProxy release a dialect's facts were taken from.
#[must_use]
pub fn release(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::V2_6 => "2.6.12",
        Dialect::V2_8 => "2.8.0",
        Dialect::V3_2 => "3.2.0",
        Dialect::V3_4 => "3.4.0",
        Dialect::V3_5 => "3.5-dev5",
        _ => "3.0.11",
    }
}

/// Version text in messages: the release with our own version after it.
#[must_use]
pub fn full(dialect: Dialect) -> String {
    format!("{}-rha{OURS}", release(dialect))
}

/// The answer to `-v…`.
#[must_use]
pub fn answer(ask: VersionAsk, dialect: Dialect) -> String {
    match ask {
        VersionAsk::Plain => format!("{}\n", full(dialect)),
        VersionAsk::Branch => format!("{dialect}\n"),
        VersionAsk::Stable => format!("{}\n", release(dialect)),
        VersionAsk::Short => banner(dialect),
        VersionAsk::Long => banner(dialect) + &build_options(),
    }
}

/// The lines every usage text begins with.
#[must_use]
pub fn banner(dialect: Dialect) -> String {
    let system = rha_net::system_name();
    format!(
        "HAProxy version {} {} - rhap {OURS}, which reads HAProxy's configuration\n\
         Status: speaks as HAProxy {dialect} (RHAP_COMPAT or --compat to change: {}).\n\
         Known bugs: see docs/differences.md and compat-tests/known-gaps.toml\n\
         Running on: {system}\n",
        full(dialect),
        DATE,
        crate::options::dialects(),
    )
}

fn build_options() -> String {
    let mut out = String::from("Build options :\n  TARGET  = linux-glibc\n  OPTIONS = ");
    let features = rha_haproxy::features::FEATURES;
    let on: Vec<String> =
        features.iter().filter(|f| f.present).map(|f| format!("USE_{}=1", f.name)).collect();
    let _ = writeln!(out, "{}\n", on.join(" "));
    let list: Vec<String> =
        features.iter().map(|f| format!("{}{}", if f.present { '+' } else { '-' }, f.name)).collect();
    let _ = writeln!(out, "Feature list : {}\n", list.join(" "));
    let _ = writeln!(out, "Default settings :\n  bufsize = 16384, maxrewrite = 1024, maxpollevents = 200\n");
    let _ = writeln!(
        out,
        "Built with multi-threading support (MAX_TGROUPS=1, MAX_THREADS=64, default={}).",
        threads()
    );
    out.push_str("PCRE2 library supports JIT : yes\n");
    out.push_str("\nAvailable polling systems :\n      epoll : pref=300,  test result OK\nTotal: 1 (1 usable), will use epoll.\n");
    out.push_str(
        "\nAvailable multiplexer protocols :\n(protocols marked as <default> cannot be specified using 'proto' keyword)\n  \
         <default> : mode=HTTP  side=FE|BE  mux=H1    flags=HTX\n         h1 : mode=HTTP  side=FE|BE  mux=H1    flags=HTX|NO_UPG\n  \
         <default> : mode=TCP   side=FE|BE  mux=PASS  flags=\n       none : mode=TCP   side=FE|BE  mux=PASS  flags=NO_UPG\n",
    );
    out.push_str("\nAvailable services :\nAvailable filters :\n\n");
    out
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
