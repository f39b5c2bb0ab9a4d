//! Keywords of proxies that are one word and a value.
//!
//! HAProxy configuration manual §4.2; texts from the original.

use rha_ir::{HttpReuse, Mode};
use rha_text::Severity;
use rha_vocab::{Dialect, Lifetime, Support};

use super::address::{self, Wants};
use super::rows::{known, planned, row, with};
use super::{draft, invalid_char, not_in_defaults, too_many, warn_unless};
use crate::units::{self, TimeError, TimeUnit};
use crate::{Cx, Keyword, Line, Place};

pub(super) const KEYWORDS: &[Keyword] = &[
    row("mode", Place::PROXY, "tcp|http|log", "Sets the protocol the proxy speaks.", mode),
    row("id", Place::PROXY, "<value>", "Gives the proxy a fixed numeric id.", id),
    known(
        Lifetime::since(3, 0),
        with(
            Support::NoEffect(
                "only the statistics file names things by it, and a start with stats-file is refused",
            ),
            row("guid", Place::PROXY, "<string>", "Gives the proxy a globally unique id.", guid),
        ),
    ),
    row("description", Place::PROXY, "<string>", "Describes the proxy on the stats page.", description),
    row("disabled", Place::PROXY, "", "Turns the proxy off.", |cx, line| switch(cx, line, true)),
    row("enabled", Place::PROXY, "", "Turns a proxy on that its defaults turned off.", |cx, line| {
        switch(cx, line, false)
    }),
    row("maxconn", Place::FRONT, "<conns>", "Limits the concurrent connections of the frontend.", maxconn),
    row("backlog", Place::FRONT, "<conns>", "Sets the length of the listen queue.", backlog),
    row(
        "fullconn",
        Place::BACK,
        "<conns>",
        "Sets the load at which dynamic server limits reach their maximum.",
        fullconn,
    ),
    row("retries", Place::BACK, "<value>", "Sets how often a failed connection is tried again.", retries),
    row(
        "retry-on",
        Place::BACK,
        "[keywords…]",
        "Sets after which failures a request is sent again.",
        retry_on,
    ),
    row(
        "default_backend",
        Place::FRONT,
        "<backend>",
        "Names the backend used when no rule chose one.",
        default_backend,
    ),
    row(
        "http-reuse",
        Place::BACK,
        "never|safe|aggressive|always",
        "Sets how idle server connections are shared.",
        http_reuse,
    ),
    row(
        "monitor-uri",
        Place::FRONT,
        "<uri>",
        "Answers requests for this URI with the proxy's own health.",
        monitor_uri,
    ),
    row(
        "monitor",
        Place::FRONT,
        "fail {if|unless} <condition>",
        "Makes the monitor URI report a failure.",
        monitor,
    ),
    row(
        "force-persist",
        Place::BACK,
        "{if|unless} <condition>",
        "Uses a persistent server even when it is down.",
        |cx, line| persist_rule(cx, line, true),
    ),
    row(
        "ignore-persist",
        Place::BACK,
        "{if|unless} <condition>",
        "Ignores persistence for some requests.",
        |cx, line| persist_rule(cx, line, false),
    ),
    row("dispatch", Place::BACK, "<address>:<port>", "Sends every connection to one address.", dispatch),
    row("transparent", Place::BACK, "", "Connects to the address the client asked for.", transparent),
    row(
        "persist",
        Place::BACK,
        "rdp-cookie[(<name>)]",
        "Follows the cookie of remote desktop clients.",
        persist,
    ),
    row("rate-limit", Place::FRONT, "sessions <rate>", "Limits new sessions per second.", rate_limit),
    row(
        "max-keep-alive-queue",
        Place::BACK,
        "<value>",
        "Limits the queue at which an idle server connection is given up.",
        max_ka_queue,
    ),
    with(
        Support::NoEffect("a client's session keeps one server connection of its own at most"),
        row(
            "max-session-srv-conns",
            Place::FRONT,
            "<nb>",
            "Limits server connections remembered by one client session.",
            max_session_srv_conns,
        ),
    ),
    row(
        "load-server-state-from-file",
        Place::BACK,
        "{global|local|none}",
        "Restores server states at start.",
        load_state,
    ),
    row(
        "server-state-file-name",
        Place::BACK,
        "[<file>]",
        "Names the file of server states.",
        state_file_name,
    ),
    planned(
        "email-alert",
        Place::PROXY,
        "from|level|mailers|myhostname|to <value>",
        "Sends mail about server states.",
        email_alert,
    ),
    row(
        "http-send-name-header",
        Place::BACK,
        "[<header>]",
        "Tells the server its name in a header.",
        send_name_header,
    ),
    planned("use-fcgi-app", Place::BACK, "<name>", "Speaks FastCGI to the servers.", use_fcgi_app),
    known(
        Lifetime::since(3, 4),
        planned("be-unpublished", Place::BACK, "", "Starts a backend that no rule chooses.", |_, _| {}),
    ),
    known(
        Lifetime::since(3, 4),
        planned(
            "force-be-switch",
            Place::FRONT,
            "{ if | unless } <condition>",
            "Lets a rule choose a backend that is disabled or unpublished.",
            super::newer::force_be_switch,
        ),
    ),
    known(
        Lifetime::since(3, 4),
        planned(
            "filter-sequence",
            Place::PROXY,
            "{ request | response } <filter_list>",
            "Sets the order in which filters run.",
            super::newer::filter_sequence,
        ),
    ),
    known(
        Lifetime::since(3, 2),
        planned(
            "ssl-f-use",
            Place::FRONT,
            "[<sslbindconf> ...]*",
            "Gives the frontend a certificate.",
            |_, _| {},
        ),
    ),
    row("clitcpka-cnt", Place::FRONT, "<count>", "Sets the number of keep-alive probes to clients.", tcpka),
    row("clitcpka-idle", Place::FRONT, "<timeout>", "Sets the silence before probes to clients.", tcpka),
    row("clitcpka-intvl", Place::FRONT, "<timeout>", "Sets the interval of probes to clients.", tcpka),
    row("srvtcpka-cnt", Place::BACK, "<count>", "Sets the number of keep-alive probes to servers.", tcpka),
    row("srvtcpka-idle", Place::BACK, "<timeout>", "Sets the silence before probes to servers.", tcpka),
    row("srvtcpka-intvl", Place::BACK, "<timeout>", "Sets the interval of probes to servers.", tcpka),
];

