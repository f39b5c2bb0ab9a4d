//! HAProxy's own view of its message buffers, for its developers.

use rha_vocab::{ArgKind, Needs, SampleType as T};

use crate::row::{ALWAYS, Fetch, NONE, args, fetch};

/// Rows of this subject.
pub(crate) const ROWS: &[Fetch] = &[
    fetch("internal.htx.data", NONE, T::Sint, Needs::HTTP_REQUEST_HEADERS.and(Needs::HTTP_RESPONSE_HEADERS), ALWAYS, "Developers: bytes of data in the message's internal form."),
    fetch("internal.htx.free", NONE, T::Sint, Needs::HTTP_REQUEST_HEADERS.and(Needs::HTTP_RESPONSE_HEADERS), ALWAYS, "Developers: free bytes in the message's internal form."),
    fetch("internal.htx.free_data", NONE, T::Sint, Needs::HTTP_REQUEST_HEADERS.and(Needs::HTTP_RESPONSE_HEADERS), ALWAYS, "Developers: free bytes for data in the message's internal form."),
    fetch("internal.htx.has_eom", NONE, T::Bool, Needs::HTTP_REQUEST_HEADERS.and(Needs::HTTP_RESPONSE_HEADERS), ALWAYS, "Developers: whether the message's internal form is complete."),
    fetch("internal.htx.nbblks", NONE, T::Sint, Needs::HTTP_REQUEST_HEADERS.and(Needs::HTTP_RESPONSE_HEADERS), ALWAYS, "Developers: number of blocks in the message's internal form."),
    fetch("internal.htx.size", NONE, T::Sint, Needs::HTTP_REQUEST_HEADERS.and(Needs::HTTP_RESPONSE_HEADERS), ALWAYS, "Developers: size of the message's internal form."),
    fetch("internal.htx.used", NONE, T::Sint, Needs::HTTP_REQUEST_HEADERS.and(Needs::HTTP_RESPONSE_HEADERS), ALWAYS, "Developers: bytes in use in the message's internal form."),
    fetch("internal.htx_blk.data", args(1, &[ArgKind::Str]), T::Bin, Needs::HTTP_REQUEST_HEADERS.and(Needs::HTTP_RESPONSE_HEADERS), ALWAYS, "Developers: data of a block of the message's internal form."),
    fetch("internal.htx_blk.hdrname", args(1, &[ArgKind::Str]), T::Str, Needs::HTTP_REQUEST_HEADERS.and(Needs::HTTP_RESPONSE_HEADERS), ALWAYS, "Developers: header name of a block of the message's internal form."),
    fetch("internal.htx_blk.hdrval", args(1, &[ArgKind::Str]), T::Str, Needs::HTTP_REQUEST_HEADERS.and(Needs::HTTP_RESPONSE_HEADERS), ALWAYS, "Developers: header value of a block of the message's internal form."),
    fetch("internal.htx_blk.size", args(1, &[ArgKind::Str]), T::Sint, Needs::HTTP_REQUEST_HEADERS.and(Needs::HTTP_RESPONSE_HEADERS), ALWAYS, "Developers: size of a block of the message's internal form."),
    fetch("internal.htx_blk.start_line", args(1, &[ArgKind::Str]), T::Str, Needs::HTTP_REQUEST_HEADERS.and(Needs::HTTP_RESPONSE_HEADERS), ALWAYS, "Developers: start line of a block of the message's internal form."),
    fetch("internal.htx_blk.type", args(1, &[ArgKind::Str]), T::Str, Needs::HTTP_REQUEST_HEADERS.and(Needs::HTTP_RESPONSE_HEADERS), ALWAYS, "Developers: type of a block of the message's internal form."),
    fetch("internal.strm.is_htx", NONE, T::Bool, Needs::INTERNAL, ALWAYS, "Developers: whether the stream uses the internal message form."),
];
