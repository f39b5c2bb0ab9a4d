//! The process: descriptors, identity, daemon, pid file, systemd.
#![allow(unsafe_code, reason = "fork, setuid and friends")]

use std::ffi::{CStr, CString};
use std::fs;
use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

/// The user and groups to become.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// User id.
    pub uid: Option<u32>,
    /// Group id.
    pub gid: Option<u32>,
}

/// The id of a user by name, or the number itself.
#[must_use]
pub fn lookup_user(name: &str) -> Option<u32> {
    if let Ok(n) = name.parse() {
        return Some(n);
    }
    let name = CString::new(name).ok()?;
    // SAFETY: a valid C string; the result is read before anybody calls getpwnam again (start is
    // single-threaded).
    unsafe { libc::getpwnam(name.as_ptr()).as_ref().map(|p| p.pw_uid) }
}

/// The id of a group by name, or the number itself.
#[must_use]
pub fn lookup_group(name: &str) -> Option<u32> {
    if let Ok(n) = name.parse() {
        return Some(n);
    }
    let name = CString::new(name).ok()?;
    // SAFETY: as in `lookup_user`.
    unsafe { libc::getgrnam(name.as_ptr()).as_ref().map(|g| g.gr_gid) }
}

/// Soft and hard limit of open descriptors.
#[must_use]
pub fn descriptor_limit() -> (u64, u64) {
    let mut r = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: a valid rlimit.
    unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut r) };
    (r.rlim_cur, r.rlim_max)
}

/// Raises the descriptor limit to `want`, or to what is allowed; returns the soft limit reached.
pub fn raise_descriptor_limit(want: u64) -> u64 {
    let (_, hard) = descriptor_limit();
    let set = |cur, max| {
        let r = libc::rlimit { rlim_cur: cur, rlim_max: max };
        // SAFETY: a valid rlimit.
        unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const r) == 0 }
    };
    if !set(want, want.max(hard)) {
        let _ = set(want.min(hard), hard);
    }
    descriptor_limit().0
}

/// Limits the memory of this process, megabytes; false when that is not allowed.
///
/// DIFFERS: 2.6 limits the address space, in which threads reserve much more than they use; later versions
/// limit the data segment, as this does.
pub fn limit_memory(megabytes: u64) -> bool {
    let bytes = megabytes.saturating_mul(1 << 20);
    let r = libc::rlimit { rlim_cur: bytes, rlim_max: bytes };
    // SAFETY: a valid rlimit.
    unsafe { libc::setrlimit(libc::RLIMIT_DATA, &raw const r) == 0 }
}

/// This machine's name.
#[must_use]
pub fn hostname() -> String {
    let mut buf = [0u8; 256];
    // SAFETY: the buffer is one byte longer than the length given, so that it stays terminated.
    unsafe { libc::gethostname(buf.as_mut_ptr().cast(), buf.len() - 1) };
    CStr::from_bytes_until_nul(&buf).map(|c| c.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Becomes a daemon: the parent ends with status 0, the child returns. Must run before any thread.
///
/// # Errors
/// When the process cannot be forked.
pub fn daemonize() -> io::Result<()> {
    // SAFETY: single-threaded at this point (see above).
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            // SAFETY: plain system calls; /dev/null replaces the three standard descriptors.
            unsafe {
                libc::setsid();
                let null = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR);
                if null >= 0 {
                    for fd in 0..3 {
                        libc::dup2(null, fd);
                    }
                    if null > 2 {
                        libc::close(null);
                    }
                }
            }
            Ok(())
        }
        // SAFETY: the parent must not run destructors of what the child now owns.
        _ => unsafe { libc::_exit(0) },
    }
}

/// Changes the root directory and moves into it.
///
/// # Errors
/// As the operating system tells them.
pub fn chroot(path: &Path) -> io::Result<()> {
    std::os::unix::fs::chroot(path)?;
    std::env::set_current_dir("/")
}

/// Lets a process that changed its user leave a core file (`set-dumpable`), as large as the system allows.
pub fn allow_core_dumps() {
    let unlimited = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    let mut limit = unlimited;
    // SAFETY: a valid rlimit, and a plain system call. What is not allowed is left as it is.
    unsafe {
        if libc::setrlimit(libc::RLIMIT_CORE, &raw const unlimited) != 0
            && libc::getrlimit(libc::RLIMIT_CORE, &raw mut limit) == 0
        {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_CORE, &raw const limit);
        }
        libc::prctl(libc::PR_SET_DUMPABLE, 1, 0, 0, 0);
    }
}

/// The scheduling priority of this process, -20..=19.
#[must_use]
pub fn priority() -> i32 {
    // SAFETY: a plain system call.
    unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) }
}

/// Sets the scheduling priority of this process and of threads started from now on; false when that is refused.
pub fn set_priority(nice: i32) -> bool {
    // SAFETY: a plain system call.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, nice) == 0 }
}

/// Gives up privileges: supplementary groups, group, user, in this order.
///
/// # Errors
/// The first step that failed, in the original's words.
pub fn drop_privileges(to: &Identity) -> io::Result<()> {
    let check = |r: libc::c_int| if r == 0 { Ok(()) } else { Err(io::Error::last_os_error()) };
    let failed = |what: &'static str, id: u32| move |_| io::Error::other(format!("Cannot set {what} {id}."));
    // COMPAT: a number of 0, or none, changes nothing; supplementary groups are all dropped, and whether that
    // works decides nothing.
    if let Some(gid) = to.gid.filter(|g| *g != 0) {
        // SAFETY: plain system calls on numbers.
        unsafe {
            let _ = libc::setgroups(0, std::ptr::null());
            check(libc::setgid(gid)).map_err(failed("gid", gid))?;
        }
    }
    if let Some(uid) = to.uid.filter(|u| *u != 0) {
        // SAFETY: a plain system call.
        unsafe { check(libc::setuid(uid)).map_err(failed("uid", uid))? }
    }
    Ok(())
}

/// Writes pids, one a line.
///
/// # Errors
/// As the operating system tells them.
pub fn write_pidfile(path: &Path, pids: &[u32]) -> io::Result<()> {
    let text: String = pids.iter().map(|p| format!("{p}\n")).collect();
    fs::write(path, text)
}

/// Tells systemd (`READY=1`, …) over `socket`, the value of `NOTIFY_SOCKET`.
///
/// # Errors
/// When nobody listens there.
pub fn sd_notify(socket: &str, message: &str) -> io::Result<()> {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::SocketAddr;
    let out = UnixDatagram::unbound()?;
    match socket.strip_prefix('@') {
        Some(name) => out.send_to_addr(message.as_bytes(), &SocketAddr::from_abstract_name(name)?)?,
        None => out.send_to(message.as_bytes(), socket)?,
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_both_ids() {
        assert_eq!(lookup_user("root"), Some(0));
        assert_eq!(lookup_user("77"), Some(77));
        assert_eq!(lookup_group("root"), Some(0));
        assert_eq!(lookup_user("no such user"), None);
        assert!(!hostname().is_empty());
    }

    #[test]
    fn systemd_hears() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("n");
        let s = UnixDatagram::bind(&path).unwrap();
        sd_notify(path.to_str().unwrap(), "READY=1").unwrap();
        let mut buf = [0u8; 32];
        assert_eq!(s.recv(&mut buf).unwrap(), 7);
    }

    #[test]
    fn a_pid_file_has_a_line_each() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p");
        write_pidfile(&path, &[12, 13]).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "12\n13\n");
    }
}
