//! A whole keepalived configuration: no bytes make the parser panic, what it says is the same twice, every
//! place it names lies in the file, and every renderer can show it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rha_keepalived::{Input, MachineOf, Outcome, check};
use rha_text::{Env, MemoryFiles, render};

fuzz_target!(|data: &[u8]| {
    let first = read(data);
    let again = read(data);
    assert_eq!(first.diagnostics, again.diagnostics);
    assert_eq!(first.exit_code, again.exit_code);
    for d in &first.diagnostics {
        for label in &d.labels {
            let len = first.sources.get(label.span.file).map_or(0, |s| s.text.len());
            assert!(label.span.start <= label.span.end, "{d:?}");
            assert!(label.span.end as usize <= len, "{d:?}");
        }
    }
    // the renderers cost more than all the rest
    if data.first().is_some_and(|b| b % 8 != 0) {
        return;
    }
    let pretty = render::pretty::Pretty { color: false, width: 80, unicode: true };
    let _ = pretty.all(&first.sources, &first.diagnostics);
    let _ = render::json::lines(&first.sources, &first.diagnostics);
    let _ = render::github::commands(&first.sources, &first.diagnostics);
});

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
