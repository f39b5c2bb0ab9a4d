//! Proxy sections: `defaults`, `frontend`, `listen`, `backend`.
//!
//! ```text
//! begin(line) ──▶ Draft, a copy of its defaults ──rows of KEYWORDS──▶ end() ──▶ Model::proxies
//!                                                        finish(): the checks across proxies
//! ```
//! The original looks a proxy keyword up without regard to which of the four sections it stands in and
//! lets the keyword complain; so does this table: in any of the four, every row whose place meets
//! [`Place::PROXY`] is to be called.
//!
//! HAProxy configuration manual §4. What is wrong with a line is said by the row's function, in the
//! original's words; nothing here stops at the first error.

pub mod address;
mod balance;
mod basics;
mod bind;
mod bind_options;
mod capture;
mod check_options;
mod checks;
mod compression;
mod cookie;
mod crt_list;
mod errors;
mod finish;
mod finish_http;
mod finish_servers;
mod logs;
mod newer;
mod options;
mod removed;
mod rows;
mod section;
mod server;
mod server_options;
mod source;
mod state;
mod stats;
mod stick_table;
mod timeouts;
mod tls_options;

use rha_ir::{Proxy, ProxyKind, Server};
use rha_text::Span;

use crate::{Cx, Keyword, Line, Place};

pub use bind::parse as parse_bind;
pub(crate) use bind::{parse_options as parse_bind_options, unknown_option as unknown_bind_option};
pub use bind_options::{BindOption, CRT_LIST as CRT_LIST_OPTIONS, OPTIONS as BIND_OPTIONS};
pub(crate) use errors::well_formed as error_page_is_well_formed;
pub use finish::finish;
pub use section::{begin, end};
pub(crate) use server::{
    default_server as parse_default_server, read as parse_server, read_options as parse_server_options,
};
pub use server_options::{OPTIONS as SERVER_OPTIONS, ServerOption};
pub use state::{Extra, LogFormatKind, LogFormatUse, State};
pub use stick_table::check as check_stick_table;

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
    /// What the checks after the last line need and the model does not keep.
    pub extra: Extra,
}

impl Draft {
    /// An empty section.
    #[must_use]
    pub fn new(name: &str, kind: ProxyKind, is_defaults: bool, origin: Span) -> Self {
        Draft {
            proxy: Proxy::new(name, kind, origin),
            is_defaults,
            is_named: !name.is_empty(),
            default_server: Server::new("", rha_ir::Address::Other(String::new()), origin),
            extra: Extra::default(),
        }
    }

    /// Whether it can have listeners (a `defaults` section can).
    #[must_use]
    pub fn is_frontend(&self) -> bool {
        self.is_defaults || self.proxy.kind.is_frontend()
    }

    /// Whether it can have servers (a `defaults` section can).
    #[must_use]
    pub fn is_backend(&self) -> bool {
        self.is_defaults || self.proxy.kind.is_backend()
    }

    /// Its section's word in messages; `listen` is called a proxy.
    #[must_use]
    pub fn word(&self) -> &'static str {
        if self.is_defaults { "defaults" } else { word(self.proxy.kind) }
    }
}

/// A section's word in messages; `listen` is called a proxy.
#[must_use]
pub fn word(kind: ProxyKind) -> &'static str {
    match kind {
        ProxyKind::Frontend => "frontend",
        ProxyKind::Backend => "backend",
        ProxyKind::Listen => "proxy",
    }
}

const PARTS: &[&[Keyword]] = &[
    basics::KEYWORDS,
    timeouts::KEYWORDS,
    balance::KEYWORDS,
    cookie::KEYWORDS,
    bind::KEYWORDS,
    server::KEYWORDS,
    options::KEYWORDS,
    check_options::KEYWORDS,
    checks::KEYWORDS,
    logs::KEYWORDS,
    errors::KEYWORDS,
    capture::KEYWORDS,
    compression::KEYWORDS,
    stats::KEYWORDS,
    stick_table::KEYWORDS,
    source::KEYWORDS,
    removed::KEYWORDS,
];

const COUNT: usize = rows::count(PARTS);
static ALL: [Keyword; COUNT] = rows::concat::<COUNT>(PARTS);

/// All rows of proxy sections.
pub static KEYWORDS: &[Keyword] = &ALL;

/// Says that a line belongs to no section, because the section line before it was wrong.
pub fn orphan(cx: &mut Cx<'_>, line: &Line) {
    cx.error("HA2102", line, 0, "'listen' or 'defaults' expected.");
}

/// The draft of the section being read; says the original's error when there is none, because the
/// section line was wrong.
pub fn draft<'c>(cx: &'c mut Cx<'_>, line: &Line) -> Option<&'c mut Draft> {
    if cx.draft.is_none() {
        orphan(cx, line);
    }
    cx.draft.as_mut()
}

/// `'x' ignored because backend 'b' has no frontend capability.`; whether it was said.
pub fn warn_unless(cx: &mut Cx<'_>, line: &Line, side: Place, keyword: &str, hint: &str) -> bool {
    let Some(d) = cx.draft.as_ref() else { return false };
    let front = side.meets(Place::FRONTEND) && d.is_frontend();
    let back = side.meets(Place::BACKEND) && d.is_backend();
    if front || back {
        return false;
    }
    let missing = if side.meets(Place::FRONTEND) { "no frontend" } else { "no backend" };
    let text = format!(
        "'{keyword}' ignored because {} '{}' has {missing} capability.{hint}",
        d.word(),
        d.proxy.name
    );
    cx.warning("HA2103", line, 0, text);
    true
}

/// `'x' not allowed in 'defaults' section.`; whether it was said.
pub fn not_in_defaults(cx: &mut Cx<'_>, line: &Line, tight: bool) -> bool {
    let Some(d) = cx.draft.as_ref() else { return false };
    if !d.is_defaults {
        return false;
    }
    let text = format!("'{}' not allowed in 'defaults' section.", line.text(0));
    if tight {
        cx.error_tight("HA2104", line, 0, text);
    } else {
        cx.error("HA2104", line, 0, text);
    }
    true
}

/// Says that there are more than `max` words after the keyword of `index + 1` words; whether it was said.
pub fn too_many(cx: &mut Cx<'_>, line: &Line, max: usize, index: usize) -> bool {
    let at = index + max + 1;
    if line.arg(at).is_empty() {
        return false;
    }
    let keyword: Vec<String> = (0..=index).map(|i| line.text(i)).collect();
    let text = format!("'{}' cannot handle unexpected argument '{}'.", keyword.join(" "), line.text(at));
    cx.error("HA2106", line, at, text);
    true
}

/// The first byte that names of proxies and servers may not have; 0 stands for an empty name.
#[must_use]
pub fn invalid_char(name: &[u8]) -> Option<u8> {
    if name.is_empty() {
        return Some(0);
    }
    name.iter().copied().find(|b| !b.is_ascii_alphanumeric() && !b".:_-".contains(b))
}