fn mode(cx: &mut Cx<'_>, line: &Line) {
    if too_many(cx, line, 1, 0) {
        return;
    }
    let dialect = cx.input.dialect;
    let Some(d) = draft(cx, line) else { return };
    let (is_front, is_back) = (d.is_frontend(), d.is_backend());
    let mode = match line.bytes(1) {
        b"tcp" => Ok(Mode::Tcp),
        b"http" => Ok(Mode::Http),
        b"log" if dialect >= Dialect::V2_8 && is_back => Ok(Mode::Log),
        b"spop" if dialect >= Dialect::V3_2 && is_back => Ok(Mode::Spop),
        b"haterm" if dialect >= Dialect::V3_4 && is_front => Ok(Mode::Haterm),
        b"haterm" if dialect >= Dialect::V3_4 => {
            Err("mode haterm is only applicable on proxies with frontend capability.".to_owned())
        }
        b"log" | b"spop" if dialect >= Dialect::V3_2 => {
            let word = if line.is(1, "log") { "syslog" } else { "spop" };
            Err(format!("mode {word} is only applicable on proxies with backend capability."))
        }
        b"health" => {
            Err("'mode health' doesn't exist anymore. Please use 'http-request return status 200' instead."
                .to_owned())
        }
        _ => Err(format!("unknown proxy mode '{}'.", line.text(1))),
    };
    match mode {
        Ok(m) => {
            d.proxy.mode = m;
            if matches!(m, Mode::Log | Mode::Spop | Mode::Haterm) {
                cx.note(&format!("mode {}", line.text(1)), Support::Planned, line.at(1));
            }
        }
        Err(text) => cx.error("HA2100", line, 1, text),
    }
}

