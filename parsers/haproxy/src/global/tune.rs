//! Numbers that tune: buffers, limits, timers.

use rha_vocab::{Dialect, Lifetime, Support};

use super::{NO_QUIC, TimeTexts, fail, fail_tight, fill, once, row, since, time, too_many};
use crate::units::{self, TimeUnit};
use crate::{Cx, Keyword, Line};

/// Why the buffers of datagram sockets that receive do not matter.
const NO_DATAGRAMS: &str = "no unconnected datagram socket receives anything or sends to clients";

/// Rows.
#[rustfmt::skip]
pub const KEYWORDS: &[Keyword] = &[
    row("tune.buffers.limit", "<number>", Support::Planned, "Most buffers of the process.", buffers),
    row("tune.buffers.reserve", "<number>", Support::NoEffect("there is no limit of buffers that emergencies would be kept from"), "Buffers kept for emergencies.", buffers),
    since(Lifetime::since(3, 0), row("tune.rcvbuf.backend", "<size>", Support::NoEffect(NO_DATAGRAMS), "Kernel receive buffer of unconnected server-side sockets.", socket_buffer)),
    since(Lifetime::since(3, 0), row("tune.rcvbuf.frontend", "<size>", Support::NoEffect(NO_DATAGRAMS), "Kernel receive buffer of unconnected client-side sockets.", socket_buffer)),
    since(Lifetime::since(3, 0), row("tune.sndbuf.backend", "<size>", Support::Full, "Kernel send buffer of unconnected server-side sockets.", socket_buffer)),
    since(Lifetime::since(3, 0), row("tune.sndbuf.frontend", "<size>", Support::NoEffect(NO_DATAGRAMS), "Kernel send buffer of unconnected client-side sockets.", socket_buffer)),
    row("max-spread-checks", "<delay>", Support::Full, "Longest time the first checks are spread over.", max_spread_checks),
    row("spread-checks", "<0..50, in percent>", Support::Full, "Adds randomness to the intervals of checks.", spread_checks),
    row("tune.bufsize", "<number>", Support::Full, "Size of buffers.", bufsize),
    row("tune.maxrewrite", "<number>", Support::Full, "Room kept in buffers for rewriting.", maxrewrite),
    row("tune.http.maxhdr", "<number>", Support::Full, "Most headers of a message.", max_headers),
    row("tune.maxaccept", "<number>", Support::NoEffect("a worker takes one connection at a time and serves all fairly"), "Connections accepted in a row.", maxaccept),
    row("tune.pattern.cache-size", "<number>", Support::NoEffect("patterns are looked up without a cache"), "Size of the pattern cache.", pattern_cache),
    row("tune.fail-alloc", "", Support::NoEffect("for developers"), "Makes allocations fail on purpose.", fail_alloc),
    since(Lifetime::since(2, 8), row("tune.memory.hot-size", "<size>", Support::NoEffect("memory is the allocator's business"), "Freshly freed memory kept per thread.", hot_size)),
    since(Lifetime::since(2, 8), row("tune.ring.queues", "<number>", Support::NoEffect("rings have one queue"), "Queues in front of a ring.", ring_queues)),
    since(Lifetime::since(2, 8), row("tune.stick-counters", "<number>", Support::NoEffect("only track-sc rules use the counters, and a start with one is refused"), "Number of tracked counters.", stick_counters)),
    row("tune.vars.check-max-size", "<size>", Support::Planned, "Memory for variables of checks.", vars_size),
    row("tune.vars.global-max-size", "<size>", Support::Planned, "Memory for all variables.", vars_size),
    row("tune.vars.proc-max-size", "<size>", Support::Planned, "Memory for variables of the process.", vars_size),
    row("tune.vars.reqres-max-size", "<size>", Support::Planned, "Memory for variables of requests and responses.", vars_size),
    row("tune.vars.sess-max-size", "<size>", Support::Planned, "Memory for variables of sessions.", vars_size),
    row("tune.vars.txn-max-size", "<size>", Support::Planned, "Memory for variables of transactions.", vars_size),
    row("tune.listener.multi-queue", "{ on | fair | off }", Support::NoEffect("each worker has a queue of its own"), "Spreads accepted connections over threads.", multi_queue),
    since(Lifetime::since(3, 0), row("tune.epoll.mask-events", "<event[,...]>", Support::NoEffect("no workaround is needed"), "Events of the poller that are ignored.", epoll_mask)),
    row("tune.idletimer", "<timeout>", Support::NoEffect("streams are tuned otherwise"), "Idle time after which a stream is no longer a bulk transfer.", idle_timer),
    since(Lifetime::since(3, 0), row("warn-blocked-traffic-after", "<time>", Support::NoEffect("no traffic is blocked by one stream"), "Warns when traffic stands still for this long.", warn_blocked)),
    since(Lifetime::since(2, 8), row("tune.quic.frontend.max-idle-timeout", "<timeout>", NO_QUIC, "Idle timeout of QUIC connections.", quic_timeout)),
    since(Lifetime::since(3, 0), row("tune.quic.backend.max-idle-timeou", "<timeout>", NO_QUIC, "Misspelled in the original; idle timeout of QUIC connections to servers.", quic_timeout)),
    since(Lifetime::since(3, 0), row("tune.quic.reorder-ratio", "<0..100>", NO_QUIC, "How late a QUIC packet may be.", quic_reorder)),
    since(Lifetime::since(2, 8), row("httpclient.retries", "<number>", Support::Planned, "Attempts of the internal HTTP client.", httpclient_retries)),
    since(Lifetime::since(2, 8), row("httpclient.timeout.connect", "<timeout>", Support::Planned, "Connect timeout of the internal HTTP client.", httpclient_timeout)),
    row("tune.chksize", "<number>", Support::Full, "Size of check buffers, gone.", chksize),
];

