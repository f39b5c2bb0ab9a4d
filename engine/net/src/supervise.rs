//! Signals, forks and children: what the program's process model is made of.
//!
//! Signals are blocked before any thread starts and taken one by one with `sigtimedwait`, so that no
//! code ever runs inside a handler.
#![allow(unsafe_code, reason = "sigprocmask, fork, waitpid, uname")]

use std::io;
use std::mem::MaybeUninit;
use std::time::Duration;

/// The signals a proxy answers to, HAProxy management guide §4 and §5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signal {
    /// SIGINT.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGUSR1: finish what runs, then exit.
    User1,
    /// SIGUSR2: reload (master).
    User2,
    /// SIGHUP: dump states, or reload (master).
    HangUp,
    /// SIGQUIT: dump memory.
    Quit,
    /// SIGTTOU: stop listening.
    Pause,
    /// SIGTTIN: listen again.
    Resume,
    /// SIGCHLD.
    Child,
    /// SIGPIPE, which means nothing here.
    Pipe,
    /// SIGKILL, only to be sent.
    Kill,
}

const ALL: [(Signal, libc::c_int); 11] = [
    (Signal::Interrupt, libc::SIGINT),
    (Signal::Terminate, libc::SIGTERM),
    (Signal::User1, libc::SIGUSR1),
    (Signal::User2, libc::SIGUSR2),
    (Signal::HangUp, libc::SIGHUP),
    (Signal::Quit, libc::SIGQUIT),
    (Signal::Pause, libc::SIGTTOU),
    (Signal::Resume, libc::SIGTTIN),
    (Signal::Child, libc::SIGCHLD),
    (Signal::Pipe, libc::SIGPIPE),
    (Signal::Kill, libc::SIGKILL),
];

impl Signal {
    /// Its number on this system.
    #[must_use]
    pub fn number(self) -> i32 {
        ALL.iter().find(|(s, _)| *s == self).map_or(0, |(_, n)| *n)
    }

    fn from_number(n: libc::c_int) -> Option<Signal> {
        ALL.iter().find(|(_, m)| *m == n).map(|(s, _)| *s)
    }
}

/// The blocked signals of this process; threads started afterwards leave them to the owner.
#[derive(Debug)]
pub struct Signals(());

impl Signals {
    /// Blocks them for this thread and all it will start.
    #[must_use]
    pub fn block() -> Signals {
        let set = set_of_all();
        // SAFETY: a valid, initialised set.
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) };
        Signals(())
    }

    /// The next signal, or `None` after `limit`.
    #[must_use]
    pub fn wait(&self, limit: Duration) -> Option<Signal> {
        let set = set_of_all();
        let spec = libc::timespec {
            tv_sec: libc::time_t::try_from(limit.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: libc::c_long::from(limit.subsec_nanos()),
        };
        // SAFETY: a valid set and timespec; no information is asked for.
        let n = unsafe { libc::sigtimedwait(&raw const set, std::ptr::null_mut(), &raw const spec) };
        Signal::from_number(n)
    }

    /// Unblocks them again, for a process about to end by one of them or to run another program.
    pub fn unblock(&self) {
        let set = set_of_all();
        // SAFETY: a valid, initialised set.
        unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, std::ptr::null_mut()) };
    }

    /// Ends this process by a signal's default action, so that whoever waits sees that signal.
    pub fn die_by(&self, signal: Signal) -> ! {
        // SAFETY: restores a default action and raises; `_exit` only if that was not deadly.
        unsafe {
            libc::signal(signal.number(), libc::SIG_DFL);
            self.unblock();
            libc::raise(signal.number());
            libc::_exit(128 + signal.number())
        }
    }
}

fn set_of_all() -> libc::sigset_t {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigemptyset initialises the set that sigaddset then changes.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for (s, n) in ALL {
            if s != Signal::Kill {
                libc::sigaddset(set.as_mut_ptr(), n);
            }
        }
        set.assume_init()
    }
}

/// Which side of a fork this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forked {
    /// The one that called, with the child's pid.
    Parent(i32),
    /// The new one.
    Child,
}

