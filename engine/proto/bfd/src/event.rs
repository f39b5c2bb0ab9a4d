//! What comes out of a session.

use crate::{Diag, Packet, State};

/// Syslog severities in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// 3.
    Error,
    /// 4.
    Warning,
    /// 6.
    Info,
}

/// How much must be asked for before a line is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Always told.
    Plain,
    /// With `-D`.
    Detail,
    /// With `-D` twice.
    Extra,
}

/// A log line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// How bad.
    pub severity: Severity,
    /// Who wants to know.
    pub detail: Detail,
    /// The text, without end of line.
    pub text: String,
}

/// A session changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateChange {
    /// Before.
    pub from: State,
    /// Now.
    pub to: State,
    /// Why, as we see it.
    pub diag: Diag,
    /// What the other side last said.
    pub remote_diag: Diag,
    /// Whether those that rely on the session are to be told: on coming Up, and on leaving Up unless the other
    /// side's operator took it down. COMPAT: keepalived stays Up towards VRRP then (`admin_down_is_not_told`).
    pub told: bool,
}

/// What the caller is to do, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Send it to the other side.
    Send(Packet),
    /// Tell those that rely on the session.
    Changed(StateChange),
    /// Log it.
    Log(Line),
}
