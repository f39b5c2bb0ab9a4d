//! Commands of the original that are not built yet: known by name, answered honestly.
//!
//! Names and versions as `-dKcli` of the original lists them. A row that gets a function moves to
//! [`super::COMMANDS`].

use rha_vocab::Lifetime;

/// A command that is known by its name only.
#[derive(Debug)]
pub struct Planned {
    /// Its first words.
    pub name: &'static str,
    /// Versions that know it.
    pub lifetime: Lifetime,
}

const fn row(name: &'static str, lifetime: Lifetime) -> Planned {
    Planned { name, lifetime }
}

/// All of them, by name.
pub const PLANNED: &[Planned] = &[
    row("abort ssl ca-file", Lifetime::ALWAYS),
    row("abort ssl cert", Lifetime::ALWAYS),
    row("abort ssl crl-file", Lifetime::ALWAYS),
    row("acme challenge_ready", Lifetime::since(3, 5)),
    row("acme renew", Lifetime::since(3, 5)),
    row("acme status", Lifetime::since(3, 5)),
    row("add acl", Lifetime::ALWAYS),
    row("add backend", Lifetime::since(3, 5)),
    row("add map", Lifetime::ALWAYS),
    row("add server", Lifetime::ALWAYS),
    row("add ssl ca-file", Lifetime::since(3, 0)),
    row("add ssl crt-list", Lifetime::ALWAYS),
    row("add ssl jwt", Lifetime::since(3, 5)),
    row("clear acl", Lifetime::ALWAYS),
    row("clear map", Lifetime::ALWAYS),
    row("clear table", Lifetime::ALWAYS),
    row("commit acl", Lifetime::ALWAYS),
    row("commit map", Lifetime::ALWAYS),
    row("commit ssl ca-file", Lifetime::ALWAYS),
    row("commit ssl cert", Lifetime::ALWAYS),
    row("commit ssl crl-file", Lifetime::ALWAYS),
    row("debug counters", Lifetime::since(3, 0)),
    row("debug dev abort", Lifetime::since(3, 5)),
    row("debug dev bug", Lifetime::ALWAYS),
    row("debug dev check", Lifetime::ALWAYS),
    row("debug dev close", Lifetime::ALWAYS),
    row("debug dev deadlock", Lifetime::since(3, 0)),
    row("debug dev delay", Lifetime::ALWAYS),
    row("debug dev exit", Lifetime::ALWAYS),
    row("debug dev fd", Lifetime::ALWAYS),
    row("debug dev hash", Lifetime::since(3, 0)),
    row("debug dev hex", Lifetime::ALWAYS),
    row("debug dev log", Lifetime::ALWAYS),
    row("debug dev loop", Lifetime::ALWAYS),
    row("debug dev panic", Lifetime::ALWAYS),
    row("debug dev sched", Lifetime::ALWAYS),
    row("debug dev stream", Lifetime::ALWAYS),
    row("debug dev sym", Lifetime::ALWAYS),
    row("debug dev task", Lifetime::since(3, 0)),
    row("debug dev tkill", Lifetime::ALWAYS),
    row("debug dev warn", Lifetime::ALWAYS),
    row("debug dev write", Lifetime::ALWAYS),
    row("del acl", Lifetime::ALWAYS),
    row("del backend", Lifetime::since(3, 5)),
    row("del map", Lifetime::ALWAYS),
    row("del server", Lifetime::ALWAYS),
    row("del ssl ca-file", Lifetime::ALWAYS),
    row("del ssl cert", Lifetime::ALWAYS),
    row("del ssl crl-file", Lifetime::ALWAYS),
    row("del ssl crt-list", Lifetime::ALWAYS),
    row("del ssl jwt", Lifetime::since(3, 5)),
    row("disable dynamic-cookie backend", Lifetime::ALWAYS),
    row("dump ssl cert", Lifetime::since(3, 5)),
    row("dump stats-file", Lifetime::since(3, 0)),
    row("echo", Lifetime::since(3, 5)),
    row("enable dynamic-cookie backend", Lifetime::ALWAYS),
    row("get acl", Lifetime::ALWAYS),
    row("get map", Lifetime::ALWAYS),
    row("httpclient", Lifetime::ALWAYS),
    row("new ssl ca-file", Lifetime::ALWAYS),
    row("new ssl cert", Lifetime::ALWAYS),
    row("new ssl crl-file", Lifetime::ALWAYS),
    row("prepare acl", Lifetime::ALWAYS),
    row("prepare map", Lifetime::ALWAYS),
    row("publish backend", Lifetime::since(3, 5)),
    row("set dynamic-cookie-key backend", Lifetime::ALWAYS),
    row("set map", Lifetime::ALWAYS),
    row("set profiling", Lifetime::ALWAYS),
    row("set ssl ca-file", Lifetime::ALWAYS),
    row("set ssl cert", Lifetime::ALWAYS),
    row("set ssl crl-file", Lifetime::ALWAYS),
    row("set ssl ocsp-response", Lifetime::ALWAYS),
    row("set ssl tls-key", Lifetime::ALWAYS),
    row("set table", Lifetime::ALWAYS),
    row("show acl", Lifetime::ALWAYS),
    row("show activity", Lifetime::ALWAYS),
    row("show cache", Lifetime::ALWAYS),
    row("show default-server", Lifetime::since(3, 5)),
    row("show defaults", Lifetime::since(3, 5)),
    row("show dev", Lifetime::since(3, 0)),
    row("show events", Lifetime::ALWAYS),
    row("show fd", Lifetime::ALWAYS),
    row("show libs", Lifetime::ALWAYS),
    row("show map", Lifetime::ALWAYS),
    row("show peers", Lifetime::ALWAYS),
    row("show pools", Lifetime::ALWAYS),
    row("show profiling", Lifetime::ALWAYS),
    row("show quic", Lifetime::ALWAYS),
    row("show resolvers", Lifetime::ALWAYS),
    row("show schema json", Lifetime::ALWAYS),
    row("show ssl ca-file", Lifetime::ALWAYS),
    row("show ssl cert", Lifetime::ALWAYS),
    row("show ssl crl-file", Lifetime::ALWAYS),
    row("show ssl crt-list", Lifetime::ALWAYS),
    row("show ssl jwt", Lifetime::since(3, 5)),
    row("show ssl ocsp-response", Lifetime::ALWAYS),
    row("show ssl ocsp-updates", Lifetime::since(3, 0)),
    row("show ssl providers", Lifetime::ALWAYS),
    row("show ssl sni", Lifetime::since(3, 5)),
    row("show table", Lifetime::ALWAYS),
    row("show tasks", Lifetime::ALWAYS),
    row("show threads", Lifetime::ALWAYS),
    row("show tls-keys", Lifetime::ALWAYS),
    row("show trace", Lifetime::ALWAYS),
    row("trace", Lifetime::ALWAYS),
    row("unpublish backend", Lifetime::since(3, 5)),
    row("update ssl ocsp-response", Lifetime::since(3, 0)),
];

/// The row that a line begins with.
#[must_use]
pub fn find(words: &[String], d: rha_vocab::Dialect) -> Option<&'static Planned> {
    let begins = |p: &&Planned| {
        let n = p.name.split(' ').count();
        n <= words.len() && p.name.split(' ').zip(words).all(|(a, b)| a == b)
    };
    PLANNED.iter().filter(|p| p.lifetime.covers(d)).find(begins)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{COMMANDS, words};

    #[test]
    fn no_command_is_both_built_and_planned() {
        for p in PLANNED {
            assert!(COMMANDS.iter().all(|c| c.words.join(" ") != p.name), "{}", p.name);
        }
        assert!(find(&words("show table t"), rha_vocab::Dialect::V2_6).is_some());
        assert!(find(&words("show nonsense"), rha_vocab::Dialect::V3_0).is_none());
    }
}
