//! What a priority depends on: results over time. Pure; sums are the business of `rha_vrrp::priority`.

pub mod script;
