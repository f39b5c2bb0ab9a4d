//! The whole model.

use rha_text::Span;

use crate::{Failover, Process, Proxy, RoutingSession, Tracker, VirtualIp};

/// A user of a [`UserList`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Name.
    pub name: String,
    /// `password` (crypt) or `insecure-password`.
    pub password: Option<(String, bool)>,
    /// Groups.
    pub groups: Vec<String>,
}

/// `userlist`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserList {
    /// Name.
    pub name: String,
    /// Users.
    pub users: Vec<User>,
    /// Where it was written.
    pub origin: Span,
}

/// `http-errors`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorSection {
    /// Name.
    pub name: String,
    /// Whole raw responses by status; an empty one closes the connection without an answer.
    pub pages: Vec<(u16, Vec<u8>)>,
}

/// `stick-table`, checked but not resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StickTable {
    /// Words after `stick-table`.
    pub words: Vec<String>,
    /// Where it was written.
    pub origin: Span,
}

/// `filter` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterUse {
    /// Filter and its words.
    pub words: Vec<String>,
    /// Where it was written.
    pub origin: Span,
}

/// Everything one node's files say.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Model {
    /// Process settings.
    pub process: Process,
    /// Proxies in the order written.
    pub proxies: Vec<Proxy>,
    /// User lists.
    pub user_lists: Vec<UserList>,
    /// Named sets of error pages.
    pub error_sections: Vec<ErrorSection>,
    /// Addresses held by failover.
    pub virtual_ips: Vec<VirtualIp>,
    /// What failover watches.
    pub trackers: Vec<Tracker>,
    /// VRRP instances, BGP neighbours, BFD peers.
    pub sessions: Vec<RoutingSession>,
    /// What keepalived's language says.
    pub failover: Failover,
}

impl Model {
    /// A proxy that can receive traffic as a backend, by name.
    #[must_use]
    pub fn backend(&self, name: &str) -> Option<(usize, &Proxy)> {
        self.proxies.iter().enumerate().find(|(_, p)| p.kind.is_backend() && p.name == name)
    }
}