fn id(cx: &mut Cx<'_>, line: &Line) {
    if not_in_defaults(cx, line, true) || too_many(cx, line, 1, 0) {
        return;
    }
    if line.arg(1).is_empty() {
        return cx.error_tight("HA2100", line, 1, "'id' expects an integer argument.");
    }
    let value = units::atoi(line.arg(1));
    let Some(id) = u32::try_from(value).ok().filter(|v| *v > 0) else {
        return cx.error_tight("HA2100", line, 1, "custom id has to be > 0.");
    };
    let own = cx.model.proxies.len();
    if let Some(other) = cx.proxies.with_id(id).and_then(|i| cx.model.proxies.get(i)) {
        let Some(d) = cx.draft.as_ref() else { return };
        let text = format!(
            "{} {} reuses same custom id as {} {} (declared at {}).",
            d.word(),
            d.proxy.name,
            super::word(other.kind),
            other.name,
            cx.position(other.origin)
        );
        return cx.error_tight("HA3103", line, 1, text);
    }
    cx.proxies.claim_id(id, own);
    if let Some(d) = draft(cx, line) {
        d.proxy.id = id;
    }
}

fn guid(cx: &mut Cx<'_>, line: &Line) {
    if not_in_defaults(cx, line, false) {
        return;
    }
    if line.arg(1).is_empty() {
        return cx.error("HA2100", line, 1, "'guid' : expects an argument");
    }
    let Some(d) = cx.draft.as_ref() else { return };
    let owner = format!("{} {}", d.word(), d.proxy.name);
    match claim_guid(cx, &line.text(1), owner) {
        Ok(()) => {
            if let Some(d) = draft(cx, line) {
                d.proxy.guid = Some(line.text(1));
            }
        }
        Err(text) => cx.error("HA2100", line, 1, format!("'guid': {text}")),
    }
}

/// Takes a globally unique id for `owner`.
pub(super) fn claim_guid(cx: &mut Cx<'_>, guid: &str, owner: String) -> Result<(), String> {
    if guid.is_empty() || guid.len() > 127 {
        return Err("invalid length".into());
    }
    if let Some(c) = invalid_char(guid.as_bytes()) {
        return Err(format!("invalid character '{}'", c as char));
    }
    if let Some(other) = cx.proxies.guids.get(guid) {
        return Err(format!("duplicate entry with {other}"));
    }
    cx.proxies.guids.insert(guid.to_owned(), owner);
    Ok(())
}

fn description(cx: &mut Cx<'_>, line: &Line) {
    if not_in_defaults(cx, line, true) {
        return;
    }
    if line.arg(1).is_empty() {
        return cx.error_tight("HA2100", line, 1, "'description' expects a string argument.");
    }
    let words: Vec<String> = (1..line.len()).map(|i| line.text(i)).collect();
    if let Some(d) = draft(cx, line) {
        d.proxy.description = Some(words.join(" "));
    }
}

fn switch(cx: &mut Cx<'_>, line: &Line, disabled: bool) {
    if !too_many(cx, line, 0, 0)
        && let Some(d) = draft(cx, line)
    {
        d.proxy.disabled = disabled;
    }
}

/// The number at word 1 of a keyword that needs one; says what is wrong.
fn number(cx: &mut Cx<'_>, line: &Line, side: Place, hint: &str) -> Option<i64> {
    let keyword = line.text(0);
    warn_unless(cx, line, side, &keyword, hint);
    if line.arg(1).is_empty() {
        cx.error("HA2100", line, 1, format!("'{keyword}' expects an integer argument."));
        return None;
    }
    (!too_many(cx, line, 1, 0)).then(|| units::atol(line.arg(1)))
}

fn unsigned(n: i64) -> u32 {
    u32::try_from(n).unwrap_or(0)
}

fn maxconn(cx: &mut Cx<'_>, line: &Line) {
    let n = number(cx, line, Place::FRONTEND, " Maybe you want 'fullconn' instead ?");
    if let (Some(n), Some(d)) = (n, cx.draft.as_mut()) {
        d.proxy.maxconn = Some(unsigned(n));
    }
}

fn backlog(cx: &mut Cx<'_>, line: &Line) {
    let n = number(cx, line, Place::FRONTEND, "");
    if let (Some(n), Some(d)) = (n, cx.draft.as_mut()) {
        d.proxy.backlog = Some(unsigned(n));
    }
}

fn fullconn(cx: &mut Cx<'_>, line: &Line) {
    let n = number(cx, line, Place::BACKEND, " Maybe you want 'maxconn' instead ?");
    if let (Some(n), Some(d)) = (n, cx.draft.as_mut()) {
        d.proxy.service.fullconn = Some(unsigned(n));
    }
}

