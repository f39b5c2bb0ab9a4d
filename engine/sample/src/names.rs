//! What compiling needs to know of the plan, and what can go wrong with it.

use std::fmt;
use std::io;
use std::sync::Arc;

use hashbrown::HashMap;
use rha_base::{ProxyId, Scope, ServerId, VarSlot};
use rha_ir::UserList;
use rha_text::Span;

use crate::condition::Acl;
use crate::map::Map;
use crate::pattern::Patterns;

/// Resolves what expressions name. `engine/proxy` implements it for the plan being built.
pub trait Names {
    /// The proxy being compiled.
    fn current(&self) -> ProxyId;
    /// A proxy by name, whichever kind it is.
    fn proxy(&self, name: &str) -> Option<ProxyId>;
    /// A frontend or listener by name; differs from [`Names::backend`] where both share a name.
    fn frontend(&self, name: &str) -> Option<ProxyId> {
        self.proxy(name)
    }
    /// A backend by name.
    fn backend(&self, name: &str) -> Option<ProxyId> {
        self.proxy(name)
    }
    /// A server; an empty `backend` means the current proxy.
    fn server(&self, backend: &str, server: &str) -> Option<(ProxyId, ServerId)>;
    /// The slot of a variable, made if there is none yet.
    fn variable(&mut self, scope: Scope, name: &str) -> VarSlot;
    /// A whole file, for patterns and maps.
    ///
    /// # Errors
    /// As the operating system tells them.
    fn read_file(&self, path: &str) -> io::Result<Vec<u8>>;
    /// A user list by name.
    fn user_list(&self, _name: &str) -> Option<&UserList> {
        None
    }
    /// An environment variable as it was when the configuration was read.
    fn env(&self, _name: &str) -> Option<Vec<u8>> {
        None
    }
    /// Named ACLs of the proxy being compiled.
    fn acls(&self) -> &[rha_ir::Acl] {
        &[]
    }
    /// What several expressions of one plan share.
    fn shared(&mut self) -> &mut Shared;
}

/// Compiled parts that are used in several places of one plan: named ACLs, pattern files, maps.
#[derive(Default)]
pub struct Shared {
    pub(crate) acls: HashMap<AclKey, Arc<Acl>>,
    pub(crate) maps: HashMap<(String, crate::map::Kind, crate::map::Output), Arc<Map>>,
    pub(crate) files: HashMap<(String, rha_vocab::Match, bool, bool), Arc<Patterns>>,
}

/// A named ACL is told apart by where its lines stand: `defaults` sections have lists of their own.
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct AclKey {
    pub(crate) proxy: ProxyId,
    pub(crate) name: String,
    pub(crate) first: Option<Span>,
    pub(crate) tests: usize,
}

/// Why an expression cannot run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanError {
    /// Where it was written.
    pub span: Span,
    /// What is wrong.
    pub what: Problem,
}

/// What is wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// No row of that name; the parser should have said so.
    Unknown(String),
    /// A fetch, converter, alias or way of matching that is not built yet.
    NotBuilt(String),
    /// A proxy, server, user list or ACL that does not exist.
    Missing(String),
    /// An argument that does not fit.
    Argument(String),
    /// A pattern that cannot be read.
    Pattern(String),
    /// A file that cannot be read or is not what it should be.
    File(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Unknown(n) => write!(f, "'{n}' is not known"),
            Problem::NotBuilt(n) => write!(f, "'{n}' is not built yet"),
            Problem::Missing(n) => write!(f, "'{n}' does not exist"),
            Problem::Argument(t) | Problem::Pattern(t) | Problem::File(t) => f.write_str(t),
        }
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.what.fmt(f)
    }
}

impl std::error::Error for PlanError {}

impl Problem {
    /// At a place.
    pub(crate) fn at(self, span: Span) -> PlanError {
        PlanError { span, what: self }
    }
}

/// The engine's word for a scope of the model.
pub(crate) fn scope(s: rha_ir::VarScope) -> Scope {
    match s {
        rha_ir::VarScope::Proc => Scope::Process,
        rha_ir::VarScope::Sess => Scope::Session,
        rha_ir::VarScope::Txn => Scope::Transaction,
        rha_ir::VarScope::Req => Scope::Request,
        rha_ir::VarScope::Res => Scope::Response,
        rha_ir::VarScope::Check => Scope::Check,
    }
}

/// The slot of a variable written as text, `txn.id`.
pub(crate) fn variable(text: &[u8], names: &mut dyn Names) -> Result<VarSlot, Problem> {
    let wrong = || Problem::Argument(format!("'{}' is not a variable", String::from_utf8_lossy(text)));
    let text = std::str::from_utf8(text).map_err(|_| wrong())?;
    let (scope, name) = text.split_once('.').ok_or_else(wrong)?;
    let scope = match scope {
        "proc" => Scope::Process,
        "sess" => Scope::Session,
        "txn" => Scope::Transaction,
        "req" => Scope::Request,
        "res" => Scope::Response,
        "check" => Scope::Check,
        _ => return Err(wrong()),
    };
    Ok(names.variable(scope, name))
}
