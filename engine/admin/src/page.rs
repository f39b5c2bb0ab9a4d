//! The statistics page: what a person looks at, HAProxy configuration manual §4.2 "stats enable".
//!
//! The groups and order of columns are the original's; layout and style are our own. `;csv`, `;json` and
//! `;norefresh` after the address work as in the original ([`View::of`]).

use std::fmt::Write as _;

use crate::columns::Object;
use crate::stats::{Filter, objects};
use crate::view::{Process, Snapshot};

/// What the address after the stats URI asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// The page; with its refresh unless `;norefresh`.
    Html {
        /// Whether it reloads itself.
        refresh: bool,
        /// Only what is up (`;up`).
        up: bool,
    },
    /// `;csv`.
    Csv,
    /// `;json`.
    Json,
}

impl View {
    /// Reads what follows the stats URI: words that begin with `;`.
    #[must_use]
    pub fn of(rest: &[u8]) -> View {
        let mut words = rest.split(|b| matches!(b, b';' | b'?'));
        let mut view = View::Html { refresh: true, up: false };
        for w in &mut words {
            view = match (w, view) {
                (b"csv", _) => return View::Csv,
                (b"json", _) => return View::Json,
                (b"norefresh", View::Html { up, .. }) => View::Html { refresh: false, up },
                (b"up", View::Html { refresh, .. }) => View::Html { refresh, up: true },
                _ => view,
            };
        }
        view
    }
}

/// Longest text that is looked for in names of proxies.
const SCOPE: usize = 20;

/// The text that names of proxies must contain (`scope=` behind the stats URI), in whatever case. COMPAT: the first
/// twenty bytes count, and one with a byte that no name has is as none (`stats_scope/asked`).
#[must_use]
pub fn asked_scope(rest: &[u8]) -> Option<&[u8]> {
    let at = rest.windows(8).position(|w| w.starts_with(b"scope="))?;
    let text = rest.get(at + 6..)?;
    let text = text.split(|b| matches!(b, b';' | b'&' | b' ')).next()?;
    let text = text.get(..SCOPE).unwrap_or(text);
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b':' | b'_' | b'-');
    (!text.is_empty() && text.iter().all(is_name)).then_some(text)
}

/// What the proxy that serves the page wants on it.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// `stats refresh`, seconds.
    pub refresh_s: Option<u32>,
    /// `stats hide-version`.
    pub hide_version: bool,
    /// `stats show-node`.
    pub node: Option<String>,
    /// `stats show-desc`.
    pub description: Option<String>,
    /// `stats admin`: servers can be changed by forms.
    pub admin: bool,
    /// What came of the last form.
    pub said: Option<&'static str>,
}

const STYLE: &str = "body{font:13px sans-serif;margin:1em;color:#222}h1{font-size:1.3em;margin:0}\
h2{font-size:1.1em;margin:1.2em 0 .2em}table{border-collapse:collapse}th,td{border:1px solid #ccc;padding:1px 6px;\
text-align:right;white-space:nowrap}th{background:#eef}td:first-child,.t{text-align:left}.up{background:#c8f7c8}\
.down{background:#f9b3b3}.going{background:#fde7a9}.maint{background:#e3d3c0}.nocheck{background:#eee}\
.side{background:#f6f6ff;font-weight:bold}dl{display:grid;grid-template-columns:max-content auto;gap:0 1em}dd{margin:0}";

/// The page.
#[must_use]
pub fn html(snapshot: &Snapshot, settings: &Settings, view: View) -> String {
    let (refresh, up) = match view {
        View::Html { refresh, up } => (refresh, up),
        _ => (false, false),
    };
    let filter = Filter { up, ..Filter::default() };
    let mut out = String::with_capacity(16 * 1024);
    out.push_str("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Statistics Report for HAProxy</title>\n");
    if let (true, Some(s)) = (refresh, settings.refresh_s) {
        let _ = writeln!(out, "<meta http-equiv=\"refresh\" content=\"{s}\">");
    }
    let _ = writeln!(out, "<style>{STYLE}</style></head><body>");
    head(&mut out, &snapshot.process, settings);
    if let Some(said) = settings.said {
        let _ = writeln!(out, "<p><b>{}</b></p>", escape(said));
    }
    let all = objects(snapshot, &filter);
    for of_proxy in all.chunk_by(|a, b| a.proxy().iid == b.proxy().iid) {
        let form = settings.admin && of_proxy.iter().any(|o| matches!(o, Object::Server(..)));
        if form {
            out.push_str("<form method=\"post\">");
        }
        table(&mut out, of_proxy, form);
        if form {
            choice(&mut out, of_proxy);
        }
    }
    out.push_str("</body></html>\n");
    out
}

