//! What a supervising parent and its worker need from the operating system: any signal by number, the
//! parent's death as a signal, processor times.
//!
//! Signals are blocked before anything else and taken one by one with `sigtimedwait`; a forked worker
//! unblocks them again before its own runtime installs what it listens to.
#![allow(unsafe_code, reason = "sigprocmask, prctl, getrusage")]

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::time::Duration;

/// Signal numbers as the C library counts them.
pub mod signal_number {
    /// SIGHUP.
    pub const HANG_UP: i32 = libc::SIGHUP;
    /// SIGINT.
    pub const INTERRUPT: i32 = libc::SIGINT;
    /// SIGTERM.
    pub const TERMINATE: i32 = libc::SIGTERM;
    /// SIGKILL.
    pub const KILL: i32 = libc::SIGKILL;
    /// SIGUSR1.
    pub const USER1: i32 = libc::SIGUSR1;
    /// SIGUSR2.
    pub const USER2: i32 = libc::SIGUSR2;
    /// SIGCHLD.
    pub const CHILD: i32 = libc::SIGCHLD;
    /// SIGPIPE.
    pub const PIPE: i32 = libc::SIGPIPE;
}

/// The first and last real-time signal, which the C library decides at run time.
#[must_use]
pub fn realtime_signals() -> (i32, i32) {
    (libc::SIGRTMIN(), libc::SIGRTMAX())
}

/// A set of blocked signals that is read in order of arrival.
#[derive(Debug, Clone)]
pub struct SignalQueue {
    numbers: Vec<i32>,
}

impl SignalQueue {
    /// Blocks the given signals for this thread and all it will start.
    #[must_use]
    pub fn block(numbers: &[i32]) -> SignalQueue {
        let q = SignalQueue { numbers: numbers.to_vec() };
        let set = q.set();
        // SAFETY: a valid, initialised set.
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) };
        q
    }

    /// The next signal's number, or `None` after `limit`.
    #[must_use]
    pub fn wait(&self, limit: Duration) -> Option<i32> {
        let set = self.set();
        let spec = libc::timespec {
            tv_sec: libc::time_t::try_from(limit.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: libc::c_long::from(limit.subsec_nanos()),
        };
        // SAFETY: a valid set and timespec; no information is asked for.
        let n = unsafe { libc::sigtimedwait(&raw const set, std::ptr::null_mut(), &raw const spec) };
        (n > 0).then_some(n)
    }

    /// Lets them through again: a worker, or a process about to run another program.
    pub fn unblock(&self) {
        let set = self.set();
        // SAFETY: a valid, initialised set.
        unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, std::ptr::null_mut()) };
    }

    fn set(&self) -> libc::sigset_t {
        let mut set = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: sigemptyset initialises the set that sigaddset then changes.
        unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            for n in &self.numbers {
                libc::sigaddset(set.as_mut_ptr(), *n);
            }
            set.assume_init()
        }
    }
}

/// Sends a signal by number; false when there is no such process (or it is not ours).
pub fn kill(pid: i32, number: i32) -> bool {
    // SAFETY: plain system call; pid is positive, so no group is meant.
    pid > 0 && unsafe { libc::kill(pid, number) } == 0
}

/// What `strsignal` says.
#[must_use]
pub fn signal_text(number: i32) -> String {
    // SAFETY: strsignal gives a static or thread-owned string.
    unsafe {
        let text = libc::strsignal(number);
        if text.is_null() { String::new() } else { CStr::from_ptr(text).to_string_lossy().into_owned() }
    }
}

/// Asks the kernel to send this process a signal when its parent dies; false when the parent is already
/// another one than `parent`.
pub fn die_with_parent(number: i32, parent: u32) -> bool {
    // SAFETY: prctl with integers only.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, number) };
    std::os::unix::process::parent_id() == parent
}

/// Names this process in `ps` and `/proc/PID/comm` (15 bytes).
pub fn name_process(name: &CStr) {
    // SAFETY: prctl copies the string.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
}

/// Takes a variable out of this process's environment, and so out of that of the programs it starts.
///
/// Contract: no other thread runs, as right after [`crate::fork`].
pub fn forget_variable(name: &str) {
    // SAFETY: nobody else reads or writes the environment, by contract.
    unsafe { std::env::remove_var(name) };
}

/// Processor times in microseconds: user and system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Times {
    /// User.
    pub user_us: u64,
    /// System.
    pub system_us: u64,
}

/// Of this process, and of its children that have ended.
#[must_use]
pub fn processor_times() -> (Times, Times) {
    (times(libc::RUSAGE_SELF), times(libc::RUSAGE_CHILDREN))
}

fn times(who: libc::c_int) -> Times {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: getrusage fills the structure; zeroed is a valid value of it either way.
    let usage = unsafe {
        libc::getrusage(who, usage.as_mut_ptr());
        usage.assume_init()
    };
    let us = |t: libc::timeval| {
        u64::try_from(t.tv_sec).unwrap_or(0) * 1_000_000 + u64::try_from(t.tv_usec).unwrap_or(0)
    };
    Times { user_us: us(usage.ru_utime), system_us: us(usage.ru_stime) }
}

/// Whether this process runs as root.
#[must_use]
pub fn is_root() -> bool {
    // SAFETY: a plain system call.
    unsafe { libc::geteuid() == 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_arrive_by_number() {
        let q = SignalQueue::block(&[libc::SIGUSR2, libc::SIGRTMIN() + 2]);
        assert_eq!(q.wait(Duration::ZERO), None);
        // SAFETY: raises a blocked signal in this thread.
        unsafe { libc::pthread_kill(libc::pthread_self(), libc::SIGRTMIN() + 2) };
        assert_eq!(q.wait(Duration::from_secs(5)), Some(libc::SIGRTMIN() + 2));
        assert_eq!(realtime_signals(), (34, 64));
        assert_eq!(signal_text(9), "Killed");
        assert!(!kill(0, 0) && !kill(-1, 0));
    }
}