const INTEGER: &str = "'{k}' expects an integer argument.";

fn value(line: &Line) -> i64 {
    i64::from(units::atoi(line.arg(1)))
}

fn unsigned(line: &Line) -> Option<u32> {
    u32::try_from(value(line)).ok()
}

fn buffers(cx: &mut Cx<'_>, line: &Line) {
    if too_many(cx, line, 1) {
        return;
    }
    if cx.input.dialect < Dialect::V2_8 {
        if line.arg(1).is_empty() {
            fail(cx, line, INTEGER);
        }
    } else if value(line) < 0 {
        fail(cx, line, "'{k}' expects a non-negative number but got '{v}'.");
    }
}

/// COMPAT: the position stands twice in these texts.
fn socket_buffer(cx: &mut Cx<'_>, line: &Line) {
    if too_many(cx, line, 1) {
        return;
    }
    let position = cx.position(line.span);
    if cx.others.given.iter().any(|g| line.is(0, g)) {
        let text = fill("ignoring '{k}' which was already specified.", line);
        return cx.warning("HA3010", line, 0, format!("parsing [{position}] : {text}\n"));
    }
    if value(line) <= 0 {
        let text = fill("'{k}' expects a strictly positive integer argument.", line);
        return cx.error("HA2010", line, 1, format!("parsing [{position}] : {text}\n"));
    }
    let names =
        ["tune.rcvbuf.backend", "tune.rcvbuf.frontend", "tune.sndbuf.backend", "tune.sndbuf.frontend"];
    if let Some(name) = names.into_iter().find(|n| line.is(0, n)) {
        once::mark(cx, name);
    }
    if line.is(0, "tune.sndbuf.backend") {
        cx.model.process.datagram_send_buffer = unsigned(line);
    }
}

fn max_spread_checks(cx: &mut Cx<'_>, line: &Line) {
    if too_many(cx, line, 1) {
        return;
    }
    if line.arg(1).is_empty() {
        return fail_tight(cx, line, "'{k}' expects an integer argument (0..50).");
    }
    let texts = TimeTexts {
        missing: "",
        over: "timer overflow in argument <{v}> to <{k}>, maximum value is 2147483647 ms (~24.8 days).",
        under: "timer underflow in argument <{v}> to <{k}>, minimum non-null value is 1 ms.",
        unexpected: ("unsupported character '", "' in '{k}' (wants an integer delay)."),
        tight: true,
    };
    cx.model.process.max_spread_checks_ms = time(cx, line, TimeUnit::Ms, &texts);
}

fn spread_checks(cx: &mut Cx<'_>, line: &Line) {
    if too_many(cx, line, 1) {
        return;
    }
    if cx.model.process.spread_checks != 0 {
        return cx.alert("HA3010", line, 0, ": ", "spread-checks already specified. Continuing.");
    }
    if line.arg(1).is_empty() {
        return fail_tight(cx, line, "'{k}' expects an integer argument (0..50).");
    }
    match unsigned(line) {
        Some(n) if n <= 50 => cx.model.process.spread_checks = n,
        _ => fail_tight(cx, line, "'{k}' needs a positive value in range 0..50."),
    }
}

