//! Whom to trust on the way to a server.

use std::{
    io,
    sync::{Arc, OnceLock},
};

use relayhouse_core::{Error, ErrorKind, Result};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};

use super::Stream;
use crate::error;

/// Makes connections that trust the authorities of the machine, and some others.
#[derive(Debug, Default)]
pub(crate) struct Tls {
    others: Vec<CertificateDer<'static>>,
    connector: OnceLock<Connector>,
}

struct Connector(TlsConnector);

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connector(..)")
    }
}

impl Tls {
    /// Trusts the authorities in `pem` as well.
    pub(crate) fn trust(&mut self, pem: &[u8]) -> Result<()> {
        let certificates = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
        let certificates = certificates
            .map_err(|error| error::invalid("an authority is not PEM").with_source(error))?;
        if certificates.is_empty() {
            return Err(error::invalid("an authority has no certificate"));
        }
        let mut roots = RootCertStore::empty();
        for certificate in certificates {
            let added = roots.add(certificate.clone());
            added.map_err(|error| {
                error::invalid("an authority cannot be read").with_source(error)
            })?;
            self.others.push(certificate);
        }
        Ok(())
    }

    /// Agrees on TLS with `host`. The outer error says that it was not tried.
    pub(super) async fn connect(&self, host: &str, stream: Stream) -> Result<io::Result<Stream>> {
        let name = ServerName::try_from(host.to_owned()).map_err(|error| {
            error::invalid("namespace is no name of a server").with_source(error)
        })?;
        let connector = self.connector()?;
        let connected = connector.connect(name, stream).await;
        Ok(connected.map(|stream| Box::new(stream) as Stream))
    }

    /// Reads the authorities of the machine when they are needed, and once.
    fn connector(&self) -> Result<&TlsConnector> {
        if let Some(Connector(connector)) = self.connector.get() {
            return Ok(connector);
        }
        let made = Connector(connector(&self.others)?);
        let Connector(connector) = self.connector.get_or_init(|| made);
        Ok(connector)
    }
}

fn connector(others: &[CertificateDer<'static>]) -> Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    // Some of a machine's certificates may be unreadable, which does no harm while others are not.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots.add_parsable_certificates(others.iter().cloned());
    if roots.is_empty() {
        return Err(error::invalid(
            "this machine trusts no authority for TLS: set ca_file",
        ));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(ErrorKind::Unexpected, "TLS cannot start").with_source(error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_authority_is_refused_at_once() {
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let open = "-----BEGIN CERTIFICATE-----\nAAAA\n";
        for (pem, expected) in [
            ("hunter2", "has no certificate"),
            (open, "is not PEM"),
            (broken, "cannot be read"),
        ] {
            let error = Tls::default().trust(pem.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
            assert!(error.message().contains(expected), "{error}");
        }
    }
}