fn retries(cx: &mut Cx<'_>, line: &Line) {
    warn_unless(cx, line, Place::BACKEND, "retries", "");
    if too_many(cx, line, 1, 0) {
        return;
    }
    if line.arg(1).is_empty() {
        let text = "'retries' expects an integer argument (dispatch counts for one).";
        return cx.error("HA2100", line, 1, text);
    }
    if let Some(d) = draft(cx, line) {
        d.proxy.retries = Some(unsigned(units::atol(line.arg(1))));
    }
}

const RETRY_ON: [&str; 18] = [
    "conn-failure",
    "empty-response",
    "response-timeout",
    "401",
    "403",
    "404",
    "408",
    "421",
    "425",
    "429",
    "500",
    "501",
    "502",
    "503",
    "504",
    "0rtt-rejected",
    "junk-response",
    "all-retryable-errors",
];

fn retry_on(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() {
        let text = "'retry-on' needs at least one keyword to specify when to retry";
        return cx.error("HA2100", line, 1, text);
    }
    let newer = cx.input.dialect >= Dialect::V3_2;
    let Some(d) = draft(cx, line) else { return };
    if !d.is_backend() {
        return cx.error("HA2103", line, 0, "'retry-on' only available in backend or listen section");
    }
    let mut words = Vec::new();
    for i in 1..line.len() {
        let word = line.text(i);
        if word == "none" {
            if i != 1 || line.len() > 2 {
                return cx.error("HA2100", line, i, "'retry-on' 'none' keyworld only usable alone");
            }
        } else if !RETRY_ON.contains(&word.as_str()) || (!newer && matches!(word.as_str(), "421" | "429")) {
            return cx.error("HA2100", line, i, format!("'retry-on': unknown keyword '{word}'"));
        }
        words.push(word);
    }
    d.proxy.retry_on = words;
}

fn default_backend(cx: &mut Cx<'_>, line: &Line) {
    warn_unless(cx, line, Place::FRONTEND, "default_backend", "");
    if line.arg(1).is_empty() {
        return cx.error("HA2100", line, 1, "'default_backend' expects a backend name.");
    }
    if let Some(d) = draft(cx, line) {
        d.proxy.default_backend = Some((line.text(1), line.at(1)));
    }
    too_many(cx, line, 1, 0);
}

fn http_reuse(cx: &mut Cx<'_>, line: &Line) {
    warn_unless(cx, line, Place::BACKEND, "http-reuse", "");
    let reuse = match line.bytes(1) {
        b"never" => HttpReuse::Never,
        b"safe" => HttpReuse::Safe,
        b"aggressive" => HttpReuse::Aggressive,
        b"always" => HttpReuse::Always,
        _ => {
            let text = "'http-reuse' only supports 'never', 'safe', 'aggressive', 'always'.";
            return cx.error("HA2100", line, 1, text);
        }
    };
    if let Some(d) = draft(cx, line) {
        d.proxy.http_reuse = reuse;
    }
    too_many(cx, line, 0, 1);
}

fn monitor_uri(cx: &mut Cx<'_>, line: &Line) {
    warn_unless(cx, line, Place::FRONTEND, "monitor-uri", "");
    if too_many(cx, line, 1, 0) {
        return;
    }
    if line.arg(1).is_empty() {
        return cx.error("HA2100", line, 1, "'monitor-uri' expects an URI.");
    }
    if let Some(d) = draft(cx, line) {
        d.proxy.monitor_uri = Some(line.arg(1).into());
    }
}

fn monitor(cx: &mut Cx<'_>, line: &Line) {
    if not_in_defaults(cx, line, false) {
        return;
    }
    warn_unless(cx, line, Place::FRONTEND, "monitor", "");
    if !line.is(1, "fail") {
        return cx.error("HA2100", line, 1, "'monitor' only supports 'fail'.");
    }
    if !line.is(2, "if") && !line.is(2, "unless") {
        let text = "'monitor fail' requires either 'if' or 'unless' followed by a condition.";
        return cx.error("HA2100", line, 2, text);
    }
    crate::rules::warn_misplaced_monitor(cx, line);
    match crate::expr::condition_text(cx, crate::expr::Args::of(line, 2)) {
        Ok(c) => {
            if let Some(d) = draft(cx, line) {
                d.proxy.monitor_fail.push(c);
            }
        }
        Err(e) => {
            let text = format!("error detected while parsing a 'monitor fail' condition : {e}.");
            cx.error("HA2303", line, 2, text);
        }
    }
}

