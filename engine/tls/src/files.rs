//! Certificates and keys from PEM files (RFC 7468), keys also encrypted: PKCS #8 (RFC 5958), and as OpenSSL wrote them
//! before (RFC 1421 headers, its own derivation from the password).

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockDecryptMut, KeyIvInit};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use pkcs8::EncryptedPrivateKeyInfo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer,
};

/// Most bytes of such a file.
const FILE_MAX: u64 = 1 << 20;
/// Most certificates in a chain.
const CHAIN_MAX: usize = 10;

/// All certificates of a file; at least one.
pub(super) fn certificates(path: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let bytes = read(path)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match all {
        Ok(all) if all.is_empty() => Err(format!("{path}: no certificate in it")),
        Ok(all) => Ok(all),
        Err(e) => Err(format!("{path}: {e}")),
    }
}

/// The first private key of a file.
pub(super) fn private_key(path: &str, password: Option<&str>) -> Result<PrivateKeyDer<'static>, String> {
    let text = String::from_utf8_lossy(&read(path)?).into_owned();
    key_of(&text, password).map_err(|why| format!("{path}: {why}"))
}

/// Adds issuers from `above` as far as they are there. COMPAT: so does OpenSSL with the certificates of `ca`; those of
/// themselves stay away.
pub(super) fn complete(chain: &mut Vec<CertificateDer<'static>>, above: &[CertificateDer<'static>]) {
    while chain.len() < CHAIN_MAX {
        let Some((issuer, subject)) = chain.last().and_then(|last| names(last)) else { return };
        if issuer == subject {
            return;
        }
        let Some(next) = above.iter().find(|c| names(c).is_some_and(|(_, subject)| subject == issuer)) else {
            return;
        };
        chain.push(next.clone());
    }
}

fn read(path: &str) -> Result<Vec<u8>, String> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|e| format!("{path}: {e}"))?;
    file.take(FILE_MAX).read_to_end(&mut bytes).map_err(|e| format!("{path}: {e}"))?;
    Ok(bytes)
}

/// One block of a PEM file.
struct Block<'a> {
    label: &'a str,
    /// `DEK-Info: CIPHER,IV`.
    cipher: Option<(&'a str, &'a str)>,
    der: Vec<u8>,
}

fn key_of(text: &str, password: Option<&str>) -> Result<PrivateKeyDer<'static>, String> {
    let mut rest = text;
    while let Some((block, after)) = next_block(rest)? {
        rest = after;
        let der = match block.cipher {
            Some((cipher, iv)) => decrypt(cipher, iv, &block.der, password.ok_or("it needs a password")?)?,
            None => block.der,
        };
        return Ok(match block.label {
            "PRIVATE KEY" => PrivatePkcs8KeyDer::from(der).into(),
            "RSA PRIVATE KEY" => PrivatePkcs1KeyDer::from(der).into(),
            "EC PRIVATE KEY" => PrivateSec1KeyDer::from(der).into(),
            "ENCRYPTED PRIVATE KEY" => {
                let password = password.ok_or("it needs a password")?;
                let locked = EncryptedPrivateKeyInfo::try_from(der.as_slice()).map_err(|e| e.to_string())?;
                let open = locked.decrypt(password).map_err(|e| e.to_string())?;
                PrivatePkcs8KeyDer::from(open.as_bytes().to_vec()).into()
            }
            _ => continue,
        });
    }
    Err("no private key that is understood in it".to_owned())
}

/// The next block, and what follows it.
fn next_block(text: &str) -> Result<Option<(Block<'_>, &str)>, String> {
    let Some((_, text)) = text.split_once("-----BEGIN ") else { return Ok(None) };
    let cut = || "a block without an end in it".to_owned();
    let (label, text) = text.split_once("-----").ok_or_else(cut)?;
    let (inside, after) = text.split_once("-----END ").ok_or_else(cut)?;
    let mut cipher = None;
    let mut body = String::new();
    for line in inside.lines().map(str::trim) {
        match line.split_once(':') {
            Some(("DEK-Info", value)) => cipher = value.trim().split_once(','),
            Some(_) => {}
            None => body.push_str(line),
        }
    }
    let der = STANDARD.decode(body).map_err(|e| e.to_string())?;
    Ok(Some((Block { label, cipher, der }, after)))
}

