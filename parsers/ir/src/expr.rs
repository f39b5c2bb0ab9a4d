//! Sample expressions, conditions and log-format strings.

use std::net::{Ipv4Addr, Ipv6Addr};

use bstr::BString;
use rha_text::Span;
use rha_vocab::Match;

/// One argument of a fetch or converter, typed by the signature it was checked against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arg {
    /// Left out.
    Absent,
    /// Integer.
    Int(i64),
    /// String, or one word of a set.
    Str(BString),
    /// IPv4 address or mask.
    V4(Ipv4Addr),
    /// IPv6 address or mask.
    V6(Ipv6Addr),
    /// Milliseconds.
    Time(u32),
    /// Bytes.
    Size(u64),
    /// Proxy by name; an empty name means the current one.
    Proxy(String),
    /// Stick table by the name of its proxy.
    Table(String),
    /// Server; `backend` empty means the current one.
    Server {
        /// Its backend.
        backend: String,
        /// Its name.
        server: String,
    },
    /// User list by name.
    UserList(String),
    /// Map file.
    Map(String),
    /// Regular expression.
    Regex {
        /// The expression.
        pattern: BString,
        /// Ignore case.
        ignore_case: bool,
        /// Replace every match (`g` of `regsub`).
        global: bool,
    },
    /// Variable.
    Var(VarName),
}

/// Scope word of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VarScope {
    /// `proc.`
    Proc,
    /// `sess.`
    Sess,
    /// `txn.`
    Txn,
    /// `req.`
    Req,
    /// `res.`
    Res,
    /// `check.`
    Check,
}

/// A variable as written, `txn.id`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VarName {
    /// Scope.
    pub scope: VarScope,
    /// Name after the dot.
    pub name: String,
}

/// A keyword with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Fetch or converter name, as in its signature.
    pub name: Box<str>,
    /// Arguments; trailing absent ones are not stored.
    pub args: Vec<Arg>,
}

/// `fetch(args),converter(args),…`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleExpr {
    /// Where the value comes from.
    pub fetch: Call,
    /// What is done to it, in order.
    pub converters: Vec<Call>,
    /// Where it was written.
    pub origin: Span,
}

/// Patterns of an ACL test: written in place or in files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PatternSource {
    /// A pattern on the line.
    Inline(BString),
    /// `-f file`: one pattern a line.
    File(String),
    /// `-M -f file`: a map's keys.
    MapFile(String),
}

/// One `acl` line, or one anonymous test in braces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AclTest {
    /// The ACL or fetch keyword as written, which messages name.
    pub keyword: Box<str>,
    /// What is looked at.
    pub expr: SampleExpr,
    /// How it is compared.
    pub method: Match,
    /// `-i`.
    pub ignore_case: bool,
    /// `-n`: no name resolution of address patterns.
    pub no_dns: bool,
    /// `-u`: unique id for the runtime API.
    pub id: Option<u32>,
    /// The patterns; several match if any does. Empty with `Found` and `Bool`.
    pub patterns: Vec<PatternSource>,
    /// Where it was written.
    pub origin: Span,
}

/// A named ACL: true if any of its tests is (lines of the same name add up).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acl {
    /// Its name; predefined ones (`TRUE`, `LOCALHOST`, …) have their tests filled in by the parser.
    pub name: String,
    /// Its lines.
    pub tests: Vec<AclTest>,
}

/// One word of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term {
    /// A named ACL: index in the proxy's [`Acl`] list.
    Named {
        /// Index in `Proxy::acls`.
        acl: u32,
        /// `!`.
        negated: bool,
    },
    /// `{ … }`.
    Anonymous {
        /// The test.
        test: Box<AclTest>,
        /// `!`.
        negated: bool,
    },
}

/// `if a b or c`: any of several groups, of which all words must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// Groups.
    pub any: Vec<Vec<Term>>,
    /// `unless`.
    pub unless: bool,
    /// Where it was written.
    pub origin: Span,
}

/// A piece of a log-format string. HAProxy configuration manual §8.2.6.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogNode {
    /// Literal text.
    Text(BString),
    /// A blank that separates fields; `+` spaces are folded into one as the original does.
    Separator,
    /// `%[flags]alias`, `%{flags}hdr` …
    Alias {
        /// The letters after `%`.
        alias: Box<str>,
        /// `{+Q,-E…}` in effect at this node.
        flags: LogFlags,
        /// Name given with `%(name)`.
        name: Option<Box<str>>,
    },
    /// `%[expr]`.
    Sample {
        /// The expression.
        expr: Box<SampleExpr>,
        /// Flags in effect at this node.
        flags: LogFlags,
        /// Name given with `%(name)`.
        name: Option<Box<str>>,
    },
}

/// Flags of a log-format node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogFlags {
    /// `Q`: in double quotes.
    pub quote: bool,
    /// `X`: hexadecimal.
    pub hex: bool,
    /// `E`: backslash before `"`, `\` and `]`.
    pub escape: bool,
    /// `M`: every field mandatory, `-` when empty.
    pub mandatory: bool,
    /// `json` (3.0): JSON encoding.
    pub json: bool,
    /// `cbor` (3.0): CBOR encoding.
    pub cbor: bool,
    /// `bin` (3.0): bytes as they are.
    pub bin: bool,
}

/// A parsed log-format string; also the value of every rule argument that the manual calls `<fmt>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFormat {
    /// Its pieces.
    pub nodes: Vec<LogNode>,
    /// Where it was written.
    pub origin: Span,
}

impl LogFormat {
    /// The text, if it has no variable part.
    #[must_use]
    pub fn literal(&self) -> Option<BString> {
        let mut out = BString::default();
        for n in &self.nodes {
            match n {
                LogNode::Text(t) => out.extend_from_slice(t),
                LogNode::Separator => out.push(b' '),
                LogNode::Alias { .. } | LogNode::Sample { .. } => return None,
            }
        }
        Some(out)
    }
}
