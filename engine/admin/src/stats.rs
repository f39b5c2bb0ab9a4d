//! `show stat` in its forms, from [`crate::columns`].

use std::fmt::Write as _;

use rha_vocab::Dialect;
use serde_json::{Value, json};

use crate::columns::{COLUMNS, Cell, Column, MODULES, Object};
use crate::view::{Proxy, Snapshot};

/// What to list: `show stat [iid type sid] [up] [no-maint]`.
#[derive(Debug, Clone, Copy)]
pub struct Filter {
    /// Proxy id, -1 for all.
    pub iid: i64,
    /// Bits 1 frontends, 2 backends, 4 servers, 8 listeners; -1 for all.
    pub kinds: i64,
    /// Server or listener id, -1 for all.
    pub sid: i64,
    /// Only what is up.
    pub up: bool,
    /// No servers in maintenance.
    pub no_maint: bool,
}

impl Default for Filter {
    fn default() -> Self {
        Filter { iid: -1, kinds: -1, sid: -1, up: false, no_maint: false }
    }
}

impl Filter {
    fn takes(&self, o: Object<'_>) -> bool {
        let bit = match o {
            Object::Front(..) => 1,
            Object::Back(..) => 2,
            Object::Server(..) => 4,
            Object::Listener(..) => 8,
        };
        if self.kinds & bit == 0 {
            return false;
        }
        match o {
            Object::Server(_, _, s) => {
                let skipped = (self.up && !s.usable) || (self.no_maint && s.status.starts_with("MAINT"));
                !skipped && (self.sid == -1 || self.sid == i64::from(s.sid))
            }
            Object::Listener(_, l) => self.sid == -1 || self.sid == i64::from(l.sid),
            _ => true,
        }
    }
}

/// The objects a filter lets through, in the original's order.
#[must_use]
pub fn objects<'a>(snapshot: &'a Snapshot, filter: &Filter) -> Vec<Object<'a>> {
    let shown = |p: &&Proxy| !p.hidden && (filter.iid == -1 || filter.iid == i64::from(p.iid));
    snapshot.proxies.iter().filter(shown).flat_map(of_proxy).filter(|o| filter.takes(*o)).collect()
}

/// A proxy's objects: frontend, listeners, servers, backend.
fn of_proxy(p: &Proxy) -> Vec<Object<'_>> {
    let mut out = Vec::new();
    if let Some(f) = &p.front {
        out.push(Object::Front(p, f));
        out.extend(f.listeners.iter().map(|l| Object::Listener(p, l)));
    }
    if let Some(b) = &p.back {
        out.extend(b.servers.iter().map(|s| Object::Server(p, b, s)));
        out.push(Object::Back(p, b));
    }
    out
}

fn modules(d: Dialect) -> impl Iterator<Item = &'static Column> {
    MODULES.iter().filter(move |c| c.lifetime.covers(d))
}

fn columns(d: Dialect) -> impl Iterator<Item = &'static Column> {
    COLUMNS.iter().filter(move |c| c.lifetime.covers(d))
}

/// CSV with its header line, a comma after the last field, as `show stat` and `;csv` give it.
#[must_use]
pub fn csv(snapshot: &Snapshot, filter: &Filter, d: Dialect) -> String {
    let mut out = String::from("# ");
    for c in columns(d) {
        let _ = write!(out, "{},", c.name);
    }
    out.push_str("-,");
    for c in modules(d) {
        let _ = write!(out, "{},", c.name);
    }
    out.push('\n');
    for o in objects(snapshot, filter) {
        for c in columns(d) {
            csv_cell(&mut out, c.cell(o, d));
        }
        out.push_str("-,");
        for c in modules(d) {
            csv_cell(&mut out, c.cell(o, d));
        }
        out.push('\n');
    }
    out
}

fn csv_cell(out: &mut String, cell: Option<Cell>) {
    match cell {
        Some(Cell::U32(n) | Cell::U64(n)) => {
            let _ = write!(out, "{n}");
        }
        Some(Cell::S32(n)) => {
            let _ = write!(out, "{n}");
        }
        Some(Cell::Str(s)) => out.push_str(&csv_text(&s)),
        None => {}
    }
    out.push(',');
}

/// COMPAT: quoted only when it holds a comma, a quote or a line end; quotes are doubled.
fn csv_text(s: &str) -> String {
    if s.contains([',', '"', '\n', '\r']) { format!("\"{}\"", s.replace('"', "\"\"")) } else { s.to_owned() }
}

/// `typed`: one line per field that is set.
#[must_use]
pub fn typed(snapshot: &Snapshot, filter: &Filter, d: Dialect) -> String {
    let mut out = String::new();
    for o in objects(snapshot, filter) {
        // COMPAT: the separator of the CSV form has no position here.
        for (pos, c) in columns(d).chain(modules(d)).enumerate() {
            typed_line(&mut out, (o, d), pos, c);
        }
    }
    out
}

