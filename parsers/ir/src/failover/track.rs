//! What a failover decision looks at, and how much it counts.

use bstr::BString;
use rha_text::Span;

use super::Command;
use crate::TrackerKind;

/// A weight on a priority, with its sign possibly turned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TrackWeight {
    /// Added while up (positive) or down (negative); 0 means "fault while down". −253..=253, for files
    /// −2147483647..=2147483647 as a factor.
    pub weight: i32,
    /// `reverse`: up and down change places.
    pub reverse: bool,
}

/// A watched thing as one instance, group or real server uses it: a line of `track_interface`,
/// `track_script`, `track_file`, `track_process` or `track_bfd`, its own weight already put in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracked {
    /// What is watched; the name is that of the block that defines it, or an interface.
    pub kind: TrackerKind,
    /// How much it counts here.
    pub weight: TrackWeight,
    /// Where it was written.
    pub origin: Span,
}

/// Who sees a BFD session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TrackedBy {
    /// `vrrp`: VRRP instances may.
    pub vrrp: bool,
    /// `checker`: real servers may.
    pub checker: bool,
}

/// What a script counts as before its first result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ScriptStart {
    /// Unknown: an instance without weight waits for it.
    #[default]
    Unknown,
    /// `init_fail`: down.
    Failed,
}

/// `vrrp_script`: a program whose exit code is watched. keepalived.conf(5) "VRRP scripts".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackScript {
    /// Name.
    pub name: String,
    /// The program.
    pub command: Command,
    /// `interval`, microseconds; 1 s by default.
    pub interval_us: u64,
    /// `timeout`, microseconds; `None` for the interval.
    pub timeout_us: Option<u64>,
    /// `weight`, which instances use unless they say otherwise.
    pub weight: TrackWeight,
    /// `rise`: so many successes until up; 1 by default.
    pub rise: u32,
    /// `fall`: so many failures until down; 1 by default.
    pub fall: u32,
    /// `init_fail`.
    pub start: ScriptStart,
    /// Where it was written.
    pub origin: Span,
}

/// `track_file`: a file holding a number. keepalived.conf(5) "Track files".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackFile {
    /// Name.
    pub name: String,
    /// Path.
    pub path: String,
    /// Factor on the number, unless an instance says otherwise.
    pub weight: TrackWeight,
    /// `init_file`: created with this value at start.
    pub init: Option<i64>,
    /// `init_file … overwrite`: even if it exists.
    pub overwrite: bool,
    /// Where it was written.
    pub origin: Span,
}

/// `vrrp_track_process`: processes counted by name. keepalived.conf(5) "Track processes".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackProcess {
    /// Name.
    pub name: String,
    /// Path or name of the program.
    pub path: String,
    /// Parameters that must match; `None` when they do not matter.
    pub params: Option<Vec<BString>>,
    /// `param_match partial` (true) or `initial` (false); `None`: all must match.
    pub partial_match: Option<bool>,
    /// `full_command`: compare the whole command line, not the 15-byte process name.
    pub full_command: bool,
    /// `weight`, unless an instance says otherwise; 1 by default.
    pub weight: TrackWeight,
    /// `quorum`: at least so many; 1 by default.
    pub quorum: u32,
    /// `quorum_max`: at most so many; `u32::MAX` for no limit.
    pub quorum_max: u32,
    /// `terminate_delay` or `delay`, microseconds before too few counts.
    pub terminate_delay_us: u64,
    /// `fork_delay` or `delay`, microseconds before enough counts.
    pub fork_delay_us: u64,
    /// Where it was written.
    pub origin: Span,
}

/// `track_group`: instances that static addresses, routes and rules follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackGroup {
    /// Name.
    pub name: String,
    /// Names of instances.
    pub instances: Vec<String>,
    /// Where it was written.
    pub origin: Span,
}