fn head(out: &mut String, p: &Process, settings: &Settings) {
    let version =
        if settings.hide_version { String::new() } else { format!(" version {}", escape(&p.version)) };
    let _ = writeln!(out, "<h1>HAProxy{version}</h1>\n<p>Statistics Report for pid {}", p.pid);
    for (label, text) in [(" on ", &settings.node), (": ", &settings.description)] {
        if let Some(t) = text {
            let _ = write!(out, "{label}{}", escape(t));
        }
    }
    let t = p.uptime_s;
    let _ = writeln!(
        out,
        "</p>\n<dl><dt>pid</dt><dd>{} (process #1, nbproc = 1, nbthread = {})</dd>\
         <dt>uptime</dt><dd>{}d {}h{:02}m{:02}s</dd>\
         <dt>system limits</dt><dd>ulimit-n = {}</dd>\
         <dt>maxsock</dt><dd>{}; maxconn = {}</dd>\
         <dt>current conns</dt><dd>{}; conn rate = {}/sec</dd>\
         <dt>idle</dt><dd>{} %</dd></dl>\n<p><a href=\";csv\">CSV export</a> <a href=\";json\">JSON export</a> \
         <a href=\";norefresh\">stop refreshing</a> <a href=\";up\">hide what is down</a></p>",
        p.pid,
        p.nbthread,
        t / 86400,
        t / 3600 % 24,
        t / 60 % 60,
        t % 60,
        p.descriptors.0,
        p.descriptors.1,
        p.maxconn.0,
        p.connections.0,
        p.conn_rate.0,
        p.idle_percent
    );
}

/// What can be done with the servers that are ticked.
const ACTIONS: [(&str, &str); 13] = [
    ("ready", "Set state to READY"),
    ("drain", "Set state to DRAIN"),
    ("maint", "Set state to MAINT"),
    ("dhlth", "Health: disable checks"),
    ("ehlth", "Health: enable checks"),
    ("hrunn", "Health: force UP"),
    ("hnolb", "Health: force NOLB"),
    ("hdown", "Health: force DOWN"),
    ("dagent", "Agent: disable checks"),
    ("eagent", "Agent: enable checks"),
    ("arunn", "Agent: force UP"),
    ("adown", "Agent: force DOWN"),
    ("shutdown", "Kill sessions"),
];

