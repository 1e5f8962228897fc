//! Certificates for clients that want TLS: made for one run, and trusted by nobody else.

use std::{fmt, io, sync::Arc};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use tokio_rustls::rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};

/// An authority of one's own, and a certificate of it for an emulator.
///
/// A client that is told to trust the authority gets through to the emulator with TLS. The keys
/// are drawn anew each time, and kept nowhere.
#[derive(Clone)]
pub struct Authority {
    certificate: String,
    server: Arc<ServerConfig>,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The rest has a key in it.
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

impl Authority {
    /// Makes an authority and a certificate for hosts, each a name or an address.
    ///
    /// # Errors
    ///
    /// Returns [`io::ErrorKind::InvalidInput`] if a host can have no certificate.
    pub fn new(hosts: &[&str]) -> io::Result<Self> {
        let issuer = issuer().map_err(invalid)?;
        let key = KeyPair::generate().map_err(invalid)?;
        let params = params(hosts).map_err(invalid)?;
        let certificate = params.signed_by(&key, &issuer).map_err(invalid)?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(invalid)?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .map_err(invalid)?;
        Ok(Self {
            certificate: issuer.pem(),
            server: Arc::new(server),
        })
    }

    /// Returns the certificate of the authority, in PEM, which clients are to trust.
    #[must_use]
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Returns the settings of an emulator, for [`Builder::tls`](crate::Builder::tls).
    #[must_use]
    pub fn server(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.server)
    }
}

fn issuer() -> Result<CertifiedIssuer<'static, KeyPair>, rcgen::Error> {
    let mut params = CertificateParams::default();
    let name = "servicebus-emulator, for tests";
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}

fn params(hosts: &[&str]) -> Result<CertificateParams, rcgen::Error> {
    let hosts = hosts.iter().map(|&host| host.to_owned());
    let mut params = CertificateParams::new(hosts.collect::<Vec<_>>())?;
    let name = "servicebus-emulator";
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error)
}
