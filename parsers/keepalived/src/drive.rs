//! The four passes, and the loop that finds a row for each line.

use rha_ir::Model;
use rha_text::Severity;

use crate::{Class, Cx, Flow, Input, Line, Outcome, Pass, Place, Run, Start, keyword, tables, vrrp};

/// Exit code for "there is no configuration".
const NO_CONFIG: i32 = 6;
/// Exit code for "the configuration cannot be used".
const CONFIG: i32 = 2;

/// Reads a configuration and judges it as `keepalived -t` does. Pure: everything it depends on is in
/// `input`; it never fails and never panics, and it stops early only where the original does.
#[must_use]
pub fn check(input: &Input<'_>) -> Outcome {
    let mut cx = Cx::new(input);
    let exit_code = match run(&mut cx) {
        Ok(Some(code)) => {
            cx.refused = Some(NO_CONFIG);
            code
        }
        Ok(None) => match cx.log.worst {
            Class::Fine => 0,
            Class::Missing => 4,
            Class::Wrong => 5,
            Class::Security => 6,
        },
        Err(crate::Stop) => {
            cx.refused = Some(CONFIG);
            CONFIG
        }
    };
    let start = cx.refused.map_or(Start::Go, Start::Refused);
    let sources = std::mem::take(&mut cx.reader.sources);
    let copy = std::mem::take(&mut cx.reader.copy);
    let mut diagnostics = cx.log.diagnostics;
    // What was substituted or is not UTF-8 may be longer than what stands in the file.
    for label in diagnostics.iter_mut().flat_map(|d| &mut d.labels) {
        let len = sources.get(label.span.file).map_or(0, |s| u32::try_from(s.text.len()).unwrap_or(u32::MAX));
        label.span.end = label.span.end.min(len);
        label.span.start = label.span.start.min(label.span.end);
    }
    let mut model = Model { failover: cx.model, ..Model::default() };
    crate::values::summarise(&mut model);
    Outcome { model, diagnostics, notes: cx.notes, sources, exit_code, start, copy }
}

/// All passes; `Some` is an exit code that ends the run early.
fn run(cx: &mut Cx<'_>) -> Flow<Option<i32>> {
    if let Some(words) = cx.input.include_check.clone() {
        cx.insist(&Line::default(), &words);
    }
    let main = cx.input.path.to_owned();
    // COMPAT: the main file must be there, be readable and so on; as 2.2.7 prints it.
    if !cx.open(&main, 0) {
        if cx.log.diagnostics.is_empty() {
            cx.late_class(
                "KA1011",
                Class::Missing,
                Severity::Error,
                None,
                format!("Unable to find configuration file {main}"),
            );
        }
        // DIFFERS: `-t` of the original exits with 0 here; a deployment script must not take that for "fine".
        return Ok(Some(NO_CONFIG));
    }
    pass(cx, Pass::Parent)?;
    if cx.reader.file_error {
        return Ok(Some(NO_CONFIG));
    }
    crate::global::finish(cx);
    cx.vrrp.instances.reserve(cx.expected.instances);
    cx.vrrp.by_name.reserve(cx.expected.instances);
    cx.check.servers.reserve(cx.expected.servers);
    for next in [Pass::Checker, Pass::Vrrp, Pass::Bfd] {
        cx.reader.rewind();
        pass(cx, next)?;
        match next {
            Pass::Checker => crate::check::finish(cx),
            Pass::Vrrp => vrrp::finish(cx),
            _ => {}
        }
    }
    crate::bfd::finish(cx);
    Ok(None)
}

fn pass(cx: &mut Cx<'_>, which: Pass) -> Flow {
    cx.pass = which;
    cx.skip = 0;
    cx.depth = 0;
    stream(cx, Place::TOP, false)?;
    let open = cx.reader.block_depth;
    if open > 0 {
        let text = format!("There are {open} missing '}}'s or extra '{{'s");
        cx.late_class("KA2005", Class::Wrong, Severity::Error, Some(cx.reader.span), text);
    }
    Ok(())
}

/// Reads the lines of one block; true when it was left by skipping.
fn stream(cx: &mut Cx<'_>, block: Place, need_open: bool) -> Flow<bool> {
    let mut line = cx.lines.pop().unwrap_or_default();
    let left = read_block(cx, block, need_open, &mut line);
    cx.lines.push(line);
    left
}

