//! The original's verdict on 153 small configurations, most of them wrong: exit code and messages.
//!
//! `fixtures/keepalived/bad/*.expected` was recorded from keepalived 2.2.7 by the example `record_bad`.
//! The 154th, a main file that is not there, is at the end.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use rha_keepalived::{Input, MachineOf, Start, check};
use rha_text::{Env, MemoryFiles};

/// Where we deliberately differ, with our exit code (`docs/differences.md`).
const DIFFERS: [(&str, i32); 1] = [("pages_none", 5)];

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/keepalived/bad")
}

fn files() -> MemoryFiles {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(directory()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        files.insert(name, std::fs::read(&path).unwrap());
    }
    MemoryFiles(files)
}

fn machine() -> MachineOf {
    let programs = ["/bin/true", "/bin/false", "/bin/echo", "program.sh"];
    MachineOf {
        interfaces: vec!["eth0".to_owned()],
        programs: programs.iter().map(|p| (*p).to_owned()).collect(),
        ..MachineOf::default()
    }
}

#[test]
fn every_bad_file_gets_the_originals_verdict() {
    let (files, machine) = (files(), machine());
    let (mut cases, mut wrong) = (0, Vec::new());
    for (name, text) in files.0.iter().filter(|(n, _)| n.ends_with(".conf")) {
        let stem = name.strip_suffix(".conf").unwrap();
        let recorded = String::from_utf8_lossy(&files.0[&format!("{stem}.expected")]).into_owned();
        let mut lines = recorded.lines();
        let code: i32 = lines.next().unwrap().parse().unwrap();
        let code = DIFFERS.iter().find(|(n, _)| *n == stem).map_or(code, |(_, c)| *c);
        let expected: Vec<&str> = lines.collect();
        let mut input = Input::new(name, &files, &machine);
        input.env = Env::from_pairs([("LEVEL", "77")]);
        let first = String::from_utf8_lossy(text).lines().next().unwrap_or_default().to_owned();
        if let Some(id) = first.strip_prefix("# id: ") {
            id.clone_into(&mut input.config_id);
        }
        let outcome = check(&input);
        cases += 1;
        if outcome.exit_code != code || outcome.native() != expected {
            wrong.push(format!(
                "{stem}: {} instead of {code}\n  ours {:#?}\n  theirs {expected:#?}",
                outcome.exit_code,
                outcome.native()
            ));
        }
    }
    assert_eq!(cases, 153);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_main_file_that_is_not_there_is_an_error() {
    // DIFFERS: the original prints the message and exits with 0.
    let outcome = check(&Input::new("absent.conf", &files(), &machine()));
    assert_eq!(outcome.native(), ["Config files missing 'absent.conf'."]);
    assert_eq!((outcome.exit_code, outcome.start), (6, Start::Refused(6)));
}

#[test]
fn what_a_real_start_makes_of_it() {
    let (files, machine) = (files(), machine());
    let start = |name: &str| {
        let mut input = Input::new(name, &files, &machine);
        input.testing = false;
        check(&input).start
    };
    assert_eq!(start("plain.conf"), Start::Go);
    assert_eq!(start("priority_word.conf"), Start::Go);
    assert_eq!(start("no_such_interface.conf"), Start::Refused(2));
    assert_eq!(start("router_id_twice.conf"), Start::Refused(2));
    assert_eq!(start("priority_none.conf"), Start::Refused(2));
    assert_eq!(start("includea_none.conf"), Start::Refused(6));
}
