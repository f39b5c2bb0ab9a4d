//! All keyword rows in one place: sections, lookup by the words of a line, candidates for "did you mean".

use std::sync::OnceLock;

use bstr::{BStr, ByteSlice};
use hashbrown::HashMap;
use rha_vocab::{Dialect, Lifetime, Support};

use crate::{Keyword, Line, Place, global, other, proxy, rules};

/// A kind of section.
#[derive(Clone, Copy)]
pub struct Section {
    /// Its keyword.
    pub name: &'static str,
    /// Its place.
    pub place: Place,
    /// Versions that know it.
    pub lifetime: Lifetime,
    /// How far it is built.
    pub support: Support,
    /// One sentence in our own words.
    pub doc: &'static str,
    /// Whether an unknown keyword gets a suggestion.
    pub suggests: bool,
    /// Its own wording of "unknown keyword", if it differs.
    pub unknown: Option<fn(&str) -> String>,
    /// Whether that is said with the other spacing.
    pub unknown_is_tight: bool,
}

const PLAIN: Section = Section {
    name: "",
    place: Place::GLOBAL,
    lifetime: Lifetime::ALWAYS,
    support: Support::Planned,
    doc: "",
    suggests: false,
    unknown: None,
    unknown_is_tight: false,
};

/// All sections.
pub const SECTIONS: &[Section] = &[
    Section {
        name: "global",
        place: Place::GLOBAL,
        support: Support::Full,
        doc: "Settings of the process as a whole.",
        suggests: true,
        ..PLAIN
    },
    Section {
        name: "defaults",
        place: Place::DEFAULTS,
        support: Support::Full,
        doc: "What the proxies after it start from.",
        suggests: true,
        ..PLAIN
    },
    Section {
        name: "frontend",
        place: Place::FRONTEND,
        support: Support::Full,
        doc: "Listening sockets and what is done with their traffic.",
        suggests: true,
        ..PLAIN
    },
    Section {
        name: "listen",
        place: Place::LISTEN,
        support: Support::Full,
        doc: "A frontend and a backend in one.",
        suggests: true,
        ..PLAIN
    },
    Section {
        name: "backend",
        place: Place::BACKEND,
        support: Support::Full,
        doc: "Servers that traffic is sent to.",
        suggests: true,
        ..PLAIN
    },
    Section { name: "peers", place: Place::PEERS, doc: "Nodes that share stick tables.", ..PLAIN },
    Section { name: "mailers", place: Place::MAILERS, doc: "Mail servers for alerts.", ..PLAIN },
    Section {
        name: "userlist",
        place: Place::USERLIST,
        support: Support::Full,
        doc: "Users and groups for HTTP authentication.",
        unknown: Some(|w| format!("unknown keyword '{w}' in 'users' section")),
        unknown_is_tight: true,
        ..PLAIN
    },
    Section {
        name: "resolvers",
        place: Place::RESOLVERS,
        doc: "Name servers for run-time resolution.",
        ..PLAIN
    },
    Section { name: "cache", place: Place::CACHE, doc: "A cache of small responses.", ..PLAIN },
    Section {
        name: "ring",
        place: Place::RING,
        doc: "A buffer for log lines, possibly forwarded to servers.",
        unknown: Some(|w| format!("unknown statement '{w}'.")),
        ..PLAIN
    },
    Section {
        name: "log-forward",
        place: Place::LOG_FORWARD,
        doc: "Receives log lines and sends them on.",
        unknown: Some(|w| format!("unknown keyword '{w}' in log-forward section.")),
        ..PLAIN
    },
    Section {
        name: "http-errors",
        place: Place::HTTP_ERRORS,
        doc: "A named set of error pages.",
        support: Support::Full,
        ..PLAIN
    },
    Section {
        name: "fcgi-app",
        place: Place::FCGI_APP,
        doc: "A FastCGI application.",
        unknown: Some(|w| format!("unknown keyword '{w}' in 'fcgi-app' section")),
        unknown_is_tight: true,
        ..PLAIN
    },
    Section {
        name: "crt-store",
        place: Place::CRT_STORE,
        lifetime: Lifetime::since(3, 0),
        doc: "Certificates and their files under names.",
        ..PLAIN
    },
    Section {
        name: "program",
        place: Place::PROGRAM,
        lifetime: Lifetime::until(3, 4),
        doc: "An external program the master starts.",
        ..PLAIN
    },
    Section {
        name: "namespace_list",
        place: Place::NAMESPACE_LIST,
        doc: "Network namespaces to open at start.",
        support: Support::Full,
        ..PLAIN
    },
    Section {
        name: "traces",
        place: Place::TRACES,
        lifetime: Lifetime::since(3, 2),
        doc: "Traces that are switched on at start.",
        ..PLAIN
    },
    Section {
        name: "log-profile",
        place: Place::LOG_PROFILE,
        lifetime: Lifetime::since(3, 2),
        doc: "What is logged at which step, under a name.",
        ..PLAIN
    },
    Section {
        name: "acme",
        place: Place::ACME,
        lifetime: Lifetime::since(3, 2),
        doc: "An account with a certificate authority.",
        ..PLAIN
    },
    Section {
        name: "healthcheck",
        place: Place::HEALTHCHECK,
        lifetime: Lifetime::since(3, 4),
        doc: "A health check under a name.",
        ..PLAIN
    },
];

