//! Whom to trust on the way to a registry.

use std::sync::Arc;

use relayhouse_core::{Error, ErrorKind, Result};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, pem::PemObject},
    },
};

use super::builder::invalid;

/// Makes connections that trust the authorities of the machine and those in `authorities`.
pub(super) fn connector(authorities: &[Vec<u8>]) -> Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    // Some of a machine's certificates may be unreadable, which does no harm while others are not.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for pem in authorities {
        let certificates = CertificateDer::pem_slice_iter(pem);
        let certificates: Result<Vec<_>, _> = certificates.collect();
        let certificates =
            certificates.map_err(|error| invalid("an authority is not PEM").with_source(error))?;
        if certificates.is_empty() {
            return Err(invalid("an authority has no certificate"));
        }
        for certificate in certificates {
            let added = roots.add(certificate);
            added.map_err(|error| invalid("an authority cannot be read").with_source(error))?;
        }
    }
    if roots.is_empty() {
        return Err(invalid("this machine trusts no authority: set one"));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(ErrorKind::Unexpected, "TLS cannot start").with_source(error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
