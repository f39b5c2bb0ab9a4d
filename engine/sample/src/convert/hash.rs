//! Hashes and digests.

use rha_vocab::{ArgKind, SampleType as T};

use crate::row::{ALWAYS, Converter, NONE, args, convert};

/// Rows of this subject.
pub(crate) const ROWS: &[Converter] = &[
    convert("crc32", args(0, &[ArgKind::Sint]), T::Bin, T::Sint, ALWAYS, "CRC-32 hash.").eval(crc32),
    convert("crc32c", args(0, &[ArgKind::Sint]), T::Bin, T::Sint, ALWAYS, "CRC-32C hash.").eval(crc32c),
    convert(
        "digest",
        args(1, &[ArgKind::Str]),
        T::Bin,
        T::Bin,
        ALWAYS,
        "Message digest of the named algorithm.",
    )
    .partly(digest, "MD5 and the SHA-1 and SHA-2 families only")
    .prepare(known_digest),
    convert("djb2", args(0, &[ArgKind::Sint]), T::Bin, T::Sint, ALWAYS, "DJB2 hash.").eval(djb2),
    convert("hmac", args(2, &[ArgKind::Str, ArgKind::Str]), T::Bin, T::Bin, ALWAYS, "Keyed message digest.")
        .partly(hmac, "MD5 and the SHA-1 and SHA-2 families only")
        .prepare(known_digest),
    convert("sdbm", args(0, &[ArgKind::Sint]), T::Bin, T::Sint, ALWAYS, "SDBM hash.").eval(sdbm),
    convert("sha1", NONE, T::Bin, T::Bin, ALWAYS, "SHA-1 digest.").eval(sha1),
    convert(
        "sha2",
        args(0, &[ArgKind::Sint]),
        T::Bin,
        T::Bin,
        ALWAYS,
        "SHA-2 digest of 224, 256, 384 or 512 bits.",
    )
    .eval(sha2),
    convert("wt6", args(0, &[ArgKind::Sint]), T::Bin, T::Sint, ALWAYS, "WT6 hash.").eval(wt6),
    convert("xxh3", args(0, &[ArgKind::Sint]), T::Bin, T::Sint, ALWAYS, "XXH3 hash, 64 bits.").eval(xxh3),
    convert("xxh32", args(0, &[ArgKind::Sint]), T::Bin, T::Sint, ALWAYS, "XXH32 hash.").eval(xxh32),
    convert("xxh64", args(0, &[ArgKind::Sint]), T::Bin, T::Sint, ALWAYS, "XXH64 hash.").eval(xxh64),
];

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use md5::Md5;
use rha_base::Value;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use super::full_hash;
use crate::cast::bytes;
use crate::cx::Cx;
use crate::names::{Names, Problem};
use crate::operand::Operand;

/// A 32-bit hash, mixed once more if the argument asks for it.
fn hash32<'a>(cx: &Cx<'a>, v: Value<'a>, f: fn(&[u8]) -> u32) -> Option<Value<'a>> {
    let h = f(&bytes(v)?);
    let h = if cx.int(0).unwrap_or(0) != 0 { full_hash(h) } else { h };
    Some(Value::Int(i64::from(h)))
}

macro_rules! hashes {
    ($($name:ident: $f:expr;)*) => {
        $(fn $name<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
            hash32(cx, v, $f)
        })*
    };
}

hashes! {
    djb2: |s| s.iter().fold(5381, |h: u32, c| (h << 5).wrapping_add(h).wrapping_add(u32::from(*c)));
    sdbm: |s| s.iter().fold(0, |h: u32, c| {
        u32::from(*c).wrapping_add(h << 6).wrapping_add(h << 16).wrapping_sub(h)
    });
    crc32: |s| reflected_crc(s, 0xedb8_8320);
    crc32c: |s| reflected_crc(s, 0x82f6_3b78);
    wt6: wt6_of;
}

/// COMPAT: the seed is 32 bits for `xxh32` and 64 bits for the others; results are signed.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the low 32 bits are meant")]
fn xxh32<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let seed = cx.int(0).unwrap_or(0) as u32;
    Some(Value::Int(i64::from(xxhash_rust::xxh32::xxh32(&bytes(v)?, seed))))
}

fn xxh64<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let seed = cx.int(0).unwrap_or(0).cast_unsigned();
    Some(Value::Int(xxhash_rust::xxh64::xxh64(&bytes(v)?, seed).cast_signed()))
}