/// The section a word opens.
#[must_use]
pub fn section(word: &BStr, dialect: Dialect) -> Option<&'static Section> {
    SECTIONS.iter().find(|s| word == s.name && s.lifetime.covers(dialect))
}

/// Every row of every table.
pub fn all() -> impl Iterator<Item = &'static Keyword> {
    [global::KEYWORDS, other::KEYWORDS, proxy::KEYWORDS, rules::KEYWORDS].into_iter().flatten()
}

/// What a lookup found.
pub enum Found {
    /// The row to call.
    Row(&'static Keyword),
    /// Only rows that are not for this section or this version.
    Elsewhere(&'static Keyword),
    /// No row of that name.
    Nothing,
}

struct Entry {
    rows: Vec<&'static Keyword>,
    /// Most words of a name beginning with this name.
    longest: usize,
}

fn index() -> &'static HashMap<&'static [u8], Entry> {
    static INDEX: OnceLock<HashMap<&'static [u8], Entry>> = OnceLock::new();
    INDEX.get_or_init(|| {
        let mut map: HashMap<&'static [u8], Entry> = HashMap::new();
        for row in all() {
            let words = row.name.split(' ').count();
            let first = row.name.split(' ').next().unwrap_or(row.name);
            for name in [first, row.name] {
                let e = map.entry(name.as_bytes()).or_insert_with(|| Entry { rows: Vec::new(), longest: 1 });
                e.longest = e.longest.max(words);
            }
            if let Some(e) = map.get_mut(row.name.as_bytes()) {
                e.rows.push(row);
            }
        }
        map
    })
}

/// The row of the longest name that begins the line and may stand in `place`.
///
/// A row whose name is only the first words of others (`timeout`) takes what none of them matches.
#[must_use]
pub fn find(line: &Line, place: Place, dialect: Dialect) -> Found {
    let index = index();
    let Some(first) = index.get(line.arg(0).as_bytes()) else { return Found::Nothing };
    let mut elsewhere = None;
    if first.longest > 1 {
        let mut name = Vec::with_capacity(64);
        for words in (2..=first.longest.min(line.len())).rev() {
            name.clear();
            for i in 0..words {
                if i > 0 {
                    name.push(b' ');
                }
                name.extend_from_slice(line.arg(i));
            }
            if let Some(row) = index.get(&name[..]).and_then(|e| choose(e, place, dialect, &mut elsewhere)) {
                return Found::Row(row);
            }
        }
    }
    match choose(first, place, dialect, &mut elsewhere) {
        Some(row) => Found::Row(row),
        None => elsewhere.map_or(Found::Nothing, Found::Elsewhere),
    }
}

/// Among the rows of one name, the one for this place. Proxy sections share their keywords, which then
/// complain themselves about a section of the wrong kind.
fn choose(
    entry: &Entry,
    place: Place,
    dialect: Dialect,
    elsewhere: &mut Option<&'static Keyword>,
) -> Option<&'static Keyword> {
    let known = |r: &&&'static Keyword| r.lifetime.covers(dialect);
    let exact = entry.rows.iter().filter(known).find(|r| r.place.meets(place));
    let shared = || {
        let rows = entry.rows.iter().filter(known);
        place.meets(Place::PROXY).then(|| rows.into_iter().find(|r| r.place.meets(Place::PROXY))).flatten()
    };
    let found = exact.or_else(shared).copied();
    if found.is_none() && elsewhere.is_none() {
        *elsewhere = entry.rows.first().copied();
    }
    found
}

/// Keywords of `global` that the original keeps apart from the others and compares last.
const LAST_IN_GLOBAL: &[&str] = &[
    "global",
    "busy-polling",
    "set-dumpable",
    "insecure-fork-wanted",
    "insecure-setuid-wanted",
    "nosplice",
    "nogetaddrinfo",
    "noreuseport",
    "uid",
    "gid",
    "external-check",
    "user",
    "group",
    "maxconn",
    "ssl-server-verify",
    "maxconnrate",
    "maxsessrate",
    "maxsslrate",
    "maxcomprate",
    "maxpipes",
    "maxzlibmem",
    "maxcompcpuusage",
    "ulimit-n",
    "description",
    "node",
    "unix-bind",
    "log",
    "log-send-hostname",
    "server-state-base",
    "server-state-file",
    "log-tag",
    "spread-checks",
    "max-spread-checks",
    "cpu-map",
    "strict-limits",
    "numa-cpu-mapping",
    "defaults",
    "listen",
    "frontend",
    "backend",
    "peers",
    "resolvers",
    "cluster-secret",
];

/// The same in proxy sections.
const LAST_IN_PROXIES: &[&str] = &[
    "listen",
    "frontend",
    "backend",
    "defaults",
    "server",
    "default-server",
    "server-template",
    "bind",
    "monitor-net",
    "monitor-uri",
    "mode",
    "id",
    "description",
    "disabled",
    "enabled",
    "acl",
    "dynamic-cookie-key",
    "cookie",
    "email-alert",
    "persist",
    "appsession",
    "load-server-state-from-file",
    "server-state-file-name",
    "max-session-srv-conns",
    "capture",
    "retries",
    "http-request",
    "http-response",
    "http-after-response",
    "http-send-name-header",
    "block",
    "redirect",
    "use_backend",
    "use-server",
    "force-persist",
    "ignore-persist",
    "stick-table",
    "stick",
    "stats",
    "option",
    "default_backend",
    "http-reuse",
    "monitor",
    "transparent",
    "maxconn",
    "backlog",
    "fullconn",
    "dispatch",
    "balance",
    "hash-type",
    "hash-balance-factor",
    "unique-id-format",
    "unique-id-header",
    "log-format",
    "log-format-sd",
    "log-tag",
    "log",
    "source",
    "usesrc",
    "error-log-format",
];

/// Sections, with the name that lists of keywords give to what stands in them.
pub const CONTEXTS: &[(Place, &str)] = &[
    (Place::GLOBAL, "global"),
    (Place::PROXY, "proxy"),
    (Place::PEERS, "peers"),
    (Place::MAILERS, "mailers"),
    (Place::USERLIST, "userlist"),
    (Place::RESOLVERS, "resolvers"),
    (Place::CACHE, "cache"),
    (Place::RING, "ring"),
    (Place::LOG_FORWARD, "log-forward"),
    (Place::HTTP_ERRORS, "http-errors"),
    (Place::FCGI_APP, "fcgi-app"),
    (Place::CRT_STORE, "crt-store"),
    (Place::PROGRAM, "program"),
    (Place::TRACES, "traces"),
    (Place::LOG_PROFILE, "log-profile"),
    (Place::ACME, "acme"),
    (Place::HEALTHCHECK, "healthcheck"),
    (Place::NAMESPACE_LIST, "namespace_list"),
    (Place::OUTSIDE, "outside"),
];

/// Rule sets, whose actions are names in a context of their own.
pub const RULE_SETS: &[&str] = &[
    "http-request",
    "http-response",
    "http-after-response",
    "tcp-request connection",
    "tcp-request session",
    "tcp-request content",
    "tcp-response content",
    "quic-initial",
];

/// The contexts a row stands in, each with its name there: an action in its rule set, any other keyword in
/// every kind of section that knows it.
pub fn contexts(row: &'static Keyword) -> impl Iterator<Item = (&'static str, &'static str)> {
    let action = |set: &'static &str| Some((*set, row.name.strip_prefix(set)?.strip_prefix(' ')?));
    let action = RULE_SETS.iter().find_map(action);
    let sections = CONTEXTS.iter().filter(move |(place, _)| action.is_none() && place.meets(row.place));
    action.into_iter().chain(sections.map(|(_, context)| (*context, row.name)))
}

/// Words that the original considers for "did you mean" in a section, in its order: of two equally near
/// ones, the first is suggested.
pub fn candidates(place: Place, dialect: Dialect) -> impl Iterator<Item = &'static str> {
    let in_proxy = place.meets(Place::PROXY);
    let place = if in_proxy { Place::PROXY } else { place };
    let [global, proxies] = first_words();
    let (words, last) = if in_proxy { (proxies, LAST_IN_PROXIES) } else { (global, LAST_IN_GLOBAL) };
    let mut before = "";
    let rows = words
        .iter()
        .filter(move |(r, _)| r.place.meets(place) && r.lifetime.covers(dialect))
        .map(|(_, w)| *w)
        // the rows of `http-request` and the like stand together
        .filter(move |w| *w != std::mem::replace(&mut before, w));
    rows.chain(last.iter().copied())
}

