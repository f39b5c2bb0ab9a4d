//! `-c` on every file of `fixtures/haproxy/{good,bad}`: standard output, standard error and exit code of
//! the original.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};

use rha_compat_tests::{Kind, Stage, Start, assert_same, each};

#[test]
fn good_files_are_accepted_as_by_the_original() {
    each(files("good"), |file| {
        check(&file, |stage, verdict| {
            let refused = stage.kind() == Kind::Original && verdict != Some(0);
            assert!(!refused, "{}: the original refuses it", file.display());
        });
    });
}

#[test]
fn bad_files_are_refused_in_the_original_words() {
    each(files("bad"), |file| {
        check(&file, |_, _| {});
    });
}

/// Runs the two on one file, under the name it has here.
fn check(file: &Path, then: impl Fn(&Stage, Option<i32>)) {
    let name = file.file_stem().unwrap().to_string_lossy().into_owned();
    // What is not UTF-8 is replaced, for both programs alike.
    let text = String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned();
    assert_same(&format!("check/{name}"), |stage| {
        let exit = stage.run(&Start::with(&text).args(&["-c", "-f", "haproxy.cfg"]));
        stage.note_exit(&name, &exit);
        then(stage, exit.status.code());
    });
}

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/haproxy").join(folder);
    let mut all: Vec<_> = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    all.retain(|f| f.extension().is_some_and(|e| e == "cfg"));
    all.sort();
    assert!(!all.is_empty());
    all
}
