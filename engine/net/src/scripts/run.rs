//! Running a command and waiting for its end.
//!
//! The end is awaited through a pidfd, so that blocked or shared SIGCHLD does not matter.
#![allow(unsafe_code, reason = "pidfd_open, kill of a group, and what happens between fork and exec")]

use std::ffi::{CString, OsString};
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::ScriptUser;
use crate::watch::Watched;
use crate::{Ended, Signal};

/// How long a script that was asked to end may take before it is killed.
pub const GRACE: Duration = Duration::from_secs(2);

/// Variables a script never sees: they would change what it runs.
const UNSAFE_VARIABLES: [&str; 3] = ["IFS", "LD_PRELOAD", "LD_LIBRARY_PATH"];

/// Where a script's standard descriptors lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ScriptOutput {
    /// To `/dev/null`: the daemon is in the background.
    #[default]
    Nowhere,
    /// To the daemon's own: it runs in the foreground (`-n`), so that a journal gets what is printed.
    Inherited,
}

/// A command to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptCommand {
    /// What is executed, when it is not `argv[0]` (a symbolic link resolved).
    pub path: Option<PathBuf>,
    /// The command and its arguments.
    pub argv: Vec<OsString>,
    /// Whose rights it has; `None` is the daemon's.
    pub user: Option<ScriptUser>,
    /// Variables added to the daemon's environment.
    pub environment: Vec<(OsString, OsString)>,
    /// Where its output goes.
    pub output: ScriptOutput,
}

impl ScriptCommand {
    /// A command with its arguments.
    pub fn new<S: Into<OsString>>(argv: impl IntoIterator<Item = S>) -> ScriptCommand {
        ScriptCommand {
            path: None,
            argv: argv.into_iter().map(Into::into).collect(),
            user: None,
            environment: Vec::new(),
            output: ScriptOutput::Nowhere,
        }
    }

    /// Starts it. It ends with the daemon: it is sent SIGTERM when the calling thread ends.
    ///
    /// # Errors
    /// As the operating system tells them: it cannot be executed, or the user's rights cannot be had.
    pub fn start(&self) -> io::Result<RunningScript> {
        let (Some(name), arguments) = (self.argv.first(), self.argv.get(1..).unwrap_or(&[])) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let mut command = Command::new(self.path.as_deref().unwrap_or(name.as_ref()));
        command.arg0(name).args(arguments).process_group(0);
        UNSAFE_VARIABLES.iter().for_each(|v| {
            command.env_remove(v);
        });
        command.envs(self.environment.iter().map(|(k, v)| (k, v)));
        if self.output == ScriptOutput::Nowhere {
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        }
        let user = self.user.clone();
        // SAFETY: only system calls that are safe after fork, on memory allocated before it.
        unsafe { command.pre_exec(move || become_script(user.as_ref())) };
        let child = command.spawn()?;
        let exit = Watched::new(process_descriptor(child.id())?)?;
        Ok(RunningScript { child, exit })
    }
}

/// In the child: usual scheduling, the user's rights, an end when the daemon ends.
fn become_script(user: Option<&ScriptUser>) -> io::Result<()> {
    let check = |r: libc::c_int| if r == 0 { Ok(()) } else { Err(io::Error::last_os_error()) };
    let usual = libc::sched_param { sched_priority: 0 };
    // SAFETY: plain system calls on numbers and on memory that lives until exec. Scheduling is left as it is
    // when it cannot be changed.
    unsafe {
        if libc::sched_getscheduler(0) != libc::SCHED_OTHER {
            libc::sched_setscheduler(0, libc::SCHED_OTHER, &raw const usual);
        }
        libc::setpriority(libc::PRIO_PROCESS, 0, 0);
        if let Some(user) = user {
            check(libc::setgroups(user.groups.len(), user.groups.as_ptr()))?;
            check(libc::setgid(user.gid))?;
            check(libc::setuid(user.uid))?;
        }
        // After the change of user, which would clear it.
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM);
    }
    Ok(())
}

