//! Exports metrics every now and then, and a last time at the end.

use std::{sync::Arc, time::Duration};

use http::{HeaderName, HeaderValue, Request, header::CONTENT_TYPE};
use opentelemetry_http::HttpClient;
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, metrics_service_client::MetricsServiceClient,
};
use prost::Message;
use relayhouse_core::{Error, ErrorKind, Result};
use tokio::sync::oneshot;
use tonic::{metadata::MetadataMap, transport::Channel};
use tracing::debug;

use super::{encode::request, wire::Wire};
use crate::Metrics;

/// Where metrics go.
#[derive(Clone, Debug)]
pub(super) enum Way {
    Grpc(Channel, MetadataMap),
    Http(Box<Wire>, String, Vec<(String, String)>),
}

/// Exports metrics until it is told to end.
#[derive(Debug)]
pub(super) struct Exporter {
    pub(super) metrics: Metrics,
    pub(super) resource: Vec<(String, String)>,
    pub(super) way: Way,
    pub(super) every: Duration,
    pub(super) timeout: Duration,
}

impl Exporter {
    /// Exports every `every`, and once more when `end` is told or dropped; returns how that went.
    pub(super) async fn run(self, mut end: oneshot::Receiver<()>) -> Result<()> {
        let clock = Arc::clone(self.metrics.clock());
        loop {
            let next = clock.sleep_until(clock.now() + self.every);
            tokio::select! {
                biased;
                _ = &mut end => return self.export().await,
                () = next => {}
            }
            if let Err(error) = self.export().await {
                // What is told are sums: the next time makes up for it.
                debug!(%error, "metrics were not exported");
            }
        }
    }

    async fn export(&self) -> Result<()> {
        let request = request(&self.metrics.snapshot(), &self.resource);
        match &self.way {
            Way::Grpc(channel, metadata) => self.by_grpc(channel, metadata, request).await,
            Way::Http(wire, endpoint, headers) => by_http(wire, endpoint, headers, &request).await,
        }
    }

    async fn by_grpc(
        &self,
        channel: &Channel,
        metadata: &MetadataMap,
        request: ExportMetricsServiceRequest,
    ) -> Result<()> {
        let mut request = tonic::Request::new(request);
        *request.metadata_mut() = metadata.clone();
        request.set_timeout(self.timeout);
        let mut client = MetricsServiceClient::new(channel.clone());
        let answer = client.export(request).await;
        answer.map(drop).map_err(refused)
    }
}

async fn by_http(
    wire: &Wire,
    endpoint: &str,
    headers: &[(String, String)],
    body: &ExportMetricsServiceRequest,
) -> Result<()> {
    let body = bytes::Bytes::from(body.encode_to_vec());
    let mut request = Request::post(endpoint).body(body).map_err(refused)?;
    let protobuf = HeaderValue::from_static("application/x-protobuf");
    request.headers_mut().insert(CONTENT_TYPE, protobuf);
    for (key, value) in headers {
        let key: HeaderName = key.parse().map_err(refused)?;
        let value = HeaderValue::from_str(value).map_err(refused)?;
        request.headers_mut().insert(key, value);
    }
    let answer = wire.send_bytes(request).await.map_err(refused)?;
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    Err(refused(format!("the collector answered {status}")))
}

fn refused(error: impl Into<relayhouse_core::BoxError>) -> Error {
    Error::new(ErrorKind::Unavailable, "the collector did not take metrics").with_source(error)
}
