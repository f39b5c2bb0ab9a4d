//! keepalived's checkers and the virtual servers they decide over, next to HAProxy's checks.
//!
//! - [`Pool`]: one `virtual_server`. In: time, what happens on connections and to programs ([`Event`]), values of
//!   tracked files, BFD sessions, whether the address is here. Out: [`Act`]s in the order in which the original does
//!   them: lines, connections, bytes, programs, changes of the kernel's table, notifications, mail.
//! - [`PoolPlan`]: what was written about it.
//!
//! What is the same as for HAProxy's servers (spreading, a machine per exchange, no clock) has the same shape here;
//! the words, the retries and the meaning of a weight are keepalived's. Specification: keepalived.conf(5)
//! "Virtual server(s)". COMPAT: lines are those of 2.2.7, whose checker process starts without IPVS
//! only on a stand-in for it (the differential tests have one). Deliberately absent: sockets, processes, IPVS, SNMP.

mod chance;
mod change;
mod facts;
mod plan;
mod pool;
mod probe;
mod watch;

pub use change::{Act, CheckId, Event, KernelChange, Notice, Transport};
pub use facts::{CheckerFacts, MemberFacts, PoolFacts};
pub use plan::{
    CheckerPlan, HttpPlan, PoolPlan, ProbePlan, RegexPlan, ServerPlan, SorryPlan, UdpPlan, UrlPlan,
};
pub use pool::{Pool, ServerFacts};
