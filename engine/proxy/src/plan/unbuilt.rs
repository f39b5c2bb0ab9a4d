//! What a section asks for that the data path does not do yet. A start is refused with its name, because a
//! setting that is ignored breaks a site in silence.
//!
//! The parser notes each such keyword and `rhap` refuses before a plan is made; this is the second lock.
//! TLS has no key: plain text in its place is refused whatever the operator allows.

use rha_ir::{Address, Proxy, TcpStep};

use super::PlanError;

/// One error for everything of `p` that is not built; with `allowed` (`--allow-planned`) only for TLS and
/// the like.
pub(super) fn refuse(p: &Proxy, allowed: bool, errors: &mut Vec<PlanError>) {
    let mut refused = |yes: bool, what: &str, span| {
        if yes {
            errors.push(PlanError { span, message: format!("'{what}' is not built yet") });
        }
    };
    for b in &p.binds {
        refused(b.tls, "ssl", b.origin);
        let datagram = |a: &Address| matches!(a, Address::Ip { datagram: true, .. });
        refused(b.addresses.iter().any(|a| datagram(&a.address)), "quic", b.origin);
    }
    for s in &p.service.servers {
        refused(s.tls, "ssl", s.origin);
        refused(s.check_tls, "check-ssl", s.origin);
    }
    for step in &p.service.check.steps {
        if let TcpStep::Connect { tls: true, origin, .. } = step {
            refused(true, "ssl", *origin);
        }
    }
    if allowed {
        return;
    }
    for (yes, what) in switches(p) {
        refused(yes, what, p.origin);
    }
}

fn switches(p: &Proxy) -> [(bool, &'static str); 4] {
    let o = &p.options;
    [
        (p.stick_table.is_some(), "stick-table"),
        (!p.filters.is_empty(), "filter"),
        (p.log_format_sd.is_some(), "log-format-sd"),
        (o.http_use_proxy_header, "option http-use-proxy-header"),
    ]
}
