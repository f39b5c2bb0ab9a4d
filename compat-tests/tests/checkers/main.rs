//! keepalived's checkers beside ours on the same servers: what they find, what they say, what they dump.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod dump;
mod kinds;
mod tls;

/// A virtual server with one real server, checked in this way.
fn virtual_server(port: u16, real: &str, checker: &str) -> String {
    format!(
        "virtual_server 10.9.9.9 {port} {{
 delay_loop 1
 lb_algo rr
 lb_kind NAT
 protocol TCP
 delay_before_retry 1
 warmup 0
 real_server {real} {port} {{
{checker}
 }}
}}
"
    )
}