fn persist_rule(cx: &mut Cx<'_>, line: &Line, force: bool) {
    if not_in_defaults(cx, line, false) {
        return;
    }
    let keyword = line.text(0);
    warn_unless(cx, line, Place::BACKEND, &keyword, "");
    if !line.is(1, "if") && !line.is(1, "unless") {
        let text = format!("'{keyword}' requires either 'if' or 'unless' followed by a condition.");
        return cx.error("HA2100", line, 1, text);
    }
    match crate::expr::condition_text(cx, crate::expr::Args::of(line, 1)) {
        Ok(c) => {
            if let Some(d) = draft(cx, line) {
                let list = if force { &mut d.proxy.force_persist } else { &mut d.proxy.ignore_persist };
                list.push(c);
            }
        }
        Err(e) => {
            let text = format!("error detected while parsing a '{keyword}' rule : {e}.");
            cx.error("HA2303", line, 1, text);
        }
    }
}

fn dispatch(cx: &mut Cx<'_>, line: &Line) {
    if cx.input.dialect >= Dialect::V3_5 {
        let text = format!(
            "support for 'dispatch' was removed in version 3.5. The modern way to do the same is to create a server with the same address, and possibly to assign any extra server a weight of zero if any:\n    server dispatch {}",
            line.text(1)
        );
        return cx.error_tight("HA4101", line, 0, text);
    }
    if not_in_defaults(cx, line, false) {
        return;
    }
    warn_unless(cx, line, Place::BACKEND, "dispatch", "");
    match address::read(cx, &line.text(1), Wants::SOURCE.and(Wants::PORT_NEEDED)) {
        Err(e) => cx.error("HA2200", line, 1, format!("'dispatch' : {e}")),
        Ok(found) => {
            if !too_many(cx, line, 1, 0)
                && let Some(d) = draft(cx, line)
            {
                d.proxy.dispatch = Some(found.address);
            }
        }
    }
}

fn transparent(cx: &mut Cx<'_>, line: &Line) {
    if cx.input.dialect >= Dialect::V3_5 {
        let text = "support for 'transparent' was removed in version 3.5. The modern way to do the same is to create a server with address 0.0.0.0.";
        return cx.error_tight("HA4101", line, 0, text);
    }
    if let Some(d) = draft(cx, line) {
        d.proxy.options.transparent = true;
    }
    too_many(cx, line, 0, 0);
}

fn persist(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() {
        return cx.error("HA2100", line, 1, "missing persist method.");
    }
    let word = line.text(1);
    let Some(rest) = word.strip_prefix("rdp-cookie") else {
        return cx.error("HA2100", line, 1, "unknown persist method.");
    };
    let name = if rest.is_empty() {
        Some("msts")
    } else {
        if rest.starts_with('(') && too_many(cx, line, 1, 0) {
            return;
        }
        rest.strip_prefix('(').and_then(|r| r.split_once(')')).map(|(n, _)| n).filter(|n| !n.is_empty())
    };
    match name {
        Some(n) => {
            if let Some(d) = draft(cx, line) {
                d.proxy.persist_rdp_cookie = Some(n.into());
            }
        }
        None => cx.error("HA2100", line, 1, "persist rdp-cookie(name)' requires an rdp cookie name."),
    }
}

fn rate_limit(cx: &mut Cx<'_>, line: &Line) {
    if !line.is(1, "sessions") {
        let text = format!("'rate-limit' only supports 'sessions' (got '{}')", line.text(1));
        return cx.error("HA2100", line, 1, text);
    }
    if line.arg(2).is_empty() {
        let text = "'rate-limit sessions' expects expects an integer value (in sessions/second)";
        return cx.error("HA2100", line, 2, text);
    }
    let (n, rest) = units::strtol(line.arg(2), 0);
    if let Some(c) = rest.first() {
        let text = format!(
            "'rate-limit sessions' : unexpected character '{}' in integer value '{}'",
            *c as char,
            line.text(2)
        );
        return cx.error("HA2100", line, 2, text);
    }
    let Some(d) = draft(cx, line) else { return };
    let before = d.proxy.rate_limit_sessions.replace(unsigned(n));
    let (is_front, section, name) = (d.is_frontend(), d.word(), d.proxy.name.clone());
    if !is_front {
        let text = format!(
            "rate-limit sessions will be ignored because {section} '{name}' has no frontend capability"
        );
        cx.warning("HA2103", line, 0, text);
    } else if overwrites(cx, before.unwrap_or(0), |p| p.rate_limit_sessions.unwrap_or(0)) {
        cx.warning("HA3108", line, 0, "overwriting rate-limit sessions which was already specified");
    }
}

