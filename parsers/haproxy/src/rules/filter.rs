//! `filter <name> …`: traffic filters of a proxy.
//!
//! HAProxy configuration manual §9. None is built; names are judged, and the arguments of the filters
//! that only take words or are checked by their own subsystem are kept as they are.

use rha_ir::FilterUse;
use rha_text::Severity;
use rha_vocab::{Lifetime, Needs, Support};

use super::{RuleCheck, RuleCheckKind, Set, proxy_name, proxy_word};
use crate::expr::{ArgContext, Args, sample_text};
use crate::units::{self, TimeError, TimeUnit};
use crate::{Cx, Line};

/// A filter.
pub struct FilterRow {
    /// What messages put before its name.
    pub scope: &'static str,
    /// Name.
    pub name: &'static str,
    /// Versions that know it.
    pub lifetime: Lifetime,
    /// How far it is built.
    pub support: Support,
    /// One sentence in our own words.
    pub doc: &'static str,
}

const fn row(scope: &'static str, name: &'static str, lifetime: Lifetime, doc: &'static str) -> FilterRow {
    FilterRow { scope, name, lifetime, support: Support::Planned, doc }
}

const ALWAYS: Lifetime = Lifetime::ALWAYS;

/// All filters, in the order messages list them.
pub const FILTERS: &[FilterRow] = &[
    row("BWLIM", "bwlim-in", Lifetime::since(2, 8), "Limits the rate of requests' bytes."),
    row("BWLIM", "bwlim-out", Lifetime::since(2, 8), "Limits the rate of responses' bytes."),
    row("CACHE", "cache", ALWAYS, "Sets the place of the cache among filters."),
    row("COMP", "comp-req", Lifetime::since(3, 5), "Sets the place of the compression of requests."),
    row("COMP", "comp-res", Lifetime::since(3, 5), "Sets the place of the compression of responses."),
    row("COMP", "compression", ALWAYS, "Sets the place of the compression among filters."),
    row("FCGI", "fcgi-app", ALWAYS, "Sets the place of FastCGI among filters."),
    row("OT", "opentracing", Lifetime::until(3, 2), "Reports to an OpenTracing collector."),
    row("SPOE", "spoe", ALWAYS, "Asks agents over the stream processing protocol."),
    row("TRACE", "trace", ALWAYS, "Shows what passes, for developers."),
];

/// `filter …`.
pub(super) fn filter(cx: &mut Cx<'_>, line: &Line) {
    let at = cx.position(line.span);
    if cx.draft.as_ref().is_some_and(|d| d.is_defaults) {
        let text = format!("parsing [{at}] : filter is not allowed in a 'default' section.");
        cx.error("HA2370", line, 0, text);
        return;
    }
    if line.arg(1).is_empty() {
        let (kind, name) = (proxy_word(cx), proxy_name(cx));
        let text = format!("parsing [{at}] : missing argument for 'filter' in {kind} '{name}'.");
        cx.error("HA2370", line, 1, text);
        return;
    }
    match arguments(cx, line) {
        Ok(()) => {
            cx.note("filter", Support::Planned, line.span);
            let words = (1..line.len()).map(|i| line.text(i)).collect();
            if let Some(draft) = cx.draft.as_mut() {
                draft.proxy.filters.push(FilterUse { words, origin: line.span });
            }
        }
        Err(text) => cx.error("HA2370", line, 1, text),
    }
}

fn arguments(cx: &mut Cx<'_>, line: &Line) -> Result<(), String> {
    let name = line.text(1);
    let dialect = cx.input.dialect;
    let known: Vec<_> = FILTERS.iter().filter(|f| f.lifetime.covers(dialect)).collect();
    if !known.iter().any(|f| f.name == name) {
        let listed: String = known.iter().map(|f| format!("\n    [{:>4}] {}", f.scope, f.name)).collect();
        return Err(format!("'filter' : unknown keyword '{name}'. Registered keywords :{listed}"));
    }
    let wrapped = |e: String| format!("'filter' : '{e}'");
    let end = match name.as_str() {
        "bwlim-in" | "bwlim-out" => bandwidth(cx, line).map_err(wrapped)?,
        "cache" if line.arg(2).is_empty() => {
            return Err(wrapped("cache : expects a <name> argument".to_owned()));
        }
        "fcgi-app" if line.arg(2).is_empty() => {
            return Err(wrapped("fcgi-app : expects a <name> argument".to_owned()));
        }
        "cache" => {
            note(cx, line, RuleCheckKind::Cache(line.text(2)));
            3
        }
        "fcgi-app" => {
            // The filter names the application where `use-fcgi-app` has not.
            if let Some(d) = cx.draft.as_mut() {
                d.extra.fcgi_app.get_or_insert_with(|| line.text(2));
            }
            3
        }
        "trace" => trace(line).map_err(wrapped)?,
        "spoe" => spoe(cx, line).map_err(wrapped)?,
        "opentracing" => opentracing(cx, line).map_err(wrapped)?,
        "compression" | "comp-req" | "comp-res" => 2,
        _ => line.len(),
    };
    if !line.arg(end).is_empty() {
        return Err(format!("'filter {name}' : unknown keyword '{}'.", line.text(end)));
    }
    Ok(())
}

