//! One call over HTTP: a connection, a request, an answer.

use std::{
    fmt::{self, Debug},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::{Either, select};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{
    Request, StatusCode,
    client::conn::http1,
    header::{HOST, HeaderValue},
};
use hyper_util::rt::TokioIo;
use relayhouse_core::{BoxError, Clock, Error, ErrorKind, Result, Retry};

use super::{Net, Site, Stream};
use crate::link::within;

/// Calls servers.
pub(crate) struct Http {
    pub(crate) net: Arc<Net>,
    pub(crate) clock: Arc<dyn Clock>,
    /// How long one call may take, with its connection.
    pub(crate) timeout: Duration,
    pub(crate) reply_bytes_max: usize,
}

/// What a server answers.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    /// What came beside the body.
    #[cfg(feature = "entra")]
    pub(crate) headers: hyper::HeaderMap,
    pub(crate) body: Bytes,
}

impl Http {
    /// Sends `request`, which names a path, to `site`. What fails after a request has left that
    /// changes something ends as `OutcomeUnknown`.
    pub(crate) async fn call(
        &self,
        site: &Site,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Reply> {
        let host = HeaderValue::from_str(&site.to_string());
        let host = host.map_err(|error| lost(site, false).with_source(error))?;
        request.headers_mut().insert(HOST, host);
        let deadline = self.clock.now() + self.timeout;
        let connected = within(&*self.clock, self.timeout, self.net.connect(site)).await;
        let stream = connected.unwrap_or_else(|| Err(self.late(site, false)))?;
        let changes = !request.method().is_safe();
        let left = deadline.since(self.clock.now());
        let exchanged = within(&*self.clock, left, self.exchange(site, stream, request)).await;
        exchanged.unwrap_or_else(|| Err(self.late(site, changes)))
    }

    /// Exchanges in the caller's own task.
    async fn exchange(
        &self,
        site: &Site,
        stream: Stream,
        request: Request<Full<Bytes>>,
    ) -> Result<Reply> {
        let changes = !request.method().is_safe();
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) =
            handshake.map_err(|error| lost(site, false).with_source(error))?;
        let answer = async {
            let reply = sender.send_request(request).await;
            let reply = reply.map_err(|error| lost(site, changes).with_source(error))?;
            let (head, body) = reply.into_parts();
            let body = Limited::new(body, self.reply_bytes_max).collect().await;
            Ok(Reply {
                status: head.status,
                #[cfg(feature = "entra")]
                headers: head.headers,
                body: body
                    .map_err(|error| self.cut(site, changes, error))?
                    .to_bytes(),
            })
        };
        // The connection has to be polled beside; once it ends, what it has read is there.
        match select(pin!(answer), pin!(connection)).await {
            Either::Left((answer, _)) => answer,
            Either::Right((_, answer)) => answer.await,
        }
    }

    fn cut(&self, site: &Site, changes: bool, error: BoxError) -> Error {
        if error.is::<LengthLimitError>() {
            let max = self.reply_bytes_max;
            let text = format!("{site} answers with more than {max} bytes");
            return Error::new(kind_of(ErrorKind::Unexpected, changes), text);
        }
        lost(site, changes).with_source(error)
    }

    fn late(&self, site: &Site, changes: bool) -> Error {
        let text = format!("{site} has not answered within {:?}", self.timeout);
        Error::new(kind_of(ErrorKind::Timeout, changes), text).retry(Retry::Temporary)
    }
}

fn lost(site: &Site, changes: bool) -> Error {
    let kind = kind_of(ErrorKind::ConnectionFailed, changes);
    Error::new(kind, format!("the connection to {site} is lost")).retry(Retry::Temporary)
}

/// Returns `kind`, unless what has failed may have changed something.
const fn kind_of(kind: ErrorKind, changes: bool) -> ErrorKind {
    if changes {
        return ErrorKind::OutcomeUnknown;
    }
    kind
}

impl Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            net,
            clock: _,
            timeout,
            reply_bytes_max,
        } = self;
        f.debug_struct("Http")
            .field("net", net)
            .field("timeout", timeout)
            .field("reply_bytes_max", reply_bytes_max)
            .finish_non_exhaustive()
    }
}
