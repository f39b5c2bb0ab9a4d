//! Sockets, clocks and the process: the one crate that may say `unsafe` and the one that names libc.
//!
//! Narrow types on purpose: [`Listener`], [`Conn`], [`Connecting`], [`DatagramBatch`]. The data path
//! knows nothing of tokio's socket types, so the loop underneath can be exchanged on evidence.
//!
//! Deliberately absent: protocols, rules, any decision about when to read or write.

mod address;
mod clock;
mod conn;
mod connect;
mod dgram;
mod listen;
mod process;
mod runtime;
mod supervise;

pub use address::{ResolveError, SocketAddress, resolve, resolve_all};
pub use clock::{Clock, LocalTime, local_time, loop_turned, read_clocks};
pub use conn::{Conn, Quiet};
pub use connect::{ConnectOptions, Connecting, connect, is_exhaustion};
pub use dgram::{DatagramBatch, DatagramSocket, LineSink};
pub use listen::{
    Accepting, BindError, BindProblem, Incoming, ListenOptions, Listener, PlainConn, Probes, bind,
};
pub use process::{
    Identity, chroot, daemonize, descriptor_limit, drop_privileges, hostname, limit_memory, lookup_group,
    lookup_user, raise_descriptor_limit, sd_notify, write_pidfile,
};
pub use runtime::{Worker, run_local, spawn_worker};
pub use supervise::{
    Ended, Forked, Signal, Signals, detach, fork, processor_time_us, reap, send_signal, system_name, wait_for,
};
