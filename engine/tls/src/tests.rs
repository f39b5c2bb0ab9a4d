//! Two sides in memory, with a certificate that `openssl` made once for these tests.

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{
    ProtocolVersion, RootCertStore, ServerConfig, ServerConnection, SupportedProtocolVersion, version,
};

use super::*;

/// A client's certificate, signed by `CA`, and keys to it: plain, and encrypted with "secret" in the two ways.
const CA: &str = include_str!("testdata/ca.pem");
const CERTIFICATE: &str = include_str!("testdata/client.pem");
const KEY: &str = include_str!("testdata/client.key");
const KEY_PKCS8: &str = include_str!("testdata/client-pkcs8.key");
const KEY_AES: &str = include_str!("testdata/client-aes.key");
const KEY_DES3: &str = include_str!("testdata/client-des3.key");
/// Signed by an authority between it and `CA`, which is the second one in `BETWEEN`.
const LEAF: &str = include_str!("testdata/leaf.pem");
const BETWEEN: &str = include_str!("testdata/between.pem");

fn server(versions: &[&'static SupportedProtocolVersion], ask: bool) -> ServerConnection {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder =
        ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(versions).unwrap();
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap();
    let builder = if ask {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(CA.as_bytes()).unwrap()).unwrap();
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        builder.with_client_cert_verifier(verifier)
    } else {
        builder.with_no_client_auth()
    };
    ServerConnection::new(Arc::new(builder.with_single_cert(vec![certificate], key).unwrap())).unwrap()
}

/// Carries bytes both ways until nobody has any; what the client heard.
fn exchange(client: &mut TlsSession, server: &mut ServerConnection) -> Result<TlsHeard, String> {
    let mut all = TlsHeard::default();
    loop {
        let to_server = client.outgoing();
        let mut rest = to_server.as_slice();
        while !rest.is_empty() {
            server.read_tls(&mut rest).unwrap();
            let result = server.process_new_packets();
            if let Err(e) = result {
                return Err(e.to_string());
            }
        }
        let mut to_client = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut to_client).unwrap();
        }
        if to_server.is_empty() && to_client.is_empty() {
            return Ok(all);
        }
        // in small pieces, as a network may deliver them
        for piece in to_client.chunks(100) {
            let heard = client.take(piece).map_err(|e| e.text)?;
            all.plain.extend(heard.plain);
            all.ended |= heard.ended;
        }
    }
}

fn file(folder: &tempfile::TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn both_versions_carry_words_and_their_end() {
    for (v, expected) in
        [(&version::TLS12, ProtocolVersion::TLSv1_2), (&version::TLS13, ProtocolVersion::TLSv1_3)]
    {
        let mut client = TlsClient::new(TlsFiles::default()).unwrap().session(Some("www.example")).unwrap();
        let mut server = server(&[v], false);
        assert!(client.is_handshaking());
        assert_eq!(exchange(&mut client, &mut server).unwrap(), TlsHeard::default());
        assert!(!client.is_handshaking());
        assert_eq!(server.protocol_version(), Some(expected));
        assert_eq!(server.server_name(), Some("www.example"));
        client.say(b"question");
        exchange(&mut client, &mut server).unwrap();
        let mut question = [0; 8];
        server.reader().read_exact(&mut question).unwrap();
        assert_eq!(&question, b"question");
        let long = vec![b'x'; 100_000];
        server.set_buffer_limit(None);
        server.writer().write_all(&long).unwrap();
        server.send_close_notify();
        let heard = exchange(&mut client, &mut server).unwrap();
        assert_eq!((heard.plain.len(), heard.ended), (long.len(), true));
    }
}

#[test]
fn names_are_sent_if_they_are_some() {
    for (name, sent) in [
        (None, None),
        (Some("www.example"), Some("www.example")),
        (Some("10.0.0.1"), None),
        (Some("www.example:8443"), None),
        (Some("a b"), None),
    ] {
        let mut client = TlsClient::new(TlsFiles::default()).unwrap().session(name).unwrap();
        let mut server = server(&[&version::TLS13], false);
        exchange(&mut client, &mut server).unwrap();
        assert_eq!(server.server_name(), sent, "{name:?}");
        assert_eq!(name.is_some_and(is_tls_name), sent.is_some());
    }
}

#[test]
fn a_certificate_is_shown_with_any_kind_of_key() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = file(&folder, "c", CERTIFICATE);
    for (name, key, password) in [
        ("plain", KEY, None),
        ("pkcs8", KEY_PKCS8, Some("secret")),
        ("aes", KEY_AES, Some("secret")),
        ("des3", KEY_DES3, Some("secret")),
    ] {
        let key = file(&folder, "k", key);
        let files =
            TlsFiles { certificate: Some(&certificate), key: Some(&key), password, authorities: None };
        let mut client = TlsClient::new(files).unwrap().session(None).unwrap();
        let mut asks = server(&[&version::TLS12], true);
        exchange(&mut client, &mut asks).unwrap();
        assert!(!asks.is_handshaking() && asks.peer_certificates().is_some(), "{name}");
    }
    let mut nobody = TlsClient::new(TlsFiles::default()).unwrap().session(None).unwrap();
    assert!(exchange(&mut nobody, &mut server(&[&version::TLS12], true)).is_err());
}