/// Forks. Must be called before any thread is started.
///
/// # Errors
/// When the process cannot be forked.
pub fn fork() -> io::Result<Forked> {
    // SAFETY: single-threaded by contract, so the child may go on as if it were the parent.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Forked::Child),
        pid => Ok(Forked::Parent(pid)),
    }
}

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with a code.
    Code(i32),
    /// By a signal.
    Signal(i32),
}

impl Ended {
    /// The code a shell would show.
    #[must_use]
    pub fn shell_code(self) -> i32 {
        match self {
            Ended::Code(c) => c,
            Ended::Signal(s) => 128 + s,
        }
    }

    /// `Exit`, `Terminated`, `Killed`: the word HAProxy puts behind the code.
    #[must_use]
    pub fn word(self) -> String {
        match self {
            Ended::Code(_) => "Exit".to_owned(),
            // SAFETY: strsignal gives a static or thread-owned string.
            Ended::Signal(s) => unsafe {
                let text = libc::strsignal(s);
                if text.is_null() {
                    String::new()
                } else {
                    std::ffi::CStr::from_ptr(text).to_string_lossy().into_owned()
                }
            },
        }
    }
}

/// A child that has ended, if there is one.
#[must_use]
pub fn reap() -> Option<(i32, Ended)> {
    let mut status = 0;
    // SAFETY: a valid place for the status.
    let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
    if pid <= 0 {
        return None;
    }
    Some((pid, ended(status)))
}

/// Waits until a child has ended.
#[must_use]
pub fn wait_for(child: i32) -> Ended {
    let mut status = 0;
    loop {
        // SAFETY: a valid place for the status.
        let pid = unsafe { libc::waitpid(child, &raw mut status, 0) };
        if pid == child {
            return ended(status);
        }
        if pid < 0 && io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return Ended::Code(1);
        }
    }
}

fn ended(status: libc::c_int) -> Ended {
    if libc::WIFSIGNALED(status) {
        Ended::Signal(libc::WTERMSIG(status))
    } else {
        Ended::Code(libc::WEXITSTATUS(status))
    }
}

/// Sends a signal; false when there is no such process (or it is not ours).
pub fn send_signal(pid: i32, signal: Signal) -> bool {
    // SAFETY: plain system call; pid is positive by the callers' contract, checked here.
    pid > 0 && unsafe { libc::kill(pid, signal.number()) } == 0
}

/// Becomes leader of a new session with the three standard descriptors on `/dev/null`.
pub fn detach() {
    // SAFETY: plain system calls on descriptors this process owns.
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
}

/// Processor time this process has used so far, microseconds, user and system.
#[must_use]
pub fn processor_time_us() -> u64 {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: getrusage fills the structure; zeroed is a valid value of it either way.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
        usage.assume_init()
    };
    let us = |t: libc::timeval| {
        u64::try_from(t.tv_sec).unwrap_or(0) * 1_000_000 + u64::try_from(t.tv_usec).unwrap_or(0)
    };
    us(usage.ru_utime) + us(usage.ru_stime)
}

/// Kernel name, release, version and machine, as `uname -srvm` prints them.
#[must_use]
pub fn system_name() -> String {
    let mut names = MaybeUninit::<libc::utsname>::zeroed();
    // SAFETY: uname fills the structure; zeroed is a valid value of it either way.
    let names = unsafe {
        libc::uname(names.as_mut_ptr());
        names.assume_init()
    };
    let text = |field: &[libc::c_char]| -> String {
        field.iter().take_while(|c| **c != 0).map(|c| char::from(c.to_ne_bytes()[0])).collect()
    };
    [text(&names.sysname), text(&names.release), text(&names.version), text(&names.machine)].join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_keep_their_numbers_and_words() {
        assert_eq!(Signal::from_number(libc::SIGUSR2), Some(Signal::User2));
        assert_eq!(Ended::Signal(libc::SIGTERM).word(), "Terminated");
        assert_eq!(Ended::Signal(libc::SIGKILL).shell_code(), 137);
        assert!(system_name().starts_with("Linux "));
        assert!(!send_signal(-1, Signal::Terminate));
    }
}
