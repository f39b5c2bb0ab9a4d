//! How the kernel treats this process: real-time priority, nice value, memory that stays, processors, its
//! network namespace (keepalived.conf(5) `vrrp_rt_priority`, `vrrp_priority`, `vrrp_no_swap`,
//! `vrrp_cpu_affinity`, `vrrp_rlimit_rttime`, `net_namespace`).
#![allow(unsafe_code, reason = "sched_setscheduler, mlockall, setns and friends")]

use std::fs::File;
use std::io;
use std::mem;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

fn check(r: libc::c_int) -> io::Result<()> {
    if r == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Gives back what a start has touched and nobody needs again: free memory of the heap, and pages of programs and
/// libraries that were only run through once. What is run again comes from the file. Memory that [`lock_memory`]
/// holds stays.
pub fn give_back() {
    // SAFETY: it looks at free memory only.
    unsafe { libc::malloc_trim(0) };
    let Ok(maps) = std::fs::read_to_string("/proc/self/maps") else { return };
    for (start, length) in maps.lines().filter_map(code) {
        // SAFETY: a private mapping of a file that may be run and not written to holds nothing but the file's bytes,
        // which the kernel reads again when they are touched (madvise(2), MADV_DONTNEED).
        let _ = unsafe { libc::madvise(start as *mut libc::c_void, length, libc::MADV_DONTNEED) };
    }
}

/// Start and length of a mapping of code that stands in a file, of a line of `/proc/self/maps` (proc(5)).
fn code(line: &str) -> Option<(usize, usize)> {
    let mut words = line.split_ascii_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let (mode, inode) = (words.next()?, words.nth(2)?);
    if mode != "r-xp" || inode == "0" {
        return None;
    }
    let hex = |s| usize::from_str_radix(s, 16).ok();
    let start = hex(start)?;
    Some((start, hex(end)?.checked_sub(start)?))
}

/// Real-time round robin scheduling, 1–99 (more is more urgent); children are scheduled as usual.
///
/// # Errors
/// As the operating system tells them; needs `CAP_SYS_NICE`.
pub fn set_realtime(priority: u8) -> io::Result<()> {
    let param = libc::sched_param { sched_priority: i32::from(priority) };
    // SAFETY: a pointer to a live structure.
    check(unsafe {
        libc::sched_setscheduler(0, libc::SCHED_RR | libc::SCHED_RESET_ON_FORK, &raw const param)
    })
}

/// Most processor time a real-time process may use without a pause, µs: SIGXCPU at half of it, the end at
/// the whole.
///
/// # Errors
/// As the operating system tells them.
pub fn limit_realtime(us: u64) -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: us / 2, rlim_max: us };
    // SAFETY: a pointer to a live structure.
    check(unsafe { libc::setrlimit(libc::RLIMIT_RTTIME, &raw const limit) })
}

/// The nice value, -20 (most urgent) to 19.
///
/// # Errors
/// As the operating system tells them.
pub fn set_nice(value: i8) -> io::Result<()> {
    // SAFETY: a plain system call on numbers.
    check(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, i32::from(value)) })
}

/// Keeps this process's memory, present and future, from being swapped out, as far as it is used.
///
/// # Errors
/// As the operating system tells them.
pub fn lock_memory() -> io::Result<()> {
    // SAFETY: a plain system call on numbers.
    check(unsafe { libc::mlockall(libc::MCL_CURRENT | libc::MCL_FUTURE | libc::MCL_ONFAULT) })
}

/// Lets this thread, and those it starts, run on these processors only.
///
/// # Errors
/// As the operating system tells them: none of them exists; `InvalidInput` for a number past 1023.
pub fn set_processors(numbers: &[u16]) -> io::Result<()> {
    // SAFETY: an all-zero set is an empty one.
    let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
    for n in numbers {
        if usize::from(*n) >= mem::size_of::<libc::cpu_set_t>() * 8 {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        // SAFETY: the number is inside the set.
        unsafe { libc::CPU_SET(usize::from(*n), &mut set) };
    }
    // SAFETY: a pointer to a live set of the size given.
    check(unsafe { libc::sched_setaffinity(0, mem::size_of_val(&set), &raw const set) })
}

/// Lets this process leave core files of any size (`-m`).
///
/// # Errors
/// As the operating system tells them.
pub fn allow_core_files() -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: a pointer to a live structure.
    check(unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const limit) })
}

/// The bits that are taken from the modes of new files; the former ones.
pub fn set_umask(mask: u32) -> u32 {
    // SAFETY: cannot fail.
    unsafe { libc::umask(mask) }
}

/// Moves this thread, and those it will start, into a network namespace by name (as `ip netns` keeps them) or
/// by path.
///
/// # Errors
/// As the operating system tells them: there is none of that name, or this is not allowed.
pub fn enter_network(name: &str) -> io::Result<()> {
    let path = if name.contains('/') { PathBuf::from(name) } else { Path::new("/run/netns").join(name) };
    let file = File::open(path)?;
    // SAFETY: a descriptor this function owns.
    check(unsafe { libc::setns(file.as_raw_fd(), libc::CLONE_NEWNET) })
}

/// Moves this thread into a new, empty network namespace that lives as long as somebody is in it.
///
/// # Errors
/// As the operating system tells them; needs `CAP_SYS_ADMIN`.
pub fn new_network() -> io::Result<()> {
    // SAFETY: a plain system call on numbers.
    check(unsafe { libc::unshare(libc::CLONE_NEWNET) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_of_files_is_given_back() {
        for (line, wanted) in [
            (
                "55d0c0e00000-55d0c0e02000 r-xp 00001000 fe:00 1311 /usr/sbin/x",
                Some((0x55d0_c0e0_0000, 0x2000)),
            ),
            ("55d0c0e00000-55d0c0e02000 r--p 00000000 fe:00 1311 /usr/sbin/x", None),
            ("55d0c0e00000-55d0c0e02000 rw-p 00000000 fe:00 1311 /usr/sbin/x", None),
            ("7ffd11fe0000-7ffd11fe2000 r-xp 00000000 00:00 0 [vdso]", None),
            ("", None),
        ] {
            assert_eq!(code(line), wanted, "{line}");
        }
        give_back();
        assert_eq!(code("nothing"), None, "what was given back runs again");
    }

    #[test]
    fn the_kernel_takes_usual_values_and_refuses_wrong_ones() {
        // On a thread of its own: affinity and nice value are a thread's.
        std::thread::spawn(|| {
            set_processors(&[0]).unwrap();
            assert_eq!(set_processors(&[4096]).unwrap_err().kind(), io::ErrorKind::InvalidInput);
            set_nice(0).unwrap();
            assert!(set_realtime(100).is_err());
            assert_eq!(enter_network("rha-no-such-name").unwrap_err().kind(), io::ErrorKind::NotFound);
        })
        .join()
        .unwrap();
    }
}
