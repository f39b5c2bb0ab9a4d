//! The second-level grammars by themselves: sample expressions, log formats, conditions, ACL tests. No
//! bytes make them panic, and an expression ends within its words.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rha_haproxy::expr::{
    ArgContext, Args, LogSite, acl_test_text, condition_text, log_format_text, sample_text,
};
use rha_haproxy::{Cx, Form, Input, Line, Place, Word, predefined};
use rha_text::{Env, FileId, MemoryFiles, Sources, Span};
use rha_vocab::{Checkpoints, Dialect};

fuzz_target!(|data: &[u8]| {
    let [choice, text @ ..] = data else { return };
    let dialect = Dialect::ALL[usize::from(choice >> 3) % Dialect::ALL.len()];
    let mut files = MemoryFiles::default();
    files.0.insert("l".into(), b"# list\n10.0.0.0/8 a\nhost b\n".to_vec());
    let resolve = |_: &str, _: Option<u8>| None;
    let input = Input {
        paths: &[],
        files: &files,
        env: Env::from_pairs([("A", "1 2")]),
        dialect,
        samples: rha_sample::vocab_for(dialect),
        ignore_resolution: true,
        resolve: &resolve,
        descriptor: &rha_haproxy::any_descriptor,
        diag: false,
        version: "3.0.11".into(),
    };
    let mut cx = context(&input);
    let line = words(text);
    let args = Args::of(&line, 0);
    match choice & 7 {
        0 | 1 => {
            let mut at = 0;
            if sample_text(&mut cx, args, &mut at, ArgContext::HttpRequest).is_ok() {
                assert!(at <= line.words.len());
            }
        }
        2 | 3 => drop(log_format_text(&mut cx, line.span, text, LogSite::LOG)),
        4 => {
            let site = LogSite::http(ArgContext::HttpRequest, Checkpoints::FRONT_REQUEST_HEADERS);
            drop(log_format_text(&mut cx, line.span, text, site));
        }
        5 => drop(acl_test_text(&mut cx, args)),
        _ => drop(condition_text(&mut cx, args)),
    }
});

/// Words as the reader gives them, cut at blanks.
fn words(text: &[u8]) -> Line {
    let mut line = Line { words: Vec::new(), span: Span { file: FileId(0), line: 1, start: 0, end: 0 } };
    let mut at: u32 = 0;
    for word in text.split(|b| *b == b' ').take(64) {
        let end = at + u32::try_from(word.len()).unwrap_or(0);
        let span = Span { file: FileId(0), line: 1, start: at, end };
        if !word.is_empty() {
            line.words.push(Word { text: word.into(), span, expanded: false, quoted: false });
        }
        line.span.end = end;
        at = end + 1;
    }
    line
}

fn context<'a>(input: &'a Input<'a>) -> Cx<'a> {
    Cx {
        input,
        env: predefined::environment(input),
        sources: Sources::default(),
        model: rha_ir::Model::default(),
        diagnostics: Vec::new(),
        notes: Vec::new(),
        place: Place::OUTSIDE,
        form: Form::Plain,
        draft: None,
        proxies: rha_haproxy::proxy::State::default(),
        rules: rha_haproxy::rules::State::default(),
        others: rha_haproxy::other::State::default(),
        experimental: false,
        aborted: false,
    }
}
