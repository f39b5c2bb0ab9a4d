//! The client side of TLS for checks: bytes in, bytes out; sockets are the caller's.
//!
//! keepalived.conf(5) "SSL_GET", "SSL". rustls over aws-lc: TLS 1.2 with ECDHE and AES-GCM or ChaCha20, TLS 1.3.
//! COMPAT: the other side's certificate is not verified, whatever `ca` says: a check asks whether a service answers.
//! Invariant: what [`TlsSession::outgoing`] gives is sent before anything is waited for.

mod files;

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{AlertDescription, ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme};

/// The files of an `SSL` block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TlsFiles<'a> {
    /// Our certificate, and those above it.
    pub certificate: Option<&'a str>,
    /// Its key.
    pub key: Option<&'a str>,
    /// What the key is encrypted with.
    pub password: Option<&'a str>,
    /// Certificates that may complete our chain.
    pub authorities: Option<&'a str>,
}

/// Which file is no good, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsTrouble {
    /// [`TlsFiles::certificate`].
    Certificate(String),
    /// [`TlsFiles::key`], or it is not the certificate's.
    Key(String),
    /// [`TlsFiles::authorities`].
    Authorities(String),
}

/// What sessions have in common; cheap to clone.
#[derive(Debug, Clone)]
pub struct TlsClient(Arc<ClientConfig>);

/// Two are the same if one is the other's clone.
impl PartialEq for TlsClient {
    fn eq(&self, other: &TlsClient) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for TlsClient {}

impl TlsClient {
    /// Reads the files. COMPAT: a certificate without a key, or a key without a certificate, is not shown to anybody.
    ///
    /// # Errors
    /// The first file that is no good, in the original's order.
    pub fn new(files: TlsFiles<'_>) -> Result<TlsClient, TlsTrouble> {
        let mut chain =
            files.certificate.map(files::certificates).transpose().map_err(TlsTrouble::Certificate)?;
        let key = files.key.map(|path| files::private_key(path, files.password)).transpose();
        let key = key.map_err(TlsTrouble::Key)?;
        let authorities =
            files.authorities.map(files::certificates).transpose().map_err(TlsTrouble::Authorities)?;
        if let (Some(chain), Some(above)) = (&mut chain, &authorities) {
            files::complete(chain, above);
        }
        let mut provider = aws_lc_rs::default_provider();
        provider.cipher_suites = aws_lc_rs::ALL_CIPHER_SUITES.to_vec();
        let provider = Arc::new(provider);
        let anyone = Arc::new(Anyone(provider.clone()));
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| TlsTrouble::Certificate(e.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(anyone);
        let mut config = match (chain, key) {
            (Some(chain), Some(key)) => {
                builder.with_client_auth_cert(chain, key).map_err(|e| TlsTrouble::Key(e.to_string()))?
            }
            _ => builder.with_no_client_auth(),
        };
        // every check is a handshake of its own
        config.resumption = Resumption::disabled();
        Ok(TlsClient(Arc::new(config)))
    }

    /// A session that begins, with the name it asks for, if that is one ([`is_tls_name`]).
    ///
    /// # Errors
    /// Those of the library; there is no name for which there are any.
    pub fn session(&self, name: Option<&str>) -> Result<TlsSession, TlsFailure> {
        let nobody = || ServerName::from(std::net::IpAddr::from([0u8; 4]));
        let name = name.and_then(host_name).unwrap_or_else(nobody);
        let mut inner = ClientConnection::new(self.0.clone(), name).map_err(|e| TlsFailure::of(&e))?;
        inner.set_buffer_limit(None);
        Ok(TlsSession { inner })
    }
}

/// Whether a server can be asked for by this name in a handshake: a host's name without a port, no address (RFC 6066
/// §3).
#[must_use]
pub fn is_tls_name(name: &str) -> bool {
    host_name(name).is_some()
}

fn host_name(name: &str) -> Option<ServerName<'static>> {
    match ServerName::try_from(name.to_owned()) {
        Ok(name @ ServerName::DnsName(_)) => Some(name),
        _ => None,
    }
}

/// Why a session ended badly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFailure {
    /// In the library's words.
    pub text: String,
    /// The two sides have no version or cipher suite in common.
    pub nothing_in_common: bool,
}

impl TlsFailure {
    fn of(e: &rustls::Error) -> TlsFailure {
        use AlertDescription::{HandshakeFailure, InsufficientSecurity, ProtocolVersion};
        let nothing_in_common = matches!(
            e,
            rustls::Error::PeerIncompatible(_)
                | rustls::Error::AlertReceived(HandshakeFailure | InsufficientSecurity | ProtocolVersion)
        );
        TlsFailure { text: e.to_string(), nothing_in_common }
    }
}

/// What came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsHeard {
    /// Without TLS around it.
    pub plain: Vec<u8>,
    /// The other side said that this is all (`close_notify`).
    pub ended: bool,
}

/// One connection's TLS.
#[derive(Debug)]
pub struct TlsSession {
    inner: ClientConnection,
}

impl TlsSession {
    /// Whether nothing can be said yet.
    #[must_use]
    pub fn is_handshaking(&self) -> bool {
        self.inner.is_handshaking()
    }

    /// Bytes from the connection.
    ///
    /// # Errors
    /// They are no TLS, an alert, or nothing that both sides know; what is [`TlsSession::outgoing`] then is an alert.
    pub fn take(&mut self, mut bytes: &[u8]) -> Result<TlsHeard, TlsFailure> {
        let mut heard = TlsHeard::default();
        while !bytes.is_empty() {
            let failed = |e: std::io::Error| TlsFailure { text: e.to_string(), nothing_in_common: false };
            if self.inner.read_tls(&mut bytes).map_err(failed)? == 0 {
                break;
            }
            let state = self.inner.process_new_packets().map_err(|e| TlsFailure::of(&e))?;
            let start = heard.plain.len();
            heard.plain.resize(start + state.plaintext_bytes_to_read(), 0);
            if let Some(room) = heard.plain.get_mut(start..) {
                self.inner.reader().read_exact(room).map_err(failed)?;
            }
            heard.ended |= state.peer_has_closed();
        }
        Ok(heard)
    }

    /// Says something, once the handshake is done.
    pub fn say(&mut self, plain: &[u8]) {
        // the buffer has no limit, so that it takes everything
        let _ = self.inner.writer().write_all(plain);
    }

    /// Says that this is all (`close_notify`).
    pub fn end(&mut self) {
        self.inner.send_close_notify();
    }

    /// Bytes for the connection.
    pub fn outgoing(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while self.inner.wants_write() {
            if self.inner.write_tls(&mut bytes).unwrap_or(0) == 0 {
                break;
            }
        }
        bytes
    }
}

/// Takes everybody for who they say they are. Signatures of the handshake are those of a certificate that nobody looks
/// at, and the library reads only certificates of version 3: they are not looked at either.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests;
