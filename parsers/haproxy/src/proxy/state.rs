//! What proxy sections know of one another while a file is read, and what the checks after the last
//! line need beyond the model.
//!
//! Names are looked up by hash: a file may hold ten thousand proxies.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use rha_ir::{Model, ProxyKind, TcpStep};
use rha_text::Span;

use super::Draft;
use crate::Line;

/// Which way a log format came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormatKind {
    /// `option httplog`.
    Http,
    /// `option httplog clf`.
    HttpClf,
    /// `option tcplog`.
    Tcp,
    /// `option tcplog clf` (3.1).
    TcpClf,
    /// `option httpslog`.
    Https,
    /// `log-format`.
    Written,
}

impl LogFormatKind {
    /// How messages call it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            LogFormatKind::Http => "option httplog",
            LogFormatKind::HttpClf => "option httplog clf",
            LogFormatKind::Tcp => "option tcplog",
            LogFormatKind::TcpClf => "option tcplog clf",
            LogFormatKind::Https => "option httpslog",
            LogFormatKind::Written => "log-format",
        }
    }
}

/// A log format with the line it was set on; it is read only after the last line, as in the original.
#[derive(Debug, Clone)]
pub struct LogFormatUse {
    /// Kind.
    pub kind: LogFormatKind,
    /// The line; word 1 is the format if `kind` is `Written`.
    pub line: Arc<Line>,
}

/// `email-alert` settings.
#[derive(Debug, Clone, Default)]
pub struct EmailAlert {
    /// `from`.
    pub from: Option<String>,
    /// `to`.
    pub to: Option<String>,
    /// `mailers`.
    pub mailers: Option<String>,
    /// Any `email-alert` line was read.
    pub set: bool,
}

/// What checks are configured, as far as the original's warnings tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CheckProtocol {
    /// No `option …chk` at all.
    #[default]
    None,
    /// `option tcp-check`.
    Tcp,
    /// `option httpchk`.
    Http,
    /// Another one built on the TCP check rules.
    Other,
    /// `option external-check`.
    External,
}

/// `stats http-request` and the older authentication words, which exclude each other.
#[derive(Debug, Clone, Copy, Default)]
pub struct StatsFacts {
    /// The settings are still those of the `defaults` section.
    pub inherited: bool,
    /// A `stats http-request` rule was read and the last one had no condition.
    pub last_rule_unconditional: bool,
}

/// The steps of scripted checks that were written.
#[derive(Debug, Clone, Default)]
pub struct CheckSteps {
    /// In order.
    pub steps: Vec<TcpStep>,
    /// They are still those of the `defaults` section; the first own step replaces them all.
    pub inherited: bool,
}

/// Facts of one proxy for the checks after the last line.
#[derive(Debug, Clone, Default)]
pub struct Extra {
    /// `log-format` or what stands for it.
    pub log_format: Option<LogFormatUse>,
    /// `log-format-sd`.
    pub log_format_sd: Option<Arc<Line>>,
    /// `error-log-format`.
    pub error_log_format: Option<Arc<Line>>,
    /// `unique-id-format`.
    pub unique_id_format: Option<Arc<Line>>,
    /// `balance hash <expr>`.
    pub balance_hash: Option<Arc<Line>>,
    /// `balance` names a header, URI or parameter.
    pub balance_needs_http: bool,
    /// `balance` is one of those only log backends have.
    pub balance_needs_log: bool,
    /// Which checks.
    pub check: CheckProtocol,
    /// `tcp-check` and `http-check` steps; the option decides at the section's end which are meant.
    pub steps: [CheckSteps; 2],
    /// `http-check` rules were written before `option httpchk`.
    pub unused_http_checks: bool,
    /// `tcp-check` rules were written without `option tcp-check`.
    pub unused_tcp_checks: bool,
    /// `email-alert`.
    pub email: EmailAlert,
    /// `stats`.
    pub stats: StatsFacts,
    /// `load-server-state-from-file global`.
    pub state_file_global: bool,
    /// `source … usesrc hdr_ip(name)`.
    pub source_header: Option<String>,
    /// Options that need HTTP, in the original's order of checking.
    pub http_options: Vec<&'static str>,
    /// The `defaults` section this one started from.
    pub parent: Option<Arc<Draft>>,
    /// A check step connects over TLS, so that every server needs its settings.
    pub check_over_tls: bool,
    /// `stick-table … write-to <name>`.
    pub table_write_to: Option<String>,
    /// `use-fcgi-app`.
    pub fcgi_app: Option<String>,
    /// `option forwarded`.
    pub forwarded: Option<Arc<Line>>,
    /// `dynamic-cookie-key`.
    pub cookie_key: Option<bstr::BString>,
    /// A backend that may be chosen speaks HTTP, so that what needs HTTP is not useless.
    pub upgrades: bool,
    /// `compression` was configured.
    pub compression: bool,
    /// `disable-on-404` etc. were said to be ignored already.
    pub defaults: Option<usize>,
    /// `stick-table … peers <name>`.
    pub table_peers: Option<String>,
    /// `no option tcp-smart-accept` and the like: options explicitly off.
    pub off: Vec<&'static str>,
    /// `errorfiles` names with the codes taken from them, empty for all, and their lines.
    pub error_sections: Vec<(String, Vec<u16>, Span)>,
}