fn bufsize(cx: &mut Cx<'_>, line: &Line) {
    if too_many(cx, line, 1) {
        return;
    }
    if line.arg(1).is_empty() {
        return fail(cx, line, INTEGER);
    }
    match unsigned(line).filter(|n| *n > 0) {
        // COMPAT: rounded up to two machine words.
        Some(n) => {
            let n = n.saturating_add(15) & !15;
            cx.model.process.bufsize = Some(n);
            if n >= 256 << 20 {
                let text = format!(
                    "global.tune.bufsize must be below 256 MB when HTTP is in use (current value = {n})."
                );
                cx.others.late.push((rha_text::Severity::Error, line.at(1), text));
            }
        }
        None => fail(cx, line, "'{k}' expects a positive integer argument."),
    }
}

fn maxrewrite(cx: &mut Cx<'_>, line: &Line) {
    if too_many(cx, line, 1) {
        return;
    }
    if line.arg(1).is_empty() {
        return fail(cx, line, INTEGER);
    }
    match unsigned(line) {
        Some(n) => cx.model.process.maxrewrite = Some(n),
        None => fail(cx, line, "'{k}' expects a positive integer argument."),
    }
}

fn max_headers(cx: &mut Cx<'_>, line: &Line) {
    if too_many(cx, line, 1) {
        return;
    }
    if line.arg(1).is_empty() {
        return fail(cx, line, INTEGER);
    }
    match unsigned(line).filter(|n| (1..=32767).contains(n)) {
        Some(n) => cx.model.process.max_headers = Some(n),
        None => fail(cx, line, "'{k}' expects a numeric value between 1 and 32767"),
    }
}

fn maxaccept(cx: &mut Cx<'_>, line: &Line) {
    if too_many(cx, line, 1) || once::is_again(cx, line, "tune.maxaccept") {
        return;
    }
    if line.arg(1).is_empty() {
        return fail(cx, line, INTEGER);
    }
    match i32::try_from(units::atol(line.arg(1))) {
        // COMPAT: the original means to refuse what is below -1, and does not.
        Ok(n) => {
            if n != 0 {
                once::mark(cx, "tune.maxaccept");
            }
            cx.model.process.maxaccept = Some(n);
        }
        Err(_) => fail(cx, line, "'{k}' expects -1 or an integer from 0 to INT_MAX."),
    }
}

fn pattern_cache(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() || value(line) < 0 {
        fail(cx, line, "'{k}' expects a positive numeric value");
    }
}

fn fail_alloc(cx: &mut Cx<'_>, line: &Line) {
    if !too_many(cx, line, 1) && !(0..=100).contains(&value(line)) {
        fail(cx, line, "'{k}' expects a numeric value between 0 and 100.");
    }
}

fn hot_size(cx: &mut Cx<'_>, line: &Line) {
    if !too_many(cx, line, 1) && units::atol(line.arg(1)) <= 0 {
        fail(cx, line, "'{k}' expects a strictly positive value.");
    }
}

fn ring_queues(cx: &mut Cx<'_>, line: &Line) {
    if !too_many(cx, line, 1) && !(0..=16).contains(&value(line)) {
        fail(cx, line, "'{k}' expects a number between 0 and 16 but got '{v}'.");
    }
}

fn stick_counters(cx: &mut Cx<'_>, line: &Line) {
    let (n, rest) = units::strtol(line.arg(1), 10);
    if !rest.is_empty() {
        return fail(cx, line, "{k}: '{v}' is an invalid number");
    }
    if n < 0 {
        return fail(cx, line, &format!("{{k}}: the number of stick-counters may not be negative (was {n})"));
    }
    cx.model.process.stick_counters = u32::try_from(n).ok();
}

fn vars_size(cx: &mut Cx<'_>, line: &Line) {
    let (_, rest) = units::strtol(line.arg(1), 10);
    if !rest.is_empty() {
        fail(cx, line, "{k}: '{v}' is an invalid size");
    }
}

fn multi_queue(cx: &mut Cx<'_>, line: &Line) {
    if too_many(cx, line, 1) {
        return;
    }
    let fair = cx.input.dialect >= Dialect::V2_8;
    if line.is(1, "on") || line.is(1, "off") || (fair && line.is(1, "fair")) {
        return;
    }
    let words = if fair { "'on', 'fair', or 'off'" } else { "'on' or 'off'" };
    fail(cx, line, &format!("'{{k}}' expects either {words} but got '{{v}}'."));
}

