//! The rules.

pub(crate) mod short_check_interval;
