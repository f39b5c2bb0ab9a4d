//! Pid files: where they are, who else holds one, writing and removing them.
//!
//! COMPAT: a file whose process is gone is a "zombie" and removed with a line in the log; one whose process
//! lives ends the start with "daemon is already running". Mode 0644 whatever the umask.

use std::fs;
use std::os::unix::fs::OpenOptionsExt;

use rha_failover::log::Log;
use rha_ir::failover::FailoverGlobal;
use rha_net::PidFile;

use crate::options::Options;

/// Directory of pid files when there are several daemons.
pub const DIRECTORY: &str = "/run/keepalived";

/// The four paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PidFiles {
    /// The parent's.
    pub main: String,
    /// The worker's, as VRRP process.
    pub vrrp: String,
    /// The worker's, as health checker, if there are virtual servers.
    pub checkers: String,
    /// The worker's, as BFD process, if there are sessions.
    pub bfd: String,
}

/// What the configuration says about their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Naming {
    /// `instance`.
    pub instance: Option<String>,
    /// The network namespace that is entered.
    pub namespace: Option<String>,
    /// `use_pid_dir`.
    pub use_pid_dir: bool,
}

impl Naming {
    /// What the file and `-s` say.
    #[must_use]
    pub fn of(options: &Options, global: &FailoverGlobal) -> Naming {
        Naming {
            instance: global.instance.clone(),
            namespace: options.namespace.clone().or_else(|| global.net_namespace.clone()),
            use_pid_dir: global.use_pid_dir,
        }
    }

    /// Whether there is a directory for files of this daemon.
    #[must_use]
    pub fn has_directory(&self) -> bool {
        self.use_pid_dir || self.instance.is_some() || self.namespace.is_some()
    }

    /// Where files of this daemon are. COMPAT: a namespace has a directory of its own, which the original mounts
    /// over [`DIRECTORY`] for itself.
    #[must_use]
    pub fn directory(&self) -> String {
        match self.namespace.as_ref().map(|n| n.rsplit('/').next().unwrap_or(n)) {
            Some(name) => format!("{DIRECTORY}/{name}"),
            None if self.has_directory() => DIRECTORY.to_owned(),
            None => "/run".to_owned(),
        }
    }

    /// A file there: `stem`, the instance, `extension`.
    #[must_use]
    pub fn file(&self, stem: &str, extension: &str) -> String {
        let instance = self.instance.as_ref().map_or_else(String::new, |i| format!("_{i}"));
        format!("{}/{stem}{instance}.{extension}", self.directory())
    }

    /// Removes the directory if nobody else has a file there.
    pub fn remove_directory(&self) {
        if self.has_directory() {
            let _ = fs::remove_dir(self.directory());
            let _ = fs::remove_dir(DIRECTORY);
        }
    }
}

impl PidFiles {
    /// Options first, then what the configuration says.
    #[must_use]
    pub fn of(options: &Options, naming: &Naming) -> PidFiles {
        let place = |written: &Option<String>, stem: &str| {
            written.clone().unwrap_or_else(|| naming.file(stem, "pid"))
        };
        PidFiles {
            main: place(&options.pid, "keepalived"),
            vrrp: place(&options.vrrp_pid, "vrrp"),
            checkers: place(&options.checkers_pid, "checkers"),
            bfd: place(&options.bfd_pid, "bfd"),
        }
    }

    /// Whether another daemon holds one of them; zombies are removed.
    #[must_use]
    pub fn is_taken(&self, log: &Log) -> bool {
        [&self.main, &self.vrrp, &self.checkers, &self.bfd].into_iter().any(|p| is_alive(p, log))
    }
}

fn is_alive(path: &str, log: &Log) -> bool {
    match rha_net::read_pidfile(std::path::Path::new(path)) {
        PidFile::Absent => return false,
        PidFile::Running(pid) if !is_defunct(pid) => return true,
        PidFile::Running(_) | PidFile::Stale => {}
    }
    log.info(format_args!("Remove a zombie pid file {path}"));
    remove(path);
    false
}

/// A process that has ended and that nobody has asked about yet: it holds nothing.
fn is_defunct(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z'))
}

/// Writes this process's number.
///
/// # Errors
/// As the operating system tells them.
pub fn write(path: &str) -> std::io::Result<()> {
    use std::io::Write;
    let former = rha_net::scheduling::set_umask(0o022);
    let opened = fs::File::options().write(true).create(true).truncate(true).mode(0o644).open(path);
    rha_net::scheduling::set_umask(former);
    opened?.write_all(format!("{}\n", std::process::id()).as_bytes())
}

/// Removes a pid file; one that is gone is no matter.
pub fn remove(path: &str) {
    let _ = fs::remove_file(path);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_instance_namespace_and_options() {
        let o = Options::default();
        let f = PidFiles::of(&o, &Naming::default());
        assert_eq!((f.main.as_str(), f.vrrp.as_str()), ("/run/keepalived.pid", "/run/vrrp.pid"));
        let f = PidFiles::of(&o, &Naming { instance: Some("x".into()), ..Naming::default() });
        assert_eq!(f.vrrp, "/run/keepalived/vrrp_x.pid");
        let f = PidFiles::of(&o, &Naming { use_pid_dir: true, ..Naming::default() });
        assert_eq!(f.bfd, "/run/keepalived/bfd.pid");
        let o = Options { pid: Some("/tmp/p".into()), ..o };
        let blue = Naming { namespace: Some("/x/blue".into()), ..Naming::default() };
        assert_eq!(PidFiles::of(&o, &blue).main, "/tmp/p");
        assert_eq!(PidFiles::of(&o, &blue).vrrp, "/run/keepalived/blue/vrrp.pid");
    }

    #[test]
    fn a_zombie_is_removed_and_the_living_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p.pid").to_string_lossy().into_owned();
        let quiet = rha_failover::log::LogOptions { syslog: false, ..Default::default() };
        let log = Log::new(&quiet, "Keepalived");
        write(&path).unwrap();
        assert!(is_alive(&path, &log));
        fs::write(&path, "999999999\n").unwrap();
        assert!(!is_alive(&path, &log));
        assert!(!std::path::Path::new(&path).exists());
    }
}
