//! The rows of every keyword table, in one form: what `coverage` counts and `docs` prints.

use rha_haproxy::{Keyword, proxy, tables};
use rha_vocab::{Lifetime, Support};

use crate::names::Name;

/// One row, whatever table it comes from.
pub struct Row {
    /// Class, context and name as `names-3.5.tsv` has them.
    pub name: Name,
    /// Arguments in the manual's notation.
    pub usage: String,
    /// Versions that know it, `from 2.8`, `before 3.3`; empty for all.
    pub versions: String,
    /// How far it is built.
    pub support: Support,
    /// One sentence.
    pub doc: String,
}

/// All rows, table after table.
pub fn all() -> Vec<Row> {
    let mut rows: Vec<Row> = tables::SECTIONS
        .iter()
        .map(|s| row("cfg", "section", s.name, "", s.lifetime, s.support, s.doc))
        .collect();
    rows.extend(tables::all().flat_map(keyword));
    let bind = proxy::BIND_OPTIONS.iter();
    rows.extend(bind.map(|o| row("cfg", "bind", o.name, o.usage, o.lifetime, o.support, o.doc)));
    let server = proxy::SERVER_OPTIONS.iter();
    rows.extend(server.map(|o| row("cfg", "server", o.name, o.usage, o.lifetime, o.support, o.doc)));
    let listed = proxy::BIND_OPTIONS.iter().filter(|o| proxy::CRT_LIST_OPTIONS.contains(&o.name));
    rows.extend(listed.map(|o| row("cfg", "crt-list", o.name, o.usage, o.lifetime, o.support, o.doc)));
    let load = rha_haproxy::other::LOAD_WORDS.iter();
    rows.extend(
        load.map(|w| row("cfg", "crt-store", w.name, "<value>", w.lifetime, Support::Planned, w.doc)),
    );
    let filters = rha_haproxy::rules::FILTERS.iter();
    rows.extend(filters.map(|f| row("flt", "", f.name, "", f.lifetime, f.support, f.doc)));
    let services = rha_haproxy::rules::SERVICES.iter();
    rows.extend(services.map(|s| row("svc", "", s.name, "", s.lifetime, s.support, s.doc)));
    rows.extend(samples());
    let commands = rha_admin::command::COMMANDS.iter();
    rows.extend(
        commands.map(|c| row("cli", "", &c.words.join(" "), c.usage, Lifetime::ALWAYS, c.support, c.about)),
    );
    let planned = rha_admin::command::PLANNED.iter();
    let unbuilt = "A runtime command of the original that is not built yet.";
    rows.extend(planned.map(|c| row("cli", "", c.name, "", c.lifetime, Support::Planned, unbuilt)));
    rows
}

/// A keyword once per context it stands in.
fn keyword(k: &'static Keyword) -> impl Iterator<Item = Row> {
    tables::contexts(k)
        .map(|(context, name)| row("cfg", context, name, k.usage, k.lifetime, k.support, k.doc))
}

fn samples() -> Vec<Row> {
    let vocab = rha_sample::vocab();
    let fetches = vocab.fetches.iter().map(|f| row("smp", "", f.name, "", f.lifetime, f.support, f.doc));
    let converters =
        vocab.converters.iter().map(|c| row("cnv", "", c.name, "", c.lifetime, c.support, c.doc));
    // an ACL keyword is as good as the fetch behind it
    let acl = |a: &&rha_vocab::AclSig| {
        let fetch = vocab.fetch(a.fetch);
        let support = fetch.map_or(Support::Planned, |f| f.support);
        row("acl", "", a.name, "", a.lifetime, support, &format!("Stands for {}.", a.fetch))
    };
    fetches.chain(converters).chain(vocab.acls.iter().map(acl)).collect()
}

fn row(
    class: &str,
    context: &str,
    name: &str,
    usage: &str,
    life: Lifetime,
    support: Support,
    doc: &str,
) -> Row {
    Row {
        name: Name::new(class, context, name),
        usage: usage.to_string(),
        versions: versions(life),
        support,
        doc: doc.to_string(),
    }
}

fn versions(life: Lifetime) -> String {
    let since = life.since.map(|d| format!("from {d}"));
    let until = life.until.map(|d| format!("before {d}"));
    since.into_iter().chain(until).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_every_table_are_there_and_documented() {
        let rows = all();
        for (class, context, name) in [
            ("cfg", "section", "backend"),
            ("cfg", "proxy", "timeout client"),
            ("cfg", "http-request", "set-header"),
            ("cfg", "bind", "accept-proxy"),
            ("cfg", "server", "check"),
            ("smp", "", "src"),
            ("cnv", "", "lower"),
            ("acl", "", "path_beg"),
            ("cli", "", "show info"),
        ] {
            let wanted = Name::new(class, context, name);
            assert!(rows.iter().any(|r| r.name == wanted), "{wanted:?}");
        }
        for row in &rows {
            assert!(!row.doc.trim().is_empty(), "{:?} has no documentation", row.name);
        }
    }
}