fn decrypt(cipher: &str, iv: &str, locked: &[u8], password: &str) -> Result<Vec<u8>, String> {
    let iv = hex(iv).ok_or("bad DEK-Info in it")?;
    let open = match cipher {
        "AES-128-CBC" => unlock::<cbc::Decryptor<aes::Aes128>>(16, &iv, locked, password),
        "AES-192-CBC" => unlock::<cbc::Decryptor<aes::Aes192>>(24, &iv, locked, password),
        "AES-256-CBC" => unlock::<cbc::Decryptor<aes::Aes256>>(32, &iv, locked, password),
        "DES-EDE3-CBC" => unlock::<cbc::Decryptor<des::TdesEde3>>(24, &iv, locked, password),
        other => return Err(format!("it is encrypted with {other}")),
    };
    open.ok_or_else(|| "the password does not fit".to_owned())
}

fn unlock<D: KeyIvInit + BlockDecryptMut>(
    key_len: usize,
    iv: &[u8],
    locked: &[u8],
    password: &str,
) -> Option<Vec<u8>> {
    let key = derive(password.as_bytes(), iv.get(..8)?, key_len);
    let mut bytes = locked.to_vec();
    Some(D::new_from_slices(&key, iv).ok()?.decrypt_padded_mut::<Pkcs7>(&mut bytes).ok()?.to_vec())
}

/// EVP_BytesToKey(3) with MD5 and one round, as PEM_read(3) "PEM ENCRYPTION FORMAT" says.
fn derive(password: &[u8], salt: &[u8], len: usize) -> Vec<u8> {
    let mut key: Vec<u8> = Vec::new();
    let mut last: Vec<u8> = Vec::new();
    while key.len() < len {
        last = Md5::new().chain_update(&last).chain_update(password).chain_update(salt).finalize().to_vec();
        key.extend_from_slice(&last);
    }
    key.truncate(len);
    key
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
    Some(digits?.chunks_exact(2).map(|pair| pair.iter().fold(0, |n, d| n << 4 | d)).collect())
}

/// Issuer and subject of a certificate, as they are encoded. RFC 5280 §4.1.
fn names(certificate: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_, certificate, _) = element(certificate)?;
    let (_, mut at, _) = element(certificate)?;
    // the version may be left out
    if at.first() == Some(&0xa0) {
        at = element(at)?.2;
    }
    let issuer = element(element(at)?.2)?.2;
    let (issuer_bytes, _, validity) = element(issuer)?;
    let (subject_bytes, _, _) = element(element(validity)?.2)?;
    Some((issuer_bytes, subject_bytes))
}

/// The first DER element: all of it, what is in it, what follows it.
fn element(der: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let first = usize::from(*der.get(1)?);
    let (head, len) = if first < 0x80 {
        (2, first)
    } else {
        let digits = der.get(2..2 + (first & 0x7f)).filter(|d| (1..=4).contains(&d.len()))?;
        (2 + digits.len(), digits.iter().fold(0usize, |n, b| n << 8 | usize::from(*b)))
    };
    let end = head.checked_add(len)?;
    Some((der.get(..end)?, der.get(head..end)?, der.get(end..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_taken_apart() {
        assert_eq!(element(&[0x30, 2, 1, 2, 9]), Some((&[0x30, 2, 1, 2][..], &[1, 2][..], &[9][..])));
        let long = [&[0x30, 0x81, 0x80][..], &[7; 0x80]].concat();
        assert_eq!(element(&long).unwrap().1.len(), 0x80);
        for bad in
            [&[][..], &[0x30], &[0x30, 3, 1, 2], &[0x30, 0x80], &[0x30, 0x85, 1, 1, 1, 1, 1], &[0x30, 0x84]]
        {
            assert_eq!(element(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn what_is_no_key_is_said() {
        for (text, why) in [
            ("", "no private key"),
            ("-----BEGIN PRIVATE KEY-----\nAAAA", "without an end"),
            ("-----BEGIN PRIVATE KEY-----\n*\n-----END PRIVATE KEY-----", "Invalid"),
            ("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----", "password"),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nDEK-Info: IDEA-CBC,0011\n\nAAAA\n-----END RSA PRIVATE KEY-----",
                "password",
            ),
        ] {
            let said = key_of(text, None).unwrap_err();
            assert!(said.contains(why), "{text}: {said}");
        }
        let idea = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: IDEA-CBC,0011\n\nAAAA\n-----END RSA PRIVATE KEY-----";
        assert!(key_of(idea, Some("x")).unwrap_err().contains("IDEA-CBC"));
    }
}