/// Whether a value set twice in the same section is replaced: what was there differs from the defaults'.
pub(super) fn overwrites(cx: &Cx<'_>, before: u32, of: impl Fn(&rha_ir::Proxy) -> u32) -> bool {
    let Some(d) = cx.draft.as_ref().filter(|d| !d.is_defaults) else { return false };
    let inherited = d.extra.parent.as_ref().map_or(0, |p| of(&p.proxy));
    before != inherited
}

fn max_ka_queue(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() {
        let text = "'max-keep-alive-queue' expects expects an integer value (or -1 to disable)";
        return cx.error("HA2100", line, 1, text);
    }
    let Some(n) = integer(cx, line) else { return };
    warn_no_side(cx, line, Place::BACKEND);
    if let Some(d) = draft(cx, line) {
        d.proxy.max_keep_alive_queue = i32::try_from(n).unwrap_or(-1);
    }
}

/// Word 1 as an integer in any base, with the message of the `…-cnt` family.
fn integer(cx: &mut Cx<'_>, line: &Line) -> Option<i64> {
    let (n, rest) = units::strtol(line.arg(1), 0);
    let Some(c) = rest.first() else { return Some(n) };
    let text = format!(
        "'{}' : unexpected character '{}' in integer value '{}'",
        line.text(0),
        *c as char,
        line.text(1)
    );
    cx.error("HA2100", line, 1, text);
    None
}

fn warn_no_side(cx: &mut Cx<'_>, line: &Line, side: Place) {
    let Some(d) = cx.draft.as_ref() else { return };
    let (has, what) =
        if side == Place::BACKEND { (d.is_backend(), "backend") } else { (d.is_frontend(), "frontend") };
    if !has {
        let text = format!(
            "{} will be ignored because {} '{}' has no {what} capability",
            line.text(0),
            d.word(),
            d.proxy.name
        );
        cx.warning("HA2103", line, 0, text);
    }
}

fn max_session_srv_conns(cx: &mut Cx<'_>, line: &Line) {
    warn_unless(cx, line, Place::FRONTEND, "max-session-srv-conns", "");
    if line.arg(1).is_empty() {
        // COMPAT: "parsine" up to 3.0.
        let verb = if cx.input.dialect >= Dialect::V3_2 { "parsing" } else { "parsine" };
        let text = format!(
            "{verb} [{}] : 'max-session-srv-conns' expects a number. Got no argument",
            cx.position(line.span)
        );
        return cx.say("HA2100", Severity::Error, line.at(1), text);
    }
    if let Some(d) = draft(cx, line) {
        d.proxy.max_session_srv_conns = Some(units::atoi(line.arg(1)));
    }
}

fn load_state(cx: &mut Cx<'_>, line: &Line) {
    warn_unless(cx, line, Place::BACKEND, "load-server-state-from-file", "");
    if !["global", "local", "none"].iter().any(|w| line.is(1, w)) {
        let text = format!(
            "'load-server-state-from-file' expects 'global', 'local' or 'none'. Got '{}'",
            line.text(1)
        );
        return cx.error("HA2100", line, 1, text);
    }
    if let Some(d) = draft(cx, line) {
        d.extra.state_file_global = line.is(1, "global");
        d.proxy.state_source = match line.bytes(1) {
            b"global" => Some(rha_ir::StateSource::Global),
            b"local" => Some(rha_ir::StateSource::Local),
            _ => None,
        };
    }
}

fn state_file_name(cx: &mut Cx<'_>, line: &Line) {
    warn_unless(cx, line, Place::BACKEND, "server-state-file-name", "");
    too_many(cx, line, 1, 0);
    let name = Some(line.text(1)).filter(|n| !n.is_empty() && n != "use-backend-name");
    if let Some(d) = draft(cx, line) {
        d.proxy.state_file = name;
    }
}

