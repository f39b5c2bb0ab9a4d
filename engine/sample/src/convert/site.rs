//! Lookups of proxies and servers by name.

use rha_vocab::{Lifetime, SampleType as T};

use crate::row::{ALWAYS, Converter, NONE, convert};

/// Rows of this subject.
pub(crate) const ROWS: &[Converter] = &[
    convert(
        "fe_exists",
        NONE,
        T::Str,
        T::Bool,
        Lifetime::since(3, 5),
        "Whether a frontend of that name exists.",
    ),
    convert("nbsrv", NONE, T::Str, T::Sint, ALWAYS, "Usable servers of the backend of that name."),
    convert(
        "srv_is_up",
        NONE,
        T::Str,
        T::Bool,
        Lifetime::since(3, 5),
        "Whether the server of that name is up.",
    ),
    convert("srv_queue", NONE, T::Str, T::Sint, ALWAYS, "Connections queued for the server of that name."),
];
