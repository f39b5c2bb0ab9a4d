//! Workers: a thread each with a single-threaded runtime that never moves a task.

use std::future::Future;
use std::io;
use std::thread::JoinHandle;

use tokio::runtime::Builder;
use tokio::task::LocalSet;

use crate::loop_turned;

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
    let thread = std::thread::Builder::new().name(name).spawn(move || match build() {
        Ok(runtime) => {
            let _ = told.send(None);
            LocalSet::new().block_on(&runtime, async move { make().await });
        }
        Err(e) => {
            let _ = told.send(Some(e));
        }
    })?;
    match failed.recv() {
        Ok(Some(e)) => Err(e),
        _ => Ok(Worker { thread }),
    }
}

/// Runs a future on the calling thread with the same kind of runtime (tests, tools).
///
/// # Errors
/// When no event queue can be had.
pub fn run_local<F: Future>(future: F) -> io::Result<F::Output> {
    let runtime = build()?;
    Ok(LocalSet::new().block_on(&runtime, future))
}

fn build() -> io::Result<tokio::runtime::Runtime> {
    Builder::new_current_thread()
        .enable_all()
        .on_thread_unpark(loop_turned)
        // Look for events after so many tasks even when there is more to do.
        .event_interval(61)
        .build()
}
