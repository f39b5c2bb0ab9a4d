//! From files to a [`Parsed`]: which files, which section each line belongs to, which row parses it,
//! and what the original says at the end of a file and of the run.
//!
//! COMPAT: order and wording of `Error(s) found in configuration file`, `Fatal errors found in
//! configuration.` and of the lookups' complaints, held by `tests/badcfg`.

use rha_text::{Diagnostic, FileId, Listing, Severity, Span};
use rha_vocab::closest;

use crate::read::{Reader, Step};
use crate::tables::{self, Found, Section};
use crate::{Cx, Form, Input, Keyword, Line, Parse, Parsed, Place, other, predefined, proxy};

/// Code of the messages that only sum up; renderers for machines leave them out.
pub const SUMMARY: &str = "HA0001";

/// Reads a configuration. Pure: everything it depends on is in `input`; it never fails and never stops
/// at the first error, except where the original does.
#[must_use]
pub fn parse(input: &Input<'_>) -> Parsed {
    let mut cx = Cx {
        input,
        env: predefined::environment(input),
        sources: rha_text::Sources::default(),
        model: rha_ir::Model::default(),
        diagnostics: Vec::new(),
        notes: Vec::new(),
        place: Place::OUTSIDE,
        form: Form::Plain,
        draft: None,
        proxies: proxy::State::default(),
        rules: crate::rules::State::default(),
        others: other::State::default(),
        experimental: false,
        aborted: false,
    };
    read_all(&mut cx);
    if !cx.aborted {
        if !has_errors(&cx, 0) && other::finish_early(&mut cx) {
            proxy::finish(&mut cx);
            other::finish(&mut cx);
        }
        if has_errors(&cx, 0) || cx.aborted {
            sum_up(&mut cx, "Fatal errors found in configuration.");
        }
    }
    let env: Vec<_> = cx.env.iter().map(|(k, v)| (k.into(), v.into())).collect();
    cx.model.process.env.clone_from(&env);
    Parsed { model: cx.model, diagnostics: cx.diagnostics, notes: cx.notes, sources: cx.sources, env }
}

fn has_errors(cx: &Cx<'_>, from: usize) -> bool {
    cx.diagnostics.iter().skip(from).any(Diagnostic::is_fatal)
}

/// `config : text` without a place.
fn sum_up(cx: &mut Cx<'_>, text: &str) {
    let mut d = Diagnostic::native(SUMMARY, Severity::Error, Span::default(), format!("config : {text}"))
        .saying(text);
    d.labels.clear();
    cx.diagnostics.push(d);
}

/// Reads every file; `cx.aborted` tells whether the run ended early.
fn read_all(cx: &mut Cx<'_>) {
    let Some(names) = expand(cx) else {
        cx.aborted = true;
        return;
    };
    let mut explained_empty = false;
    for name in names {
        let text = match cx.input.files.read(&name) {
            Ok(text) => text,
            Err(e) => {
                cannot(cx, &format!("Could not open configuration file {name} : {}", reason(&e)));
                cx.aborted = true;
                return;
            }
        };
        let file = cx.sources.add(name.clone(), text);
        let before = cx.diagnostics.len();
        let mut reader = Reader::new(file);
        reader.explained_empty = explained_empty;
        read_file(cx, &mut reader);
        explained_empty = reader.explained_empty;
        if cx.aborted || has_errors(cx, before) {
            sum_up(cx, &format!("Error(s) found in configuration file : {name}"));
        }
        if cx.aborted {
            return;
        }
    }
}

fn cannot(cx: &mut Cx<'_>, text: &str) {
    let mut d = Diagnostic::native("HA1010", Severity::Error, Span::default(), format!("config : {text}"));
    d.labels.clear();
    cx.diagnostics.push(d.saying(text));
}

