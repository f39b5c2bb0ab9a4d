//! Shapes of the rows for sample fetches, converters and ACL keywords.
//!
//! The rows stand in `engine/sample`, each beside the function that evaluates it; `bin` hands the
//! signatures to the HAProxy parser as a [`SampleVocab`], so that one row serves both.

use crate::{Lifetime, Support};

/// Type of a sample value, HAProxy configuration manual §7.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SampleType {
    /// Any of them (converter input), or not known before evaluation.
    Any,
    /// As the input (converter output).
    Same,
    /// Boolean.
    Bool,
    /// 64-bit signed integer.
    Sint,
    /// IPv4 or IPv6.
    Addr,
    /// IPv4 address.
    Ipv4,
    /// IPv6 address.
    Ipv6,
    /// Characters.
    Str,
    /// Bytes.
    Bin,
    /// HTTP method.
    Meth,
}

impl SampleType {
    /// The word the `-dK` dump and messages use.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            SampleType::Any => "any",
            SampleType::Same => "same",
            SampleType::Bool => "bool",
            SampleType::Sint => "sint",
            SampleType::Addr => "addr",
            SampleType::Ipv4 => "ipv4",
            SampleType::Ipv6 => "ipv6",
            SampleType::Str => "str",
            SampleType::Bin => "bin",
            SampleType::Meth => "meth",
        }
    }
}

/// What an argument must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ArgKind {
    /// Signed integer.
    Sint,
    /// String.
    Str,
    /// One of a set of words.
    Id,
    /// IPv4 address.
    Ipv4,
    /// IPv4 mask, dotted or as a prefix length.
    Msk4,
    /// IPv6 address.
    Ipv6,
    /// IPv6 mask.
    Msk6,
    /// Delay, milliseconds by default.
    Time,
    /// Size, bytes by default.
    Size,
    /// Name of a frontend.
    Frontend,
    /// Name of a backend.
    Backend,
    /// Name of a stick table.
    Table,
    /// `server` or `backend/server`.
    Server,
    /// Name of a user list.
    UserList,
    /// File of a map.
    Map,
    /// Regular expression.
    Regex,
    /// Variable name with its scope.
    Var,
    /// Protocol buffers field number path.
    PbufFnum,
    /// Anything; checked by the keyword itself.
    Other,
}

/// Which arguments a fetch or converter takes: `kinds`, the first `mandatory` of them required.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArgShape {
    /// Number of required arguments.
    pub mandatory: u8,
    /// Kinds in order; more arguments than kinds are an error.
    pub kinds: &'static [ArgKind],
}

impl ArgShape {
    /// No arguments.
    pub const NONE: ArgShape = ArgShape { mandatory: 0, kinds: &[] };

    /// Whether any argument may be given.
    #[must_use]
    pub const fn takes_any(self) -> bool {
        !self.kinds.is_empty()
    }
}

/// What a fetch needs to see, as a set; bit positions follow the sources HAProxy 3.0 dumps.
///
/// The 22 checkpoints of the `-dKsmp` table are derived from it (a checkpoint is a set of sources that
/// are available there), as is the message "sample fetch … may not be reliably used here".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs(pub u32);

impl Needs {
    /// Constants, known when the file is read.
    pub const CONST: Needs = Needs(1);
    /// Process-wide facts.
    pub const INTERNAL: Needs = Needs(1 << 1);
    /// The listener.
    pub const LISTENER: Needs = Needs(1 << 2);
    /// The frontend.
    pub const FRONTEND: Needs = Needs(1 << 3);
    /// Layer 4 facts of the client connection.
    pub const L4_CLIENT: Needs = Needs(1 << 4);
    /// Layer 5 facts of the client connection (TLS, PROXY protocol).
    pub const L5_CLIENT: Needs = Needs(1 << 5);
    /// Tracked counters.
    pub const TRACK: Needs = Needs(1 << 6);
    /// Raw request bytes.
    pub const L6_REQUEST: Needs = Needs(1 << 7);
    /// Request headers, volatile.
    pub const HTTP_REQUEST_HEADERS: Needs = Needs(1 << 8);
    /// Request facts that persist (method).
    pub const HTTP_REQUEST_LINE: Needs = Needs(1 << 9);
    /// Request body.
    pub const HTTP_REQUEST_BODY: Needs = Needs(1 << 10);
    /// The backend.
    pub const BACKEND: Needs = Needs(1 << 11);
    /// The chosen server.
    pub const SERVER: Needs = Needs(1 << 12);
    /// Layer 4 facts of the server connection.
    pub const L4_SERVER: Needs = Needs(1 << 13);
    /// Layer 5 facts of the server connection.
    pub const L5_SERVER: Needs = Needs(1 << 14);
    /// Raw response bytes.
    pub const L6_RESPONSE: Needs = Needs(1 << 15);
    /// Response headers, volatile.
    pub const HTTP_RESPONSE_HEADERS: Needs = Needs(1 << 16);
    /// Response facts that persist (status).
    pub const HTTP_RESPONSE_LINE: Needs = Needs(1 << 17);
    /// Response body.
    pub const HTTP_RESPONSE_BODY: Needs = Needs(1 << 18);
    /// Final request facts (byte counts).
    pub const REQUEST_END: Needs = Needs(1 << 19);
    /// Final response facts.
    pub const RESPONSE_END: Needs = Needs(1 << 20);
    /// Final transaction facts.
    pub const TRANSACTION_END: Needs = Needs(1 << 21);
    /// Final stream facts.
    pub const STREAM_END: Needs = Needs(1 << 22);
    /// No source of its own: visible from the server connection to the log line, as what a cache says of
    /// a response is.
    pub const RESPONSE_SIDE: Needs = Needs(1 << 23);