#[test]
fn what_is_wrong_with_files_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (file(&folder, "c", CERTIFICATE), file(&folder, "k", KEY));
    let (locked, aes, empty) =
        (file(&folder, "l", KEY_PKCS8), file(&folder, "a", KEY_AES), file(&folder, "e", ""));
    let foreign = file(&folder, "f", include_str!("testdata/leaf.key"));
    let (c, k) = (Some(certificate.as_str()), Some(key.as_str()));
    let files =
        |certificate, key, password, authorities| TlsFiles { certificate, key, password, authorities };
    type Wrong = fn(&TlsTrouble) -> bool;
    let of_certificate: Wrong = |t| matches!(t, TlsTrouble::Certificate(_));
    let of_key: Wrong = |t| matches!(t, TlsTrouble::Key(_));
    let of_authorities: Wrong = |t| matches!(t, TlsTrouble::Authorities(_));
    for (files, wrong) in [
        (files(Some("/nonexistent"), None, None, None), of_certificate),
        (files(Some(&empty), k, None, None), of_certificate),
        (files(c, Some("/nonexistent"), None, None), of_key),
        (files(c, Some(&locked), None, None), of_key),
        (files(c, Some(&locked), Some("wrong"), None), of_key),
        (files(c, Some(&aes), Some("wrong"), None), of_key),
        (files(c, Some(&foreign), None, None), of_key),
        (files(None, Some(&empty), None, None), of_key),
        (files(c, k, None, Some("/nonexistent")), of_authorities),
        (files(c, k, None, Some(&empty)), of_authorities),
    ] {
        let trouble = TlsClient::new(files).unwrap_err();
        assert!(wrong(&trouble), "{files:?}: {trouble:?}");
    }
    assert!(TlsClient::new(files(c, None, Some("x"), None)).is_ok());
    assert!(TlsClient::new(files(None, k, None, None)).is_ok());
}

#[test]
fn a_chain_is_completed() {
    let folder = tempfile::tempdir().unwrap();
    let (leaf, between) = (file(&folder, "l", LEAF), file(&folder, "b", BETWEEN));
    let mut chain = files::certificates(&leaf).unwrap();
    let above = files::certificates(&between).unwrap();
    assert_eq!((chain.len(), above.len()), (1, 2));
    files::complete(&mut chain, &above);
    // the authority between, and the one above that
    assert_eq!(chain.len(), 3);
    assert_eq!(chain[1], above[1]);
    files::complete(&mut chain, &above);
    assert_eq!(chain.len(), 3);
}

#[test]
fn failures_say_why() {
    let mut client = TlsClient::new(TlsFiles::default()).unwrap().session(None).unwrap();
    let _ = client.outgoing();
    let said = client.take(b"HTTP/1.0 400 Bad Request\r\n\r\n").unwrap_err();
    assert!(!said.nothing_in_common);
    // an alert: fatal, handshake_failure (RFC 8446 §6)
    let mut client = TlsClient::new(TlsFiles::default()).unwrap().session(None).unwrap();
    let said = client.take(&[21, 3, 3, 0, 2, 2, 40]).unwrap_err();
    assert!(said.nothing_in_common, "{said:?}");
}
