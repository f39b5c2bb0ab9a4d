//! Keywords of `global` whose whole check is one of a few shapes: no argument, a number, a word of a set,
//! a text.
//!
//! One row per keyword, and [`checked`] for all of them. What needs more than a row has a function of
//! its own in the files beside this one.

use rha_ir::Process;
use rha_vocab::{Lifetime, Support};

use super::{NO_COMPRESSION, NO_H2, NO_LUA, NO_PEERS, NO_QUIC, NO_TLS, fail, fill, once, too_many};
use crate::proxy::address::{self, Wants};
use crate::{Cx, Form, Keyword, Line, Parse, Place, units};

/// Known only to builds with a library that neither our originals nor we have.
const NOT_BUILT_IN: Lifetime = Lifetime::since(u8::MAX, 0);

/// What a value must be.
#[derive(Clone, Copy)]
enum Value {
    Any,
    /// A number of 32 bits, read as far as digits go.
    Int(i64, i64, &'static str),
    /// What a function says.
    Judged(fn(&mut Cx<'_>, &Line) -> bool),
    /// One of these.
    Word(&'static [&'static str], &'static str),
}

/// What a line must look like. In texts, `{k}` stands for the keyword and `{v}` for its value.
#[derive(Clone, Copy)]
struct Check {
    /// Most arguments.
    max: usize,
    /// Said when there is none; empty: nothing is said.
    missing: &'static str,
    value: Value,
    /// Whether a second line is an alert and ignored.
    once: bool,
    /// Whether `expose-experimental-directives` is needed.
    experimental: bool,
    /// COMPAT: whether the original follows its complaint with a second one that reads `(null)`.
    twice: bool,
}

const UNLIMITED: usize = usize::MAX;
const INT_MISSING: &str = "'{k}' expects an integer argument.";
const POSITIVE: &str = "'{k}' expects a positive numeric value.";
const INT: Value = Value::Int(i64::MIN, i64::MAX, "");
const SWITCH: &[&str] = &["on", "off"];

impl Check {
    const ANY: Check = Check {
        max: UNLIMITED,
        missing: "",
        value: Value::Any,
        once: false,
        experimental: false,
        twice: false,
    };
    const FLAG: Check = Check { max: 0, ..Check::ANY };
    const ONE: Check = Check { max: 1, ..Check::ANY };
    const INT: Check = Check { max: 1, missing: INT_MISSING, value: INT, ..Check::ANY };
    const POSITIVE: Check = Check { value: Value::Int(0, i64::MAX, POSITIVE), ..Check::INT };
    const NOT_NEGATIVE: Check = Check { missing: "", ..Check::POSITIVE };
    const QUIC: Check = Check::range(1, i64::MAX, "'{k}' expects a positive integer.");
    const STRICTLY_POSITIVE: Check = Check::nonzero("'{k}' expects a positive integer.");
    const ON_OFF: Check = Check::words(SWITCH, "'{k}' expects either 'on' or 'off' but got '{v}'.");
    const ON_OR_OFF: Check = Check::words(SWITCH, "'{k}' expects 'on' or 'off'.");
    const EITHER: Check =
        Check { max: UNLIMITED, ..Check::words(SWITCH, "'{k}' expects either 'on' or 'off'.") };

    const fn nonzero(bad: &'static str) -> Check {
        // COMPAT: read as unsigned, so that only 0 is refused.
        Check { missing: bad, value: Value::Int(i64::MIN, -1, bad), ..Check::INT }
    }

    const fn range(low: i64, high: i64, bad: &'static str) -> Check {
        Check { missing: bad, value: Value::Int(low, high, bad), ..Check::INT }
    }

    const fn words(set: &'static [&'static str], bad: &'static str) -> Check {
        Check { max: 1, missing: "", value: Value::Word(set, bad), ..Check::ANY }
    }

    const fn text(missing: &'static str) -> Check {
        Check { max: 1, missing, ..Check::ANY }
    }

    const fn open_text(missing: &'static str) -> Check {
        Check { missing, ..Check::ANY }
    }

    const fn once(self) -> Check {
        Check { once: true, ..self }
    }

    const fn experimental(self) -> Check {
        Check { experimental: true, ..self }
    }

    const fn said_twice(self) -> Check {
        Check { twice: true, ..self }
    }
}

/// Where the value goes.
#[derive(Clone, Copy)]
enum Store {
    Nothing,
    Flag(fn(&mut Process)),
    Int(fn(&mut Process, i64)),
    Text(fn(&mut Process, String)),
}

/// A keyword and its check.
#[derive(Clone, Copy)]
struct Simple {
    name: &'static str,
    usage: &'static str,
    lifetime: Lifetime,
    support: Support,
    doc: &'static str,
    check: Check,
    store: Store,
}

/// Rows for the tables.
pub const KEYWORDS: &[Keyword] = &ROWS;

#[allow(clippy::large_const_arrays, reason = "it is joined with others at compile time and used once")]
const ROWS: [Keyword; SIMPLE.len()] = {
    let blank = Keyword {
        name: "",
        place: Place::GLOBAL,
        usage: "",
        lifetime: Lifetime::ALWAYS,
        support: Support::Planned,
        doc: "",
        parse: Parse::With(checked),
    };
    let mut out = [blank; SIMPLE.len()];
    let mut i = 0;
    while i < out.len() {
        let s = SIMPLE[i];
        out[i] = Keyword {
            name: s.name,
            usage: s.usage,
            lifetime: s.lifetime,
            support: s.support,
            doc: s.doc,
            ..blank
        };
        i += 1;
    }
    out
};

/// Checks a line against its row and stores what it says.
fn checked(cx: &mut Cx<'_>, line: &Line) {
    let Some(row) = SIMPLE.iter().find(|s| line.is(0, s.name)) else { return };
    if accepted(cx, line, row) {
        if cx.form == Form::No {
            cx.model.process.no_strict_limits |= row.name == "strict-limits";
            return;
        }
        match row.store {
            Store::Nothing => {}
            Store::Flag(f) => f(&mut cx.model.process),
            Store::Int(f) => f(&mut cx.model.process, i64::from(units::atoi(line.arg(1)))),
            Store::Text(f) => f(&mut cx.model.process, line.text(1)),
        }
    }
}

fn accepted(cx: &mut Cx<'_>, line: &Line, row: &'static Simple) -> bool {
    let c = row.check;
    if c.experimental && !super::is_exposed(cx, line) {
        return false;
    }
    if c.max != UNLIMITED && too_many(cx, line, c.max) {
        return false;
    }
    if c.once && once::is_again(cx, line, row.name) {
        return false;
    }
    if !c.missing.is_empty() && line.arg(1).is_empty() {
        fail(cx, line, c.missing);
        return false;
    }
    let value = i64::from(units::atoi(line.arg(1)));
    let bad = match c.value {
        Value::Any => None,
        Value::Judged(f) if !f(cx, line) => return false,
        Value::Judged(_) => None,
        Value::Int(low, -1, bad) if low == i64::MIN => (value == 0).then_some(bad),
        Value::Int(low, high, bad) => (value < low || value > high).then_some(bad),
        Value::Word(set, bad) => (!set.iter().any(|w| line.is(1, w))).then_some(bad),
    };
    if let Some(bad) = bad {
        let text = fill(bad, line);
        cx.error("HA2010", line, 1, text);
        if c.twice {
            cx.error("HA2010", line, 1, "(null)");
        }
        return false;
    }
    if c.once && !(matches!(c.value, Value::Int(..)) && value == 0) {
        once::mark(cx, row.name);
    }
    true
}

/// The section is looked up after the last line.
fn http_client_resolvers(cx: &mut Cx<'_>, line: &Line) -> bool {
    cx.others.http_client_resolvers = Some((line.text(1), line.at(1)));
    true
}

/// COMPAT: the address is complained about first, and then the line, without words.
fn ocsp_proxy(cx: &mut Cx<'_>, line: &Line) -> bool {
    let wants = Wants::RESOLVE.and(Wants::PORT).and(Wants::STREAM);
    match address::read(cx, &line.text(1), wants) {
        Ok(_) => true,
        Err(e) => {
            let text = format!("ocsp-update: Failed to parse destination address in {}", e.trim_end());
            cx.say("HA2200", rha_text::Severity::Error, line.at(1), text);
            cx.error("HA2010", line, 1, "(null)");
            false
        }
    }
}

/// COMPAT: the providers an installation of OpenSSL brings along.
fn provider(cx: &mut Cx<'_>, line: &Line) -> bool {
    let name = line.text(1);
    if matches!(name.as_str(), "default" | "base" | "legacy" | "null" | "fips") {
        return true;
    }
    let text = format!("ssl-provider {name}: unknown provider");
    cx.say("HA2400", rha_text::Severity::Error, line.at(1), text);
    cx.error("HA2010", line, 1, "(null)");
    false
}

fn limited_quic(cx: &mut Cx<'_>, _: &Line) -> bool {
    cx.others.limited_quic = true;
    true
}

fn state_base(cx: &mut Cx<'_>, line: &Line) -> bool {
    cx.others.state_base = Some(line.text(1));
    true
}

/// COMPAT: without `expose-experimental-directives`, 3.0 refuses the file and says nothing.
fn fast_forward(cx: &mut Cx<'_>, line: &Line) -> bool {
    if cx.experimental || cx.input.dialect >= rha_vocab::Dialect::V3_2 {
        return super::is_exposed(cx, line) && !too_many(cx, line, 0);
    }
    cx.aborted = true;
    false
}

/// A size, in the words of some of 3.5's keywords.
fn size_after(cx: &mut Cx<'_>, line: &Line) -> bool {
    let ok = units::size(line.arg(1)).is_ok();
    if !ok {
        let digits = line.arg(1).iter().take_while(|c| c.is_ascii_digit()).count();
        let rest: String = line.text(1).chars().skip(digits).collect();
        cx.error("HA2010", line, 1, format!("unexpected '{rest}' after size passed to '{}'", line.text(0)));
    }
    ok
}

/// A size, in the words of others.
fn size_in_quotes(cx: &mut Cx<'_>, line: &Line) -> bool {
    match units::size(line.arg(1)) {
        Err(c) if !line.arg(1).is_empty() => {
            let (keyword, value) = (line.text(0), line.text(1));
            let text =
                format!("'{keyword}': unexpected character '{}' in size argument '{value}'.", c as char);
            cx.error("HA2010", line, 1, text);
            false
        }
        _ => true,
    }
}

fn families(cx: &mut Cx<'_>, line: &Line) -> bool {
    let value = line.text(1);
    let ok = value.split(',').all(|f| matches!(f, "ipv4" | "ipv6" | "auto"));
    if !ok {
        fail(cx, line, "'{k}' expects a comma-delimited list of 'ipv4' and 'ipv6' but got '{v}'.");
    }
    ok
}

fn elasticity(cx: &mut Cx<'_>, line: &Line) -> bool {
    let n = units::atoi(line.arg(1));
    let ok = !line.arg(1).is_empty() && (n == 0 || n >= 100);
    if !ok {
        fail(cx, line, "'{k}' expects 0 or a positive percentage value of 100 or above");
    }
    ok
}

fn size_of(text: &str) -> Option<u32> {
    units::size(text.as_bytes()).ok().filter(|n| *n > 0)
}

fn unsigned(n: i64) -> Option<u32> {
    u32::try_from(n).ok()
}

#[rustfmt::skip]
const SIMPLE: &[Simple] = &[
    Simple { name: "51degrees-allow-unmatched", usage: "<number>", lifetime: NOT_BUILT_IN, support: Support::Planned, doc: "Option of the 51Degrees library.", check: Check::ANY, store: Store::Nothing },
    Simple { name: "51degrees-cache-size", usage: "<number>", lifetime: NOT_BUILT_IN, support: Support::Planned, doc: "Option of the 51Degrees library.", check: Check::ANY, store: Store::Nothing },
    Simple { name: "51degrees-data-file", usage: "<file path>", lifetime: NOT_BUILT_IN, support: Support::Planned, doc: "Option of the 51Degrees library.", check: Check::ANY, store: Store::Nothing },
    Simple { name: "51degrees-difference", usage: "<number>", lifetime: NOT_BUILT_IN, support: Support::Planned, doc: "Option of the 51Degrees library.", check: Check::ANY, store: Store::Nothing },
    Simple { name: "51degrees-drift", usage: "<number>", lifetime: NOT_BUILT_IN, support: Support::Planned, doc: "Option of the 51Degrees library.", check: Check::ANY, store: Store::Nothing },
    Simple { name: "51degrees-property-name-list", usage: "[<string> ...]", lifetime: NOT_BUILT_IN, support: Support::Planned, doc: "Option of the 51Degrees library.", check: Check::ANY, store: Store::Nothing },
    Simple { name: "51degrees-property-separator", usage: "<char>", lifetime: NOT_BUILT_IN, support: Support::Planned, doc: "Option of the 51Degrees library.", check: Check::ANY, store: Store::Nothing },
    Simple { name: "51degrees-use-performance-graph", usage: "<boolean>", lifetime: NOT_BUILT_IN, support: Support::Planned, doc: "Option of the 51Degrees library.", check: Check::ANY, store: Store::Nothing },
    Simple { name: "51degrees-use-predictive-graph", usage: "<boolean>", lifetime: NOT_BUILT_IN, support: Support::Planned, doc: "Option of the 51Degrees library.", check: Check::ANY, store: Store::Nothing },
    Simple { name: "acme.scheduler", usage: "{ auto | off }", lifetime: Lifetime::since(3, 2), support: Support::Planned, doc: "Whether certificates are renewed by themselves.", check: Check::words(&["auto", "off"], "keyword '{k}' in 'global' section requires either 'auto' or 'off' argument"), store: Store::Nothing },
    Simple { name: "busy-polling", usage: "", lifetime: Lifetime::ALWAYS, support: Support::NoEffect("only speed could depend on it: workers sleep while they wait"), doc: "Spins instead of sleeping while waiting for events.", check: Check::FLAG, store: Store::Nothing },
    Simple { name: "cluster-secret", usage: "<secret>", lifetime: Lifetime::ALWAYS, support: Support::NoEffect("only QUIC derives tokens from it, and a start with QUIC is refused"), doc: "Secret shared by the nodes of a cluster.", check: Check::text("expects an ASCII string argument.").once(), store: Store::Nothing },
    Simple { name: "cpu-affinity", usage: "<affinity>", lifetime: Lifetime::since(3, 4), support: Support::NoEffect("only speed could depend on it: the system chooses the processors workers run on"), doc: "Chooses how threads are bound to processors.", check: Check::ANY, store: Store::Nothing },
    Simple { name: "cpu-policy", usage: "<policy>", lifetime: Lifetime::since(3, 2), support: Support::NoEffect("only speed could depend on it: the system chooses the processors workers run on"), doc: "Chooses the processors threads are bound to.", check: Check::ANY, store: Store::Nothing },
    Simple { name: "cpu-set", usage: "<directive>...", lifetime: Lifetime::since(3, 2), support: Support::NoEffect("only speed could depend on it: the system chooses the processors workers run on"), doc: "Chooses the processors that may be used.", check: Check::ANY, store: Store::Nothing },
    Simple { name: "daemon", usage: "", lifetime: Lifetime::ALWAYS, support: Support::Full, doc: "Goes into the background, as -D does.", check: Check::FLAG, store: Store::Flag(|p| p.daemon = true) },
    Simple { name: "debug.counters", usage: "{ on | off }", lifetime: Lifetime::since(3, 2), support: Support::NoEffect("for developers"), doc: "Counts internal events.", check: Check::ON_OFF, store: Store::Nothing },
    Simple { name: "deviceatlas-json-file", usage: "<path>", lifetime: NOT_BUILT_IN, support: Support::Planned, doc: "Option of the DeviceAtlas library.", check: Check::ANY, store: Store::Nothing },
    Simple { name: "deviceatlas-log-level", usage: "<value>", lifetime: NOT_BUILT_IN, support: Support::Planned, doc: "Option of the DeviceAtlas library.", check: Check::ANY, store: Store::Nothing },
    Simple { name: "deviceatlas-properties-cookie", usage: "<name>", lifetime: NOT_BUILT_IN, support: Support::Planned, doc: "Option of the DeviceAtlas library.", check: Check::ANY, store: Store::Nothing },
    Simple { name: "deviceatlas-separator", usage: "<char>", lifetime: NOT_BUILT_IN, support: Support::Planned, doc: "Option of the DeviceAtlas library.", check: Check::ANY, store: Store::Nothing },
    Simple { name: "dns-accept-family", usage: "<family>[,...]", lifetime: Lifetime::since(3, 2), support: Support::Planned, doc: "Address families accepted from name servers.", check: Check { value: Value::Judged(families), ..Check::ONE }, store: Store::Nothing },
    Simple { name: "expose-deprecated-directives", usage: "", lifetime: Lifetime::since(3, 0), support: Support::Full, doc: "Silences warnings about deprecated keywords.", check: Check::ANY, store: Store::Nothing },
    Simple { name: "fd-hard-limit", usage: "<number>", lifetime: Lifetime::ALWAYS, support: Support::Full, doc: "Upper bound of the descriptors taken by default.", check: Check::INT.once(), store: Store::Int(|p, n| p.fd_hard_limit = unsigned(n).filter(|n| *n > 0)) },
    Simple { name: "force-cfg-parser-pause", usage: "<timeout>", lifetime: Lifetime::since(3, 2), support: Support::NoEffect("for developers"), doc: "Pauses while the configuration is read.", check: Check { value: Value::Judged(super::tune::short_timer), ..Check::ANY }, store: Store::Nothing },
    Simple { name: "h1-accept-payload-with-any-method", usage: "", lifetime: Lifetime::ALWAYS, support: Support::Planned, doc: "Accepts bodies with methods that should not have one.", check: Check::FLAG, store: Store::Nothing },
    Simple { name: "h1-do-not-close-on-insecure-transfer-encoding", usage: "", lifetime: Lifetime::since(3, 0), support: Support::Planned, doc: "Keeps connections whose transfer coding is ambiguous.", check: Check::FLAG, store: Store::Nothing },
    Simple { name: "h2-workaround-bogus-websocket-clients", usage: "", lifetime: Lifetime::ALWAYS, support: NO_H2, doc: "Hides HTTP/2 extended CONNECT from clients.", check: Check::FLAG, store: Store::Nothing },
    Simple { name: "harden.reject-privileged-ports.quic", usage: "{ on | off }", lifetime: Lifetime::since(2, 8), support: NO_QUIC, doc: "Refuses QUIC clients with a source port below 1024.", check: Check::EITHER, store: Store::Nothing },
    Simple { name: "harden.reject-privileged-ports.tcp", usage: "{ on | off }", lifetime: Lifetime::since(2, 8), support: Support::Full, doc: "Refuses TCP clients with a source port below 1024.", check: Check::EITHER, store: Store::Text(|p, t| p.rejects_privileged_ports = t == "on") },
    Simple { name: "httpclient.resolvers.disabled", usage: "{ on | off }", lifetime: Lifetime::since(2, 8), support: Support::Planned, doc: "Keeps the internal HTTP client from resolving names.", check: Check::ON_OFF, store: Store::Nothing },
    Simple { name: "httpclient.resolvers.id", usage: "<resolvers id>", lifetime: Lifetime::ALWAYS, support: Support::Planned, doc: "Name servers of the internal HTTP client.", check: Check { value: Value::Judged(http_client_resolvers), ..Check::ONE }, store: Store::Nothing },
    Simple { name: "httpclient.resolvers.prefer", usage: "{ ipv4 | ipv6 }", lifetime: Lifetime::ALWAYS, support: Support::Planned, doc: "Address family the internal HTTP client prefers.", check: Check::words(&["ipv4", "ipv6"], "'{k}' expects 'ipv4' or 'ipv6' as argument.").said_twice(), store: Store::Nothing },
    Simple { name: "httpclient.ssl.ca-file", usage: "<cafile>", lifetime: Lifetime::ALWAYS, support: Support::Planned, doc: "Authorities the internal HTTP client trusts.", check: Check::ONE, store: Store::Nothing },
    Simple { name: "httpclient.ssl.verify", usage: "[ none | required ]", lifetime: Lifetime::ALWAYS, support: Support::Planned, doc: "Whether the internal HTTP client checks certificates.", check: Check::words(&["none", "required"], "'{k}' expects 'none' or 'required' as argument.").said_twice(), store: Store::Nothing },
    Simple { name: "insecure-fork-wanted", usage: "", lifetime: Lifetime::ALWAYS, support: Support::NoEffect("programs that check servers are started without it too"), doc: "Allows the process to fork after start.", check: Check::FLAG, store: Store::Flag(|p| p.insecure_fork = true) },
    Simple { name: "insecure-setuid-wanted", usage: "", lifetime: Lifetime::ALWAYS, support: Support::NoEffect("nothing runs a set-uid program"), doc: "Allows programs started by the process to gain rights.", check: Check::FLAG, store: Store::Nothing },
    Simple { name: "jwt.decrypt_alg_list", usage: "<list>", lifetime: Lifetime::since(3, 4), support: Support::Planned, doc: "Key algorithms allowed for encrypted tokens.", check: Check::ANY, store: Store::Nothing },
    Simple { name: "jwt.decrypt_enc_list", usage: "<list>", lifetime: Lifetime::since(3, 4), support: Support::Planned, doc: "Content algorithms allowed for encrypted tokens.", check: Check::ANY, store: Store::Nothing },
    Simple { name: "limited-quic", usage: "", lifetime: Lifetime::since(2, 8), support: NO_QUIC, doc: "Enables QUIC with what the TLS library has.", check: Check { value: Value::Judged(limited_quic), ..Check::FLAG }, store: Store::Nothing },
    Simple { name: "localpeer", usage: "<name>", lifetime: Lifetime::ALWAYS, support: Support::Planned, doc: "Name of this node among its peers.", check: Check::text("'{k}' expects a name as an argument."), store: Store::Nothing },
    Simple { name: "log-tag", usage: "<string>", lifetime: Lifetime::ALWAYS, support: Support::Full, doc: "Program name in log lines.", check: Check::text("'{k}' expects a tag for use in syslog."), store: Store::Text(|p, t| p.log_tag = Some(t)) },
    Simple { name: "max-threads-per-group", usage: "<number>", lifetime: Lifetime::since(3, 2), support: Support::NoEffect("workers are not grouped"), doc: "Most threads in a group.", check: Check::range(0, 64, "'{k}' value must be an integer between 1 and 64,  got '{v}'"), store: Store::Nothing },
    Simple { name: "maxcompcpuusage", usage: "<number>", lifetime: Lifetime::ALWAYS, support: NO_COMPRESSION, doc: "Processor use above which compression is reduced.", check: Check::range(0, 100, "'{k}' expects an integer argument between 0 and 100."), store: Store::Nothing },
    Simple { name: "maxcomprate", usage: "<number>", lifetime: Lifetime::ALWAYS, support: NO_COMPRESSION, doc: "Most bytes compressed per second, kilobytes.", check: Check::text("'{k}' expects an integer argument in kb/s."), store: Store::Nothing },
    Simple { name: "maxconnrate", usage: "<number>", lifetime: Lifetime::ALWAYS, support: Support::Full, doc: "Most connections accepted per second.", check: Check::INT.once(), store: Store::Int(|p, n| p.max_conn_rate = unsigned(n)) },
    Simple { name: "maxpipes", usage: "<number>", lifetime: Lifetime::ALWAYS, support: Support::NoEffect("no pipe is used"), doc: "Most pipes for splicing.", check: Check::INT.once(), store: Store::Nothing },
    Simple { name: "maxsessrate", usage: "<number>", lifetime: Lifetime::ALWAYS, support: Support::Full, doc: "Most sessions accepted per second.", check: Check::INT.once(), store: Store::Int(|p, n| p.max_sess_rate = unsigned(n)) },
    Simple { name: "maxsslconn", usage: "<number>", lifetime: Lifetime::ALWAYS, support: NO_TLS, doc: "Most TLS connections at a time.", check: Check::POSITIVE, store: Store::Nothing },
    Simple { name: "maxsslrate", usage: "<number>", lifetime: Lifetime::ALWAYS, support: NO_TLS, doc: "Most TLS sessions accepted per second.", check: Check::INT.once(), store: Store::Nothing },
    Simple { name: "maxzlibmem", usage: "<number>", lifetime: Lifetime::ALWAYS, support: Support::NoEffect("only compression uses it, and a start with compression is refused"), doc: "Memory for compression, megabytes.", check: Check::INT, store: Store::Nothing },
    Simple { name: "no-memory-trimming", usage: "", lifetime: Lifetime::ALWAYS, support: Support::NoEffect("memory is the allocator's business"), doc: "Does not give memory back on reload or soft stop.", check: Check::FLAG, store: Store::Nothing },
    Simple { name: "noepoll", usage: "", lifetime: Lifetime::ALWAYS, support: Support::NoEffect("there is one event loop"), doc: "Disables the epoll poller.", check: Check::FLAG, store: Store::Nothing },
    Simple { name: "noevports", usage: "", lifetime: Lifetime::ALWAYS, support: Support::NoEffect("another system"), doc: "Disables the event ports poller.", check: Check::FLAG, store: Store::Nothing },
    Simple { name: "nogetaddrinfo", usage: "", lifetime: Lifetime::ALWAYS, support: Support::NoEffect("names resolve the same"), doc: "Resolves names with an older function of the C library.", check: Check::FLAG, store: Store::Nothing },
    Simple { name: "nokqueue", usage: "", lifetime: Lifetime::ALWAYS, support: Support::NoEffect("another system"), doc: "Disables the kqueue poller.", check: Check::FLAG, store: Store::Nothing },
    Simple { name: "noktls", usage: "", lifetime: Lifetime::since(3, 4), support: Support::NoEffect("the kernel's TLS is not used"), doc: "Disables TLS in the kernel.", check: Check::FLAG, store: Store::Nothing },
    Simple { name: "nopoll", usage: "", lifetime: Lifetime::ALWAYS, support: Support::NoEffect("there is one event loop"), doc: "Disables the poll poller.", check: Check::FLAG, store: Store::Nothing },
    Simple { name: "noreuseport", usage: "", lifetime: Lifetime::ALWAYS, support: Support::Full, doc: "Opens one listening socket instead of one per worker.", check: Check::FLAG, store: Store::Flag(|p| p.no_reuse_port = true) },
    Simple { name: "nosplice", usage: "", lifetime: Lifetime::ALWAYS, support: Support::NoEffect("bytes are copied anyway"), doc: "Disables splicing between sockets.", check: Check::FLAG, store: Store::Nothing },
    Simple { name: "numa-cpu-mapping", usage: "", lifetime: Lifetime::ALWAYS, support: Support::NoEffect("only speed could depend on it: the system chooses the processors workers run on"), doc: "Binds threads to the first node of a multi-node machine.", check: Check::ANY, store: Store::Nothing },
    Simple { name: "ocsp-update.httpproxy", usage: "<address>[:port]", lifetime: Lifetime::since(3, 0), support: Support::Planned, doc: "Proxy for OCSP requests.", check: Check { value: Value::Judged(ocsp_proxy), ..Check::ONE }, store: Store::Nothing },
    Simple { name: "pp2-never-send-local", usage: "", lifetime: Lifetime::ALWAYS, support: Support::Full, doc: "Sends real addresses in PROXY protocol headers of health checks.", check: Check::FLAG, store: Store::Flag(|p| p.pp2_never_send_local = true) },
    Simple { name: "prealloc-fd", usage: "", lifetime: Lifetime::since(2, 8), support: Support::NoEffect("descriptors are the kernel's business"), doc: "Makes the kernel size its descriptor table at start.", check: Check::FLAG, store: Store::Nothing },
    Simple { name: "profiling.memory", usage: "{ on | off }", lifetime: NOT_BUILT_IN, support: Support::NoEffect("nothing is profiled"), doc: "Records memory use per function.", check: Check::ANY, store: Store::Nothing },
    Simple { name: "profiling.tasks", usage: "{ auto | on | off }", lifetime: Lifetime::ALWAYS, support: Support::NoEffect("nothing is profiled"), doc: "Records run time per function.", check: Check::words(&["on", "auto", "off"], "'{k}' expects either 'on', 'auto', or 'off' but got '{v}'."), store: Store::Nothing },
    Simple { name: "quiet", usage: "", lifetime: Lifetime::ALWAYS, support: Support::Full, doc: "Silences messages at start, as -q does.", check: Check::FLAG, store: Store::Flag(|p| p.quiet = true) },
    Simple { name: "server-state-base", usage: "<directory>", lifetime: Lifetime::ALWAYS, support: Support::Full, doc: "Directory of server state files.", check: Check { value: Value::Judged(state_base), ..Check::open_text("'{k}' expects one argument: a directory path.") }, store: Store::Text(|p, t| p.server_state_base = Some(t)) },
    Simple { name: "shm-stats-file", usage: "<name>", lifetime: Lifetime::since(3, 4), support: Support::Planned, doc: "Shares counters between processes through a file.", check: Check::open_text("'{k}' expect one argument: a file path.\n"), store: Store::Nothing },
    Simple { name: "shm-stats-file-max-objects", usage: "<number>", lifetime: Lifetime::since(3, 4), support: Support::Planned, doc: "Most objects in the shared counters.", check: Check::open_text("'{k}' expect one argument: max objects number.\n"), store: Store::Nothing },
    Simple { name: "ssl-default-bind-ciphers", usage: "<ciphers>", lifetime: Lifetime::ALWAYS, support: NO_TLS, doc: "Cipher suites of TLS listeners up to TLS 1.2.", check: Check::text("global statement '{k}' expects a cipher suite as an argument."), store: Store::Nothing },
    Simple { name: "ssl-default-bind-ciphersuites", usage: "<ciphersuites>", lifetime: Lifetime::ALWAYS, support: NO_TLS, doc: "Cipher suites of TLS 1.3 listeners.", check: Check::text("global statement '{k}' expects a cipher suite as an argument."), store: Store::Nothing },
    Simple { name: "ssl-default-bind-client-sigalgs", usage: "<sigalgs>", lifetime: Lifetime::since(2, 8), support: NO_TLS, doc: "Signature algorithms expected from TLS clients.", check: Check::text("global statement '{k}' expects signature algorithms as an arguments."), store: Store::Nothing },
    Simple { name: "ssl-default-bind-curves", usage: "<curves>", lifetime: Lifetime::ALWAYS, support: NO_TLS, doc: "Elliptic curves of TLS listeners.", check: Check::text("global statement '{k}' expects a curves suite as an arguments."), store: Store::Nothing },
    Simple { name: "ssl-default-bind-sigalgs", usage: "<sigalgs>", lifetime: Lifetime::since(2, 8), support: NO_TLS, doc: "Signature algorithms of TLS listeners.", check: Check::text("global statement '{k}' expects a curves suite as an arguments."), store: Store::Nothing },
    Simple { name: "ssl-default-server-ciphers", usage: "<ciphers>", lifetime: Lifetime::ALWAYS, support: NO_TLS, doc: "Cipher suites for servers up to TLS 1.2.", check: Check::text("global statement '{k}' expects a cipher suite as an argument."), store: Store::Nothing },
    Simple { name: "ssl-default-server-ciphersuites", usage: "<ciphersuites>", lifetime: Lifetime::ALWAYS, support: NO_TLS, doc: "Cipher suites for servers with TLS 1.3.", check: Check::text("global statement '{k}' expects a cipher suite as an argument."), store: Store::Nothing },
    Simple { name: "ssl-default-server-client-sigalgs", usage: "<sigalgs>", lifetime: Lifetime::since(3, 0), support: NO_TLS, doc: "Signature algorithms for client certificates sent to servers.", check: Check::text("global statement '{k}' expects signature algorithms as an arguments."), store: Store::Nothing },
    Simple { name: "ssl-default-server-curves", usage: "<curves>", lifetime: Lifetime::since(3, 0), support: NO_TLS, doc: "Elliptic curves for TLS to servers.", check: Check::text("global statement '{k}' expects a curves suite as an arguments."), store: Store::Nothing },
    Simple { name: "ssl-default-server-sigalgs", usage: "<sigalgs>", lifetime: Lifetime::since(3, 0), support: NO_TLS, doc: "Signature algorithms for TLS to servers.", check: Check::text("global statement '{k}' expects a curves suite as an arguments."), store: Store::Nothing },
    Simple { name: "ssl-engine", usage: "<name> [algo <list>]", lifetime: NOT_BUILT_IN, support: Support::Planned, doc: "Loads an OpenSSL engine.", check: Check::ANY, store: Store::Nothing },
    Simple { name: "ssl-load-extra-del-ext", usage: "", lifetime: Lifetime::ALWAYS, support: NO_TLS, doc: "Removes the extension before looking for a certificate's other files.", check: Check::ANY, store: Store::Nothing },
    Simple { name: "ssl-mode-async", usage: "", lifetime: Lifetime::ALWAYS, support: NO_TLS, doc: "Lets TLS engines work in the background.", check: Check::ANY, store: Store::Nothing },
    Simple { name: "ssl-passphrase-cmd", usage: "<cmd> [<args>...]", lifetime: Lifetime::since(3, 4), support: NO_TLS, doc: "Program that tells a key's pass phrase.", check: Check::open_text("global statement '{k}' expects a command line to a passphrase-providing tool (script/binary...) and its arguments."), store: Store::Nothing },
    Simple { name: "ssl-propquery", usage: "<query>", lifetime: Lifetime::ALWAYS, support: NO_TLS, doc: "Property query for OpenSSL providers.", check: Check::open_text("global statement '{k}' expects a property string as an argument."), store: Store::Nothing },
    Simple { name: "ssl-provider", usage: "<name>", lifetime: Lifetime::ALWAYS, support: NO_TLS, doc: "Loads an OpenSSL provider.", check: Check { value: Value::Judged(provider), ..Check::open_text("global statement '{k}' expects a valid engine provider name as an argument.") }, store: Store::Nothing },
    Simple { name: "ssl-provider-path", usage: "<path>", lifetime: Lifetime::ALWAYS, support: NO_TLS, doc: "Where OpenSSL providers are.", check: Check::open_text("global statement '{k}' expects a directory path as an argument."), store: Store::Nothing },
    Simple { name: "ssl-skip-self-issued-ca", usage: "", lifetime: Lifetime::ALWAYS, support: NO_TLS, doc: "Leaves self-issued authorities out of certificate chains.", check: Check::ANY, store: Store::Nothing },
    Simple { name: "stress-level", usage: "<level>", lifetime: Lifetime::since(3, 2), support: Support::NoEffect("for developers"), doc: "Makes rare cases more frequent.", check: Check { value: Value::Int(0, 9, "'{k}' level must be between 0 and 9 inclusive."), ..Check::text("'{k}' expects a level as an argument.") }, store: Store::Nothing },
    Simple { name: "strict-limits", usage: "", lifetime: Lifetime::ALWAYS, support: Support::Full, doc: "Refuses to start when a limit cannot be raised.", check: Check::FLAG, store: Store::Flag(|p| p.no_strict_limits = false) },
    Simple { name: "trace", usage: "<args...>", lifetime: Lifetime::since(2, 8), support: Support::Planned, doc: "Switches a trace on.", check: Check::ANY.experimental(), store: Store::Nothing },
    Simple { name: "tune.applet.zero-copy-forwarding", usage: "{ on | off }", lifetime: Lifetime::since(3, 0), support: Support::NoEffect("bytes take one path"), doc: "Zero-copy forwarding of internal replies.", check: Check::ON_OR_OFF, store: Store::Nothing },
    Simple { name: "tune.bufsize.large", usage: "<size>", lifetime: Lifetime::since(3, 2), support: Support::Planned, doc: "Size of large buffers.", check: Check { value: Value::Judged(size_after), ..Check::text("'{k}' expects an integer argument.\n") }, store: Store::Nothing },
    Simple { name: "tune.bufsize.small", usage: "<size>", lifetime: Lifetime::since(3, 2), support: Support::Planned, doc: "Size of small buffers.", check: Check { value: Value::Judged(size_after), ..Check::text("'{k}' expects an integer argument.\n") }, store: Store::Nothing },
    Simple { name: "tune.cli.max-payload-size", usage: "<size>", lifetime: Lifetime::since(3, 4), support: Support::Planned, doc: "Longest payload of a runtime command.", check: Check { value: Value::Judged(size_after), ..Check::text("'{k}' expects a size argument.") }, store: Store::Nothing },
    Simple { name: "tune.comp.maxlevel", usage: "<number>", lifetime: Lifetime::ALWAYS, support: NO_COMPRESSION, doc: "Highest compression level.", check: Check::range(1, 9, "'{k}' expects a numeric value between 1 and 9"), store: Store::Nothing },
    Simple { name: "tune.defaults.purge", usage: "", lifetime: Lifetime::since(3, 4), support: Support::NoEffect("nothing keeps them"), doc: "Forgets unused defaults sections.", check: Check::ANY, store: Store::Nothing },
    Simple { name: "tune.disable-fast-forward", usage: "", lifetime: Lifetime::since(2, 8), support: Support::NoEffect("bytes take one path"), doc: "Disables fast forwarding of bytes.", check: Check { value: Value::Judged(fast_forward), ..Check::ANY }, store: Store::Nothing },
    Simple { name: "tune.disable-zero-copy-forwarding", usage: "", lifetime: Lifetime::since(3, 0), support: Support::NoEffect("bytes take one path"), doc: "Disables zero-copy forwarding everywhere.", check: Check::FLAG, store: Store::Nothing },
    Simple { name: "tune.events.max-events-at-once", usage: "<number>", lifetime: Lifetime::since(2, 8), support: Support::NoEffect("the event loop takes what there is"), doc: "Most asynchronous events handled in a row.", check: Check::range(1, 10000, "'{k}' expects an integer argument between 1 and 10000."), store: Store::Nothing },
    Simple { name: "tune.fd.edge-triggered", usage: "{ on | off }", lifetime: Lifetime::ALWAYS, support: Support::NoEffect("the event loop is edge-triggered"), doc: "Uses edge-triggered notification.", check: Check::ON_OFF.experimental(), store: Store::Nothing },
    Simple { name: "tune.fd.tables", usage: "<number>", lifetime: Lifetime::since(3, 4), support: Support::NoEffect("descriptors are the kernel's business"), doc: "Descriptor tables.", check: Check::words(&["shared", "per-thread-group"], "'{k}' expects 'shared' or 'per-thread-group', got '{v}'"), store: Store::Nothing },
    Simple { name: "tune.glitches.kill.cpu-usage", usage: "<number>", lifetime: Lifetime::since(3, 2), support: Support::Planned, doc: "Processor use above which glitches close connections.", check: Check { value: Value::Int(0, 100, "'{k}' expects a numeric value between 0 and 100"), ..Check::text("'{k}' expects a numeric value between 0 and 100") }, store: Store::Nothing },
    Simple { name: "tune.h1.be.glitches-threshold", usage: "<number>", lifetime: Lifetime::since(3, 2), support: Support::Planned, doc: "Protocol glitches after which an HTTP/1 server connection is closed.", check: Check { missing: "", ..Check::POSITIVE }, store: Store::Nothing },
    Simple { name: "tune.h1.fe.glitches-threshold", usage: "<number>", lifetime: Lifetime::since(3, 2), support: Support::Planned, doc: "Protocol glitches after which an HTTP/1 client connection is closed.", check: Check { missing: "", ..Check::POSITIVE }, store: Store::Nothing },
    Simple { name: "tune.h1.zero-copy-fwd-recv", usage: "{ on | off }", lifetime: Lifetime::since(2, 8), support: Support::NoEffect("bytes take one path"), doc: "Zero-copy forwarding from HTTP/1.", check: Check::ON_OR_OFF, store: Store::Nothing },
    Simple { name: "tune.h1.zero-copy-fwd-send", usage: "{ on | off }", lifetime: Lifetime::since(2, 8), support: Support::NoEffect("bytes take one path"), doc: "Zero-copy forwarding to HTTP/1.", check: Check::ON_OR_OFF, store: Store::Nothing },
    Simple { name: "tune.h2.be.glitches-threshold", usage: "<number>", lifetime: Lifetime::since(3, 0), support: NO_H2, doc: "Protocol glitches after which an HTTP/2 server connection is closed.", check: Check::NOT_NEGATIVE, store: Store::Nothing },
    Simple { name: "tune.h2.be.initial-window-size", usage: "<number>", lifetime: Lifetime::since(2, 8), support: NO_H2, doc: "HTTP/2 window announced to servers.", check: Check::NOT_NEGATIVE, store: Store::Nothing },
    Simple { name: "tune.h2.be.max-concurrent-streams", usage: "<number>", lifetime: Lifetime::since(2, 8), support: NO_H2, doc: "Streams per HTTP/2 server connection.", check: Check::NOT_NEGATIVE, store: Store::Nothing },
    Simple { name: "tune.h2.be.max-frames-at-once", usage: "<number>", lifetime: Lifetime::since(3, 2), support: NO_H2, doc: "HTTP/2 frames handled in a row, server side.", check: Check::ONE, store: Store::Nothing },
    Simple { name: "tune.h2.be.rxbuf", usage: "<size>", lifetime: Lifetime::since(3, 2), support: NO_H2, doc: "Receive buffers of an HTTP/2 server connection.", check: Check { value: Value::Judged(size_in_quotes), ..Check::ONE }, store: Store::Nothing },
    Simple { name: "tune.h2.fe.glitches-threshold", usage: "<number>", lifetime: Lifetime::since(3, 0), support: NO_H2, doc: "Protocol glitches after which an HTTP/2 client connection is closed.", check: Check::NOT_NEGATIVE, store: Store::Nothing },
    Simple { name: "tune.h2.fe.initial-window-size", usage: "<number>", lifetime: Lifetime::since(2, 8), support: NO_H2, doc: "HTTP/2 window announced to clients.", check: Check::NOT_NEGATIVE, store: Store::Nothing },
    Simple { name: "tune.h2.fe.max-concurrent-streams", usage: "<number>", lifetime: Lifetime::since(2, 8), support: NO_H2, doc: "Streams per HTTP/2 client connection.", check: Check::NOT_NEGATIVE, store: Store::Nothing },
    Simple { name: "tune.h2.fe.max-frames-at-once", usage: "<number>", lifetime: Lifetime::since(3, 2), support: NO_H2, doc: "HTTP/2 frames handled in a row, client side.", check: Check::ONE, store: Store::Nothing },
    Simple { name: "tune.h2.fe.max-rst-at-once", usage: "<number>", lifetime: Lifetime::since(3, 2), support: NO_H2, doc: "HTTP/2 resets handled in a row.", check: Check::ONE, store: Store::Nothing },
    Simple { name: "tune.h2.fe.max-total-streams", usage: "<number>", lifetime: Lifetime::since(3, 0), support: NO_H2, doc: "Requests after which an HTTP/2 client connection is closed.", check: Check::NOT_NEGATIVE, store: Store::Nothing },
    Simple { name: "tune.h2.fe.rxbuf", usage: "<size>", lifetime: Lifetime::since(3, 2), support: NO_H2, doc: "Receive buffers of an HTTP/2 client connection.", check: Check { value: Value::Judged(size_in_quotes), ..Check::ONE }, store: Store::Nothing },
    Simple { name: "tune.h2.header-table-size", usage: "<number>", lifetime: Lifetime::ALWAYS, support: NO_H2, doc: "Size of the HTTP/2 header table.", check: Check::range(4096, 65536, "'{k}' expects a numeric value between 4096 and 65536."), store: Store::Nothing },
    Simple { name: "tune.h2.initial-window-size", usage: "<number>", lifetime: Lifetime::ALWAYS, support: NO_H2, doc: "HTTP/2 window announced to both sides.", check: Check::NOT_NEGATIVE, store: Store::Nothing },
    Simple { name: "tune.h2.log-errors", usage: "{ none | connection | stream }", lifetime: Lifetime::since(3, 2), support: NO_H2, doc: "HTTP/2 errors that are logged.", check: Check::words(&["none", "connection", "stream"], "'{k}' expects 'none', 'connection', or 'stream'"), store: Store::Nothing },
    Simple { name: "tune.h2.max-concurrent-streams", usage: "<number>", lifetime: Lifetime::ALWAYS, support: NO_H2, doc: "Streams per HTTP/2 connection.", check: Check::NOT_NEGATIVE, store: Store::Nothing },
    Simple { name: "tune.h2.max-frame-size", usage: "<number>", lifetime: Lifetime::ALWAYS, support: NO_H2, doc: "Largest HTTP/2 frame.", check: Check::range(16384, 16777215, "'{k}' expects a numeric value between 16384 and 16777215."), store: Store::Nothing },
    Simple { name: "tune.h2.zero-copy-fwd-send", usage: "{ on | off }", lifetime: Lifetime::since(2, 8), support: Support::NoEffect("bytes take one path"), doc: "Zero-copy forwarding to HTTP/2.", check: Check::ON_OR_OFF, store: Store::Nothing },
    Simple { name: "tune.http.cookielen", usage: "<number>", lifetime: Lifetime::ALWAYS, support: Support::Full, doc: "Longest captured cookie.", check: Check::INT, store: Store::Int(|p, n| p.cookie_len = unsigned(n)) },
    Simple { name: "tune.http.logurilen", usage: "<number>", lifetime: Lifetime::ALWAYS, support: Support::Full, doc: "Longest request line in a log.", check: Check::INT, store: Store::Int(|p, n| p.log_uri_len = unsigned(n)) },
    Simple { name: "tune.idle-pool.shared", usage: "{ on | off }", lifetime: Lifetime::ALWAYS, support: Support::NoEffect("an idle connection stays with the worker that opened it"), doc: "Shares idle server connections between threads.", check: Check::ON_OFF, store: Store::Nothing },
    Simple { name: "tune.listener.default-shards", usage: "{ by-process | by-thread | by-group }", lifetime: Lifetime::since(2, 8), support: Support::NoEffect("every worker has a socket of its own"), doc: "Sockets per listener.", check: Check::words(&["by-process", "by-group", "by-thread"], "'{k}' expects either 'by-process', 'by-group', or 'by-thread' but got '{v}'."), store: Store::Nothing },
    Simple { name: "tune.lua.bool-sample-conversion", usage: "{ normal | pre-3.1-bug }", lifetime: Lifetime::since(3, 2), support: NO_LUA, doc: "How booleans reach Lua.", check: Check::words(&["normal", "pre-3.1-bug"], "'{k}' expects either 'normal' or 'pre-3.1-bug' but got '{v}'."), store: Store::Nothing },
    Simple { name: "tune.lua.log.loggers", usage: "{ on | off }", lifetime: Lifetime::since(2, 8), support: NO_LUA, doc: "Sends Lua's log lines to the loggers.", check: Check::ON_OFF, store: Store::Nothing },
    Simple { name: "tune.lua.log.stderr", usage: "{ on | auto | off }", lifetime: Lifetime::since(2, 8), support: NO_LUA, doc: "Sends Lua's log lines to standard error.", check: Check::words(&["on", "auto", "off"], "'{k}' expects either 'on', 'auto', or 'off' but got '{v}'."), store: Store::Nothing },
    Simple { name: "tune.lua.openlibs", usage: "<libs>", lifetime: Lifetime::since(3, 4), support: NO_LUA, doc: "Standard libraries open to Lua.", check: Check::ANY, store: Store::Nothing },
    Simple { name: "tune.max-checks-per-thread", usage: "<number>", lifetime: Lifetime::since(3, 0), support: Support::NoEffect("checks run on their own thread"), doc: "Checks at a time on one thread.", check: Check::ONE, store: Store::Nothing },
    Simple { name: "tune.max-rules-at-once", usage: "<number>", lifetime: Lifetime::since(3, 2), support: Support::NoEffect("rules run to their end"), doc: "Rules run in a row.", check: Check::range(0, i64::MAX, "'{k}' expects a positive numeric value"), store: Store::Nothing },
    Simple { name: "tune.maxpollevents", usage: "<number>", lifetime: Lifetime::ALWAYS, support: Support::NoEffect("the event loop takes what there is"), doc: "Most events taken at once.", check: Check::INT.once(), store: Store::Nothing },
    Simple { name: "tune.notsent-lowat.client", usage: "<size>", lifetime: Lifetime::since(3, 2), support: Support::Full, doc: "Unsent bytes kept in the kernel for clients.", check: Check { value: Value::Judged(size_after), ..Check::text("'{k}' expects an integer argument.") }, store: Store::Text(|p, t| p.unsent_low_client = size_of(&t)) },
    Simple { name: "tune.notsent-lowat.server", usage: "<size>", lifetime: Lifetime::since(3, 2), support: Support::Full, doc: "Unsent bytes kept in the kernel for servers.", check: Check { value: Value::Judged(size_after), ..Check::text("'{k}' expects an integer argument.") }, store: Store::Text(|p, t| p.unsent_low_server = size_of(&t)) },
    Simple { name: "tune.peers.max-updates-at-once", usage: "<number>", lifetime: Lifetime::ALWAYS, support: NO_PEERS, doc: "Peers updates sent in a row.", check: Check::range(1, 2147483647, "'{k}' expects an integer argument greater than 0."), store: Store::Nothing },
    Simple { name: "tune.pipesize", usage: "<number>", lifetime: Lifetime::ALWAYS, support: Support::NoEffect("no pipe is used"), doc: "Size of kernel pipes for splicing.", check: Check::INT, store: Store::Nothing },
    Simple { name: "tune.pool-high-fd-ratio", usage: "<number>", lifetime: Lifetime::ALWAYS, support: Support::NoEffect("idle connections are bounded by pool-max-conn and given up after pool-purge-delay"), doc: "Descriptors in use above which idle connections are closed.", check: Check::range(0, 100, "'{k}' expects an integer argument between 0 and 100."), store: Store::Nothing },
    Simple { name: "tune.pool-low-fd-ratio", usage: "<number>", lifetime: Lifetime::ALWAYS, support: Support::NoEffect("idle connections are bounded by pool-max-conn and given up after pool-purge-delay"), doc: "Descriptors in use above which no connection is kept idle.", check: Check::range(0, 100, "'{k}' expects an integer argument between 0 and 100."), store: Store::Nothing },
    Simple { name: "tune.pt.zero-copy-forwarding", usage: "{ on | off }", lifetime: Lifetime::since(2, 8), support: Support::NoEffect("bytes take one path"), doc: "Zero-copy forwarding in TCP mode.", check: Check::ON_OR_OFF, store: Store::Nothing },
    Simple { name: "tune.quic.be.cc.cubic-min-losses", usage: "<number>", lifetime: Lifetime::since(3, 4), support: NO_QUIC, doc: "Losses that count as congestion, to servers.", check: Check::QUIC, store: Store::Nothing },
    Simple { name: "tune.quic.be.cc.hystart", usage: "{ on | off }", lifetime: Lifetime::since(3, 4), support: NO_QUIC, doc: "HyStart++ for QUIC, to servers.", check: Check::ON_OR_OFF, store: Store::Nothing },
    Simple { name: "tune.quic.be.cc.max-frame-loss", usage: "<number>", lifetime: Lifetime::since(3, 4), support: NO_QUIC, doc: "Losses after which a QUIC connection is closed, to servers.", check: Check::QUIC, store: Store::Nothing },
    Simple { name: "tune.quic.be.cc.max-win-size", usage: "<size>", lifetime: Lifetime::since(3, 4), support: NO_QUIC, doc: "Largest QUIC congestion window, to servers.", check: Check::QUIC, store: Store::Nothing },
    Simple { name: "tune.quic.be.cc.reorder-ratio", usage: "<0..100>", lifetime: Lifetime::since(3, 4), support: NO_QUIC, doc: "How late a QUIC packet may be, to servers.", check: Check::QUIC, store: Store::Nothing },
    Simple { name: "tune.quic.be.max-idle-timeout", usage: "<timeout>", lifetime: Lifetime::since(3, 4), support: NO_QUIC, doc: "Idle timeout of QUIC connections, to servers.", check: Check { value: Value::Judged(super::tune::quic_idle), ..Check::ANY }, store: Store::Nothing },
    Simple { name: "tune.quic.be.sec.glitches-threshold", usage: "<number>", lifetime: Lifetime::since(3, 4), support: NO_QUIC, doc: "Protocol glitches after which a QUIC connection is closed, to servers.", check: Check::QUIC, store: Store::Nothing },
    Simple { name: "tune.quic.be.stream.data-ratio", usage: "<0..100>", lifetime: Lifetime::since(3, 4), support: NO_QUIC, doc: "Share of the window a QUIC stream may fill, to servers.", check: Check::range(1, 100, "'{k}' expects an integer argument between 1 and 100."), store: Store::Nothing },
    Simple { name: "tune.quic.be.stream.max-concurrent", usage: "<number>", lifetime: Lifetime::since(3, 4), support: NO_QUIC, doc: "Streams per QUIC connection, to servers.", check: Check::QUIC, store: Store::Nothing },
    Simple { name: "tune.quic.be.stream.rxbuf", usage: "<size>", lifetime: Lifetime::since(3, 4), support: NO_QUIC, doc: "Receive buffers of a QUIC connection, to servers.", check: Check::QUIC, store: Store::Nothing },
    Simple { name: "tune.quic.be.tx.pacing", usage: "{ on | off }", lifetime: Lifetime::since(3, 4), support: NO_QUIC, doc: "Paces QUIC packets, to servers.", check: Check::ON_OR_OFF, store: Store::Nothing },
    Simple { name: "tune.quic.be.tx.udp-gso", usage: "{ on | off }", lifetime: Lifetime::since(3, 4), support: NO_QUIC, doc: "Sends several QUIC packets at once, to servers.", check: Check::ON_OR_OFF, store: Store::Nothing },
    Simple { name: "tune.quic.cc-hystart", usage: "{ on | off }", lifetime: Lifetime::since(3, 0), support: NO_QUIC, doc: "HyStart++ for QUIC congestion control.", check: Check::ON_OR_OFF, store: Store::Nothing },
    Simple { name: "tune.quic.fe.cc.cubic-min-losses", usage: "<number>", lifetime: Lifetime::since(3, 4), support: NO_QUIC, doc: "Losses that count as congestion, from clients.", check: Check::QUIC, store: Store::Nothing },
    Simple { name: "tune.quic.fe.cc.hystart", usage: "{ on | off }", lifetime: Lifetime::since(3, 4), support: NO_QUIC, doc: "HyStart++ for QUIC, from clients.", check: Check::ON_OR_OFF, store: Store::Nothing },
    Simple { name: "tune.quic.fe.cc.max-frame-loss", usage: "<number>", lifetime: Lifetime::since(3, 4), support: NO_QUIC, doc: "Losses after which a QUIC connection is closed, from clients.", check: Check::QUIC, store: Store::Nothing },
    Simple { name: "tune.quic.fe.cc.max-win-size", usage: "<size>", lifetime: Lifetime::since(3, 4), support: NO_QUIC, doc: "Largest QUIC congestion window, from clients.", check: Check::QUIC, store: Store::Nothing },
    Simple { name: "tune.quic.fe.cc.reorder-ratio", usage: "<0..100>", lifetime: Lifetime::since(3, 4), support: NO_QUIC, doc: "How late a QUIC packet may be, from clients.", check: Check::QUIC, store: Store::Nothing },
    Simple { name: "tune.quic.fe.max-idle-timeout", usage: "<timeout>", lifetime: Lifetime::since(3, 4), support: NO_QUIC, doc: "Idle timeout of QUIC connections, from clients.", check: Check { value: Value::Judged(super::tune::quic_idle), ..Check::ANY }, store: Store::Nothing },
    Simple { name: "tune.quic.fe.sec.glitches-threshold", usage: "<number>", lifetime: Lifetime::since(3, 4), support: NO_QUIC, doc: "Protocol glitches after which a QUIC connection is closed, from clients.", check: Check::QUIC, store: Store::Nothing },
    Simple { name: "tune.quic.fe.sec.retry-threshold", usage: "<number>", lifetime: Lifetime::since(3, 4), support: NO_QUIC, doc: "Half-open QUIC connections before clients are asked to retry.", check: Check::QUIC, store: Store::Nothing },
    Simple { name: "tune.quic.fe.sock-per-conn", usage: "{ default-on | force-off }", lifetime: Lifetime::since(3, 4), support: NO_QUIC, doc: "Whether a QUIC connection has a socket of its own.", check: Check::words(&["default-on", "force-off"], "'{k}' expects either 'default-on' or 'force-off' but got '{v}'."), store: Store::Nothing },
    Simple { name: "tune.quic.fe.stream.data-ratio", usage: "<0..100>", lifetime: Lifetime::since(3, 4), support: NO_QUIC, doc: "Share of the window a QUIC stream may fill, from clients.", check: Check::range(1, 100, "'{k}' expects an integer argument between 1 and 100."), store: Store::Nothing },
    Simple { name: "tune.quic.fe.stream.max-concurrent", usage: "<number>", lifetime: Lifetime::since(3, 4), support: NO_QUIC, doc: "Streams per QUIC connection, from clients.", check: Check::QUIC, store: Store::Nothing },
    Simple { name: "tune.quic.fe.stream.max-total", usage: "<number>", lifetime: Lifetime::since(3, 4), support: NO_QUIC, doc: "Requests after which a QUIC connection is closed.", check: Check::QUIC, store: Store::Nothing },
    Simple { name: "tune.quic.fe.stream.rxbuf", usage: "<size>", lifetime: Lifetime::since(3, 4), support: NO_QUIC, doc: "Receive buffers of a QUIC connection, from clients.", check: Check::QUIC, store: Store::Nothing },
    Simple { name: "tune.quic.fe.tx.pacing", usage: "{ on | off }", lifetime: Lifetime::since(3, 4), support: NO_QUIC, doc: "Paces QUIC packets, from clients.", check: Check::ON_OR_OFF, store: Store::Nothing },
    Simple { name: "tune.quic.fe.tx.udp-gso", usage: "{ on | off }", lifetime: Lifetime::since(3, 4), support: NO_QUIC, doc: "Sends several QUIC packets at once, from clients.", check: Check::ON_OR_OFF, store: Store::Nothing },
    Simple { name: "tune.quic.frontend.conn-tx-buffers.limit", usage: "<number>", lifetime: Lifetime::since(2, 8), support: NO_QUIC, doc: "Send buffers of a QUIC connection.", check: Check::STRICTLY_POSITIVE, store: Store::Nothing },
    Simple { name: "tune.quic.frontend.glitches-threshold", usage: "<number>", lifetime: Lifetime::since(3, 0), support: NO_QUIC, doc: "Protocol glitches after which a QUIC connection is closed.", check: Check::STRICTLY_POSITIVE, store: Store::Nothing },
    Simple { name: "tune.quic.frontend.max-streams-bidi", usage: "<number>", lifetime: Lifetime::since(2, 8), support: NO_QUIC, doc: "Streams per QUIC connection.", check: Check::STRICTLY_POSITIVE, store: Store::Nothing },
    Simple { name: "tune.quic.listen", usage: "{ on | off }", lifetime: Lifetime::since(3, 4), support: NO_QUIC, doc: "Whether QUIC listeners are opened.", check: Check::ON_OR_OFF, store: Store::Nothing },
    Simple { name: "tune.quic.max-frame-loss", usage: "<number>", lifetime: Lifetime::since(2, 8), support: NO_QUIC, doc: "Losses after which a QUIC connection is closed.", check: Check::STRICTLY_POSITIVE, store: Store::Nothing },
    Simple { name: "tune.quic.mem.tx-max", usage: "<size>", lifetime: Lifetime::since(3, 4), support: NO_QUIC, doc: "Memory for QUIC sending.", check: Check::QUIC, store: Store::Nothing },
    Simple { name: "tune.quic.retry-threshold", usage: "<number>", lifetime: Lifetime::since(2, 8), support: NO_QUIC, doc: "Half-open QUIC connections before clients are asked to retry.", check: Check::STRICTLY_POSITIVE, store: Store::Nothing },
    Simple { name: "tune.quic.socket-owner", usage: "{ connection | listener }", lifetime: Lifetime::since(2, 8), support: NO_QUIC, doc: "Whether a QUIC connection has a socket of its own.", check: Check::words(&["listener", "connection"], "'{k}' expects either 'listener' or 'connection' but got '{v}'."), store: Store::Nothing },
    Simple { name: "tune.quic.zero-copy-fwd-send", usage: "{ on | off }", lifetime: Lifetime::since(3, 0), support: Support::NoEffect("bytes take one path"), doc: "Zero-copy forwarding to QUIC.", check: Check::ON_OR_OFF, store: Store::Nothing },
    Simple { name: "tune.rcvbuf.client", usage: "<number>", lifetime: Lifetime::ALWAYS, support: Support::Full, doc: "Kernel receive buffer of client connections.", check: Check::INT.once(), store: Store::Int(|p, n| p.tune_rcvbuf_client = unsigned(n)) },
    Simple { name: "tune.rcvbuf.server", usage: "<number>", lifetime: Lifetime::ALWAYS, support: Support::Full, doc: "Kernel receive buffer of server connections.", check: Check::INT.once(), store: Store::Int(|p, n| p.tune_rcvbuf_server = unsigned(n)) },
    Simple { name: "tune.recv_enough", usage: "<number>", lifetime: Lifetime::ALWAYS, support: Support::NoEffect("reads take what there is"), doc: "Bytes after which a read stops.", check: Check::INT, store: Store::Nothing },
    Simple { name: "tune.renice.runtime", usage: "<number>", lifetime: Lifetime::since(3, 2), support: Support::Full, doc: "Scheduling priority while running.", check: Check { missing: "", ..Check::range(-20, 19, "'{k}' only supports values between -20 and 19 inclusive (was given {v})") }, store: Store::Int(|p, n| p.nice[1] = i32::try_from(n).ok()) },
    Simple { name: "tune.renice.startup", usage: "<number>", lifetime: Lifetime::since(3, 2), support: Support::Full, doc: "Scheduling priority while starting.", check: Check { missing: "", ..Check::range(-20, 19, "'{k}' only supports values between -20 and 19 inclusive (was given {v})") }, store: Store::Int(|p, n| p.nice[0] = i32::try_from(n).ok()) },
    Simple { name: "tune.runqueue-depth", usage: "<number>", lifetime: Lifetime::ALWAYS, support: Support::NoEffect("the runtime schedules tasks"), doc: "Most tasks run in a row.", check: Check::INT.once(), store: Store::Nothing },
    Simple { name: "tune.sched.low-latency", usage: "{ on | off }", lifetime: Lifetime::ALWAYS, support: Support::NoEffect("the runtime schedules tasks"), doc: "Schedules for latency.", check: Check::ON_OFF, store: Store::Nothing },
    Simple { name: "tune.sndbuf.client", usage: "<number>", lifetime: Lifetime::ALWAYS, support: Support::Full, doc: "Kernel send buffer of client connections.", check: Check::INT.once(), store: Store::Int(|p, n| p.tune_sndbuf_client = unsigned(n)) },
    Simple { name: "tune.sndbuf.server", usage: "<number>", lifetime: Lifetime::ALWAYS, support: Support::Full, doc: "Kernel send buffer of server connections.", check: Check::INT.once(), store: Store::Int(|p, n| p.tune_sndbuf_server = unsigned(n)) },
    Simple { name: "tune.ssl.cachesize", usage: "<number>", lifetime: Lifetime::ALWAYS, support: NO_TLS, doc: "Size of the TLS session cache.", check: Check::POSITIVE, store: Store::Nothing },
    Simple { name: "tune.ssl.certificate-compression", usage: "{ auto | off }", lifetime: Lifetime::since(3, 2), support: NO_TLS, doc: "Compresses certificates in handshakes.", check: Check::words(&["auto", "off"], "'{k}' expects either 'auto' or 'off' but got '{v}'."), store: Store::Nothing },
    Simple { name: "tune.ssl.force-private-cache", usage: "", lifetime: Lifetime::ALWAYS, support: NO_TLS, doc: "Keeps TLS sessions in each worker.", check: Check::FLAG, store: Store::Nothing },
    Simple { name: "tune.ssl.hard-maxrecord", usage: "<number>", lifetime: Lifetime::ALWAYS, support: NO_TLS, doc: "Largest TLS record.", check: Check::POSITIVE, store: Store::Nothing },
    Simple { name: "tune.ssl.keylog", usage: "{ on | off }", lifetime: Lifetime::ALWAYS, support: NO_TLS, doc: "Records TLS keys for debugging.", check: Check::ON_OFF, store: Store::Nothing },
    Simple { name: "tune.ssl.keyupdate-rate-limit", usage: "<number>", lifetime: Lifetime::since(3, 4), support: NO_TLS, doc: "TLS 1.3 key updates per second.", check: Check { value: Value::Int(0, i64::MAX, "'{k}' expects a positive number."), ..Check::text("'{k}' expects a number (KeyUpdates/s, 0 to disable).") }, store: Store::Nothing },
    Simple { name: "tune.ssl.maxrecord", usage: "<number>", lifetime: Lifetime::ALWAYS, support: NO_TLS, doc: "Largest TLS record while a transfer begins.", check: Check::POSITIVE, store: Store::Nothing },
    Simple { name: "tune.ssl.ssl-ctx-cache-size", usage: "<number>", lifetime: Lifetime::ALWAYS, support: NO_TLS, doc: "Number of generated certificates kept.", check: Check::POSITIVE, store: Store::Nothing },
    Simple { name: "tune.streams-elasticity", usage: "<number>", lifetime: Lifetime::since(3, 4), support: Support::Planned, doc: "How streams are spread over connections.", check: Check { value: Value::Judged(elasticity), ..Check::ONE }, store: Store::Nothing },
    Simple { name: "tune.takeover-other-tg-connections", usage: "<value>", lifetime: Lifetime::since(3, 2), support: Support::NoEffect("workers are not grouped"), doc: "Whether idle connections move between thread groups.", check: Check::words(&["none", "restricted", "full"], "'{k}' expects 'none', 'restricted', or 'full'"), store: Store::Nothing },
    Simple { name: "tune.zlib.memlevel", usage: "<number>", lifetime: NOT_BUILT_IN, support: Support::Planned, doc: "Memory of the compression library.", check: Check::ANY, store: Store::Nothing },
    Simple { name: "tune.zlib.windowsize", usage: "<number>", lifetime: NOT_BUILT_IN, support: Support::Planned, doc: "Window of the compression library.", check: Check::ANY, store: Store::Nothing },
    Simple { name: "ulimit-n", usage: "<number>", lifetime: Lifetime::ALWAYS, support: Support::Full, doc: "Most descriptors of the process.", check: Check::INT.once(), store: Store::Int(|p, n| p.ulimit_n = unsigned(n)) },
    Simple { name: "wurfl-cache-size", usage: "<size>", lifetime: NOT_BUILT_IN, support: Support::Planned, doc: "Option of the WURFL library.", check: Check::ANY, store: Store::Nothing },
    Simple { name: "wurfl-data-file", usage: "<file path>", lifetime: NOT_BUILT_IN, support: Support::Planned, doc: "Option of the WURFL library.", check: Check::ANY, store: Store::Nothing },
    Simple { name: "wurfl-information-list", usage: "[<capability>]*", lifetime: NOT_BUILT_IN, support: Support::Planned, doc: "Option of the WURFL library.", check: Check::ANY, store: Store::Nothing },
    Simple { name: "wurfl-information-list-separator", usage: "<char>", lifetime: NOT_BUILT_IN, support: Support::Planned, doc: "Option of the WURFL library.", check: Check::ANY, store: Store::Nothing },
    Simple { name: "zero-warning", usage: "", lifetime: Lifetime::ALWAYS, support: Support::Full, doc: "Refuses to start after any warning, as -dW does.", check: Check::FLAG, store: Store::Flag(|p| p.zero_warning = true) },
];