/// Rows with their first words, those that are compared last left out: for `global`, for proxies.
fn first_words() -> &'static [Vec<(&'static Keyword, &'static str)>; 2] {
    static WORDS: OnceLock<[Vec<(&'static Keyword, &'static str)>; 2]> = OnceLock::new();
    WORDS.get_or_init(|| {
        [LAST_IN_GLOBAL, LAST_IN_PROXIES].map(|last| {
            let words = all().map(|r| (r, r.name.split(' ').next().unwrap_or(r.name)));
            words.filter(|(_, w)| !last.contains(w)).collect()
        })
    })
}

/// Where a keyword may stand, for the help under "unknown keyword".
#[must_use]
pub fn where_instead(row: &Keyword, place: Place, dialect: Dialect) -> String {
    if let Some(since) = row.lifetime.since.filter(|s| dialect < *s) {
        return format!("'{}' exists since version {since}; this file is read as for {dialect}", row.name);
    }
    if let Some(until) = row.lifetime.until.filter(|u| dialect >= *u) {
        return format!("'{}' no longer exists in version {until} and later", row.name);
    }
    let names: Vec<&str> = SECTIONS
        .iter()
        .filter(|s| s.place.meets(row.place) && !s.place.meets(place))
        .map(|s| s.name)
        .collect();
    format!("'{}' belongs to {}", row.name, names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_per_place_and_time() {
        let rows: Vec<_> = all().collect();
        let mut by_name: HashMap<&str, Vec<&Keyword>> = HashMap::new();
        for r in &rows {
            let same = by_name.entry(r.name).or_default();
            for o in same.iter() {
                let together = Dialect::ALL.iter().any(|d| o.lifetime.covers(*d) && r.lifetime.covers(*d));
                assert!(!(o.place.meets(r.place) && together), "two rows for '{}'", r.name);
            }
            same.push(r);
        }
    }

    #[test]
    fn every_row_is_documented() {
        for r in all() {
            assert!(r.doc.ends_with('.') && r.doc.len() > 5, "'{}' has no documentation", r.name);
            assert!(!r.name.contains("  ") && r.name.trim() == r.name, "'{}' is spelled oddly", r.name);
        }
        for s in SECTIONS {
            assert!(s.doc.ends_with('.'), "{}", s.name);
        }
    }

    #[test]
    fn the_longest_name_wins() {
        let word = |t: &str| crate::Word {
            text: t.into(),
            span: rha_text::Span::default(),
            expanded: false,
            quoted: false,
        };
        let line =
            |t: &str| Line { words: t.split(' ').map(word).collect(), span: rha_text::Span::default() };
        for (text, want) in [("stats socket /x", "stats socket"), ("maxconn 5", "maxconn")] {
            let Found::Row(row) = find(&line(text), Place::GLOBAL, Dialect::V3_0) else { panic!("{text}") };
            assert_eq!(row.name, want);
        }
        assert!(matches!(find(&line("zzz"), Place::GLOBAL, Dialect::V3_0), Found::Nothing));
    }
}
