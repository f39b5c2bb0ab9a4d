//! A program that checks a server: started, awaited on a worker's loop, asked to end when its time is over.
//!
//! HAProxy 3.0 configuration manual §4.2 "external-check command". It has this process' rights and standard
//! descriptors and nothing else that is open here; signals are unblocked in it.
#![allow(unsafe_code, reason = "pidfd_open, kill")]

use std::ffi::OsString;
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command};

use crate::reactor::{READ, Registration};
use crate::{Ended, Signal};

/// What is to be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The program, looked for in the `PATH` of `environment`, and its arguments.
    pub argv: Vec<OsString>,
    /// Its variables.
    pub environment: Vec<(OsString, OsString)>,
    /// Whether it sees this process' variables too.
    pub keep_environment: bool,
}

impl Program {
    /// Starts it; must be called on a worker's thread.
    ///
    /// # Errors
    /// As the operating system tells them.
    pub fn start(&self) -> io::Result<RunningProgram> {
        let (name, arguments) = self.argv.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let mut command = Command::new(name);
        if !self.keep_environment {
            command.env_clear();
        }
        let child = command.args(arguments).envs(self.environment.iter().map(|(k, v)| (k, v))).spawn()?;
        let descriptor = descriptor_of(child.id())?;
        Ok(RunningProgram { registration: Registration::waiting(descriptor.as_fd())?, descriptor, child })
    }
}

/// A program that runs. Dropped before its end it stays a zombie: await it.
#[derive(Debug)]
pub struct RunningProgram {
    // The registration goes first: it has to leave the queue while the descriptor is open.
    registration: Registration,
    descriptor: OwnedFd,
    child: Child,
}

impl RunningProgram {
    /// Its end. Cancelling the future loses nothing.
    ///
    /// # Errors
    /// As the operating system tells them.
    pub async fn wait(&mut self) -> io::Result<Ended> {
        poll_fn(|cx| self.registration.poll_ready(READ, self.descriptor.as_fd(), cx)).await?;
        let status = self.child.wait()?;
        Ok(match status.signal() {
            Some(signal) => Ended::Signal(signal),
            None => Ended::Code(status.code().unwrap_or(0)),
        })
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap_or(0)
    }

    /// Asks it to end (SIGTERM).
    pub fn terminate(&self) {
        let pid = self.pid();
        if pid > 0 {
            // SAFETY: a plain system call; the process is our child and not yet collected.
            unsafe { libc::kill(pid, Signal::Terminate.number()) };
        }
    }
}

fn descriptor_of(pid: u32) -> io::Result<OwnedFd> {
    // SAFETY: a plain system call on numbers.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, libc::PIDFD_NONBLOCK) };
    let fd = i32::try_from(fd).ok().filter(|fd| *fd >= 0).ok_or_else(io::Error::last_os_error)?;
    // SAFETY: a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_sees_only_what_it_is_given_and_its_end_is_told() {
        let worker = crate::spawn_worker("test".to_owned(), || async {
            let script = "[ \"$A\" = b ] && [ -z \"$CARGO_PKG_NAME\" ] && exit 7";
            let program = Program {
                argv: ["sh", "-c", script].map(OsString::from).to_vec(),
                environment: vec![("A".into(), "b".into()), ("PATH".into(), "/bin:/usr/bin".into())],
                keep_environment: false,
            };
            let mut running = program.start().expect("sh");
            assert_eq!(running.wait().await.expect("its end"), Ended::Code(7));
            let sleeping = Program { argv: vec!["sleep".into(), "1000".into()], ..program };
            let mut running = sleeping.start().expect("sleep");
            running.terminate();
            assert_eq!(running.wait().await.expect("its end"), Ended::Signal(libc::SIGTERM));
        });
        worker.expect("a worker").join().expect("no assertion failed");
    }
}
