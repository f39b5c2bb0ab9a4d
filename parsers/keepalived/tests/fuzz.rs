//! No text makes the parser panic, what it says is the same twice, every place it names lies in the
//! file, and every renderer can show it. The fuzz target does the same without end.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use proptest::prelude::*;
use rha_keepalived::{Input, MachineOf, Outcome, check, tables};
use rha_text::{Env, MemoryFiles, render};

fn read(text: &[u8]) -> Outcome {
    let mut files = MemoryFiles::default();
    files.0.insert("f".into(), text.to_vec());
    files.0.insert("i".into(), b"$A=1 2\ninclude f\n".to_vec());
    let machine = MachineOf {
        interfaces: vec!["eth0".to_owned(), "lo".to_owned()],
        programs: vec!["/bin/true".to_owned()],
        ..MachineOf::default()
    };
    let mut input = Input::new("f", &files, &machine);
    input.env = Env::from_pairs([("E", "1 {")]);
    check(&input)
}

fn holds(text: &[u8]) {
    let (first, again) = (read(text), read(text));
    assert_eq!(first.diagnostics, again.diagnostics);
    for d in &first.diagnostics {
        for label in &d.labels {
            let len = first.sources.get(label.span.file).map_or(0, |s| s.text.len());
            assert!(label.span.start <= label.span.end, "{d:?}");
            assert!(label.span.end as usize <= len, "{d:?}");
        }
    }
    let pretty = render::pretty::Pretty { color: false, width: 80, unicode: true };
    let _ = pretty.all(&first.sources, &first.diagnostics);
    let _ = render::json::lines(&first.sources, &first.diagnostics);
    let _ = render::github::commands(&first.sources, &first.diagnostics);
    let _ = render::sarif::log(&first.sources, &first.diagnostics, "rkeepalived", "0");
}

/// A word a configuration may hold: a keyword, a brace, a name, a number, an address, a bit of syntax.
fn word() -> impl Strategy<Value = String> {
    let keywords: Vec<&'static str> = tables::rows().flat_map(|r| r.name.split('|')).collect();
    let others = [
        "{",
        "}",
        "{",
        "}",
        "\n",
        "\n",
        "\n",
        "eth0",
        "lo",
        "edge",
        "17",
        "-1",
        "0.5",
        "99999999999999999999",
        "192.0.2.10/24",
        "2001:db8::1",
        "224.0.0.18",
        "fe80::1",
        "$A",
        "${A}",
        "$A=",
        "$E",
        "~SEQ(N, 1, 3)",
        "$N",
        "~LST(N, a, b)",
        "@h ",
        "@^h ",
        "${_INSTANCE}",
        "include i\n",
        "include_check\n",
        "\"",
        "'",
        "\\",
        "!",
        "#",
        "on",
        "/bin/true",
        "MASTER",
        "PASS",
        "dev",
        "via",
        "table",
        "weight",
        "reverse",
        "NAT",
        "é",
        "\u{feff}",
        "\0",
    ];
    prop_oneof![
        2 => proptest::sample::select(keywords).prop_map(str::to_owned),
        3 => proptest::sample::select(others.to_vec()).prop_map(str::to_owned),
    ]
}

/// A block that is well formed but for what is in it.
fn block() -> impl Strategy<Value = String> {
    let heads = [
        "global_defs",
        "vrrp_instance edge",
        "vrrp_sync_group pair",
        "vrrp_script probe",
        "track_file file",
        "vrrp_track_process p",
        "bfd_instance path",
        "virtual_server 192.0.2.80 80",
        "virtual_server_group g",
        "vrrp_instance edge {\n virtual_ipaddress",
        "vrrp_instance edge {\n virtual_routes",
        "vrrp_instance edge {\n virtual_rules",
        "virtual_server 192.0.2.80 80 {\n real_server 198.51.100.5 80",
        "virtual_server 192.0.2.80 80 {\n real_server 198.51.100.5 80 {\n HTTP_GET",
        "virtual_server fwmark 3 {\n real_server 198.51.100.5 80 {\n UDP_CHECK",
    ];
    let line = proptest::collection::vec(word(), 1..6).prop_map(|w| w.join(" "));
    (proptest::sample::select(heads.to_vec()), proptest::collection::vec(line, 0..12)).prop_map(
        |(head, lines)| {
            let open = head.matches('{').count();
            format!("{head} {{\n {}\n{}\n", lines.join("\n "), "}\n".repeat(open + 1))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bytes(text in proptest::collection::vec(any::<u8>(), 0..400)) {
        holds(&text);
    }

    #[test]
    fn words(words in proptest::collection::vec(word(), 0..80)) {
        holds(words.join(" ").as_bytes());
    }

    #[test]
    fn blocks(blocks in proptest::collection::vec(block(), 1..4)) {
        holds(blocks.concat().as_bytes());
    }
}

#[test]
fn bad_files_cut_short() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/keepalived/bad");
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read(entry.unwrap().path()).unwrap();
        for len in (0..text.len().min(300)).step_by(61) {
            holds(text.get(..len).unwrap());
        }
    }
}

#[test]
fn what_is_said_can_be_rendered() {
    let outcome = read(b"vrrp_instance edge {\n interface eth0\n virtual_router_id 300\n}\n");
    let pretty = render::pretty::Pretty { color: false, width: 80, unicode: true };
    let text = pretty.all(&outcome.sources, &outcome.diagnostics);
    assert!(text.contains("KA2020") && text.contains("virtual_router_id 300"), "{text}");
    assert!(render::json::lines(&outcome.sources, &outcome.diagnostics).contains("\"KA2020\""));
    let sarif = render::sarif::log(&outcome.sources, &outcome.diagnostics, "rkeepalived", "0");
    assert!(sarif.to_string().contains("KA2020.md"), "{sarif}");
    assert!(render::github::commands(&outcome.sources, &outcome.diagnostics).contains("file=f,line=3"));
}