/// The operating system's words as C programs print them.
fn reason(e: &std::io::Error) -> String {
    let text = match e.kind() {
        std::io::ErrorKind::NotFound => "No such file or directory".to_owned(),
        std::io::ErrorKind::PermissionDenied => "Permission denied".to_owned(),
        _ => e.to_string(),
    };
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// Directories to the `*.cfg` files in them.
fn expand(cx: &mut Cx<'_>) -> Option<Vec<String>> {
    let mut names = Vec::new();
    for path in cx.input.paths {
        match cx.input.files.look(path) {
            Ok(Listing::File) => names.push(path.clone()),
            Ok(Listing::Directory(inside)) => {
                for n in inside.iter().filter(|n| n.ends_with(".cfg") && !n.starts_with('.')) {
                    let name = format!("{path}/{n}");
                    match cx.input.files.look(&name) {
                        Ok(Listing::File) => names.push(name),
                        Ok(Listing::Directory(_)) => {}
                        Err(e) => {
                            // COMPAT: the message names the directory, not the file.
                            cannot(cx, &format!("Cannot open configuration file {path} : {}", reason(&e)));
                            return None;
                        }
                    }
                }
            }
            Err(e) => {
                cannot(cx, &format!("Cannot open configuration file/directory {path} : {}", reason(&e)));
                return None;
            }
        }
    }
    Some(names)
}

/// Reads one file from its first line to the closing of its last section.
fn read_file(cx: &mut Cx<'_>, reader: &mut Reader) {
    let mut line = Line { words: Vec::new(), span: Span { file: FileId(0), ..Span::default() } };
    let mut current: Option<&'static Section> = None;
    cx.place = Place::OUTSIDE;
    loop {
        match reader.next(cx, &mut line) {
            Step::Line => {}
            Step::End => break,
            Step::Abort => {
                cx.aborted = true;
                return;
            }
        }
        let before = cx.diagnostics.len();
        if let Some(section) = tables::section(line.arg(0), cx.input.dialect) {
            end_section(cx, current);
            if cx.aborted {
                return;
            }
            current = Some(section);
            cx.place = section.place;
            reader.section = line.text(usize::from(!line.arg(1).is_empty()));
            begin_section(cx, section, &line);
        } else if let Some(section) = current {
            parse_line(cx, section, &line);
        } else {
            let text = format!("unknown keyword '{}' out of section.", line.arg(0));
            cx.error_tight("HA2001", &line, 0, text);
        }
        reader.fatal += usize::from(has_errors(cx, before));
        if cx.aborted {
            return;
        }
    }
    let stopped = std::mem::take(&mut cx.aborted);
    reader.check_last_line(cx);
    end_section(cx, current);
    cx.aborted |= stopped;
    if !reader.check_blocks(cx) {
        cx.aborted = true;
    }
}

fn begin_section(cx: &mut Cx<'_>, section: &'static Section, line: &Line) {
    cx.note(section.name, section.support, line.at(0));
    if section.place.meets(Place::PROXY) {
        proxy::begin(cx, line);
    } else {
        cx.proxies.declare(section.place, &line.text(1));
        other::begin(cx, section, line);
    }
}

fn end_section(cx: &mut Cx<'_>, section: Option<&'static Section>) {
    let Some(section) = section else { return };
    if section.place.meets(Place::PROXY) {
        proxy::end(cx);
    } else {
        other::end(cx, section);
    }
    cx.draft = None;
}

/// Gives a line to the row of its keyword.
fn parse_line(cx: &mut Cx<'_>, section: &'static Section, line: &Line) {
    if section.place.meets(Place::PROXY) && cx.draft.is_none() {
        return proxy::orphan(cx, line);
    }
    match tables::find(line, cx.place, cx.input.dialect) {
        Found::Row(row) => run(cx, row, line),
        Found::Elsewhere(row) => unknown(cx, section, line, Some(row)),
        Found::Nothing => unknown(cx, section, line, None),
    }
}

fn run(cx: &mut Cx<'_>, row: &'static Keyword, line: &Line) {
    match row.parse {
        Parse::With(f) => {
            cx.note(row.name, row.support, line.at(0));
            f(cx, line);
        }
        Parse::Removed(f) => cx.error("HA4101", line, 0, f(line)),
    }
}

/// Says that a section does not know a keyword, with the nearest one it does know.
fn unknown(cx: &mut Cx<'_>, section: &'static Section, line: &Line, elsewhere: Option<&'static Keyword>) {
    let word = line.text(0);
    if let Some(own) = section.unknown {
        let sep = if section.unknown_is_tight { ": " } else { " : " };
        cx.parsing("HA2002", Severity::Error, line, 0, sep, &own(&word));
        // COMPAT: the one section that stops there.
        cx.aborted |= section.place == Place::LOG_FORWARD;
        return;
    }
    let mut text = format!("unknown keyword '{word}' in '{}' section", section.name);
    let best =
        section.suggests.then(|| closest(&word, tables::candidates(cx.place, cx.input.dialect))).flatten();
    if let Some(best) = best {
        text.push_str(&format!("; did you mean '{best}' maybe ?"));
    }
    cx.error("HA2002", line, 0, text);
    let Some(d) = cx.diagnostics.last_mut() else { return };
    if let Some(best) = best {
        d.fix = Some(rha_text::Fix { span: line.at(0), replacement: best.to_owned() });
    }
    if let Some(row) = elsewhere {
        d.help = Some(tables::where_instead(row, cx.place, cx.input.dialect));
    }
}