/// The end of a backend's form.
fn choice(out: &mut String, objects: &[Object<'_>]) {
    let Some(first) = objects.first() else { return };
    out.push_str("Choose the action to perform on the checked servers: <select name=action><option value=\"\"></option>");
    for (word, label) in ACTIONS {
        let _ = write!(out, "<option value=\"{word}\">{label}</option>");
    }
    let _ = writeln!(
        out,
        "</select><input type=\"hidden\" name=\"b\" value=\"#{}\"> <input type=\"submit\" value=\"Apply\"></form>",
        first.proxy().iid
    );
}

fn table(out: &mut String, objects: &[Object<'_>], form: bool) {
    let Some(first) = objects.first() else { return };
    let _ = writeln!(
        out,
        "<h2 id=\"{0}\">{0}</h2>\n<table><tr><th rowspan=2></th><th colspan=2>Queue</th><th colspan=2>Session rate</th>\
         <th colspan=5>Sessions</th><th colspan=2>Bytes</th><th colspan=2>Denied</th><th colspan=3>Errors</th>\
         <th colspan=2>Warnings</th><th colspan=8>Server</th></tr>\n<tr><th>Cur</th><th>Max</th><th>Cur</th><th>Max</th>\
         <th>Cur</th><th>Max</th><th>Limit</th><th>Total</th><th>LbTot</th><th>In</th><th>Out</th><th>Req</th><th>Resp</th>\
         <th>Req</th><th>Conn</th><th>Resp</th><th>Retr</th><th>Redis</th><th>Status</th><th>LastChk</th><th>Wght</th>\
         <th>Act</th><th>Bck</th><th>Chk</th><th>Dwn</th><th>Dwntme</th></tr>",
        escape(&first.proxy().name)
    );
    objects.iter().for_each(|o| row(out, *o, form));
    out.push_str("</table>\n");
}

fn row(out: &mut String, o: Object<'_>, form: bool) {
    const SHOWN: [&str; 25] = [
        "qcur",
        "qmax",
        "rate",
        "rate_max",
        "scur",
        "smax",
        "slim",
        "stot",
        "lbtot",
        "bin",
        "bout",
        "dreq",
        "dresp",
        "ereq",
        "econ",
        "eresp",
        "wretr",
        "wredis",
        "status",
        "check_status",
        "weight",
        "act",
        "bck",
        "chkfail",
        "chkdown",
    ];
    let name = escape(&cell(o, "svname"));
    // COMPAT: addresses within the page end in these words (`cli/stats-page`).
    let at = match name.as_str() {
        "FRONTEND" => "Frontend",
        "BACKEND" => "Backend",
        own => own,
    };
    let tick = match o {
        Object::Server(..) if form => format!("<input type=\"checkbox\" name=\"s\" value=\"{name}\">"),
        _ => String::new(),
    };
    let _ = write!(
        out,
        "<tr class=\"{}\"><td>{tick}<a name=\"{}/{at}\"></a>{name}</td>",
        class(o),
        escape(&o.proxy().name)
    );
    for name in SHOWN {
        let _ = write!(out, "<td>{}</td>", escape(&cell(o, name)));
    }
    let down = cell(o, "downtime");
    let _ = writeln!(out, "<td>{}</td></tr>", if down.is_empty() { String::new() } else { down + "s" });
}

fn class(o: Object<'_>) -> &'static str {
    let Object::Server(_, _, s) = o else { return "side" };
    match s.status.as_str() {
        st if st.starts_with("MAINT") => "maint",
        "UP" => "up",
        "DOWN" => "down",
        "no check" => "nocheck",
        _ => "going",
    }
}

fn cell(o: Object<'_>, name: &str) -> String {
    use crate::columns::{COLUMNS, Cell};
    let Some(c) = COLUMNS.iter().find(|c| c.name == name) else { return String::new() };
    match (c.value)(o) {
        Some(Cell::U32(n) | Cell::U64(n)) => n.to_string(),
        Some(Cell::S32(n)) => n.to_string(),
        Some(Cell::Str(s)) => s,
        None => String::new(),
    }
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::{Front, Proxy};

    #[test]
    fn names_cannot_break_out_of_the_page() {
        let s = Snapshot {
            proxies: vec![Proxy {
                name: "<b>&".into(),
                front: Some(Front { status: "OPEN", ..Front::default() }),
                ..Proxy::default()
            }],
            ..Snapshot::default()
        };
        let settings = Settings { refresh_s: Some(5), ..Settings::default() };
        let page = html(&s, &settings, View::of(b""));
        assert!(page.contains("&lt;b&gt;&amp;") && !page.contains("<b>&"));
        assert!(page.contains("content=\"5\""));
        assert!(!html(&s, &settings, View::of(b";norefresh")).contains("content=\"5\""));
        assert!(
            !html(&s.within(|name| name == "x"), &Settings::default(), View::of(b"")).contains("FRONTEND")
        );
    }

    #[test]
    fn what_follows_the_address_is_read() {
        assert_eq!(View::of(b";csv"), View::Csv);
        assert_eq!(View::of(b";up;norefresh"), View::Html { refresh: false, up: true });
        assert_eq!(View::of(b"?;json"), View::Json);
    }
}
