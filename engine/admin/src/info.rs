//! `show info`: one row per line, management guide §9.3 "show info".

use std::fmt::Write as _;

use rha_vocab::{Dialect, Lifetime};
use serde_json::{Value, json};

use crate::columns::Cell;
use crate::view::Process;

/// One line.
struct Line {
    name: &'static str,
    tags: &'static str,
    about: &'static str,
    /// `None` where there is no such line.
    value: fn(&Process) -> Option<Cell>,
    lifetime: Lifetime,
}

/// A row; the value is `Cell` for most.
macro_rules! line {
    (3.0, $name:literal, $tags:literal, $about:literal, $value:expr) => {
        Line { lifetime: Lifetime::since(3, 0), ..line!($name, $tags, $about, $value) }
    };
    ($name:literal, $tags:literal, $about:literal, $value:expr) => {
        Line {
            name: $name,
            tags: $tags,
            about: $about,
            value: |p| {
                let value: fn(&Process) -> Cell = $value;
                Some(value(p))
            },
            lifetime: Lifetime::ALWAYS,
        }
    };
}

fn zero(_: &Process) -> Cell {
    Cell::U32(0)
}

const LINES: &[Line] = &[
    line!("Name", "POS", "name of the product", |_| Cell::Str("HAProxy".into())),
    line!("Version", "POS", "version in use", |p| Cell::Str(p.version.clone())),
    line!("Release_date", "POS", "date of the version", |p| Cell::Str(p.release_date.clone())),
    line!("Nbthread", "CGS", "number of workers", |p| Cell::U32(p.nbthread.into())),
    line!("Nbproc", "CGS", "number of processes", |_| Cell::U32(1)),
    line!("Process_num", "KGP", "number of this process", |_| Cell::U32(1)),
    line!("Pid", "SGP", "id of this process", |p| Cell::U32(p.pid.into())),
    line!("Uptime", "MDP", "time since start", |p| Cell::Str(uptime(p.uptime_s))),
    line!("Uptime_sec", "MDP", "seconds since start", |p| Cell::U32(p.uptime_s)),
    line!("Memmax_MB", "CLP", "memory limit, 0 for none", |p| Cell::U32(p.memory_mb)),
    line!("PoolAlloc_MB", "MGP", "memory in pools; memory is not kept in pools here", zero),
    line!("PoolUsed_MB", "MGP", "memory in use from pools", zero),
    line!("PoolFailed", "MCP", "failed pool allocations", zero),
    line!("Ulimit-n", "CLP", "descriptor limit", |p| Cell::U32(p.descriptors.0)),
    line!("Maxsock", "CLP", "sockets that may be open", |p| Cell::U32(p.descriptors.1)),
    line!("Maxconn", "CLP", "connection limit in force", |p| Cell::U32(p.maxconn.0)),
    line!("Hard_maxconn", "CLP", "highest connection limit that can be set", |p| Cell::U32(p.maxconn.1)),
    line!("CurrConns", "MGP", "connections now", |p| Cell::U32(p.connections.0)),
    line!("CumConns", "MCP", "connections since start", |p| Cell::U32(p.connections.1)),
    line!("CumReq", "MCP", "requests since start", |p| Cell::U32(p.connections.2)),
    line!("MaxSslConns", "MMP", "TLS connection limit", zero),
    line!("CurrSslConns", "MGP", "TLS connections now", zero),
    line!("CumSslConns", "MCP", "TLS connections since start", zero),
    line!("Maxpipes", "CLP", "pipes that splicing may use", zero),
    line!("PipesUsed", "MGP", "pipes in use", zero),
    line!("PipesFree", "MGP", "pipes kept", zero),
    line!("ConnRate", "MRP", "connections per second now", |p| Cell::U32(p.conn_rate.0)),
    line!("ConnRateLimit", "CLP", "limit of it, 0 for none", |p| Cell::U32(p.conn_rate.1)),
    line!("MaxConnRate", "MMP", "most connections in one second", |p| Cell::U32(p.conn_rate.2)),
    line!("SessRate", "MRP", "sessions per second now", |p| Cell::U32(p.sess_rate.0)),
    line!("SessRateLimit", "CLP", "limit of it, 0 for none", |p| Cell::U32(p.sess_rate.1)),
    line!("MaxSessRate", "MRP", "most sessions in one second", |p| Cell::U32(p.sess_rate.2)),
    line!("SslRate", "MRP", "TLS connections per second now", zero),
    line!("SslRateLimit", "CLP", "limit of it", zero),
    line!("MaxSslRate", "MMP", "most TLS connections in one second", zero),
    line!("SslFrontendKeyRate", "MGP", "TLS keys per second at frontends", zero),
    line!("SslFrontendMaxKeyRate", "MMP", "most of them in one second", zero),
    line!("SslFrontendSessionReuse_pct", "MGP", "TLS sessions reused at frontends, percent", zero),
    line!("SslBackendKeyRate", "MRP", "TLS keys per second at backends", zero),
    line!("SslBackendMaxKeyRate", "MMP", "most of them in one second", zero),
    line!("SslCacheLookups", "MCP", "TLS session cache lookups", zero),
    line!("SslCacheMisses", "MCP", "TLS session cache misses", zero),
    line!("CompressBpsIn", "MRP", "bytes per second into compression", zero),
    line!("CompressBpsOut", "MRP", "bytes per second out of compression", zero),
    line!("CompressBpsRateLim", "CLP", "limit of it", zero),
    hidden("ZlibMemUsage", "memory of compression; it needs none here", |_| None),
    hidden("MaxZlibMemUsage", "limit of it", |_| None),
    line!("Tasks", "MGP", "connections and background activities", |p| Cell::U32(p.connections.0)),
    line!("Run_queue", "MGP", "of them ready to run", zero),
    line!("Idle_pct", "MaP", "percent of time spent waiting", |p| Cell::U32(p.idle_percent)),
    line!("node", "COS", "name of this node", |p| Cell::Str(p.node.clone())),
    Line {
        tags: "COS",
        ..hidden("description", "description of this node", |p| {
            (!p.description.is_empty()).then(|| Cell::Str(p.description.clone()))
        })
    },
    line!("Stopping", "MGP", "1 while stopping", |p| Cell::U32(p.stopping.into())),
    line!("Jobs", "MGP", "connections and listeners", |p| Cell::U32(p.jobs.0)),
    line!("Unstoppable Jobs", "MGP", "of them such that do not hold up a stop", |p| Cell::U32(p.unstoppable)),
    line!("Listeners", "MGP", "listening sockets", |p| Cell::U32(p.jobs.1)),
    line!("ActivePeers", "MGP", "verified peers", zero),
    line!("ConnectedPeers", "MGP", "connected peers", zero),
    line!("DroppedLogs", "MGP", "log lines lost", |p| Cell::U32(p.dropped_logs)),
    line!("BusyPolling", "MGP", "1 with busy polling", zero),
    line!("FailedResolutions", "MGP", "failed name resolutions", zero),
    line!("TotalBytesOut", "MGP", "bytes sent since start", |p| Cell::U64(p.bytes_out.0)),
    line!("TotalSplicedBytesOut", "MGP", "of them spliced", |_| Cell::U64(0)),
    line!("BytesOutRate", "MRP", "bytes sent per second", |p| Cell::U64(p.bytes_out.1)),
    line!("DebugCommandsIssued", "MGP", "debug commands given", zero),
    line!("CumRecvLogs", "MCP", "log messages received", zero),
    line!("Build info", "POS", "build", |p| Cell::Str(p.version.clone())),
    line!("Memmax_bytes", "CLP", "memory limit, bytes", |p| Cell::U32(p.memory_mb << 20)),
    line!("PoolAlloc_bytes", "MGP", "memory in pools, bytes", |_| Cell::U64(0)),
    line!("PoolUsed_bytes", "MGP", "memory in use from pools, bytes", |_| Cell::U64(0)),
    line!("Start_time_sec", "MDP", "start, seconds since 1970", |p| Cell::U32(p.started_s)),
    line!("Tainted", "SGP", "experimental features in use", |_| Cell::Str("0".into())),
    line!(3.0, "TotalWarnings", "MCP", "warnings given since start", |p| Cell::U32(p.warnings)),
    line!(3.0, "MaxconnReached", "MCP", "times the connection limit kept somebody waiting", zero),
    line!(3.0, "BootTime_ms", "MDP", "time that the start took", |p| Cell::U32(p.boot_ms)),
    line!(3.0, "Niced_tasks", "MGP", "activities with another priority; there is none here", zero),
    line!(3.0, "CurrStreams", "MGP", "streams now", |p| Cell::U64(p.streams)),
    line!(3.0, "CumStreams", "MGP", "streams since start", |p| Cell::U64(p.connections.2)),
    line!(
        3.0,
        "BlockedTrafficWarnings",
        "MGP",
        "warnings about turns that took too long; none is given",
        zero
    ),
];

