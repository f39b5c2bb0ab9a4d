//! What a section asks for that the data path does not do yet. A start is refused with its name, because a
//! setting that is ignored breaks a site in silence.

use rha_ir::Proxy;

use super::PlanError;

/// One error for everything of `p` that is not built.
pub(super) fn refuse(p: &Proxy, errors: &mut Vec<PlanError>) {
    let o = &p.options;
    let cookie = p.cookie.as_ref();
    let proxy: [(bool, &str); 17] = [
        (!p.tcp_response.is_empty(), "tcp-response"),
        (p.stick_table.is_some(), "stick-table"),
        (!p.filters.is_empty(), "filter"),
        (p.rate_limit_sessions.unwrap_or(0) != 0, "rate-limit sessions"),
        (p.retry_on.iter().any(|w| w != "conn-failure" && w != "none"), "retry-on (layer 7 events)"),
        (p.send_name_header.is_some(), "http-send-name-header"),
        (p.dispatch.is_some(), "dispatch"),
        (p.persist_rdp_cookie.is_some(), "persist rdp-cookie"),
        (p.log_format_sd.is_some(), "log-format-sd"),
        (o.logasap, "option logasap"),
        (o.checkcache, "option checkcache"),
        (o.transparent, "option transparent"),
        (o.http_use_proxy_header, "option http-use-proxy-header"),
        (o.h1_case_adjust_client, "option h1-case-adjust-bogus-client"),
        (o.h1_case_adjust_server, "option h1-case-adjust-bogus-server"),
        (cookie.is_some_and(|c| c.dynamic), "cookie ... dynamic"),
        (
            cookie.is_some_and(|c| c.maxidle_s.is_some() || c.maxlife_s.is_some()),
            "cookie ... maxidle|maxlife",
        ),
    ];
    let mut refused = |yes: bool, what: &str, span| {
        if yes {
            errors.push(PlanError { span, message: format!("'{what}' is not built yet") });
        }
    };
    for (yes, what) in proxy {
        refused(yes, what, p.origin);
    }
    for b in &p.binds {
        refused(b.accept_proxy, "accept-proxy", b.origin);
        refused(b.tls, "ssl", b.origin);
    }
    for s in &p.service.servers {
        refused(s.redir.is_some(), "redir", s.origin);
        refused(s.tls, "ssl", s.origin);
    }
}
