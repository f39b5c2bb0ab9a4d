//! Proxy sections: `defaults`, `frontend`, `listen`, `backend`.

use rha_ir::{Proxy, Server};

/// A proxy section being read. It starts as a copy of its `defaults` section's draft.
#[derive(Debug, Clone)]
pub struct Draft {
    /// What it will become; for a `defaults` section, what others start from.
    pub proxy: Proxy,
    /// Whether this is a `defaults` section.
    pub is_defaults: bool,
    /// Whether a `defaults` section has a name (only those may hold rules and ACLs).
    pub is_named: bool,
    /// What `default-server` lines have set so far.
    pub default_server: Server,
}
