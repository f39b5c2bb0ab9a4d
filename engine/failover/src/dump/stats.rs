//! `keepalived.stats`.

use std::fmt::Write;

use super::View;

/// The whole file.
#[must_use]
pub fn stats(views: &[View<'_>]) -> String {
    let mut out = String::new();
    for v in views {
        let s = &v.stats;
        let _ = write!(
            out,
            "VRRP Instance: {}\n  Advertisements:\n    Received: {}\n    Sent: {}\n  Became master: {}\n  \
             Released master: {}\n  Packet Errors:\n    Length: {}\n    TTL: {}\n    Invalid Type: {}\n    \
             Advertisement Interval: {}\n    Address List: {}\n  Authentication Errors:\n    Invalid Type: {}\n    \
             Type Mismatch: {}\n    Failure: {}\n  Priority Zero:\n    Received: {}\n    Sent: {}\n",
            v.ir.name,
            s.adverts_received,
            s.adverts_sent,
            s.became_master,
            s.released_master,
            s.length_errors(),
            s.ttl_errors(),
            s.type_errors(),
            s.interval_errors(),
            s.address_list_errors(),
            s.invalid_auth_types(),
            s.auth_type_mismatches(),
            s.auth_failures(),
            s.priority_zero_received,
            s.priority_zero_sent,
        );
    }
    out
}
