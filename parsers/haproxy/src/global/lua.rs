//! Lua keywords of `global`. Lua itself is not built yet.

use rha_vocab::{Lifetime, Support};

use super::{NO_LUA, TimeTexts, fail, row, since, time, too_many};
use crate::units::{self, TimeUnit};
use crate::{Cx, Keyword, Line};

/// Rows.
#[rustfmt::skip]
pub const KEYWORDS: &[Keyword] = &[
    row("lua-load", "<file> [ <arg1> ... ]", Support::Planned, "Runs a Lua file at start.", lua_load),
    row("lua-load-per-thread", "<file> [ <arg1> ... ]", Support::Planned, "Runs a Lua file in each thread.", lua_load_per_thread),
    row("lua-prepend-path", "<string> [<type>]", NO_LUA, "Directory Lua modules are looked up in.", lua_prepend_path),
    since(Lifetime::since(2, 8), row("tune.lua.burst-timeout", "<timeout>", NO_LUA, "Longest uninterrupted run of Lua.", lua_timeout)),
    row("tune.lua.service-timeout", "<timeout>", NO_LUA, "Longest run of a Lua service.", lua_timeout),
    row("tune.lua.session-timeout", "<timeout>", NO_LUA, "Longest run of Lua in a stream.", lua_timeout),
    row("tune.lua.task-timeout", "<timeout>", NO_LUA, "Longest run of a Lua task.", lua_timeout),
    row("tune.lua.forced-yield", "<number>", NO_LUA, "Instructions after which Lua yields.", lua_yield),
    row("tune.lua.maxmem", "<number>", NO_LUA, "Memory of Lua, megabytes.", lua_memory),
];

fn lua_load(cx: &mut Cx<'_>, line: &Line) {
    load(cx, line, "'{k}' expects a file name as parameter.");
}

fn lua_load_per_thread(cx: &mut Cx<'_>, line: &Line) {
    load(cx, line, "'{k}' expects a file as parameter.");
}

fn load(cx: &mut Cx<'_>, line: &Line, missing: &str) {
    if line.arg(1).is_empty() {
        return fail(cx, line, missing);
    }
    cx.others.has_lua = true;
    if cx.input.files.read(&line.text(1)).is_err() {
        fail(cx, line, "error in Lua file '{v}': cannot open {v}: No such file or directory");
    }
}

fn lua_prepend_path(cx: &mut Cx<'_>, line: &Line) {
    if too_many(cx, line, 2) {
        return;
    }
    if line.arg(1).is_empty() {
        return fail(cx, line, "'{k}' expects to receive a <path> as argument");
    }
    if !line.arg(2).is_empty() && !line.is(2, "path") && !line.is(2, "cpath") {
        fail(cx, line, "'{k}' expects <type> to either be 'path' or 'cpath'");
    }
}

fn lua_timeout(cx: &mut Cx<'_>, line: &Line) {
    let texts = TimeTexts {
        missing: "{k}: invalid timeout",
        over: "timer overflow in argument <{v}> to <{k}> (maximum value is 2147483647 ms or ~24.8 days)",
        under: "timer underflow in argument <{v}> to <{k}> (minimum non-null value is 1 ms)",
        unexpected: ("{k}: invalid timeout", ""),
        tight: false,
    };
    time(cx, line, TimeUnit::Ms, &texts);
}

fn lua_yield(cx: &mut Cx<'_>, line: &Line) {
    if !units::strtol(line.arg(1), 10).1.is_empty() {
        fail(cx, line, "{k}: invalid number");
    }
}

fn lua_memory(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() {
        return fail(cx, line, "'{k}' expects an integer argument (Lua memory size in MB).");
    }
    if let Some(c) = units::strtol(line.arg(1), 10).1.first() {
        let text = format!("{{k}}: invalid number {{v}} (error at '{}')", *c as char);
        fail(cx, line, &text);
    }
}