/// A row that is there or not.
const fn hidden(name: &'static str, about: &'static str, value: fn(&Process) -> Option<Cell>) -> Line {
    Line { name, tags: "MGP", about, value, lifetime: Lifetime::ALWAYS }
}

/// The lines of a dialect, each with its position: one that is not shown keeps its place.
fn lines(d: Dialect, p: &Process) -> impl Iterator<Item = (usize, &'static Line, Cell)> {
    let known = LINES.iter().filter(move |l| l.lifetime.covers(d)).enumerate();
    known.filter_map(move |(pos, l)| Some((pos, l, (l.value)(p)?)))
}

impl Line {
    /// COMPAT: one name was misspelt until 2.8.
    fn name(&self, d: Dialect) -> &'static str {
        match self.name {
            "TotalSplicedBytesOut" if d < Dialect::V2_8 => "TotalSplicdedBytesOut",
            name => name,
        }
    }
}

fn uptime(s: u64) -> String {
    format!("{}d {}h{:02}m{:02}s", s / 86400, s / 3600 % 24, s / 60 % 60, s % 60)
}

fn plain(c: &Cell) -> (&'static str, String) {
    match c {
        Cell::U32(n) => ("u32", n.to_string()),
        Cell::U64(n) => ("u64", n.to_string()),
        Cell::S32(n) => ("s32", n.to_string()),
        Cell::Str(s) => ("str", s.clone()),
    }
}

