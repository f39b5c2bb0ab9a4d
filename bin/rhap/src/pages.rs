//! The statistics page of proxies with `stats uri`: whether a request is for it, and the answer.

use rha_admin::page::{self, Settings, View};
use rha_admin::view::Site as _;
use rha_base::{ProxyId, Scene};
use rha_ir::Stats;
use rha_proxy::{LocalPage, LocalPages};

use crate::engine::Later;

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

/// COMPAT: the path must begin with the URI as written; what follows it must begin with `;`, `?` or end.
fn rest_after<'a>(uri: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let rest = uri.strip_prefix(prefix)?;
    matches!(rest.first(), None | Some(b';' | b'?' | b'/')).then_some(rest)
}

impl LocalPages for Pages {
    fn wants(&self, proxy: ProxyId, scene: &dyn Scene) -> bool {
        let (Some(stats), Some(request)) = (self.of(proxy), scene.request()) else { return false };
        matches!(request.method(), b"GET" | b"HEAD" | b"POST")
            && rest_after(request.uri(), &stats.uri).is_some()
    }

    fn answer(&self, proxy: ProxyId, scene: &dyn Scene) -> LocalPage {
        let (Some(stats), Some(request)) = (self.of(proxy), scene.request()) else {
            return LocalPage::default();
        };
        if !may_look(stats, request) {
            return unauthorized(stats);
        }
        let Some(engine) = self.engine.get() else {
            return LocalPage { status: 503, ..LocalPage::default() };
        };
        if request.method() == b"POST" {
            return plain(
                403,
                "text/plain",
                b"The page's actions are not built yet; use the stats socket.\n".to_vec(),
            );
        }
        let view = View::of(rest_after(request.uri(), &stats.uri).unwrap_or_default());
        let mut snapshot = engine.look();
        if !stats.show_legends {
            snapshot = snapshot.without_legends();
        }
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
            View::Html { .. } => {
                plain(200, "text/html", page::html(&snapshot, &settings(stats, &snapshot), view).into_bytes())
            }
        }
    }
}

fn settings(stats: &Stats, snapshot: &rha_admin::view::Snapshot) -> Settings {
    let or = |wish: &Option<Option<String>>, global: &str| {
        wish.as_ref().map(|own| own.clone().unwrap_or_else(|| global.to_owned()))
    };
    Settings {
        refresh_s: stats.refresh_s,
        hide_version: stats.hide_version,
        node: or(&stats.show_node, &snapshot.process.node),
        description: or(&stats.show_desc, &snapshot.process.description),
        scope: stats.scope.iter().map(|s| s.0.clone()).collect(),
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

fn unauthorized(stats: &Stats) -> LocalPage {
    let realm = stats.realm.as_ref().map_or_else(|| "HAProxy Statistics".to_owned(), ToString::to_string);
    let mut page = plain(401, "text/html", b"<html><body><h1>401 Unauthorized</h1>\nYou need a valid user and password to access this content.\n</body></html>\n".to_vec());
    page.fields.push((b"www-authenticate".to_vec(), format!("Basic realm=\"{realm}\"").into_bytes()));
    page
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
    fn only_the_page_itself_is_the_page() {
        assert_eq!(rest_after(b"/stats;csv", b"/stats"), Some(&b";csv"[..]));
        assert_eq!(rest_after(b"/stats", b"/stats"), Some(&b""[..]));
        assert_eq!(rest_after(b"/statistics", b"/stats"), None);
    }
}
