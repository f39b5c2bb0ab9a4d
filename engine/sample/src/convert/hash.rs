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
    .eval(digest)
    .prepare(known_digest),
    convert("djb2", args(0, &[ArgKind::Sint]), T::Bin, T::Sint, ALWAYS, "DJB2 hash.").eval(djb2),
    convert("hmac", args(2, &[ArgKind::Str, ArgKind::Str]), T::Bin, T::Bin, ALWAYS, "Keyed message digest.")
        .eval(hmac)
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
use hmac::{Mac, SimpleHmac};
use md5::Md5;
use rha_base::Value;
use rha_vocab::Digest as Which;
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

/// What a digest gives for some bytes; nothing for those that the original can name but not run.
fn digest_of(which: Which, s: &[u8]) -> Option<Vec<u8>> {
    Some(match which {
        Which::Md5 => Md5::digest(s).to_vec(),
        Which::Md5Sha1 => [&Md5::digest(s)[..], &Sha1::digest(s)[..]].concat(),
        Which::Ripemd160 => ripemd::Ripemd160::digest(s).to_vec(),
        Which::Sha1 => Sha1::digest(s).to_vec(),
        Which::Sha224 => Sha224::digest(s).to_vec(),
        Which::Sha256 => Sha256::digest(s).to_vec(),
        Which::Sha384 => Sha384::digest(s).to_vec(),
        Which::Sha512 => Sha512::digest(s).to_vec(),
        Which::Sha512T224 => sha2::Sha512_224::digest(s).to_vec(),
        Which::Sha512T256 => sha2::Sha512_256::digest(s).to_vec(),
        Which::Sha3T224 => sha3::Sha3_224::digest(s).to_vec(),
        Which::Sha3T256 => sha3::Sha3_256::digest(s).to_vec(),
        Which::Sha3T384 => sha3::Sha3_384::digest(s).to_vec(),
        Which::Sha3T512 => sha3::Sha3_512::digest(s).to_vec(),
        Which::Sm3 => sm3::Sm3::digest(s).to_vec(),
        Which::Blake2b512 => blake2::Blake2b512::digest(s).to_vec(),
        Which::Blake2s256 => blake2::Blake2s256::digest(s).to_vec(),
        Which::Empty => return None,
    })
}

/// RFC 2104 over any of them.
fn keyed(which: Which, key: &[u8], s: &[u8]) -> Option<Vec<u8>> {
    Some(match which {
        Which::Md5 => mac::<Md5>(key, s)?,
        Which::Md5Sha1 => return mac_of_two(key, s),
        Which::Ripemd160 => mac::<ripemd::Ripemd160>(key, s)?,
        Which::Sha1 => mac::<Sha1>(key, s)?,
        Which::Sha224 => mac::<Sha224>(key, s)?,
        Which::Sha256 => mac::<Sha256>(key, s)?,
        Which::Sha384 => mac::<Sha384>(key, s)?,
        Which::Sha512 => mac::<Sha512>(key, s)?,
        Which::Sha512T224 => mac::<sha2::Sha512_224>(key, s)?,
        Which::Sha512T256 => mac::<sha2::Sha512_256>(key, s)?,
        Which::Sha3T224 => mac::<sha3::Sha3_224>(key, s)?,
        Which::Sha3T256 => mac::<sha3::Sha3_256>(key, s)?,
        Which::Sha3T384 => mac::<sha3::Sha3_384>(key, s)?,
        Which::Sha3T512 => mac::<sha3::Sha3_512>(key, s)?,
        Which::Sm3 => mac::<sm3::Sm3>(key, s)?,
        Which::Blake2b512 => mac::<blake2::Blake2b512>(key, s)?,
        Which::Blake2s256 => mac::<blake2::Blake2s256>(key, s)?,
        Which::Empty => return None,
    })
}

