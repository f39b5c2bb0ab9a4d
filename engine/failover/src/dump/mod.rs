//! The files exporters read: `keepalived.data` and its kin, `.stats`, `.json`, in the original's words and order.
//!
//! COMPAT: layout of keepalived 2.2.7 (samples held as fixtures), mode 0600, directory `/tmp` unless the
//! configuration names another. Pure but for [`write`]: everything is printed from [`View`]s.

mod bfd;
mod check;
mod data;
mod global;
mod json;
mod routing;
mod stats;

use std::fs;
use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

use rha_ir::failover::{Command, FailoverGlobal};
use rha_ir::failover::{Failover, VirtualIp, VrrpInstance};
use rha_vrrp::{Config, State, Stats};

pub use bfd::{BfdView, SessionView, bfd};
pub use check::check;
pub use data::data;
pub use global::global;
pub use json::json;
pub use stats::stats;

use crate::Plan;

/// What is known about one instance when a dump is asked for.
#[derive(Debug, Clone)]
pub struct View<'a> {
    /// As written.
    pub ir: &'a VrrpInstance,
    /// As settled.
    pub config: &'a Config,
    /// Present state.
    pub state: State,
    /// Wanted state.
    pub wants: State,
    /// Counters.
    pub stats: Stats,
    /// Effective priority.
    pub effective: u8,
    /// Unclamped sum.
    pub total: i32,
    /// Priority of the last master heard.
    pub master_priority: u8,
    /// Its address.
    pub master: Option<IpAddr>,
    /// Its advert interval.
    pub master_interval: Duration,
    /// Wall clock of the last change of state, microseconds since 1970.
    pub last_transition_us: i64,
    /// Wall clock of the next deadline, microseconds since 1970; `None` when there is none.
    pub deadline_us: Option<i64>,
    /// Whether it counts checksums in the old way because a peer does.
    pub old_checksum: bool,
    /// Wall clock of the next announcement on other interfaces, microseconds since 1970; 0 before the first.
    pub extra_us: i64,
    /// Master-down timer.
    pub down_timer: Duration,
    /// Address adverts leave from.
    pub source: Option<IpAddr>,
    /// Whether our addresses are installed.
    pub addresses_set: bool,
    /// Interface and tracker faults.
    pub faults: u32,
    /// Unweighted scripts without a result.
    pub scripts_waiting: u32,
    /// Whether packets to our addresses are dropped.
    pub blocked: bool,
    /// Interface its socket is bound to, its index, and the source of a unicast one.
    pub socket: (String, u32, Option<IpAddr>),
    /// Descriptors of its sockets.
    pub fds: (i32, i32),
}

/// What is known about a tracked process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessView {
    /// How many there are.
    pub count: u32,
    /// Whether these are enough, and not too many.
    pub has_quorum: bool,
    /// Whether that is about to change, after its delay.
    pub waits: bool,
}

/// What is known beyond instances, everything in the model's order.
#[derive(Debug, Clone)]
pub struct Surroundings<'a> {
    /// When each `garp_group` may send its next ARP and its next NA: wall clock, microseconds since 1970, 0 before
    /// the first.
    pub garp_groups: Vec<[i64; 2]>,
    /// Whether static addresses are set.
    pub static_addresses: Vec<bool>,
    /// Scripts.
    pub scripts: Vec<ScriptView>,
    /// Numbers in files.
    pub files: &'a [i64],
    /// Processes.
    pub processes: Vec<ProcessView>,
    /// Whether BFD sessions are up.
    pub bfds: Vec<bool>,
}

/// What is known about one script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScriptView {
    /// The counter.
    pub result: u32,
    /// Up.
    pub good: bool,
    /// An answer has come.
    pub answered: bool,
    /// Runs now.
    pub running: bool,
}

/// Which dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `keepalived.data`.
    Data,
    /// `keepalived_parent.data`.
    ParentData,
    /// `keepalived_check.data`.
    Check,
    /// `keepalived_bfd.data`.
    Bfd,
    /// `keepalived.stats`.
    Stats,
    /// `keepalived.json`.
    Json,
}

/// Where a dump goes.
#[must_use]
pub fn path(kind: Kind, g: &FailoverGlobal) -> String {
    let directory = "/tmp";
    let written = match kind {
        Kind::Data => &g.state_dump_file,
        Kind::ParentData | Kind::Check | Kind::Bfd => &None,
        Kind::Stats => &g.stats_dump_file,
        Kind::Json => &g.json_dump_file,
    };
    let usual = match kind {
        Kind::Data => "keepalived.data",
        Kind::ParentData => "keepalived_parent.data",
        Kind::Check => "keepalived_check.data",
        Kind::Bfd => "keepalived_bfd.data",
        Kind::Stats => "keepalived.stats",
        Kind::Json => "keepalived.json",
    };
    match written {
        Some(p) if p.starts_with('/') => p.clone(),
        Some(p) => format!("{directory}/{p}"),
        None => match g.instance.as_ref().filter(|_| g.data_use_instance) {
            Some(i) => format!("{directory}/{}", usual.replacen('.', &format!(".{i}."), 1)),
            None => format!("{directory}/{usual}"),
        },
    }
}

