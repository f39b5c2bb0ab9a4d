//! The one model that all three languages lower to: what was written, understood and resolved by name.
//!
//! A HAProxy `backend` and a keepalived `virtual_server` are both a [`Service`] with weighted
//! [`Server`]s and a [`Check`]; a `bind`, a `virtual_ipaddress` and a BGP `network` are all addresses;
//! scripts, interfaces, processes, files and BFD sessions are all [`Tracker`]s. Every item carries the
//! [`Span`] it was written at, so that any later message, and any comparison of two nodes, can point.
//!
//! Deliberately absent: syntax (a model may come from any language), running state, and defaults that
//! depend on the machine (`None` means "not written"; the engine's plan decides).

mod address;
mod check;
mod expr;
pub mod failover;
mod listen;
mod log;
pub mod pattern;
mod process;
mod proxy;
mod routing;
mod rule;
mod service;
mod site;
mod tracker;

pub use address::{Address, Host, Port};
pub use check::{
    AgentCheck, Check, CheckKind, CheckTiming, Expect, ExpectKind, HeaderExpect, HeaderMatch, HeaderPattern,
    HttpCheck, Observe, OnError, StatusRange, TcpStep,
};
pub use expr::{
    Acl, AclTest, Arg, Call, Condition, LogFlags, LogFormat, LogNode, PatternSource, SampleExpr, Term,
    VarName, VarScope,
};
pub use failover::{Failover, VirtualIp};
pub use listen::{Bind, BindAddress, SocketLevel};
pub use log::{Facility, LogDestination, LogLevel, LogSyslogFormat, LogTarget, Sampling};
pub use process::{Process, StatsSocket, UnixBind, VarValue};
pub use proxy::{
    BackendRule, Capture, ConnectionMode, Cookie, CookieMode, ErrorFile, ForwardFor, Forwarded,
    ForwardedNode, ForwardedPart, HttpReuse, Keepalive, Mode, Options, Proxy, ProxyKind, ServerRule, Stats,
    StatsAdmin, StatsScope, Timeouts,
};
pub use routing::{RoutingProtocol, RoutingSession};
pub use rule::{
    Action, MarkValue, NameMatch, Normalizer, PriorityPart, Redirect, RedirectKind, Reply, ReplyBody,
    RetriesValue, Rule, SocketMark, SocketSide, TcpAction, TcpRule, TimeoutValue,
};
pub use service::{
    Balance, BalanceKey, HashFunction, HashKind, HashType, InitState, Namespace, OnMarkedDown, OnMarkedUp,
    RestoredState, Server, ServerExtra, Service, StateSource,
};
pub use site::{ErrorSection, FilterUse, Model, StickTable, User, UserList};
pub use tracker::{Tracker, TrackerKind};

pub use bstr::BString;
pub use rha_text::Span;