fn mac<D: Digest + hmac::digest::core_api::BlockSizeUser>(key: &[u8], s: &[u8]) -> Option<Vec<u8>> {
    let mut mac = SimpleHmac::<D>::new_from_slice(key).ok()?;
    mac.update(s);
    Some(mac.finalize().into_bytes().to_vec())
}

/// The pair of MD5 and SHA-1 is no digest of a library; both have blocks of 64 bytes.
fn mac_of_two(key: &[u8], s: &[u8]) -> Option<Vec<u8>> {
    let mut block = if key.len() > 64 { digest_of(Which::Md5Sha1, key)? } else { key.to_vec() };
    block.resize(64, 0);
    let padded = |pad: u8, rest: &[u8]| -> Vec<u8> {
        block.iter().map(|k| k ^ pad).chain(rest.iter().copied()).collect()
    };
    let inner = digest_of(Which::Md5Sha1, &padded(0x36, s))?;
    digest_of(Which::Md5Sha1, &padded(0x5c, &inner))
}

fn which(cx: &Cx<'_>) -> Option<Which> {
    Which::named(std::str::from_utf8(cx.text(0)?).ok()?)
}

fn digest<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    digest_of(which(cx)?, &bytes(v)?).map(|d| Value::Bin(Cow::Owned(d)))
}

/// `hmac(algorithm,key)`, the key in base64 as text or in a variable.
fn hmac<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let s = bytes(v)?;
    let key = match cx.arg(1) {
        Operand::Str(k) => STANDARD.decode(k).ok()?,
        Operand::Var(slot) => STANDARD.decode(bytes(cx.variable(*slot)?)?).ok()?,
        _ => return None,
    };
    keyed(which(cx)?, &key, &s).map(|d| Value::Bin(Cow::Owned(d)))
}

/// A key that is a variable is one.
fn known_digest(args: &mut Vec<Operand>, names: &mut dyn Names) -> Result<(), Problem> {
    if let Some(Operand::Str(key)) = args.get(1)
        && key.contains(&b'.')
    {
        return super::string::variable_at(1, args, names);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of `/x` and, keyed, of `/x` with `abc`, as the original gives them with OpenSSL 3.
    #[test]
    fn digests_are_those_of_openssl() {
        for (name, plain, key) in [
            (
                "md5-sha1",
                "CC8755609AD61864",
                "EF4BA811EEBB74911AC2BC79C4AADC9DDF448B7FEF870AF16E353ABD8EB99D5EA028DB49",
            ),
            ("rmd160", "7C9A3899726D5120", "AF47939964A36E88CD65BC4018DFE86AA48B3600"),
            ("sha512-224", "1F13FA24561DB880", "4E627A67B46BFDAE5E98D797B1BA82A54D78CF8FB8C0BC8E43334700"),
            (
                "sha2-512/256",
                "130E324F9798FA3A",
                "9C780BC2EF9CEE633F9D5A6990A1029E4F3A7E2737D2BEF424A47EB1B905A7C7",
            ),
            (
                "sha3-256",
                "38971DBD1BE58350",
                "AFDFF7EFB77AC783C335CF8EB1C366A0B6EA0ACA162A4FA4CAE0C57B02499176",
            ),
            ("SM3", "519D1F594C8167CB", "C91D86157D1EF6D5DC1DF8FF4D361A59046AEB52EF66644ED30214BA9DEAC8F5"),
            (
                "blake2s256",
                "EC0D7DBCAFDB178E",
                "EC68DCFEEEF73BF78868837A63230B04738FD0C3970F91D494090471A9091304",
            ),
        ] {
            let which = Which::named(name).unwrap();
            let hex = |v: Vec<u8>| v.iter().map(|b| format!("{b:02X}")).collect::<String>();
            assert!(hex(digest_of(which, b"/x").unwrap()).starts_with(plain), "{name}");
            assert_eq!(hex(keyed(which, b"abc", b"/x").unwrap()), key, "{name}");
        }
        assert_eq!(digest_of(Which::Empty, b"/x"), None);
    }
}
