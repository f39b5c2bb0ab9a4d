//! What surrounds a reload: the file that exists while the configuration is read (`reload_file`), the verdict's
//! file (`reload_check_config`), copies of what was read (`config_save_dir`), and what cannot change while we run.
//!
//! COMPAT: names, modes and log lines are the original's (`compat-tests/tests/daemon`).

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};

use rha_failover::Plan;
use rha_failover::log::Log;
use rha_ir::failover::FailoverGlobal;
use rha_keepalived::Outcome;
use rha_net::scheduling::set_umask;

use crate::options::Options;
use crate::pidfile::Naming;

/// Bits that others may read the file by, whatever the umask.
const READABLE: u32 = 0o044;

/// Reads while `reload_file` exists, empty: whoever writes the configuration waits until it is gone.
///
/// DIFFERS: 2.2.7 makes it only together with `reload_check_config`, and never removes the one with the default
/// name; the manual says what is done here.
pub fn while_marked<R>(options: &Options, plan: &Plan, read: impl FnOnce() -> R, log: &Log) -> R {
    let Some(path) = marker(options, &plan.failover.global) else { return read() };
    if let Err(e) = create_marker(&path) {
        let code = e.raw_os_error().unwrap_or(0);
        log.info(format_args!("Failed to create reload file ({path}) {code} - {}", reason(&e)));
    }
    let result = read();
    let _ = fs::remove_file(&path);
    result
}

/// Removes a `reload_file` that was there before the start: reading is done.
pub fn unmark(options: &Options, plan: &Plan) {
    if let Some(path) = marker(options, &plan.failover.global) {
        let _ = fs::remove_file(path);
    }
}

fn create_marker(path: &str) -> io::Result<()> {
    let former = set_umask(0o022);
    set_umask(former & !READABLE);
    let made = File::options().write(true).create(true).truncate(true).mode(0o644).open(path);
    set_umask(former);
    made.map(|_| ())
}

/// `reload_file`; the default name stands beside the pid files.
fn marker(options: &Options, g: &FailoverGlobal) -> Option<String> {
    let written = g.reload_file.as_ref()?;
    let usual = || Naming::of(options, g).file("keepalived", "reload");
    Some(if written.is_empty() { usual() } else { written.clone() })
}

/// The verdict of `reload_check_config` as `-t` would print it, in place of the former one.
pub fn write_check(path: &str, outcome: &Outcome, log: &Log) {
    let text: String = outcome.native().iter().map(|l| format!("{l}\n")).collect();
    let file = File::options().write(true).create(true).truncate(true).mode(0o644).open(path);
    if let Err(e) = file.and_then(|mut f| f.write_all(text.as_bytes())) {
        let code = e.raw_os_error().unwrap_or(0);
        log.info(format_args!("write of config check log {path} failed ({code}) - {}", reason(&e)));
    }
}

/// What the operating system says, without our library's number.
fn reason(e: &io::Error) -> String {
    let text = e.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// Lines about what a reload cannot change; with any of them it is refused.
pub fn unchangeable(options: &Options, old: &FailoverGlobal, new: &FailoverGlobal) -> Vec<String> {
    let namespace = options.namespace.is_none() && old.net_namespace != new.net_namespace;
    [
        (namespace, "network namespace"),
        (old.net_namespace_ipvs != new.net_namespace_ipvs, "IPVS network namespace"),
        (old.instance != new.instance, "instance name"),
        (old.nftables != new.nftables, "nftables table name"),
        (old.nftables_ipvs != new.nftables_ipvs, "IPVS nftables table name"),
        (old.disable_local_igmp != new.disable_local_igmp, "disable_local_igmp"),
    ]
    .into_iter()
    .filter(|(changed, _)| *changed)
    .map(|(_, what)| format!("Cannot change {what} at a reload - please restart keepalived"))
    .collect()
}

/// `config_save_dir`: what was read, as `keepalived.conf.PID.NUMBER`; the directory is made if its parent is there.
pub fn save(plan: &Plan, text: &str, number: u32) {
    let Some(directory) = &plan.failover.global.config_save_dir else { return };
    let _ = fs::DirBuilder::new().mode(0o755).create(directory);
    let path = format!("{directory}/keepalived.conf.{}.{number}", std::process::id());
    // COMPAT: without a word when it cannot be written.
    let _ = fs::write(path, text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_marker_stands_beside_the_pid_files() {
        let mut g = FailoverGlobal::default();
        let marker = |g: &FailoverGlobal| marker(&Options::default(), g);
        assert_eq!(marker(&g), None);
        g.reload_file = Some("/x/y".to_owned());
        assert_eq!(marker(&g).as_deref(), Some("/x/y"));
        g.reload_file = Some(String::new());
        assert_eq!(marker(&g).as_deref(), Some("/run/keepalived.reload"));
        g.use_pid_dir = true;
        assert_eq!(marker(&g).as_deref(), Some("/run/keepalived/keepalived.reload"));
        g.instance = Some("a".to_owned());
        assert_eq!(marker(&g).as_deref(), Some("/run/keepalived/keepalived_a.reload"));
    }

    #[test]
    fn what_cannot_change_is_named() {
        let old = FailoverGlobal::default();
        let new = FailoverGlobal {
            net_namespace: Some("n".to_owned()),
            instance: Some("i".to_owned()),
            nftables: Some("t".to_owned()),
            ..FailoverGlobal::default()
        };
        let o = Options::default();
        assert!(unchangeable(&o, &old, &old).is_empty());
        assert_eq!(unchangeable(&o, &old, &new).len(), 3);
        // `-s` decides over both
        let o = Options { namespace: Some("m".to_owned()), ..o };
        assert_eq!(unchangeable(&o, &old, &new).len(), 2);
    }
}
