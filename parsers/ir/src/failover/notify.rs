//! Who is told: scripts, FIFOs, mail.

use std::net::SocketAddr;

use bstr::BString;
use rha_text::Span;

/// The user and group a program runs as, resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ScriptUser {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

/// A program to start: `notify_master "/path arg" user group` and every other keyword of that shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Path and arguments after both rounds of quoting; never empty.
    pub argv: Vec<BString>,
    /// As whom; `None` only when no user could be found, in which case it must not be started.
    pub user: Option<ScriptUser>,
    /// Why it must not be started (not found, not executable, insecure under `enable_script_security`),
    /// in the original's words; `None` when it may.
    pub disabled: Option<String>,
    /// Where it was written.
    pub origin: Span,
}

/// Programs told of a state change of an instance or group. keepalived.conf(5) "Notify scripts".
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Notify {
    /// `notify_master`.
    pub master: Option<Command>,
    /// `notify_backup`.
    pub backup: Option<Command>,
    /// `notify_fault`.
    pub fault: Option<Command>,
    /// `notify_stop`.
    pub stop: Option<Command>,
    /// `notify_deleted SCRIPT` (instances): told when a reload removes the instance.
    pub deleted: Option<Command>,
    /// `notify_deleted` without a script (instances): the fault script is used for that.
    pub deleted_as_fault: bool,
    /// `notify_master_rx_lower_pri` (instances).
    pub master_rx_lower_pri: Option<Command>,
    /// `notify`: every change, with `INSTANCE|GROUP name state priority` appended.
    pub any: Option<Command>,
    /// `notify_priority_changes`, effective.
    pub priority_changes: bool,
    /// `smtp_alert`, effective.
    pub mail: bool,
}

/// `notify_fifo` and its variants: a named pipe that gets a line per event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fifo {
    /// Path of the pipe.
    pub path: String,
    /// Owner of the pipe; `None` for the daemon's own.
    pub owner: Option<ScriptUser>,
    /// `…_fifo_script`: program started with the pipe's path appended.
    pub script: Option<Command>,
    /// Where it was written.
    pub origin: Span,
}

/// Where mail goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mail {
    /// `notification_email`.
    pub to: Vec<String>,
    /// `notification_email_from`; `None` for user@host.
    pub from: Option<String>,
    /// `smtp_server`.
    pub server: Option<SocketAddr>,
    /// `smtp_helo_name`; `None` for the host's name.
    pub helo: Option<String>,
    /// `smtp_connect_timeout`, microseconds; 30 s by default.
    pub connect_timeout_us: Option<u64>,
    /// `no_email_faults`: FAULT states send none.
    pub no_fault_mail: bool,
    /// `no_checker_emails`: mail only when a real server itself changes.
    pub no_checker_emails: bool,
    /// `no_checker_emails` or `smtp_alert_checker`: what checkers do by default, effective.
    pub checkers: bool,
    /// `smtp_alert_vrrp` or `smtp_alert`: what instances do by default, effective.
    pub vrrp: bool,
    /// What was written of both.
    pub written: MailDefaults,
}

/// `smtp_alert`, `smtp_alert_vrrp`, `smtp_alert_checker` of `global_defs`, as far as they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MailDefaults {
    /// `smtp_alert`.
    pub all: Option<bool>,
    /// `smtp_alert_vrrp`.
    pub vrrp: Option<bool>,
    /// `smtp_alert_checker`.
    pub checkers: Option<bool>,
}
