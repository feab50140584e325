//! Whom a secure connection trusts.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio_rustls::TlsConnector;

use crate::error::{ClientError, ErrorKind};

/// Whose certificates are accepted.
///
/// ```
/// use unionflow_client::Tls;
///
/// let of_the_device = Tls::default();
/// assert!(Tls::trusting(b"not a certificate").is_err());
/// ```
#[derive(Clone, Default)]
pub struct Tls {
    /// Read when the first secure connection is made, and once.
    config: Arc<OnceLock<Arc<ClientConfig>>>,
}

impl Tls {
    /// Only certificates that these vouch for, in PEM: for an association's own certificate authority.
    pub fn trusting(pem: &[u8]) -> Result<Self, ClientError> {
        let bad = |detail: String| ClientError::new(ErrorKind::Tls).with_detail(detail);
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| bad(format!("not a certificate: {error}")))?;
            roots.add(certificate).map_err(|error| bad(error.to_string()))?;
        }
        if roots.is_empty() {
            return Err(bad("there is no certificate in it".to_owned()));
        }
        let tls = Self::default();
        let _ = tls.config.set(config(roots)?);
        Ok(tls)
    }

    /// Reads this device's certificates, where none were given: files are read, so not in a task.
    fn connector(&self) -> Result<TlsConnector, ClientError> {
        if let Some(config) = self.config.get() {
            return Ok(config.clone().into());
        }
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let config = config(roots)?;
        Ok(self.config.get_or_init(|| config).clone().into())
    }

    /// What connects, and the name that its certificate must bear.
    pub(crate) async fn prepare(
        &self,
        host: &str,
    ) -> Result<(TlsConnector, ServerName<'static>), ClientError> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| ClientError::new(ErrorKind::Tls).with_source(error))?;
        let tls = self.clone();
        let connector = tokio::task::spawn_blocking(move || tls.connector()).await;
        Ok((connector.map_err(|error| ClientError::new(ErrorKind::Tls).with_source(error))??, name))
    }
}

fn config(roots: RootCertStore) -> Result<Arc<ClientConfig>, ClientError> {
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| ClientError::new(ErrorKind::Tls).with_source(error))?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}
