//! What stands in the source files: no `unsafe` outside `engine/net`, no file that is too long.
//!
//! The length of a file counts neither its inline test modules (`#[cfg(test)] mod … { … }`) nor its
//! tables (a top-level `const` or `static` whose value opens a bracket at a line's end and closes it
//! with `];` on a line of its own). Files below `tests/` and files named `tests.rs` are not counted.

use std::path::{Path, PathBuf};

/// Most lines a file may have.
const LIMIT: usize = 900;

/// The one folder with unsafe code.
const UNSAFE_FOLDER: &str = "engine/net";

/// Complaints about the Rust files among `files` (relative to `root`).
pub fn check(root: &Path, files: &[PathBuf]) -> Vec<String> {
    let mut all = Vec::new();
    for file in files.iter().filter(|f| f.extension().is_some_and(|e| e == "rs")) {
        let Ok(text) = std::fs::read_to_string(root.join(file)) else { continue };
        if !file.starts_with(UNSAFE_FOLDER)
            && let Some(line) = unsafe_line(&text)
        {
            all.push(format!("{}:{line}: unsafe code belongs into {UNSAFE_FOLDER}", file.display()));
        }
        let lines = counted_lines(&text);
        if lines > LIMIT && !is_test(file) {
            all.push(format!("{}: {lines} lines are more than {LIMIT}: split it by meaning", file.display()));
        }
    }
    all
}

fn is_test(file: &Path) -> bool {
    file.components().any(|c| c.as_os_str() == "tests") || file.file_name().is_some_and(|n| n == "tests.rs")
}

/// Lines that count for the length of a file.
fn counted_lines(text: &str) -> usize {
    let mut lines = text.lines().peekable();
    let mut counted = 0;
    while let Some(line) = lines.next() {
        let test_module =
            line == "#[cfg(test)]" && lines.peek().is_some_and(|l| l.starts_with("mod ") && l.ends_with('{'));
        if test_module {
            lines.by_ref().find(|l| *l == "}");
        } else if is_table_start(line) {
            lines.by_ref().find(|l| *l == "];");
        } else {
            counted += 1;
        }
    }
    counted
}

fn is_table_start(line: &str) -> bool {
    let rest = line.strip_prefix("pub ").or_else(|| line.strip_prefix("pub(crate) ")).unwrap_or(line);
    (rest.starts_with("const ") || rest.starts_with("static ")) && line.ends_with('[')
}

/// The first line with the word `unsafe` outside of comments, strings and characters.
fn unsafe_line(text: &str) -> Option<usize> {
    let code = code_only(text);
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let has = |line: &str| line.split(|c| !is_word(c)).any(|w| w == "unsafe");
    code.lines().position(has).map(|n| n + 1)
}

/// The text with comments, strings and character literals blanked; line breaks stay.
fn code_only(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skipped = comment(rest).or_else(|| raw_string(rest, &out)).or_else(|| quoted(rest));
        if let Some(length) = skipped {
            let (gone, after) = rest.split_at(length);
            out.push(' ');
            out.extend(gone.chars().filter(|c| *c == '\n'));
            rest = after;
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    out
}

/// Length of the comment that `rest` begins with.
fn comment(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    let mut depth = 0usize;
    let mut at = 0;
    while rest.starts_with("/*") && at < rest.len() {
        let here = &rest[at..];
        if here.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with("*/") {
            depth -= 1;
            at += 2;
        } else {
            at += here.chars().next().map_or(1, char::len_utf8);
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// Length of the raw string that `rest` begins with, `before` being the code so far.
fn raw_string(rest: &str, before: &str) -> Option<usize> {
    if before.ends_with(|c: char| c.is_alphanumeric() && c != 'b' && c != 'c' || c == '_') {
        return None;
    }
    let after = rest.strip_prefix('r')?;
    let hashes = after.bytes().take_while(|b| *b == b'#').count();
    let body = after[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(1 + hashes + 1 + body.find(&end).map_or(body.len(), |i| i + end.len()))
}

/// Length of the string or character literal that `rest` begins with; a lifetime is none.
fn quoted(rest: &str) -> Option<usize> {
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let mut chars = rest.char_indices().skip(1);
    if quote == '\'' {
        let mut ahead = rest.chars().skip(1);
        let (first, second) = (ahead.next()?, ahead.next()?);
        if first != '\\' && second != '\'' {
            return None;
        }
    }
    while let Some((i, c)) = chars.next() {
        if c == '\\' {
            chars.next();
        } else if c == quote {
            return Some(i + 1);
        }
    }
    Some(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_is_found_only_in_code() {
        let word = "unsafe";
        for (text, line) in [
            (format!("fn f() {{\n    {word} {{ g() }}\n}}"), Some(2)),
            (format!("// {word}\n/* {word} /* {word} */ {word} */ fn f() {{}}"), None),
            (format!("let a = \"{word} \\\" {word}\"; let b = r#\"{word} \" {word}\"#;"), None),
            (format!("let q = '\"'; {word} {{}}"), Some(1)),
            (format!("fn f<'a>(x: &'a str) {{ {word} {{}} }}"), Some(1)),
            (format!("let b = b\"{word}\"; let c = br\"{word}\";"), None),
            (format!("#![deny({word}_code)]"), None),
        ] {
            assert_eq!(unsafe_line(&text), line, "{text}");
        }
    }

    #[test]
    fn tests_and_tables_do_not_count() {
        let text = "fn a() {}\nconst T: &[u8] = &[\n    1,\n    2,\n];\nfn b() {}\n#[cfg(test)]\nmod tests {\n    x\n}\n";
        assert_eq!(counted_lines(text), 2);
    }
}
