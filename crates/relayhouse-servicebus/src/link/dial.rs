//! Makes the connection to a namespace: a stream, the tap, and AMQP on top.

use std::{
    fmt::{self, Display},
    future::{Future, poll_fn},
    ops::Deref,
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use fe2o3_amqp::{
    connection::{Connection, ConnectionHandle, OpenError},
    sasl_profile::SaslProfile,
};
use relayhouse_core::{Clock, Error, ErrorKind, Operation, Result};

use super::tap::{Answers, Tap, WRAPPED_BYTES_MAX};
use crate::{
    config::Transport,
    endpoint::Endpoint,
    net::{Net, Stream},
};

/// The largest frame that this side takes, as every client of the service has it.
const FRAME_BYTES: u32 = WRAPPED_BYTES_MAX;

/// How long the broker may be silent before the connection counts as lost.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// Returns `None` if `work` has not ended after `limit`.
pub(crate) async fn within<T>(
    clock: &dyn Clock,
    limit: Duration,
    work: impl Future<Output = T>,
) -> Option<T> {
    let mut work = pin!(work);
    // Most work ends at once, and needs nothing that would wake it.
    let first = poll_fn(|context| Poll::Ready(work.as_mut().poll(context)));
    if let Poll::Ready(value) = first.await {
        return Some(value);
    }
    let deadline = clock.sleep_until(clock.now() + limit);
    tokio::select! {
        biased;
        value = work => Some(value),
        () = deadline => None,
    }
}

/// An endpoint, and how it is reached.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    pub(crate) endpoint: Endpoint,
    pub(crate) transport: Transport,
    pub(crate) net: Arc<Net>,
}

impl Deref for Way {
    type Target = Endpoint;

    fn deref(&self) -> &Endpoint {
        &self.endpoint
    }
}

impl Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.endpoint.fmt(f)
    }
}

/// Connects by `way`.
pub(crate) async fn dial(
    way: &Way,
    container: &str,
    answers: &Answers,
) -> Result<ConnectionHandle<()>> {
    let stream = stream(way).await;
    let stream = stream.map_err(|error| error.operation(Operation::Open))?;
    open(&way.endpoint, container, Tap::new(stream, answers.clone())).await
}

async fn stream(way: &Way) -> Result<Stream> {
    let site = way.endpoint.site();
    let stream = way.net.connect(&site).await?;
    match way.transport {
        Transport::Amqp => Ok(stream),
        #[cfg(feature = "websockets")]
        Transport::Websockets => crate::net::websocket::open(&site, stream).await,
        #[cfg(not(feature = "websockets"))]
        Transport::Websockets => Err(crate::error::invalid(
            "transport=websockets needs the feature websockets of relayhouse-servicebus",
        )),
    }
}

async fn open(
    endpoint: &Endpoint,
    container: &str,
    tap: Tap<Stream>,
) -> Result<ConnectionHandle<()>> {
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
