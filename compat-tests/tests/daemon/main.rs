//! rkeepalived as a process, beside the original: options, signals, reloads, systemd, pid files, namespaces.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]
#![allow(clippy::print_stdout, reason = "why a test is skipped")]

mod options;
mod reload;
mod service;
mod signals;

/// An instance with these addresses, and lines in `global_defs`.
fn config(global: &str, address: &str) -> String {
    format!(
        "global_defs {{\n router_id n1\n{global}}}\nvrrp_instance VI_1 {{\n state BACKUP\n interface eth0\n \
         virtual_router_id 51\n priority 110\n version 3\n advert_int 0.2\n virtual_ipaddress {{\n  {address}/24\n \
         }}\n}}\n"
    )
}

const VIP: &str = "10.77.0.200";
