//! Every line of `fixtures/haproxy/lines/*.tsv` gets the exit code and the messages the original gave it,
//! and every keyword row has a line that is taken and a line that is not.

#![allow(clippy::expect_used, reason = "a test")]

mod fixture;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use rha_haproxy::{Input, expr, other, parse, proxy, rules, tables};
use rha_text::render::haproxy::{Speaker, Stream};
use rha_text::{Env, MemoryFiles};
use rha_vocab::{Dialect, Lifetime};

/// Our verdict on a line, in the form of the tables.
fn ours(dialect: Dialect, version: &str, place: &str, line: &str, files: &MemoryFiles) -> String {
    let mut files = files.clone();
    files.0.insert(fixture::FILE.to_owned(), fixture::configuration(place, line).into_bytes());
    files.0.extend(fixture::crt_list(place, line));
    let resolve = |name: &str, _: Option<u8>| -> Option<IpAddr> {
        (name == "localhost").then_some(IpAddr::from([127, 0, 0, 1]))
    };
    let mut env = Env::from_pairs(fixture::ENVIRONMENT);
    env.preset(b"HAPROXY_LOCALPEER", fixture::LOCAL_PEER.as_bytes());
    let input = Input {
        paths: &[fixture::FILE.to_owned()],
        files: &files,
        env,
        dialect,
        samples: rha_sample::vocab_for(dialect),
        ignore_resolution: true,
        resolve: &resolve,
        descriptor: &rha_haproxy::any_descriptor,
        diag: false,
        version: version.to_owned(),
    };
    let parsed = parse(&input);
    let mut stream =
        Stream::new(Speaker { version: version.to_owned(), executable: "haproxy".to_owned(), pid: 1 });
    let said: String = parsed.diagnostics.iter().map(|d| stream.diagnostic(d)).collect();
    fixture::verdict(Some(i32::from(parsed.is_refused())), &said)
}

fn files() -> MemoryFiles {
    let mut files: BTreeMap<String, Vec<u8>> = fixture::files().into_iter().collect();
    let here: Vec<_> = files.iter().map(|(name, text)| (format!("./{name}"), text.clone())).collect();
    files.extend(here);
    files.insert("/etc/passwd".to_owned(), b"root:x:0:0:root:/root:/bin/sh\n".to_vec());
    files.insert("/etc/group".to_owned(), b"root:x:0:\n".to_vec());
    files.insert("/dev/null".to_owned(), Vec::new());
    MemoryFiles(files)
}

