//! The statistics page of proxies with `stats uri`: whether a request is for it, and the answer.

use rha_admin::page::{self, Settings, View};
use rha_admin::view::Site as _;
use rha_base::{ProxyId, Scene};
use rha_ir::Stats;
use rha_proxy::{LocalPage, LocalPages};

use crate::engine::Later;
use crate::posted::{self, Outcome};

/// Answers for all proxies.
#[derive(Debug)]
pub struct Pages {
    /// The engine, once it runs.
    pub engine: Later,
    /// `stats` of each proxy.
    pub stats: Vec<Option<Stats>>,
}

impl Pages {
    fn of(&self, proxy: ProxyId) -> Option<&Stats> {
        self.stats.get(proxy.0 as usize)?.as_ref()
    }
}

/// COMPAT: whatever begins with the URI as written is the page (`admin/stats-admin`).
fn rest_after<'a>(uri: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    uri.strip_prefix(prefix)
}

impl LocalPages for Pages {
    fn wants(&self, proxy: ProxyId, scene: &dyn Scene) -> bool {
        let (Some(stats), Some(request)) = (self.of(proxy), scene.request()) else { return false };
        matches!(request.method(), b"GET" | b"HEAD" | b"POST")
            && rest_after(request.uri(), &stats.uri).is_some()
    }

    fn admits(&self, proxy: ProxyId, scene: &dyn Scene) -> Result<(), Vec<u8>> {
        let (Some(stats), Some(request)) = (self.of(proxy), scene.request()) else { return Ok(()) };
        if may_look(stats, request) {
            return Ok(());
        }
        let realm = || "HAProxy Statistics".to_owned();
        Err(stats.realm.as_ref().map_or_else(realm, ToString::to_string).into_bytes())
    }

    fn answer(&self, proxy: ProxyId, scene: &dyn Scene, admin: bool) -> LocalPage {
        let (Some(stats), Some(request)) = (self.of(proxy), scene.request()) else {
            return LocalPage::default();
        };
        // A request may come while the start is about to say that all is there.
        let engine = self.engine.wait();
        let rest = rest_after(request.uri(), &stats.uri).unwrap_or_default();
        if request.method() == b"POST" {
            let done = match (admin, request.body_is_whole()) {
                (false, _) => Outcome::Denied,
                (true, false) => Outcome::TooLong,
                (true, true) => posted::obey(engine, proxy, stats, request.body()),
            };
            return posted::answer(&stats.uri, done);
        }
        let view = View::of(rest);
        let mut snapshot = engine.look();
        if !stats.show_legends {
            snapshot = snapshot.without_legends();
        }
        let plan = engine.runtime.plan();
        let own = plan.proxy(proxy).map_or("", |p| &p.name);
        let asked = page::asked_scope(rest);
        snapshot =
            snapshot.within(|name| is_shown(stats, own, name) && asked.is_none_or(|a| contains(name, a)));
        let filter = rha_admin::stats::Filter::default();
        match view {
            View::Csv => plain(
                200,
                "text/plain",
                rha_admin::stats::csv(&snapshot, &filter, engine.dialect).into_bytes(),
            ),
            View::Json => plain(
                200,
                "application/json",
                rha_admin::stats::json(&snapshot, &filter, engine.dialect).into_bytes(),
            ),
            View::Html { .. } => plain(
                200,
                "text/html",
                page::html(&snapshot, &settings(stats, &snapshot, admin, rest), view).into_bytes(),
            ),
        }
    }
}

/// `stats scope`: a name, or `.` for the proxy that serves the page.
fn is_shown(stats: &Stats, own: &str, name: &str) -> bool {
    stats.scope.is_empty() || stats.scope.iter().any(|s| s.0 == name || s.0 == "." && name == own)
}

fn contains(name: &str, text: &[u8]) -> bool {
    name.as_bytes().windows(text.len()).any(|w| w.eq_ignore_ascii_case(text))
}

fn settings(stats: &Stats, snapshot: &rha_admin::view::Snapshot, admin: bool, rest: &[u8]) -> Settings {
    let or = |wish: &Option<Option<String>>, global: &str| {
        wish.as_ref().map(|own| own.clone().unwrap_or_else(|| global.to_owned()))
    };
    Settings {
        refresh_s: stats.refresh_s,
        hide_version: stats.hide_version,
        node: or(&stats.show_node, &snapshot.process.node),
        description: or(&stats.show_desc, &snapshot.process.description),
        admin,
        said: posted::told(rest),
    }
}

fn plain(status: u16, kind: &str, body: Vec<u8>) -> LocalPage {
    LocalPage {
        status,
        fields: vec![
            (b"cache-control".to_vec(), b"no-cache".to_vec()),
            (b"content-type".to_vec(), kind.as_bytes().to_vec()),
        ],
        body,
    }
}

/// Whether the request carries one of `stats auth`'s users, or none is needed.
fn may_look(stats: &Stats, request: &dyn rha_base::Request) -> bool {
    use base64::Engine as _;
    if stats.auth.is_empty() {
        return true;
    }
    (0..request.header_count())
        .map(|i| request.header(i))
        .filter(|(name, _)| name.eq_ignore_ascii_case(b"authorization"))
        .filter_map(|(_, value)| value.strip_prefix(b"Basic ").or_else(|| value.strip_prefix(b"basic ")))
        .filter_map(|v| base64::engine::general_purpose::STANDARD.decode(v.trim_ascii()).ok())
        .any(|given| stats.auth.iter().any(|(user, word)| given == format!("{user}:{word}").into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_as_the_page_is_the_page() {
        assert_eq!(rest_after(b"/stats;csv", b"/stats"), Some(&b";csv"[..]));
        assert_eq!(rest_after(b"/stats", b"/stats"), Some(&b""[..]));
        assert_eq!(rest_after(b"/statsy", b"/stats"), Some(&b"y"[..]));
        assert_eq!(rest_after(b"/stat", b"/stats"), None);
    }
}
