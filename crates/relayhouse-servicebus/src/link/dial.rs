//! Makes the connection to a namespace: a socket, TLS, the tap, and AMQP on top.

use std::{fmt::Debug, future::Future, io, sync::Arc, time::Duration};

use fe2o3_amqp::{
    connection::{Connection, ConnectionHandle, OpenError},
    sasl_profile::SaslProfile,
};
use relayhouse_core::{Clock, Error, ErrorKind, Operation, Result};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName},
};

use super::tap::{Answers, Tap};
use crate::{endpoint::Endpoint, error};

/// The largest frame that this side takes, as every client of the service has it.
const FRAME_BYTES: u32 = 64 * 1024;

/// How long the broker may be silent before the connection counts as lost.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// Ends with `Timeout` if `work` has not ended after `limit`.
pub(crate) async fn within<T>(
    clock: &dyn Clock,
    limit: Duration,
    work: impl Future<Output = T>,
) -> Option<T> {
    let deadline = clock.sleep_until(clock.now() + limit);
    tokio::select! {
        biased;
        value = work => Some(value),
        () = deadline => None,
    }
}

/// Connects to `endpoint`.
pub(crate) async fn dial(
    endpoint: &Endpoint,
    container: &str,
    answers: &Answers,
) -> Result<ConnectionHandle<()>> {
    let socket = TcpStream::connect((endpoint.host(), endpoint.port())).await;
    let socket = socket.map_err(|error| failed(endpoint, "cannot be reached", error))?;
    // A settlement must not wait for the answer to the one before.
    socket
        .set_nodelay(true)
        .map_err(|error| failed(endpoint, "cannot be used", error))?;
    if endpoint.is_plain() {
        return open(endpoint, container, Tap::new(socket, answers.clone())).await;
    }
    let name = ServerName::try_from(endpoint.host().to_owned())
        .map_err(|error| error::invalid("namespace is no name of a server").with_source(error))?;
    let stream = connector()?
        .connect(name, socket)
        .await
        .map_err(|error| failed(endpoint, "does not agree on TLS", error))?;
    open(endpoint, container, Tap::new(stream, answers.clone())).await
}

async fn open<S>(endpoint: &Endpoint, container: &str, tap: Tap<S>) -> Result<ConnectionHandle<()>>
where
    S: AsyncRead + AsyncWrite + Debug + Send + Unpin + 'static,
{
    let idle = u32::try_from(IDLE_TIMEOUT.as_millis()).unwrap_or(u32::MAX);
    Connection::builder()
        .container_id(container)
        .hostname(endpoint.host())
        .scheme("amqp")
        .max_frame_size(FRAME_BYTES)
        .idle_time_out(idle)
        .sasl_profile(SaslProfile::Anonymous)
        .open_with_stream(tap)
        .await
        .map_err(|error| of_open(endpoint, error))
}

fn of_open(endpoint: &Endpoint, error: OpenError) -> Error {
    let kind = match &error {
        OpenError::SaslError { .. } => ErrorKind::Unauthorized,
        _ => ErrorKind::ConnectionFailed,
    };
    Error::new(kind, format!("{endpoint} does not open an AMQP connection"))
        .with_source(error)
        .operation(Operation::Open)
}

fn failed(endpoint: &Endpoint, what: &str, error: io::Error) -> Error {
    Error::new(ErrorKind::ConnectionFailed, format!("{endpoint} {what}"))
        .with_source(error)
        .operation(Operation::Open)
}

/// Makes TLS that trusts the authorities of the machine.
fn connector() -> Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    // Some of a machine's certificates may be unreadable, which does no harm while others are not.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(error::invalid("this machine trusts no authority for TLS"));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(ErrorKind::Unexpected, "TLS cannot start").with_source(error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
