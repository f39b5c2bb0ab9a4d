//! Sample fetches, one file per subject; each has its rows and the functions behind them.

mod capture;
mod connection;
mod constant;
mod http_auth;
mod http_body;
mod http_cookie;
mod http_header;
mod http_request;
mod http_response;
mod internal;
mod payload;
mod process;
mod proxy;
mod stream;
mod table;
mod timer;
mod tls;
mod tls_hello;
mod variable;

pub use payload::rdp_cookie_value;

use crate::row::Fetch;

/// All rows, by subject.
pub(crate) const TABLES: &[&[Fetch]] = &[
    capture::ROWS,
    connection::ROWS,
    constant::ROWS,
    http_auth::ROWS,
    http_body::ROWS,
    http_cookie::ROWS,
    http_header::ROWS,
    http_request::ROWS,
    http_response::ROWS,
    internal::ROWS,
    payload::ROWS,
    process::ROWS,
    proxy::ROWS,
    stream::ROWS,
    table::ROWS,
    timer::ROWS,
    tls::ROWS,
    tls_hello::ROWS,
    variable::ROWS,
];

/// Microseconds since 1970 in `s`, `ms` or `us`; seconds unless told otherwise.
pub(crate) fn in_unit<'a>(us: i64, unit: Option<&[u8]>) -> Option<rha_base::Value<'a>> {
    let n = match unit {
        Some(b"us") => us,
        Some(b"ms") => us.div_euclid(1000),
        _ => us.div_euclid(1_000_000),
    };
    Some(rha_base::Value::Int(n))
}