#[test]
fn every_line_gets_the_recorded_verdict() {
    let files = files();
    let list = exceptions();
    let excused: BTreeMap<[&str; 3], (&str, &str)> = list
        .iter()
        .filter(|e| e.kind != "good" && e.kind != "bad")
        .map(|e| ([&*e.key, &*e.place, &*e.line], (e.kind.as_str(), e.versions.as_str())))
        .collect();
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (path, text) in fixture::tables() {
        let table = path.file_stem().expect("a name").to_string_lossy().into_owned();
        for row in fixture::rows(&text).filter(|_| table != "newer") {
            for ((dialect, short, version), want) in fixture::ORIGINALS.iter().zip(&row.verdicts) {
                if want.is_empty() {
                    continue;
                }
                count += 1;
                // the parser leaves the listeners to its caller, and it does not crash
                let wanted = match want.split_once(' ') {
                    _ if want == "2" => "0".to_owned(),
                    Some(("crash", said)) => format!("1 {said}"),
                    Some(("2", said)) => format!("0 {said}"),
                    _ => want.clone(),
                };
                let got = ours(*dialect, version, &row.place, &row.line, &files);
                // of a line that is excused, the exit code or nothing has to be right
                let known = excused.get(&[&*row.key, &*row.place, &*row.line]);
                if let Some((kind, versions)) = known
                    && versions.contains(short)
                {
                    let code = |v: &str| v.split(' ').next().unwrap_or_default().to_owned();
                    if got == wanted {
                        wrong.push(format!(
                            "{table} {short} {}: {} is right now: EXCEPTIONS",
                            row.key, row.line
                        ));
                    } else if *kind == "message" && code(&got) != code(&wanted) {
                        wrong.push(format!("{table} {short} {}: {}: the verdict differs", row.key, row.line));
                    }
                } else if got != wanted {
                    wrong.push(format!(
                        "{table} {short} {} {}: {}\n  original: {want}\n  ours:     {got}",
                        row.key, row.place, row.line
                    ));
                }
            }
        }
    }
    assert!(count > 10_000, "only {count} verdicts");
    assert!(wrong.is_empty(), "{} of {count} differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// What came after 3.0, with the verdict 3.5's source and manual have for it: no original at hand knows it.
#[test]
fn newer_lines_get_the_verdict_of_the_source() {
    let files = files();
    let text = std::fs::read_to_string(fixture::folder("lines/newer.tsv")).expect("the table");
    let (mut wrong, mut count) = (Vec::new(), 0);
    for row in fixture::rows(&text) {
        count += 1;
        let got = ours(Dialect::V3_5, "3.5-dev5", &row.place, &row.line, &files);
        let (want, code) = (&row.verdicts[0], got.split(' ').next().unwrap_or_default());
        if code != want {
            wrong.push(format!("{} {}: {}: {want}, ours: {got}", row.key, row.place, row.line));
        }
    }
    assert!(count > 300, "only {count} lines");
    assert!(wrong.is_empty(), "{} of {count} differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// The key of every row of every table, with the versions that know it.
fn keys() -> BTreeMap<String, Vec<Lifetime>> {
    let mut keys: BTreeMap<String, Vec<Lifetime>> = BTreeMap::new();
    let mut add = |class: &str, name: &str, life: Lifetime| {
        keys.entry(format!("{class}/{name}")).or_default().push(life);
    };
    for s in tables::SECTIONS {
        add("section", s.name, s.lifetime);
    }
    for k in tables::all() {
        tables::contexts(k).for_each(|(context, name)| add(context, name, k.lifetime));
    }
    for o in proxy::BIND_OPTIONS {
        add("bind", o.name, o.lifetime);
        if proxy::CRT_LIST_OPTIONS.contains(&o.name) {
            add("crt-list", o.name, o.lifetime);
        }
    }
    for o in proxy::SERVER_OPTIONS {
        add("server", o.name, o.lifetime);
    }
    for w in other::LOAD_WORDS {
        add("load", w.name, w.lifetime);
    }
    for f in rules::FILTERS {
        add("flt", f.name, f.lifetime);
    }
    for s in rules::SERVICES {
        add("svc", s.name, s.lifetime);
    }
    let vocab = rha_sample::vocab();
    for f in vocab.fetches {
        add("smp", f.name, f.lifetime);
    }
    for c in vocab.converters {
        add("cnv", c.name, c.lifetime);
    }
    for a in vocab.acls {
        add("acl", a.name, a.lifetime);
    }
    for a in expr::ALIASES {
        add("alias", a.name, a.lifetime);
    }
    keys
}

/// One line of `EXCEPTIONS`.
struct Exception {
    key: String,
    /// `good`, `bad`: the row has no such line. `message`, `verdict`: that of a line differs.
    kind: String,
    place: String,
    line: String,
    /// Versions for which it differs, `2.6,3.0`.
    versions: String,
}

/// The list of exceptions, each with its reason.
fn exceptions() -> Vec<Exception> {
    let path = fixture::folder("lines/EXCEPTIONS");
    let text = std::fs::read_to_string(path).expect("the list of exceptions");
    let lines = text.lines().filter(|l| !l.is_empty() && !l.starts_with('#'));
    lines
        .map(|l| {
            let columns: Vec<&str> = l.split('\t').collect();
            let [key, kind, reason, rest @ ..] = &columns[..] else { panic!("three columns: {l}") };
            assert!(reason.len() > 10, "a reason: {l}");
            let text = |i: usize| rest.get(i).copied().unwrap_or_default().to_owned();
            Exception {
                key: (*key).to_owned(),
                kind: (*kind).to_owned(),
                versions: text(0),
                place: text(1),
                line: text(2),
            }
        })
        .collect()
}

#[test]
fn every_row_has_a_good_and_a_bad_line() {
    let keys = keys();
    let mut found: BTreeSet<(String, String)> = BTreeSet::new();
    let mut wrong = Vec::new();
    for (path, text) in fixture::tables() {
        let table = path.file_stem().expect("a name").to_string_lossy().into_owned();
        for row in fixture::rows(&text).filter(|r| r.key != "-") {
            let Some(lives) = keys.get(&row.key) else {
                wrong.push(format!("{table}: there is no row {}: {}", row.key, row.line));
                continue;
            };
            let name = row.key.rsplit(['/', ' ']).next().unwrap_or_default();
            if !row.line.contains(name) && !row.place.contains(name) {
                wrong.push(format!("{table}: {} is not in its line: {}", row.key, row.line));
            }
            if table == "newer" {
                let kind = if row.verdicts[0] == "0" { "good" } else { "bad" };
                found.insert((row.key.clone(), kind.to_owned()));
                continue;
            }
            for ((dialect, ..), verdict) in fixture::ORIGINALS.iter().zip(&row.verdicts) {
                // what is said to a word that a version does not know is nothing about its arguments
                if verdict.is_empty() || !lives.iter().any(|l| l.covers(*dialect)) {
                    continue;
                }
                let kind = if verdict.starts_with('0') { "good" } else { "bad" };
                found.insert((row.key.clone(), kind.to_owned()));
            }
        }
    }
    let excused: BTreeSet<(String, String)> = exceptions().into_iter().map(|e| (e.key, e.kind)).collect();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut without = Vec::new();
    for (key, lives) in &keys {
        let at_hand = fixture::ORIGINALS.iter().any(|(d, ..)| lives.iter().any(|l| l.covers(*d)));
        for kind in ["good", "bad"] {
            let pair = (key.clone(), kind.to_owned());
            match (found.contains(&pair), excused.contains(&pair)) {
                (true, false) => *counts.entry(kind).or_default() += 1,
                (false, true) => *counts.entry("excused").or_default() += 1,
                (true, true) => wrong.push(format!("{key} has a {kind} line: take it out of EXCEPTIONS")),
                // of a library that is in no build
                (false, false) if !Dialect::ALL.iter().any(|d| lives.iter().any(|l| l.covers(*d))) => {}
                (false, false) if !at_hand => without.push(format!("{key} {kind}")),
                (false, false) => wrong.push(format!("{key} has no {kind} line")),
            }
        }
    }
    for (key, _) in excused.iter().filter(|(key, _)| key != "-" && !keys.contains_key(key)) {
        wrong.push(format!("{key}: excused, but there is no such row"));
    }
    println!("{} rows: {counts:?}", keys.len());
    assert!(without.is_empty(), "only newer versions know them: {without:?}");
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn rows_of_rules_are_unique_and_documented() {
    for (i, k) in rules::KEYWORDS.iter().enumerate() {
        assert!(rules::KEYWORDS[..i].iter().all(|o| o.name != k.name), "{} twice", k.name);
        assert!(k.doc.ends_with('.') && k.doc.len() > 10, "{}: {:?}", k.name, k.doc);
    }
}