fn typed_line(out: &mut String, (o, d): (Object<'_>, Dialect), pos: usize, c: &Column) {
    let Some(cell) = c.cell(o, d) else { return };
    let (kind, value) = typed_value(&cell);
    let (letter, iid, sid, tags) = (o.kind().1, o.proxy().iid, o.sid(), c.tags_for(o, d));
    let _ = writeln!(out, "{letter}.{iid}.{sid}.{pos}.{}.1:{tags}:{kind}:{value}", c.name);
}

fn typed_value(cell: &Cell) -> (&'static str, String) {
    match cell {
        Cell::U32(n) => ("u32", n.to_string()),
        Cell::S32(n) => ("s32", n.to_string()),
        Cell::U64(n) => ("u64", n.to_string()),
        Cell::Str(s) => ("str", s.clone()),
    }
}

/// `json`: an array of objects, each an array of fields.
#[must_use]
pub fn json(snapshot: &Snapshot, filter: &Filter, d: Dialect) -> String {
    let all: Vec<Value> = objects(snapshot, filter)
        .into_iter()
        .map(|o| {
            let fields = columns(d)
                .chain(modules(d))
                .enumerate()
                .filter_map(|(pos, c)| Some(json_field((o, d), pos, c, &c.cell(o, d)?)));
            Value::Array(fields.collect())
        })
        .collect();
    format!("{}\n", Value::Array(all))
}

fn json_field((o, d): (Object<'_>, Dialect), pos: usize, c: &Column, cell: &Cell) -> Value {
    let value = match cell {
        Cell::U32(n) => json!({"type": "u32", "value": n}),
        Cell::S32(n) => json!({"type": "s32", "value": n}),
        Cell::U64(n) => json!({"type": "u64", "value": n}),
        Cell::Str(s) => json!({"type": "str", "value": s}),
    };
    let name = match o {
        Object::Front(..) => "Frontend",
        Object::Back(..) => "Backend",
        Object::Server(..) => "Server",
        Object::Listener(..) => "Listener",
    };
    json!({
        "objType": name,
        "proxyId": o.proxy().iid,
        "id": o.sid(),
        "field": {"pos": pos, "name": c.name},
        "processNum": 1,
        "tags": crate::info::tags_json(c.tags_for(o, d)),
        "value": value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::{Back, Front, Server};

    fn site() -> Snapshot {
        let server = Server {
            name: "s1".into(),
            sid: 1,
            status: "UP".into(),
            usable: true,
            weights: (1, 1, 1),
            ..Server::default()
        };
        Snapshot {
            proxies: vec![
                Proxy {
                    name: "f".into(),
                    iid: 2,
                    mode: "http",
                    front: Some(Front { status: "OPEN", limit: 100, ..Front::default() }),
                    ..Proxy::default()
                },
                Proxy {
                    name: "b,x".into(),
                    iid: 3,
                    mode: "http",
                    back: Some(Back { is_up: true, servers: vec![server], ..Back::default() }),
                    ..Proxy::default()
                },
            ],
            ..Snapshot::default()
        }
    }

    #[test]
    fn csv_has_a_line_per_object_and_quotes_commas() {
        let text = csv(&site(), &Filter::default(), Dialect::V2_6);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 4);
        assert!(lines[0].starts_with("# pxname,svname,qcur,") && lines[0].ends_with("h1_spliced_bytes_out,"));
        assert!(lines[1].starts_with("f,FRONTEND,,,0,0,100,0,"));
        assert!(lines[2].starts_with("\"b,x\",s1,0,0,0,0,,0,"));
        assert!(lines[3].starts_with("\"b,x\",BACKEND,0,0,0,0,0,0,"));
        let fields = lines[0].matches(',').count();
        assert!(lines[1].matches(',').count() == fields);
        assert_eq!(COLUMNS.iter().position(|c| c.name == "agg_check_status"), Some(102));
    }

    #[test]
    fn filters_pick_proxies_and_kinds() {
        let s = site();
        let only = |f: Filter| objects(&s, &f).len();
        assert_eq!(only(Filter { iid: 3, ..Filter::default() }), 2);
        assert_eq!(only(Filter { kinds: 4, ..Filter::default() }), 1);
        assert_eq!(only(Filter { iid: 9, ..Filter::default() }), 0);
    }

    #[test]
    fn typed_and_json_skip_what_is_not_set() {
        let s = site();
        let f = Filter { iid: 2, ..Filter::default() };
        assert!(typed(&s, &f, Dialect::V2_6).starts_with(
            "F.2.0.0.pxname.1:KNS:str:f\nF.2.0.1.svname.1:KNS:str:FRONTEND\nF.2.0.4.scur.1:MGP:u32:0\n"
        ));
        let v: Value = serde_json::from_str(&json(&s, &f, Dialect::V2_6)).unwrap();
        assert_eq!(v[0][0]["field"]["name"], "pxname");
    }
}
