//! The data path: listeners, workers, streams, pools, queues; HTTP/1 and TCP.
//!
//! ```text
//! ir::Model ──plan──▶ Plan (immutable, Arc) ──start──▶ Runtime
//!                                                        │ one thread per worker, one runtime each
//!   listener ─accept─▶ Session ──first bytes──▶ Stream ──▶ rules ─▶ backend ─▶ server, queue, connect or
//!   (SO_REUSEPORT)     (idle: no buffer,                  pool ─▶ relay ─▶ response rules ─▶ log line
//!                       no stream, small task)
//! ```
//! - [`plan`]: what the model means, with every name resolved, every rule and format compiled, every default
//!   filled in. A session keeps the plan it began with; a new plan serves new sessions.
//! - `state`: what outlives a plan and is shared by workers: server state, weights, queue, balance position.
//! - `stats`: counters, one writer each (a worker), summed by the reader.
//! - `worker`: what a thread owns: clock, timers, pools of buffers, futures and idle server connections, log
//!   batch; `accept` feeds it sessions.
//! - `timer`: a deadline is a field; a queue holds at most one entry per connection and is corrected when an
//!   entry comes up early. Nothing is armed or cancelled per request.
//! - `reuse`: pooled futures. A connection's task holds only the session; what a request needs (a future of
//!   some kilobytes, two buffers, the stream) comes from pools when its first byte is there.
//! - `capture`: the last bad messages, for `show errors`.
//! - `roster`: the streams of a worker as others may see them.
//! - `stream`: one request, or one TCP connection, from choice of backend to log line; implements
//!   `rha_base::Scene`, through which rules and formats see it.
//! - `direct`: backends without a choice of servers.
//! - `dispatch`: which server, when (queue), how (pool, connect, retry, redispatch).
//! - `proxied`, `netscaler`, `unborn`: headers that tell a client's address, and the line about those that do not;
//!   `announce`, `wire`: what a server is told before the first byte (PROXY, SOCKS4).
//! - `relay`: copying without owning a buffer: worker's scratch in, the other socket out.
//! - `http`: request loop, heads, bodies, local replies, persistence cookie. `tcp`: the same without heads.
//! - `log`: lines into the worker's batch, out at the end of the loop turn, never waiting.
//! - `runtime`: start, counters' snapshots, changes by an operator, stop.
//!
//! Deliberately absent: parsing of configuration, socket calls (`rha-net`), protocol grammar (`rha-http1`),
//! evaluation (`rha-sample`), the order of servers (`rha-balance`), what a check means (`rha-health`).

mod accept;
mod announce;
mod answer;
mod capture;
mod direct;
mod dispatch;
mod edits;
mod eviction;
mod gate;
pub mod health;
mod health_hook;
mod http;
mod log;
mod netscaler;
pub mod pace;
pub mod plan;
mod proxied;
mod queue;
mod relay;
mod reuse;
mod roster;
mod rules;
mod runtime;
mod session;
pub mod state;
pub mod stats;
mod stream;
mod tcp;
mod timer;
mod unborn;
mod wire;
mod worker;

pub use capture::Captured;
pub use eviction::Eviction;
pub use health_hook::{Observer, Seen};
pub use http::local::{LocalPage, LocalPages};
pub use plan::{Plan, PlanError};
pub use roster::StreamSeen;
pub use runtime::{Options, Runtime, StartError, start};
