//! The `global` section. HAProxy configuration manual §3.
//!
//! One file per subject; each holds its rows and the functions that read them. The texts of complaints
//! are the original's, recorded from 2.6.12 and 3.0.11.

mod environment;
mod log;
mod lua;
mod once;
mod process;
mod simple;
mod stats;
mod tls;
mod tune;

use rha_vocab::{Lifetime, Support};

use crate::units::{self, Time, TimeError, TimeUnit};
use crate::{Cx, Keyword, Line, Parse, Place};

// Settings of features whose own keywords are refused at start: alone they change nothing.
const NO_TLS: Support = Support::NoEffect("only TLS uses it, and a start with TLS is refused");
const NO_H2: Support = Support::NoEffect("only HTTP/2 uses it, and a start with HTTP/2 is refused");
const NO_QUIC: Support = Support::NoEffect("only QUIC uses it, and a start with QUIC is refused");
const NO_LUA: Support = Support::NoEffect("only Lua uses it, and a start with a Lua file is refused");
const NO_PEERS: Support = Support::NoEffect("only peers use it, and a start with peers is refused");
const NO_COMPRESSION: Support =
    Support::NoEffect("only compression uses it, and a start with compression is refused");

const PARTS: &[&[Keyword]] = &[
    simple::KEYWORDS,
    environment::KEYWORDS,
    process::KEYWORDS,
    log::KEYWORDS,
    stats::KEYWORDS,
    tune::KEYWORDS,
    tls::KEYWORDS,
    lua::KEYWORDS,
];

const COUNT: usize = crate::rows::count(PARTS);
static ALL: [Keyword; COUNT] = crate::rows::concat::<COUNT>(PARTS);

/// All rows of the section.
pub static KEYWORDS: &[Keyword] = &ALL;

const fn row(
    name: &'static str,
    usage: &'static str,
    support: Support,
    doc: &'static str,
    parse: fn(&mut Cx<'_>, &Line),
) -> Keyword {
    let lifetime = Lifetime::ALWAYS;
    Keyword { name, place: Place::GLOBAL, usage, lifetime, support, doc, parse: Parse::With(parse) }
}

const fn since(lifetime: Lifetime, row: Keyword) -> Keyword {
    Keyword { lifetime, ..row }
}

/// Says that there are more than `max` arguments; whether it was said.
fn too_many(cx: &mut Cx<'_>, line: &Line, max: usize) -> bool {
    crate::proxy::too_many(cx, line, max, 0)
}

/// `{k}` to the keyword, `{v}` to its first argument.
fn fill(template: &str, line: &Line) -> String {
    template.replace("{k}", &line.text(0)).replace("{v}", &line.text(1))
}

/// An error whose text is a template.
fn fail(cx: &mut Cx<'_>, line: &Line, template: &str) {
    let text = fill(template, line);
    cx.error("HA2010", line, 1, text);
}

/// The same with the other spacing.
fn fail_tight(cx: &mut Cx<'_>, line: &Line, template: &str) {
    let text = fill(template, line);
    cx.error_tight("HA2010", line, 1, text);
}

/// Whether experimental keywords are allowed; says so if not.
fn is_exposed(cx: &mut Cx<'_>, line: &Line) -> bool {
    if !cx.experimental {
        fail(
            cx,
            line,
            "'{k}' directive is experimental, must be allowed via a global 'expose-experimental-directives'",
        );
    }
    cx.experimental
}

/// How a keyword words its complaints about a time.
struct TimeTexts {
    missing: &'static str,
    over: &'static str,
    under: &'static str,
    /// Before and after the unexpected character.
    unexpected: (&'static str, &'static str),
    tight: bool,
}

/// Reads the first argument as a time, complaining as told.
fn time(cx: &mut Cx<'_>, line: &Line, unit: TimeUnit, texts: &TimeTexts) -> Option<u32> {
    let say = |cx: &mut Cx<'_>, text: &str| {
        if texts.tight { fail_tight(cx, line, text) } else { fail(cx, line, text) }
    };
    if line.arg(1).is_empty() && !texts.missing.is_empty() {
        fail(cx, line, texts.missing);
        return None;
    }
    match units::time(line.arg(1), unit) {
        Ok(Time { value, .. }) => return Some(value),
        Err(TimeError::Over) => say(cx, texts.over),
        Err(TimeError::Under) => say(cx, texts.under),
        // COMPAT: an unexpected end is the byte 0, which ends the original's text.
        Err(TimeError::Unexpected(c)) if c == 0 || texts.unexpected.1.is_empty() => {
            say(cx, texts.unexpected.0)
        }
        Err(TimeError::Unexpected(c)) => {
            say(cx, &format!("{}{}{}", texts.unexpected.0, c as char, texts.unexpected.1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #[test]
    fn templates_are_filled() {
        let word = |t: &str| crate::Word {
            text: t.into(),
            span: rha_text::Span::default(),
            expanded: false,
            quoted: false,
        };
        let line = crate::Line { words: vec![word("a"), word("b")], span: rha_text::Span::default() };
        assert_eq!(super::fill("'{k}' got '{v}'", &line), "'a' got 'b'");
    }
}
