//! MQTT and FIX messages.

use rha_vocab::{ArgKind, SampleType as T};

use crate::row::{ALWAYS, Converter, NONE, args, convert};

/// Rows of this subject.
pub(crate) const ROWS: &[Converter] = &[
    convert("fix_is_valid", NONE, T::Bin, T::Bool, ALWAYS, "Whether the bytes are a valid FIX message."),
    convert(
        "fix_tag_value",
        args(1, &[ArgKind::Str]),
        T::Bin,
        T::Bin,
        ALWAYS,
        "Value of a tag of a FIX message.",
    ),
    convert(
        "mqtt_field_value",
        args(2, &[ArgKind::Str, ArgKind::Str]),
        T::Bin,
        T::Str,
        ALWAYS,
        "Value of a field of an MQTT message.",
    ),
    convert("mqtt_is_valid", NONE, T::Bin, T::Bool, ALWAYS, "Whether the bytes are a valid MQTT message."),
];
