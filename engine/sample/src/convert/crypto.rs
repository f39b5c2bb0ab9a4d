//! Encryption and JSON web tokens.

use rha_vocab::{ArgKind, Dialect, Lifetime, SampleType as T};

use crate::row::{ALWAYS, Converter, args, convert};

/// Rows of this subject.
pub(crate) const ROWS: &[Converter] = &[
    convert(
        "aes_cbc_dec",
        args(3, &[ArgKind::Sint, ArgKind::Str, ArgKind::Str, ArgKind::Str]),
        T::Bin,
        T::Bin,
        Lifetime::since(3, 5),
        "Decrypts with AES in CBC mode.",
    ),
    convert(
        "aes_cbc_enc",
        args(3, &[ArgKind::Sint, ArgKind::Str, ArgKind::Str, ArgKind::Str]),
        T::Bin,
        T::Bin,
        Lifetime::since(3, 5),
        "Encrypts with AES in CBC mode.",
    ),
    convert(
        "aes_gcm_dec",
        args(4, &[ArgKind::Sint, ArgKind::Str, ArgKind::Str, ArgKind::Str]),
        T::Bin,
        T::Bin,
        Lifetime::until(3, 5),
        "Decrypts with AES in GCM mode.",
    ),
    convert(
        "aes_gcm_dec",
        args(4, &[ArgKind::Sint, ArgKind::Str, ArgKind::Str, ArgKind::Str, ArgKind::Str]),
        T::Bin,
        T::Bin,
        Lifetime::since(3, 5),
        "Decrypts with AES in GCM mode.",
    ),
    convert(
        "aes_gcm_enc",
        args(4, &[ArgKind::Sint, ArgKind::Str, ArgKind::Str, ArgKind::Str]),
        T::Bin,
        T::Bin,
        Lifetime { since: Some(Dialect::V3_0), until: Some(Dialect::V3_5) },
        "Encrypts with AES in GCM mode.",
    ),
    convert(
        "aes_gcm_enc",
        args(4, &[ArgKind::Sint, ArgKind::Str, ArgKind::Str, ArgKind::Str, ArgKind::Str]),
        T::Bin,
        T::Bin,
        Lifetime::since(3, 5),
        "Encrypts with AES in GCM mode.",
    ),
    convert(
        "jwt_decrypt_cert",
        args(1, &[ArgKind::Str]),
        T::Bin,
        T::Bin,
        Lifetime::since(3, 5),
        "Decrypts a JSON web token with a certificate's key.",
    ),
    convert(
        "jwt_decrypt_jwk",
        args(1, &[ArgKind::Str]),
        T::Bin,
        T::Bin,
        Lifetime::since(3, 5),
        "Decrypts a JSON web token with a JSON web key.",
    ),
    convert(
        "jwt_decrypt_secret",
        args(1, &[ArgKind::Str]),
        T::Bin,
        T::Bin,
        Lifetime::since(3, 5),
        "Decrypts a JSON web token with a secret.",
    ),
    convert(
        "jwt_header_query",
        args(0, &[ArgKind::Str, ArgKind::Str]),
        T::Bin,
        T::Any,
        ALWAYS,
        "Value of a JSON web token's header.",
    ),
    convert(
        "jwt_payload_query",
        args(0, &[ArgKind::Str, ArgKind::Str]),
        T::Bin,
        T::Any,
        ALWAYS,
        "Value of a JSON web token's payload.",
    ),
    convert(
        "jwt_verify",
        args(2, &[ArgKind::Str, ArgKind::Str]),
        T::Bin,
        T::Sint,
        ALWAYS,
        "Whether a JSON web token's signature is valid.",
    ),
    convert(
        "jwt_verify_cert",
        args(2, &[ArgKind::Str, ArgKind::Str]),
        T::Bin,
        T::Sint,
        Lifetime::since(3, 5),
        "Whether a JSON web token's signature is valid for a certificate.",
    ),
];
