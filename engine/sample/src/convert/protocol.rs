//! MQTT and FIX messages.

use rha_vocab::{ArgKind, Lifetime, SampleType as T};

use crate::row::{ALWAYS, Converter, NONE, args, convert};

/// Known only to builds with a library that neither our originals nor we have.
const NOT_BUILT_IN: Lifetime = Lifetime::since(u8::MAX, 0);

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
        "da-csv-conv",
        args(1, &[ArgKind::Str; 12]),
        T::Str,
        T::Str,
        NOT_BUILT_IN,
        "Properties of a device by its user agent, as a library that is in no build at hand knows them.",
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
