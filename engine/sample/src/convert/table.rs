//! Lookups in stick tables.

use rha_vocab::{ArgKind, Lifetime, SampleType as T};

use crate::row::{ALWAYS, Converter, args, convert};

/// Rows of this subject.
pub(crate) const ROWS: &[Converter] = &[
    convert("in_table", args(1, &[ArgKind::Table]), T::Any, T::Bool, ALWAYS, "Whether the key is in a stick table."),
    convert("table_bytes_in_rate", args(1, &[ArgKind::Table]), T::Any, T::Sint, ALWAYS, "Bytes a second received of the key in a table."),
    convert("table_bytes_out_rate", args(1, &[ArgKind::Table]), T::Any, T::Sint, ALWAYS, "Bytes a second sent of the key in a table."),
    convert("table_clr_gpc", args(2, &[ArgKind::Sint, ArgKind::Table]), T::Any, T::Sint, Lifetime::since(3, 5), "A general purpose counter by number of the key in a table, set to 0 after reading."),
    convert("table_clr_gpc0", args(1, &[ArgKind::Table]), T::Any, T::Sint, Lifetime::since(3, 5), "First general purpose counter of the key in a table, set to 0 after reading."),
    convert("table_clr_gpc1", args(1, &[ArgKind::Table]), T::Any, T::Sint, Lifetime::since(3, 5), "Second general purpose counter of the key in a table, set to 0 after reading."),
    convert("table_conn_cnt", args(1, &[ArgKind::Table]), T::Any, T::Sint, ALWAYS, "Connections so far of the key in a table."),
    convert("table_conn_cur", args(1, &[ArgKind::Table]), T::Any, T::Sint, ALWAYS, "Connections now of the key in a table."),
    convert("table_conn_rate", args(1, &[ArgKind::Table]), T::Any, T::Sint, ALWAYS, "Connections per period of the key in a table."),
    convert("table_expire", args(1, &[ArgKind::Table, ArgKind::Sint]), T::Any, T::Sint, ALWAYS, "Milliseconds to live of the key in a table."),
    convert("table_glitch_cnt", args(1, &[ArgKind::Table]), T::Any, T::Sint, Lifetime::since(3, 0), "Glitches so far of the key in a table."),
    convert("table_glitch_rate", args(1, &[ArgKind::Table]), T::Any, T::Sint, Lifetime::since(3, 0), "Glitches per period of the key in a table."),
    convert("table_gpc", args(2, &[ArgKind::Sint, ArgKind::Table]), T::Any, T::Sint, ALWAYS, "A general purpose counter by number of the key in a table."),
    convert("table_gpc0", args(1, &[ArgKind::Table]), T::Any, T::Sint, ALWAYS, "First general purpose counter of the key in a table."),
    convert("table_gpc0_rate", args(1, &[ArgKind::Table]), T::Any, T::Sint, ALWAYS, "Rate of the first general purpose counter of the key in a table."),
    convert("table_gpc1", args(1, &[ArgKind::Table]), T::Any, T::Sint, ALWAYS, "Second general purpose counter of the key in a table."),
    convert("table_gpc1_rate", args(1, &[ArgKind::Table]), T::Any, T::Sint, ALWAYS, "Rate of the second general purpose counter of the key in a table."),
    convert("table_gpc_rate", args(2, &[ArgKind::Sint, ArgKind::Table]), T::Any, T::Sint, ALWAYS, "Rate of a general purpose counter by number of the key in a table."),
    convert("table_gpt", args(2, &[ArgKind::Sint, ArgKind::Table]), T::Any, T::Sint, ALWAYS, "A general purpose tag by number of the key in a table."),
    convert("table_gpt0", args(1, &[ArgKind::Table]), T::Any, T::Sint, ALWAYS, "First general purpose tag of the key in a table."),
    convert("table_http_err_cnt", args(1, &[ArgKind::Table]), T::Any, T::Sint, ALWAYS, "HTTP errors so far of the key in a table."),
    convert("table_http_err_rate", args(1, &[ArgKind::Table]), T::Any, T::Sint, ALWAYS, "HTTP errors per period of the key in a table."),
    convert("table_http_fail_cnt", args(1, &[ArgKind::Table]), T::Any, T::Sint, ALWAYS, "HTTP failures so far of the key in a table."),
    convert("table_http_fail_rate", args(1, &[ArgKind::Table]), T::Any, T::Sint, ALWAYS, "HTTP failures per period of the key in a table."),
    convert("table_http_req_cnt", args(1, &[ArgKind::Table]), T::Any, T::Sint, ALWAYS, "HTTP requests so far of the key in a table."),
    convert("table_http_req_rate", args(1, &[ArgKind::Table]), T::Any, T::Sint, ALWAYS, "HTTP requests per period of the key in a table."),
    convert("table_idle", args(1, &[ArgKind::Table, ArgKind::Sint]), T::Any, T::Sint, ALWAYS, "Milliseconds without use of the key in a table."),
    convert("table_inc_gpc", args(2, &[ArgKind::Sint, ArgKind::Table]), T::Any, T::Sint, Lifetime::since(3, 5), "A general purpose counter by number of the key in a table, counted up first."),
    convert("table_inc_gpc0", args(1, &[ArgKind::Table]), T::Any, T::Sint, Lifetime::since(3, 5), "First general purpose counter of the key in a table, counted up first."),
    convert("table_inc_gpc1", args(1, &[ArgKind::Table]), T::Any, T::Sint, Lifetime::since(3, 5), "Second general purpose counter of the key in a table, counted up first."),
    convert("table_kbytes_in", args(1, &[ArgKind::Table]), T::Any, T::Sint, ALWAYS, "Kilobytes received of the key in a table."),
    convert("table_kbytes_out", args(1, &[ArgKind::Table]), T::Any, T::Sint, ALWAYS, "Kilobytes sent of the key in a table."),
    convert("table_server_id", args(1, &[ArgKind::Table]), T::Any, T::Sint, ALWAYS, "Number of the server stored of the key in a table."),
    convert("table_sess_cnt", args(1, &[ArgKind::Table]), T::Any, T::Sint, ALWAYS, "Sessions so far of the key in a table."),
    convert("table_sess_rate", args(1, &[ArgKind::Table]), T::Any, T::Sint, ALWAYS, "Sessions per period of the key in a table."),
    convert("table_trackers", args(1, &[ArgKind::Table]), T::Any, T::Sint, ALWAYS, "Streams tracking of the key in a table."),
];