/// `Name: value` lines; with `describe`, each followed by what it is.
#[must_use]
pub fn text(p: &Process, d: Dialect, describe: bool) -> String {
    let mut out = String::new();
    for (_, l, cell) in lines(d, p) {
        let _ = write!(out, "{}: {}", l.name(d), plain(&cell).1);
        if describe {
            let _ = write!(out, " -- {}", l.about);
        }
        out.push('\n');
    }
    out
}

/// `typed` lines.
#[must_use]
pub fn typed(p: &Process, d: Dialect) -> String {
    let mut out = String::new();
    for (pos, l, cell) in lines(d, p) {
        let (kind, value) = plain(&cell);
        let _ = writeln!(out, "{pos}.{}.1:{}:{kind}:{value}", l.name(d), l.tags);
    }
    out
}

/// `json`: one array.
#[must_use]
pub fn json(p: &Process, d: Dialect) -> String {
    let all: Vec<Value> = lines(d, p)
        .map(|(pos, l, cell)| {
            let value = match &cell {
                Cell::U32(n) | Cell::U64(n) => json!(n),
                Cell::S32(n) => json!(n),
                Cell::Str(s) => json!(s),
            };
            json!({
                "field": {"pos": pos, "name": l.name(d)},
                "processNum": 1,
                "tags": tags_json(l.tags),
                "value": {"type": plain(&cell).0, "value": value},
            })
        })
        .collect();
    format!("{}\n", Value::Array(all))
}

/// Tag letters in words, management guide §9.2.
#[must_use]
pub fn tags_json(tags: &str) -> Value {
    let mut letters = tags.chars();
    let mut next = || letters.next().unwrap_or(' ');
    let origin = match next() {
        'M' => "Metric",
        'S' => "Status",
        'K' => "Key",
        'C' => "Config",
        'P' => "Product",
        _ => "?",
    };
    let nature = match next() {
        'a' => "Avg",
        'A' => "Age",
        'C' => "Counter",
        'D' => "Duration",
        'G' => "Gauge",
        'L' => "Limit",
        'M' => "Max",
        'm' => "Min",
        'N' => "Name",
        'O' => "Output",
        'R' => "Rate",
        'T' => "Time",
        _ => "?",
    };
    let scope = match next() {
        'C' => "Cluster",
        'P' => "Process",
        'S' => "Service",
        'T' => "System",
        _ => "?",
    };
    json!({"origin": origin, "nature": nature, "scope": scope})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_named_for_the_dialect() {
        let p = Process { version: "2.6.12".into(), uptime_s: 90_061, ..Process::default() };
        let t = text(&p, Dialect::V2_6, false);
        assert!(t.starts_with("Name: HAProxy\nVersion: 2.6.12\n"));
        assert!(t.contains("\nUptime: 1d 1h01m01s\n") && t.contains("TotalSplicdedBytesOut: 0"));
        assert!(!text(&p, Dialect::V3_0, false).contains("Splicded"));
        assert!(typed(&p, Dialect::V2_6).starts_with("0.Name.1:POS:str:HAProxy\n"));
        assert!(serde_json::from_str::<Value>(&json(&p, Dialect::V3_0)).is_ok());
        assert!(text(&p, Dialect::V3_0, true).contains("Pid: 0 -- "));
    }
}