fn email_alert(cx: &mut Cx<'_>, line: &Line) {
    if line.arg(1).is_empty() {
        return cx.error("HA2100", line, 1, "missing argument after 'email-alert'.");
    }
    let value = line.text(2);
    let Some(d) = draft(cx, line) else { return };
    match line.bytes(1) {
        b"from" => d.extra.email.from = Some(value),
        b"to" => d.extra.email.to = Some(value),
        b"mailers" => d.extra.email.mailers = Some(value),
        b"myhostname" => {}
        b"level" => {
            if crate::log_target::level(line.arg(2)).is_none() {
                let text = format!("unknown log level 'level' after '{value}'");
                return cx.error("HA2100", line, 2, text);
            }
        }
        _ => {
            let text = format!("email-alert: unknown argument '{}'.", line.text(1));
            return cx.error("HA2100", line, 1, text);
        }
    }
    if let Some(d) = cx.draft.as_mut() {
        d.extra.email.set = true;
    }
}

fn send_name_header(cx: &mut Cx<'_>, line: &Line) {
    warn_unless(cx, line, Place::BACKEND, "http-send-name-header", "");
    if line.arg(1).is_empty() {
        return cx.error("HA2100", line, 1, "'http-send-name-header' requires a header string.");
    }
    let name = line.text(1).to_ascii_lowercase();
    let reserved = cx.input.dialect >= Dialect::V3_5;
    if reserved && ["host", "content-length", "transfer-encoding", "connection"].contains(&name.as_str()) {
        let text = format!(
            "'{}' cannot be used as header name for 'http-send-name-header' directive.",
            line.text(1)
        );
        return cx.error("HA2100", line, 1, text);
    }
    if let Some(d) = draft(cx, line) {
        d.proxy.send_name_header = Some(name.into());
    }
}

fn use_fcgi_app(cx: &mut Cx<'_>, line: &Line) {
    let Some(d) = draft(cx, line) else { return };
    if !d.is_backend() {
        let text = "'use-fcgi-app' only available in backend or listen section";
        return cx.error("HA2103", line, 0, text);
    }
    if d.is_defaults {
        return cx.error("HA2104", line, 0, "'use-fcgi-app' only available in backend or listen section");
    }
    if line.arg(1).is_empty() {
        return cx.error("HA2100", line, 1, "'use-fcgi-app' expects <name> as argument");
    }
    if let Some(d) = draft(cx, line) {
        d.extra.fcgi_app = Some(line.text(1));
    }
}

fn tcpka(cx: &mut Cx<'_>, line: &Line) {
    let keyword = line.text(0);
    if line.arg(1).is_empty() {
        return cx.error("HA2100", line, 1, format!("'{keyword}' expects an integer value"));
    }
    let value = if keyword.ends_with("-cnt") {
        let Some(n) = integer(cx, line) else { return };
        unsigned(n)
    } else {
        match units::time_warned(cx, line.at(1), line.arg(1), TimeUnit::S) {
            Ok(v) => v,
            Err(e) => {
                // COMPAT: this one text ends its line itself.
                let end = if matches!(e, TimeError::Unexpected(_)) { "\n" } else { "" };
                let text = timer_text(e, &line.text(1), &keyword) + end;
                return cx.error("HA2100", line, 1, text);
            }
        }
    };
    let front = keyword.starts_with("cli");
    warn_no_side(cx, line, if front { Place::FRONTEND } else { Place::BACKEND });
    let Some(d) = draft(cx, line) else { return };
    let k = if front { &mut d.proxy.client_keepalive } else { &mut d.proxy.server_keepalive };
    let field = if keyword.ends_with("-cnt") {
        &mut k.count
    } else if keyword.ends_with("-idle") {
        &mut k.idle_s
    } else {
        &mut k.interval_s
    };
    *field = Some(value);
}

/// The most common wording of a bad time.
pub(super) fn timer_text(e: TimeError, value: &str, keyword: &str) -> String {
    match e {
        TimeError::Over => format!(
            "timer overflow in argument '{value}' to '{keyword}' (maximum value is 2147483647 ms or ~24.8 days)"
        ),
        TimeError::Under => {
            format!("timer underflow in argument '{value}' to '{keyword}' (minimum non-null value is 1 ms)")
        }
        TimeError::Unexpected(c) => {
            format!("unexpected character '{}' in argument to <{keyword}>.", shown(c))
        }
    }
}

/// A byte in a message, where C prints nothing for the end of the text.
pub(super) fn shown(c: u8) -> String {
    if c == 0 { String::new() } else { (c as char).to_string() }
}