    /// Union.
    #[must_use]
    pub const fn and(self, other: Needs) -> Needs {
        Needs(self.0 | other.0)
    }

    /// Whether the two share a source.
    #[must_use]
    pub const fn meets(self, other: Needs) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether an HTTP message is needed, which makes a TCP proxy warn.
    #[must_use]
    pub const fn http(self) -> bool {
        self.0 & (0b111 << 8 | 0b111 << 16) != 0
    }
}

/// How an ACL compares, the `-m` flag: HAProxy configuration manual §7.1.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Match {
    /// `found`: only that there is a sample.
    Found,
    /// `bool`.
    Bool,
    /// `int`, with operators and ranges.
    Int,
    /// `ip`, with masks.
    Ip,
    /// `bin`, hexadecimal.
    Bin,
    /// `len`.
    Len,
    /// `str`, exact.
    Str,
    /// `beg`, prefix.
    Beg,
    /// `end`, suffix.
    End,
    /// `sub`, anywhere.
    Sub,
    /// `dir`, between slashes.
    Dir,
    /// `dom`, between dots.
    Dom,
    /// `reg`, regular expression.
    Reg,
}

impl Match {
    /// All of them with their words.
    pub const ALL: [(Match, &'static str); 13] = [
        (Match::Found, "found"),
        (Match::Bool, "bool"),
        (Match::Int, "int"),
        (Match::Ip, "ip"),
        (Match::Bin, "bin"),
        (Match::Len, "len"),
        (Match::Str, "str"),
        (Match::Beg, "beg"),
        (Match::Sub, "sub"),
        (Match::Dir, "dir"),
        (Match::Dom, "dom"),
        (Match::End, "end"),
        (Match::Reg, "reg"),
    ];

    /// Reads the word after `-m`.
    #[must_use]
    pub fn parse(word: &[u8]) -> Option<Match> {
        Self::ALL.iter().find(|(_, w)| w.as_bytes() == word).map(|(m, _)| *m)
    }
}

/// A sample fetch method.
#[derive(Debug, Clone, Copy)]
pub struct FetchSig {
    /// Name.
    pub name: &'static str,
    /// Arguments.
    pub args: ArgShape,
    /// Type it gives.
    pub output: SampleType,
    /// What it must see.
    pub needs: Needs,
    /// Versions that know it.
    pub lifetime: Lifetime,
    /// How far it is built.
    pub support: Support,
    /// One sentence in our own words.
    pub doc: &'static str,
}

/// A converter.
#[derive(Debug, Clone, Copy)]
pub struct ConverterSig {
    /// Name.
    pub name: &'static str,
    /// Arguments.
    pub args: ArgShape,
    /// Type it takes.
    pub input: SampleType,
    /// Type it gives.
    pub output: SampleType,
    /// Versions that know it.
    pub lifetime: Lifetime,
    /// How far it is built.
    pub support: Support,
    /// One sentence in our own words.
    pub doc: &'static str,
}

/// An ACL keyword: a fetch with a default way of matching (`path_beg` is `path -m beg`).
#[derive(Debug, Clone, Copy)]
pub struct AclSig {
    /// Name.
    pub name: &'static str,
    /// The fetch it stands for.
    pub fetch: &'static str,
    /// How it matches unless `-m` says otherwise.
    pub method: Match,
    /// Versions that know it.
    pub lifetime: Lifetime,
}

/// What the parser is told about expressions.
#[derive(Debug, Clone, Copy)]
pub struct SampleVocab<'a> {
    /// All fetches, sorted by name.
    pub fetches: &'a [&'a FetchSig],
    /// All converters, sorted by name.
    pub converters: &'a [&'a ConverterSig],
    /// All ACL keywords, sorted by name.
    pub acls: &'a [&'a AclSig],
}

impl<'a> SampleVocab<'a> {
    /// A fetch by its name.
    #[must_use]
    pub fn fetch(&self, name: &str) -> Option<&'a FetchSig> {
        self.fetches.binary_search_by(|f| f.name.cmp(name)).ok().map(|i| self.fetches[i])
    }

    /// A converter by its name.
    #[must_use]
    pub fn converter(&self, name: &str) -> Option<&'a ConverterSig> {
        self.converters.binary_search_by(|f| f.name.cmp(name)).ok().map(|i| self.converters[i])
    }

    /// An ACL keyword by its name.
    #[must_use]
    pub fn acl(&self, name: &str) -> Option<&'a AclSig> {
        self.acls.binary_search_by(|f| f.name.cmp(name)).ok().map(|i| self.acls[i])
    }
}