/// A `defaults` section that was read.
#[derive(Debug)]
pub(super) struct Defaults {
    pub draft: Arc<Draft>,
    pub is_explicit: bool,
    pub is_implicit: bool,
    /// Which kind of proxy already inherits its rules.
    pub rules_side: Option<ProxyKind>,
}

/// Everything proxy sections know of one another.
#[derive(Debug, Default)]
pub struct State {
    frontends: HashMap<String, u32>,
    backends: HashMap<String, u32>,
    ids: HashMap<u32, u32>,
    pub(super) defaults: Vec<Defaults>,
    /// The `defaults` section that following proxies start from.
    pub(super) last_defaults: Option<usize>,
    /// Facts of each proxy of the model, by the same index.
    pub extras: Vec<Extra>,
    /// Names of `peers`, `mailers` and `fcgi-app` sections by the bits of their place; see [`State::declare`].
    pub(crate) sections: HashSet<(u32, String)>,
    /// Globally unique `guid`s.
    pub(super) guids: HashMap<String, String>,
    /// `stick-table`s by name, with who declared them and where.
    pub(super) tables: HashMap<String, (String, Span)>,
}

impl State {
    /// A frontend or listen section by name: index in the model.
    #[must_use]
    pub fn frontend(&self, name: &str) -> Option<usize> {
        self.frontends.get(name).map(|i| *i as usize)
    }

    /// A backend or listen section by name: index in the model.
    #[must_use]
    pub fn backend(&self, name: &str) -> Option<usize> {
        self.backends.get(name).map(|i| *i as usize)
    }

    /// The proxy with an id written in the file.
    #[must_use]
    pub fn with_id(&self, id: u32) -> Option<usize> {
        self.ids.get(&id).map(|i| *i as usize)
    }

    /// Notes a section that proxies refer to by name. The readers of `peers`, `mailers` and `fcgi-app` call it.
    pub fn declare(&mut self, place: crate::Place, name: &str) {
        self.sections.insert((place.0, name.to_owned()));
    }

    /// Whether [`State::declare`] was told of the section.
    #[must_use]
    pub fn is_declared(&self, place: crate::Place, name: &str) -> bool {
        self.sections.contains(&(place.0, name.to_owned()))
    }

    /// Whether a proxy sends its alerts to these mail servers.
    #[must_use]
    pub fn uses_mailers(&self, name: &str) -> bool {
        self.extras.iter().any(|e| e.email.mailers.as_deref() == Some(name))
    }

    /// Whether a stick table of this name was declared so far.
    #[must_use]
    pub fn has_table(&self, name: &str) -> bool {
        self.tables.contains_key(name)
    }

    /// Notes an id written in the file for the proxy that will have `index`.
    pub(super) fn claim_id(&mut self, id: u32, index: usize) {
        self.ids.entry(id).or_insert(u32::try_from(index).unwrap_or(u32::MAX));
    }

    /// Adds a finished proxy to the model and to the lookups.
    pub(super) fn add(&mut self, model: &mut Model, draft: Draft) {
        let index = u32::try_from(model.proxies.len()).unwrap_or(u32::MAX);
        if draft.proxy.kind.is_frontend() {
            self.frontends.entry(draft.proxy.name.clone()).or_insert(index);
        }
        if draft.proxy.kind.is_backend() {
            self.backends.entry(draft.proxy.name.clone()).or_insert(index);
        }
        model.proxies.push(draft.proxy);
        self.extras.push(draft.extra);
    }
}