/// Leaves a name of the filter's for the checks after the last line.
fn note(cx: &mut Cx<'_>, line: &Line, kind: RuleCheckKind) {
    let Some(owner) = crate::expr::owner(cx) else { return };
    let check = RuleCheck {
        kind,
        set: Set::HttpRequest,
        condition: Needs(0),
        owner,
        rule: String::new(),
        span: line.span,
    };
    cx.rules.checks.push(check);
}

/// Arguments of `trace`; gives the index after them.
fn trace(line: &Line) -> Result<usize, String> {
    let mut at = 2;
    loop {
        match line.bytes(at) {
            b"name" if line.arg(at + 1).is_empty() => {
                return Err("'trace' : 'name' option without value".to_owned());
            }
            b"name" => at += 2,
            b"quiet" | b"hexdump" | b"random-parsing" | b"random-forwarding" => at += 1,
            _ => return Ok(at),
        }
    }
}

/// Arguments of `spoe`. What its file holds is not read: it is a language of its own.
fn spoe(cx: &Cx<'_>, line: &Line) -> Result<usize, String> {
    let mut file = None;
    let mut at = 2;
    while !line.arg(at).is_empty() {
        let word = line.text(at);
        if word != "engine" && word != "config" {
            return Err(format!("unknown keyword '{word}'"));
        }
        if line.arg(at + 1).is_empty() {
            return Err(format!("'spoe' : '{word}' option without value"));
        }
        if word == "config" {
            file = Some(line.text(at + 1));
        }
        at += 2;
    }
    let Some(file) = file else { return Err("'spoe' : missing config file".to_owned()) };
    match cx.input.files.look(&file) {
        Ok(_) => Ok(at),
        Err(_) => Err(format!("Could not open configuration file {file} : No such file or directory")),
    }
}

/// Arguments of `opentracing`. COMPAT: the texts are those of the module.
fn opentracing(cx: &mut Cx<'_>, line: &Line) -> Result<usize, String> {
    let (mut id, mut file) = (false, None);
    let mut at = 2;
    while !line.arg(at).is_empty() {
        let word = line.text(at);
        match word.as_str() {
            "id" | "config" if line.arg(at + 1).is_empty() => {
                return Err(format!("'opentracing' : '{word}' option without value"));
            }
            "id" => id = true,
            "config" => file = Some(line.text(at + 1)),
            _ => return Err(format!("'opentracing' : unknown keyword '{word}'")),
        }
        at += 2;
    }
    if !id {
        let text = "parsing : 'filter' : 'opentracing' : 'no filter id set, using default id 'ot-filter'";
        cx.say("HA2370", Severity::Warning, line.span, text);
    }
    let Some(file) = file else { return Err("'opentracing' : no configuration file specified".to_owned()) };
    match cx.input.files.look(&file) {
        Ok(_) => Ok(at),
        Err(_) => Err(format!("'{file}' : No such file or directory")),
    }
}

/// Arguments of `bwlim-in` and `bwlim-out`; gives the index after them.
fn bandwidth(cx: &mut Cx<'_>, line: &Line) -> Result<usize, String> {
    let name = line.text(1);
    if line.arg(2).is_empty() {
        return Err(format!("'{name}' : a name is expected as first argument "));
    }
    let (mut shared, mut per_stream) = (false, false);
    let (mut key, mut limit, mut period) = (false, false, false);
    let mut at = 3;
    loop {
        let word = line.text(at);
        let is_shared = matches!(word.as_str(), "key" | "table" | "limit");
        if !is_shared && !matches!(word.as_str(), "default-period" | "default-limit" | "min-size") {
            break;
        }
        if (is_shared && per_stream) || (word.starts_with("default") && shared) {
            return Err(format!("'{name}' : cannot mix per-stream and shared parameter"));
        }
        if line.arg(at + 1).is_empty() {
            let what = match word.as_str() {
                "key" => "the sample expression is missing",
                "table" => "the table name is missing",
                _ => "the value is missing",
            };
            return Err(format!("'{name}' : {what} for '{word}' option"));
        }
        shared |= is_shared;
        per_stream |= word.starts_with("default");
        at += 1;
        let bad = |c: u8| {
            format!("'{name}' : invalid value for option '{word}' (unexpected character '{}')", c as char)
        };
        match word.as_str() {
            "key" => {
                sample_text(cx, Args::of(line, 0), &mut at, ArgContext::None)?;
                key = true;
                continue;
            }
            "table" => {}
            "default-period" => {
                let first = line.arg(at).first().copied().unwrap_or(0);
                let t = units::time(line.arg(at), TimeUnit::Ms).map_err(|e| match e {
                    TimeError::Unexpected(c) => bad(c),
                    TimeError::Over | TimeError::Under => bad(first),
                })?;
                period = t.value > 0;
            }
            "min-size" => {
                units::size(line.arg(at)).map_err(bad)?;
            }
            _ => limit = units::size(line.arg(at)).map_err(bad)? > 0,
        }
        at += 1;
    }
    let missing = match (shared, key, limit, period) {
        (true, false, ..) => "key",
        (true, true, false, _) => "limit",
        (false, _, _, false) => "default-period",
        (false, _, false, _) => "default-limit",
        _ => return Ok(at),
    };
    Err(format!("'{name}' : <{missing}> option is missing"))
}
