//! Workers: a thread each with a loop of its own that never gives a task away.
//!
//! The failover daemons run on tokio instead ([`run_local`]): few packets, and libraries that bring its sockets.

use std::future::Future;
use std::io;
use std::thread::JoinHandle;

use crate::clock::loop_turned;
use crate::executor::run_loop;

/// A running worker thread.
#[derive(Debug)]
pub struct Worker {
    thread: JoinHandle<()>,
}

impl Worker {
    /// Waits for its end.
    ///
    /// # Errors
    /// When the thread has panicked.
    pub fn join(self) -> std::thread::Result<()> {
        self.thread.join()
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }
}

/// Starts a named thread and runs the future that `make` builds there, with tasks that never leave it.
///
/// # Errors
/// When no thread or no event queue can be had.
pub fn spawn_worker<F, M>(name: String, make: M) -> io::Result<Worker>
where
    M: FnOnce() -> F + Send + 'static,
    F: Future<Output = ()> + 'static,
{
    let (told, failed) = std::sync::mpsc::channel();
    let thread = std::thread::Builder::new().name(name).spawn(move || {
        let mine = told.clone();
        let ran = run_loop(async move {
            let _ = mine.send(None);
            make().await;
        });
        if let Err(e) = ran {
            let _ = told.send(Some(e));
        }
    })?;
    match failed.recv() {
        Ok(Some(e)) => Err(e),
        _ => Ok(Worker { thread }),
    }
}

/// Runs a future on the calling thread with tokio's single-threaded runtime; [`crate::Conn`] and
/// [`crate::spawn`] are not for it.
///
/// # Errors
/// When no event queue can be had.
pub fn run_local<F: Future>(future: F) -> io::Result<F::Output> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().on_thread_unpark(loop_turned).build()?;
    Ok(tokio::task::LocalSet::new().block_on(&runtime, future))
}