fn process_descriptor(pid: u32) -> io::Result<OwnedFd> {
    // SAFETY: a plain system call on numbers.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, libc::PIDFD_NONBLOCK) };
    let fd = i32::try_from(fd).ok().filter(|fd| *fd >= 0).ok_or_else(io::Error::last_os_error)?;
    // SAFETY: a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// How a run with a limit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// By itself.
    Ended(Ended),
    /// Its time was over; this is how it then ended.
    TimedOut(Ended),
}

/// A script that runs. Dropped before its end it stays a zombie until the daemon ends, so await it.
#[derive(Debug)]
pub struct RunningScript {
    child: Child,
    exit: Watched<OwnedFd>,
}

impl RunningScript {
    /// Its process id, also that of its process group.
    #[must_use]
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap_or(0)
    }

    /// Its end. Cancelling the future loses nothing.
    ///
    /// # Errors
    /// As the operating system tells them: somebody else has collected it.
    pub async fn wait(&mut self) -> io::Result<Ended> {
        let child = &mut self.child;
        let status = self
            .exit
            .when_readable(|_| child.try_wait()?.ok_or_else(|| io::ErrorKind::WouldBlock.into()))
            .await?;
        Ok(match status.signal() {
            Some(signal) => Ended::Signal(signal),
            None => Ended::Code(status.code().unwrap_or(0)),
        })
    }

    /// Its end, at most so far away: then its group is asked to end, and after [`GRACE`] killed.
    ///
    /// # Errors
    /// As [`RunningScript::wait`].
    pub async fn wait_at_most(&mut self, limit: Duration) -> io::Result<Outcome> {
        if let Ok(ended) = tokio::time::timeout(limit, self.wait()).await {
            return ended.map(Outcome::Ended);
        }
        self.terminate().await.map(Outcome::TimedOut)
    }

    /// Asks the group to end, kills it after [`GRACE`]; its end.
    ///
    /// # Errors
    /// As [`RunningScript::wait`].
    pub async fn terminate(&mut self) -> io::Result<Ended> {
        self.signal_group(Signal::Terminate);
        let ended = match tokio::time::timeout(GRACE, self.wait()).await {
            Ok(ended) => ended,
            Err(_) => {
                self.signal_group(Signal::Kill);
                self.wait().await
            }
        };
        // What the script has started may not care for its end.
        self.signal_group(Signal::Kill);
        ended
    }

    /// Sends a signal to every process of its group; false when there is none any more.
    pub fn signal_group(&self, signal: Signal) -> bool {
        let pid = self.pid();
        // SAFETY: a plain system call; the group is that of the child, never 0 (our own).
        pid > 0 && unsafe { libc::killpg(pid, signal.number()) } == 0
    }
}

/// The groups of a user, its own included (getgrouplist(3)).
pub(super) fn groups_of(name: &str, gid: u32) -> Vec<u32> {
    let Ok(name) = CString::new(name) else { return Vec::new() };
    let mut count: libc::c_int = 64;
    loop {
        let mut groups = vec![0u32; usize::try_from(count).unwrap_or(0)];
        let room = count;
        // SAFETY: a valid C string, and room for `count` groups.
        let r = unsafe { libc::getgrouplist(name.as_ptr(), gid, groups.as_mut_ptr(), &raw mut count) };
        if r >= 0 {
            groups.truncate(usize::try_from(count).unwrap_or(0));
            return groups;
        }
        if count <= room || count > 65_536 {
            return vec![gid];
        }
    }
}

/// Primary group of a user by id, and its name.
pub(super) fn account(uid: u32) -> Option<(String, u32)> {
    // SAFETY: the result is read before anybody calls getpwuid again (start is single-threaded).
    unsafe {
        let p = libc::getpwuid(uid).as_ref()?;
        let name = std::ffi::CStr::from_ptr(p.pw_name).to_string_lossy().into_owned();
        Some((name, p.pw_gid))
    }
}