/// Replaces a dump file, for whom the umask lets (root alone by default). COMPAT: a symbolic link in its place is
/// not followed.
///
/// # Errors
/// As the operating system tells them.
pub fn write(path: &str, text: &str) -> std::io::Result<()> {
    if fs::symlink_metadata(path).is_ok_and(|m| m.file_type().is_symlink()) {
        fs::remove_file(path)?;
    }
    let mut f = fs::File::options().write(true).create(true).truncate(true).mode(0o666).open(path)?;
    f.write_all(text.as_bytes())
}

/// The same; a failure is logged.
pub fn write_or_say(path: &str, text: &str, log: &crate::log::Log) {
    if let Err(e) = write(path, text) {
        let code = e.raw_os_error().unwrap_or(0);
        log.info(format_args!("Can't open {path} ({code}: {e})"));
    }
}

/// The parent's own dump: the global definitions, and when the next reload is planned.
pub fn write_parent_data(plan: &Plan, planned: Option<&str>) {
    let g = &plan.failover.global;
    let mut text = global(&plan.failover, &plan.host, false);
    if let Some(when) = planned {
        text = text.replace(global::NOT_PLANNED, &format!(" Reload scheduled for {when}"));
    }
    let _ = write(&path(Kind::ParentData, g), &text);
}

/// `10.77.0.200/24 dev eth0 scope global set`. `device` is where it goes, `base` what is below that.
#[must_use]
pub fn address_text(v: &VirtualIp, device: &str, base: Option<&str>, set: bool, blocked: bool) -> String {
    let plain = if v.address.is_ipv4() { 32 } else { 128 };
    let mut text = v.address.to_string();
    if v.prefix_len != plain || v.peer.is_some() {
        text += &format!("/{}", v.prefix_len);
    }
    if let Some(b) = crate::plan::address::address(v, 0, rha_net::netlink::Lifetime::Forever).broadcast {
        text += &format!(" brd {b}");
    }
    text += &format!(" dev {device}");
    if let Some(base) = base {
        text += &format!("@{base}");
    }
    if v.use_vmac {
        text += " use_vmac";
    }
    text += &format!(" scope {}", scope_name(v.scope));
    if let Some(l) = &v.label {
        text += &format!(" label {l}");
    }
    if let Some(p) = v.peer {
        text += &format!(" peer {}/{}", p.address, p.len);
    }
    for (yes, word) in [
        (v.home, " home"),
        (v.duplicate_detection, " -nodad"),
        (v.mngtmpaddr, " mngtmpaddr"),
        (v.noprefixroute, " noprefixroute"),
        (v.autojoin, " autojoin"),
        (v.no_track, " no_track"),
    ] {
        if yes {
            text += word;
        }
    }
    if let Some(g) = &v.track_group {
        text += &format!(" track_group {g}");
    }
    if v.address.is_ipv6() {
        match v.preferred_lft {
            Some(0) => text += " deprecated",
            Some(n) => text += &format!(" preferred_lft {n}"),
            None if v.prefix_len == 128 => text += " deprecated",
            None => text += " preferred_lft forever",
        }
    }
    if set {
        text += " set";
    }
    if blocked {
        text += " nftable_set";
    }
    text
}

fn scope_name(scope: u8) -> String {
    match scope {
        0 => "global".to_owned(),
        200 => "site".to_owned(),
        253 => "link".to_owned(),
        254 => "host".to_owned(),
        255 => "nowhere".to_owned(),
        n => n.to_string(),
    }
}

/// `'/usr/bin/test' '!' '-e' '/x'`.
#[must_use]
pub fn command_text(c: &Command) -> String {
    c.argv.iter().map(|a| format!("'{a}'")).collect::<Vec<_>>().join(" ")
}

/// `uid:gid 0:0`.
fn owner_text(c: &Command) -> String {
    c.user.map_or_else(|| "uid:gid (none)".to_owned(), |u| format!("uid:gid {}:{}", u.uid, u.gid))
}

/// Device of an address of an instance.
fn device<'a>(v: &'a VirtualIp, i: &'a VrrpInstance) -> (&'a str, Option<&'a str>) {
    if let Some(link) = i.address_links.iter().find(|l| Some(&l.name) == v.vmac.as_ref()) {
        return (&link.name, Some(&link.base));
    }
    match (&v.interface, &i.vmac) {
        (Some(d), Some(m)) if *d == m.name => (d, Some(&i.interface)),
        (Some(d), _) => (d, None),
        (None, Some(m)) => (&m.name, Some(&i.interface)),
        (None, None) => (&i.interface, None),
    }
}

/// Instances with what they track themselves or by their group, for the lists of who tracks what.
fn trackers_of<'a>(
    all: &'a Failover,
    fits: impl Fn(&rha_ir::TrackerKind) -> bool + 'a,
) -> impl Iterator<Item = (&'a str, i32, bool)> + 'a {
    all.instances.iter().flat_map(move |i| {
        let group = all.sync_groups.iter().filter(|g| Some(&g.name) == i.sync_group.as_ref());
        let found: Vec<_> = i
            .trackers
            .iter()
            .chain(group.flat_map(|g| &g.trackers))
            .filter(|t| fits(&t.kind))
            .take(1)
            .map(|t| (i.name.as_str(), t.weight.weight, t.weight.reverse))
            .collect();
        found
    })
}
