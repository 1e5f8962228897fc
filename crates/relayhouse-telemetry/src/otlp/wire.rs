//! How telemetry leaves: HTTP by hyper, on the tokio runtime of the program.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::{Either, select};
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use opentelemetry_http::{HttpClient, HttpError};
use relayhouse_core::{Clock, Error, ErrorKind, Result};
use tokio::runtime::Handle;
use tokio_rustls::rustls::crypto::ring;

/// The longest answer of a collector that is read.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Makes requests from any thread: they run on the runtime that the program has.
#[derive(Clone, Debug)]
pub(super) struct Wire {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    runtime: Handle,
    clock: Arc<dyn Clock>,
    timeout: Duration,
}

impl Wire {
    pub(super) fn new(runtime: Handle, clock: Arc<dyn Clock>, timeout: Duration) -> Result<Self> {
        // Named, since a program may link more than one.
        let provider = ring::default_provider();
        let connector = HttpsConnectorBuilder::new().with_provider_and_native_roots(provider);
        let connector = connector.map_err(|error| {
            let text = "the certificates of this machine cannot be read";
            Error::new(ErrorKind::ConfigInvalid, text).with_source(error)
        })?;
        let connector = connector.https_or_http().enable_http1().build();
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            runtime,
            clock,
            timeout,
        })
    }

    async fn ask(self, request: Request<Bytes>) -> std::result::Result<Response<Bytes>, HttpError> {
        let late = self.clock.sleep_until(self.clock.now() + self.timeout);
        let call = Box::pin(async move {
            let response = self.client.request(request.map(Full::new)).await?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await?;
            Ok(Response::from_parts(parts, body.to_bytes()))
        });
        match select(call, late).await {
            Either::Left((answer, _)) => answer,
            Either::Right(_) => Err("the collector did not answer in time".into()),
        }
    }
}

#[async_trait]
impl HttpClient for Wire {
    async fn send_bytes(
        &self,
        request: Request<Bytes>,
    ) -> std::result::Result<Response<Bytes>, HttpError> {
        self.runtime.spawn(self.clone().ask(request)).await?
    }
}
