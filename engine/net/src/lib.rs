//! Sockets, clocks and the process: the one crate that may say `unsafe` and the one that names libc.
//!
//! Narrow types on purpose: [`Listener`], [`Conn`], [`Connecting`], [`DatagramBatch`]. The data path
//! knows nothing of tokio's socket types, so the loop underneath can be exchanged on evidence. The failover
//! daemons get the kernel's tables ([`netlink`], [`nft`], [`sysctl`]), sockets below UDP ([`raw`]), BFD's
//! sockets, and [`scripts`].
//!
//! Deliberately absent: protocols, rules, any decision about when to read or write.

mod address;
mod bfd;
mod board;
mod clock;
mod conn;
mod connect;
pub mod daemon;
mod dgram;
mod executor;
mod fifo;
mod handover;
pub mod ipvs;
#[cfg(test)]
mod lab;
mod listen;
mod marks;
mod namespace;
pub mod netlink;
pub mod nft;
mod pidfile;
mod probe;
mod process;
mod processes;
mod program;
pub mod raw;
mod reactor;
mod runtime;
pub mod scheduling;
pub mod scripts;
mod supervise;
pub mod sysctl;
mod tcp_options;
mod traffic;
mod watch;

pub use address::{ResolveError, SocketAddress, resolve, resolve_all};
pub use bfd::{BFD_MULTIHOP_PORT, BFD_PORT, BfdListener, BfdReceived, BfdSender};
pub use board::Board;
pub use clock::{Clock, LocalTime, local_time, loop_turned, read_clocks};
pub use conn::{Conn, Quiet};
pub use connect::{ConnectOptions, Connecting, connect, is_exhaustion};
pub use dgram::{DatagramBatch, DatagramSocket, LineSink};
pub use executor::{Elapsed, Sleep, Task, run_loop, sleep, sleep_until, spawn, timeout};
pub use fifo::Fifo;
pub use handover::{fetch_sockets, give_sockets, receive_sockets, send_sockets};
pub use listen::{
    Accepting, BindError, BindProblem, Incoming, ListenOptions, Listener, PlainConn, Probes, bind,
};
pub use marks::{TcpInfo, is_local_address};
pub use namespace::NetNamespace;
pub use pidfile::{PidFile, process_exists, read_pidfile};
pub use probe::{ProbeSource, probe_icmp, probe_tcp, probe_udp};
pub use process::{
    Identity, allow_core_dumps, chroot, daemonize, descriptor_limit, drop_privileges, hostname, limit_memory,
    lookup_group, lookup_user, priority, raise_descriptor_limit, sd_notify, set_priority, write_pidfile,
};
pub use processes::{ParameterMatch, ProcessPattern, count_processes};
pub use program::{Program, RunningProgram};
pub use runtime::{Worker, run_local, spawn_worker};
pub use supervise::{
    Ended, Forked, Signal, Signals, detach, fork, processor_time_us, reap, send_signal, system_name, wait_for,
};
pub use tcp_options::{MD5_LONGEST, TcpOptions};
pub use traffic::bytes_sent;