fn epoll_mask(cx: &mut Cx<'_>, line: &Line) {
    if too_many(cx, line, 1) || line.arg(1).is_empty() {
        return;
    }
    if line.text(1).split(',').any(|w| !["err", "hup", "rdhup"].contains(&w)) {
        fail(cx, line, "'{k}' expects a comma-delimited list of 'err', 'hup' and 'rdhup' but got '{v}'.");
    }
}

fn idle_timer(cx: &mut Cx<'_>, line: &Line) {
    if too_many(cx, line, 1) {
        return;
    }
    let texts = TimeTexts {
        missing: "'{k}' expects a timer value between 0 and 65535 ms.",
        over: "timer overflow in argument <{v}> to <{k}>, maximum value is 65535 ms.",
        under: "timer underflow in argument <{v}> to <{k}>, minimum non-null value is 1 ms.",
        unexpected: ("unexpected character '", "' in argument to <{k}>."),
        tight: true,
    };
    if time(cx, line, TimeUnit::Ms, &texts).is_some_and(|ms| ms > 65535) {
        fail(cx, line, "'{k}' expects a timer value between 0 and 65535 ms.");
    }
}

fn warn_blocked(cx: &mut Cx<'_>, line: &Line) {
    let texts = TimeTexts {
        missing: "'{k}' expects <time> as argument between 1 and 1000 ms.\n",
        over: "timer overflow in argument '{v}' to '{k}' (maximum value is 1000 ms)",
        under: "timer underflow in argument '{v}' to '{k}' (minimum value is 1 ms)",
        unexpected: ("unexpected character '", "' in argument to <{k}>.\n"),
        tight: false,
    };
    if time(cx, line, TimeUnit::Ms, &texts).is_some_and(|ms| !(1..=1000).contains(&ms)) {
        fail(cx, line, "timer out of range in argument '{v}' to '{k}' (value must be between 1 and 1000 ms)");
    }
}

const QUIC_TIME: TimeTexts = TimeTexts {
    missing: "",
    over: "timer overflow in argument '{v}' to '{k}' (maximum value is 2147483647 ms or ~24.8 days)",
    under: "timer underflow in argument '{v}' to '{k}' (minimum non-null value is 1 ms)",
    unexpected: ("unexpected character '", "' in '{k}'"),
    tight: false,
};

/// QUIC's idle timeouts of 3.5.
pub(super) fn quic_idle(cx: &mut Cx<'_>, line: &Line) -> bool {
    let before = cx.diagnostics.len();
    quic_timeout(cx, line);
    cx.diagnostics.len() == before
}

/// A time of at most 65535 ms.
pub(super) fn short_timer(cx: &mut Cx<'_>, line: &Line) -> bool {
    let before = cx.diagnostics.len();
    idle_timer(cx, line);
    cx.diagnostics.len() == before
}

fn quic_timeout(cx: &mut Cx<'_>, line: &Line) {
    if too_many(cx, line, 1) {
        return;
    }
    let read = time(cx, line, TimeUnit::Ms, &QUIC_TIME).is_some();
    if read && line.is(0, "tune.quic.backend.max-idle-timeou") {
        fail(cx, line, "'{k}' keyword not unhandled (please report this bug).");
    }
}

fn quic_reorder(cx: &mut Cx<'_>, line: &Line) {
    if too_many(cx, line, 1) {
        return;
    }
    match value(line) {
        0 => fail(cx, line, "'{k}' expects a positive integer."),
        1..=100 => {}
        _ => fail(cx, line, "'{k}' expects an integer argument between 0 and 100."),
    }
}

fn httpclient_retries(cx: &mut Cx<'_>, line: &Line) {
    if !too_many(cx, line, 1) && line.arg(1).is_empty() {
        fail(cx, line, INTEGER);
        cx.error("HA2010", line, 1, "(null)");
    }
}

fn httpclient_timeout(cx: &mut Cx<'_>, line: &Line) {
    if too_many(cx, line, 1) {
        return;
    }
    if line.arg(1).is_empty() {
        fail(cx, line, INTEGER);
        return cx.error("HA2010", line, 1, "(null)");
    }
    time(cx, line, TimeUnit::Ms, &QUIC_TIME);
}

fn chksize(cx: &mut Cx<'_>, line: &Line) {
    fail_tight(cx, line, "option '{k}' is not supported any more (tune.bufsize is used instead).");
}
