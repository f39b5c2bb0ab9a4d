//! What we say we are: the original's words first, because scripts read them, then our own.

/// The release whose behaviour is answered for.
pub const COMPATIBLE: &str = "Keepalived v2.2.7 (01/16,2022)";
/// Ours.
pub const OURS: &str = concat!("rkeepalived ", env!("CARGO_PKG_VERSION"));

/// `-v`, for standard error as in the original.
#[must_use]
pub fn text() -> String {
    format!(
        "{COMPATIBLE}\n\n{OURS}, reads keepalived's configuration; no code of keepalived is in it\n\n\
         Running on {}\n\n\
         Config options:  NFTABLES VRRP VRRP_AUTH VRRP_VMAC JSON BFD SYSTEMD_NOTIFY\n",
        rha_net::system_name()
    )
}
