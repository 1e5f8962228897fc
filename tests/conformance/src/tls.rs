//! TLS in front of a server that has none, with certificates made on the spot.

use std::{io, net::SocketAddr, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

/// Signs certificates of servers.
#[derive(Debug)]
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// Is the certificate of a server, with its key.
#[derive(Debug)]
pub struct Certificate {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Authority {
    /// Makes an authority that nobody trusts yet.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no randomness for a key.
    pub fn new() -> io::Result<Self> {
        let mut params = params("authority.example")?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, key()?);
        issuer.map(Self).map_err(io::Error::other)
    }

    /// Returns what a client must know to trust what this authority signs.
    #[must_use]
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// Makes a certificate of `host`.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no randomness for a key.
    pub fn sign(&self, host: &str) -> io::Result<Certificate> {
        let key = key()?;
        let certificate = params(host)?.signed_by(&key, &self.0);
        let certificate = certificate.map_err(io::Error::other)?;
        Ok(Certificate { certificate, key })
    }
}

impl Certificate {
    /// Makes a certificate of `host` that is signed by itself.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no randomness for a key.
    pub fn self_signed(host: &str) -> io::Result<Self> {
        let key = key()?;
        let certificate = params(host)?.self_signed(&key);
        let certificate = certificate.map_err(io::Error::other)?;
        Ok(Self { certificate, key })
    }

    fn acceptor(&self) -> io::Result<TlsAcceptor> {
        let chain = vec![self.certificate.der().clone()];
        let key = PrivatePkcs8KeyDer::from(self.key.serialize_der());
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = config.with_safe_default_protocol_versions();
        let config = config.map_err(io::Error::other)?.with_no_client_auth();
        let config = config.with_single_cert(chain, PrivateKeyDer::Pkcs8(key));
        let config = config.map_err(io::Error::other)?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

fn params(host: &str) -> io::Result<CertificateParams> {
    CertificateParams::new([host.to_owned()]).map_err(io::Error::other)
}

fn key() -> io::Result<KeyPair> {
    KeyPair::generate().map_err(io::Error::other)
}

/// Takes connections over TLS, and forwards them in plain text to a server of this machine. When
/// it is dropped, it ends.
#[derive(Debug)]
pub struct TlsFront {
    address: SocketAddr,
    listening: JoinHandle<()>,
}

impl TlsFront {
    /// Starts to listen on a free port, as whoever `certificate` names, for `server`.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no port, or if the certificate cannot be used.
    pub async fn start(certificate: &Certificate, server: SocketAddr) -> io::Result<Self> {
        let acceptor = certificate.acceptor()?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        Ok(Self {
            address: listener.local_addr()?,
            listening: tokio::spawn(listen(listener, acceptor, server)),
        })
    }

    /// Returns where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// Serves connections until it is aborted, which ends them too.
async fn listen(listener: TcpListener, acceptor: TlsAcceptor, server: SocketAddr) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        // What a connection ends with is its client's to know.
        while connections.try_join_next().is_some() {}
        connections.spawn(forward(client, acceptor.clone(), server));
    }
}

async fn forward(client: TcpStream, acceptor: TlsAcceptor, server: SocketAddr) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut client = acceptor.accept(client).await?;
    let mut server = TcpStream::connect(server).await?;
    server.set_nodelay(true)?;
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}