fn xxh3<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let seed = cx.int(0).unwrap_or(0).cast_unsigned();
    Some(Value::Int(xxhash_rust::xxh3::xxh3_64_with_seed(&bytes(v)?, seed).cast_signed()))
}

fn reflected_crc(s: &[u8], polynomial: u32) -> u32 {
    let step = |crc: u32, _: u32| if crc & 1 == 1 { crc >> 1 ^ polynomial } else { crc >> 1 };
    !s.iter().fold(u32::MAX, |crc, c| (0..8).fold(crc ^ u32::from(*c), step))
}

fn wt6_of(s: &[u8]) -> u32 {
    let (mut h0, mut h1, mut step0, mut step1) = (0xa53c_965a_u32, 0x5ca6_953a_u32, 6, 18);
    for c in s {
        h0 = !(h0 ^ u32::from(*c));
        h1 = !h1.wrapping_add(u32::from(*c));
        (h0, h1) = (h1.rotate_left(step0), h0.rotate_left(step1));
        let t = (h0 >> 16 ^ h1) & 0xffff;
        step0 = t & 0x1f;
        step1 = t >> 11;
    }
    h0 ^ h1
}

fn digest_value<'a>(out: &[u8]) -> Option<Value<'a>> {
    Some(Value::Bin(Cow::Owned(out.to_vec())))
}

fn sha1<'a>(_: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    digest_value(&Sha1::digest(bytes(v)?))
}

fn sha2<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let s = bytes(v)?;
    match cx.int(0).unwrap_or(256) {
        224 => digest_value(&Sha224::digest(s)),
        256 => digest_value(&Sha256::digest(s)),
        384 => digest_value(&Sha384::digest(s)),
        512 => digest_value(&Sha512::digest(s)),
        _ => None,
    }
}

/// Names as OpenSSL knows them, in any case.
fn digest<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let s = bytes(v)?;
    match &*cx.text(0)?.to_ascii_lowercase() {
        b"md5" => digest_value(&Md5::digest(s)),
        b"sha1" => digest_value(&Sha1::digest(s)),
        b"sha224" => digest_value(&Sha224::digest(s)),
        b"sha256" => digest_value(&Sha256::digest(s)),
        b"sha384" => digest_value(&Sha384::digest(s)),
        b"sha512" => digest_value(&Sha512::digest(s)),
        _ => None,
    }
}

/// `hmac(algorithm,key)`, the key in base64 as text or in a variable.
fn hmac<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let s = bytes(v)?;
    let key = match cx.arg(1) {
        Operand::Str(k) => STANDARD.decode(k).ok()?,
        Operand::Var(slot) => STANDARD.decode(bytes(cx.variable(*slot)?)?).ok()?,
        _ => return None,
    };
    match &*cx.text(0)?.to_ascii_lowercase() {
        b"md5" => keyed::<Hmac<Md5>>(&key, &s),
        b"sha1" => keyed::<Hmac<Sha1>>(&key, &s),
        b"sha224" => keyed::<Hmac<Sha224>>(&key, &s),
        b"sha256" => keyed::<Hmac<Sha256>>(&key, &s),
        b"sha384" => keyed::<Hmac<Sha384>>(&key, &s),
        b"sha512" => keyed::<Hmac<Sha512>>(&key, &s),
        _ => None,
    }
}

fn keyed<'a, M: Mac + hmac::digest::KeyInit>(key: &[u8], s: &[u8]) -> Option<Value<'a>> {
    let mut mac = <M as Mac>::new_from_slice(key).ok()?;
    mac.update(s);
    digest_value(&mac.finalize().into_bytes())
}

/// Whether the named digest is one we have.
fn known_digest(args: &mut Vec<Operand>, names: &mut dyn Names) -> Result<(), Problem> {
    let Some(Operand::Str(name)) = args.first() else {
        return Err(Problem::Argument("a digest is needed".to_owned()));
    };
    let name = name.to_ascii_lowercase();
    let known: [&[u8]; 6] = [b"md5", b"sha1", b"sha224", b"sha256", b"sha384", b"sha512"];
    if !known.contains(&name.as_slice()) {
        return Err(Problem::NotBuilt(format!("digest {}", String::from_utf8_lossy(&name))));
    }
    if let Some(Operand::Str(key)) = args.get(1)
        && key.contains(&b'.')
    {
        return super::string::variable_at(1, args, names);
    }
    Ok(())
}