fn read_block(cx: &mut Cx<'_>, block: Place, mut need_open: bool, line: &mut Line) -> Flow<bool> {
    loop {
        if cx.skip > 0 && cx.skip_plain() {
            if cx.depth > 0 {
                return Ok(true);
            }
            continue;
        }
        if !cx.read_line(line) {
            break;
        }
        if line.is_empty() {
            continue;
        }
        if cx.skip == -1 {
            if line.word(0) == "{" {
                cx.skip = 1;
                need_open = false;
                continue;
            }
            cx.skip = 0;
        }
        if cx.skip > 0 {
            let left = skip_line(cx, line);
            if left && cx.depth > 0 {
                return Ok(true);
            }
            continue;
        }
        let first = line.word(0);
        if need_open {
            need_open = false;
            if first == "{" && cx.depth > 0 {
                continue;
            }
            cx.error("KA2003", line, 0, "Missing '{' at beginning of configuration block");
        } else if first == "{" {
            cx.error("KA2002", line, 0, "Unexpected '{' - ignoring");
            continue;
        }
        if line.word(0) == "}" && cx.depth > 0 {
            break;
        }
        match tables::find(block, line.word(0)) {
            Some(row) => apply(cx, row, line)?,
            None => unknown(cx, block, line),
        }
    }
    Ok(false)
}

/// Counts braces while a block is skipped; true when its last `}` was met.
fn skip_line(cx: &mut Cx<'_>, line: &Line) -> bool {
    for word in line.iter() {
        if word == "{" {
            cx.skip += 1;
        } else if word == "}" {
            cx.skip -= 1;
            if cx.skip == 0 {
                return true;
            }
        }
    }
    false
}

/// Whether it is this pass's business to read a top-level keyword.
fn reads(pass: Pass, reader: keyword::Reader) -> bool {
    match reader {
        keyword::Reader::Parent => pass == Pass::Parent,
        keyword::Reader::Vrrp => pass == Pass::Vrrp,
        keyword::Reader::Checker => pass == Pass::Checker,
        keyword::Reader::Children => pass != Pass::Parent,
        keyword::Reader::Trackers => matches!(pass, Pass::Vrrp | Pass::Checker),
    }
}

/// Counts what a later pass will have much of.
fn expect(cx: &mut Cx<'_>, row: &crate::Keyword) {
    let Run::Block { inside, .. } = row.run else { return };
    if cx.pass == Pass::Parent {
        cx.expected.instances += usize::from(inside == Place::INSTANCE);
        cx.expected.servers += usize::from(inside == Place::VIRTUAL_SERVER);
    }
}

fn apply(cx: &mut Cx<'_>, row: &'static crate::Keyword, line: &mut Line) -> Flow {
    let top = row.place.meets(Place::TOP);
    if top && !reads(cx.pass, row.reader) {
        expect(cx, row);
        cx.skip = if line.word(line.len() - 1) == "{" { 1 } else { -1 };
        return Ok(());
    }
    if cx.pass != Pass::Bfd || row.place.meets(Place::TOP.or(Place::BFD)) {
        cx.note(row.name, row.support, line.at(0));
    }
    match row.run {
        Run::With(read) => read(cx, line),
        Run::Block { open, inside, close } => {
            let mut need_open = true;
            if line.len() > 1 && line.word(line.len() - 1) == "{" {
                line.words.pop();
                need_open = false;
            }
            if let Some(open) = open {
                open(cx, line)?;
            }
            cx.depth += 1;
            let left = stream(cx, inside, need_open)?;
            cx.depth -= 1;
            match close {
                Some(close) if !left => close(cx),
                _ => Ok(()),
            }
        }
        Run::PartOf(_) | Run::Lexical => Ok(()),
    }
}

/// Says that a block does not know a keyword, with the nearest one it does know.
fn unknown(cx: &mut Cx<'_>, block: Place, line: &Line) {
    let word = line.word(0).to_owned();
    let before = cx.log.diagnostics.len();
    cx.error("KA2001", line, 0, format!("Unknown keyword '{word}'"));
    if cx.log.diagnostics.len() == before || word == "}" {
        return;
    }
    let best = rha_vocab::closest(&word, tables::names(block));
    let elsewhere = tables::elsewhere(&word);
    let span = line.at(0);
    let Some(d) = cx.log.last() else { return };
    if let Some(best) = best {
        d.help = Some(format!("did you mean '{best}'?"));
        d.fix = Some(rha_text::Fix { span, replacement: best.to_owned() });
    } else if let Some(row) = elsewhere {
        d.help = Some(format!("'{word}' belongs into {}", row.place.name()));
    }
}
