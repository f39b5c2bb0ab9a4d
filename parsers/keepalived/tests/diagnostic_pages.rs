//! The example of a page in `docs/diagnostics`, where it is one the parser can judge, gives the code of
//! that page. (That every code has a page is tested in parsers/haproxy.)
//!
//! A fence of `keepalived` is judged on a machine with one interface, eth0, and /bin/true; plain fences
//! hold what needs more.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;

use rha_keepalived::{Input, MachineOf, check};
use rha_text::MemoryFiles;

#[test]
fn the_example_of_a_page_gives_its_code() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/diagnostics");
    let (mut judged, mut wrong) = (0, Vec::new());
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let code = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let Some((_, after)) = text.split_once("\n```keepalived\n") else { continue };
        let (example, _) = after.split_once("\n```").unwrap();
        let found = said(&format!("{example}\n"));
        judged += 1;
        if !found.contains(&code.as_str()) {
            wrong.push(format!("{code}: its example gives {found:?}"));
        }
    }
    assert!(judged > 38, "{judged}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn said(text: &str) -> Vec<&'static str> {
    let mut files = MemoryFiles::default();
    files.0.insert("f".into(), text.into());
    let machine = MachineOf {
        interfaces: vec!["eth0".to_owned(), "lo".to_owned()],
        programs: vec!["/bin/true".to_owned()],
        ..MachineOf::default()
    };
    check(&Input::new("f", &files, &machine)).diagnostics.iter().map(|d| d.code).collect()
}
