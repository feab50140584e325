//! Encryption on the way to the database: rustls, with aws-lc.

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use tokio_postgres_rustls::MakeRustlsConnect;

/// libpq's `sslmode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// Not encrypted.
    Disable,
    /// Encrypted where the server can, by whatever certificate.
    Prefer,
    /// Encrypted, by whatever certificate: nobody can listen, but somebody could stand in for the server.
    Require,
    /// Encrypted, by a certificate of a known authority for this very name.
    VerifyFull,
}

/// What a connection is encrypted with; cheap to clone.
#[derive(Clone)]
pub(super) struct Connector(pub(super) MakeRustlsConnect);

impl Connector {
    /// With the authorities of a file, or the system's. An error is a reason.
    pub(super) fn new(trust: Trust, roots: Option<&Path>) -> Result<Self, String> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let config = if trust == Trust::VerifyFull {
            builder.with_root_certificates(authorities(roots)?).with_no_client_auth()
        } else {
            let any = Arc::new(AnyCertificate(provider));
            builder.dangerous().with_custom_certificate_verifier(any).with_no_client_auth()
        };
        Ok(Self(MakeRustlsConnect::new(config)))
    }
}

fn authorities(file: Option<&Path>) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    let found = match file {
        Some(path) => {
            let wrong = |error: &dyn std::fmt::Display| format!("`{}`: {error}", path.display());
            let certificates = CertificateDer::pem_file_iter(path).map_err(|error| wrong(&error))?;
            certificates.collect::<Result<Vec<_>, _>>().map_err(|error| wrong(&error))?
        }
        None => rustls_native_certs::load_native_certs().certs,
    };
    store.add_parsable_certificates(found);
    if store.is_empty() {
        let of = file.map_or_else(|| "this system".to_owned(), |path| format!("`{}`", path.display()));
        return Err(format!("{of} has no certificate of an authority"));
    }
    Ok(store)
}

/// Takes any certificate whose key the server holds.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
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
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
