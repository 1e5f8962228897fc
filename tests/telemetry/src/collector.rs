//! The collector, from the published definitions of the protocol.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, StatusCode, body::Bytes, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::{
            ExportLogsServiceRequest, ExportLogsServiceResponse,
            logs_service_server::{LogsService, LogsServiceServer},
        },
        metrics::v1::{
            ExportMetricsServiceRequest, ExportMetricsServiceResponse,
            metrics_service_server::{MetricsService, MetricsServiceServer},
        },
        trace::v1::{
            ExportTraceServiceRequest, ExportTraceServiceResponse,
            trace_service_server::{TraceService, TraceServiceServer},
        },
    },
    logs::v1::LogRecord,
    metrics::v1::Metric,
    trace::v1::Span,
};
use prost::Message;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Status, transport::Server};

/// Listens on two ports of this machine, and keeps what comes.
#[derive(Debug)]
pub struct Collector {
    grpc: SocketAddr,
    http: SocketAddr,
    got: Kept,
    tasks: [JoinHandle<()>; 2],
}

/// Is what came so far.
#[derive(Debug, Default)]
pub struct Got {
    /// All spans.
    pub spans: Vec<Span>,
    /// The metrics of the last export.
    pub metrics: Vec<Metric>,
    /// All log records.
    pub logs: Vec<LogRecord>,
    /// All requests, as they were encoded.
    pub bytes: Vec<Vec<u8>>,
    /// The header `authorization` of each request.
    pub authorizations: Vec<Option<String>>,
}

#[derive(Clone, Debug, Default)]
struct Kept(Arc<Mutex<Got>>);

impl Collector {
    /// Starts to listen.
    ///
    /// # Errors
    ///
    /// Returns why no port can be had.
    pub async fn start() -> io::Result<Self> {
        let got = Kept::default();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let grpc = listener.local_addr()?;
        let server = Server::builder()
            .add_service(TraceServiceServer::new(got.clone()))
            .add_service(MetricsServiceServer::new(got.clone()))
            .add_service(LogsServiceServer::new(got.clone()))
            .serve_with_incoming(TcpListenerStream::new(listener));
        // It ends with the collector.
        let by_grpc = tokio::spawn(async move { drop(server.await) });
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let http = listener.local_addr()?;
        let by_http = tokio::spawn(serve(listener, got.clone()));
        Ok(Self {
            grpc,
            http,
            got,
            tasks: [by_grpc, by_http],
        })
    }

    /// Returns where it listens for gRPC.
    #[must_use]
    pub fn grpc(&self) -> String {
        format!("http://{}", self.grpc)
    }

    /// Returns where it listens for HTTP.
    #[must_use]
    pub fn http(&self) -> String {
        format!("http://{}", self.http)
    }

    /// Returns what came so far.
    pub fn got(&self) -> MutexGuard<'_, Got> {
        self.got.lock()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Kept {
    fn lock(&self) -> MutexGuard<'_, Got> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn traces(&self, request: ExportTraceServiceRequest, authorization: Option<String>) {
        let mut got = self.note(&request, authorization);
        let scopes = request
            .resource_spans
            .into_iter()
            .flat_map(|it| it.scope_spans);
        got.spans.extend(scopes.flat_map(|scope| scope.spans));
    }

    fn metrics(&self, request: ExportMetricsServiceRequest, authorization: Option<String>) {
        let mut got = self.note(&request, authorization);
        let scopes = request
            .resource_metrics
            .into_iter()
            .flat_map(|it| it.scope_metrics);
        got.metrics = scopes.flat_map(|scope| scope.metrics).collect();
    }

    fn logs(&self, request: ExportLogsServiceRequest, authorization: Option<String>) {
        let mut got = self.note(&request, authorization);
        let scopes = request
            .resource_logs
            .into_iter()
            .flat_map(|it| it.scope_logs);
        got.logs.extend(scopes.flat_map(|scope| scope.log_records));
    }

    fn note(&self, request: &impl Message, authorization: Option<String>) -> MutexGuard<'_, Got> {
        let mut got = self.lock();
        got.bytes.push(request.encode_to_vec());
        got.authorizations.push(authorization);
        got
    }

    /// Takes a request over HTTP.
    async fn take(self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let authorization = request.headers().get("authorization");
        let authorization = authorization.and_then(|value| value.to_str().ok());
        let authorization = authorization.map(ToOwned::to_owned);
        let path = request.uri().path().to_owned();
        let Ok(body) = request.into_body().collect().await else {
            return Ok(answer(StatusCode::BAD_REQUEST));
        };
        let body = body.to_bytes();
        let decoded = match path.as_str() {
            "/v1/traces" => ExportTraceServiceRequest::decode(body)
                .map(|request| self.traces(request, authorization)),
            "/v1/metrics" => ExportMetricsServiceRequest::decode(body)
                .map(|request| self.metrics(request, authorization)),
            "/v1/logs" => ExportLogsServiceRequest::decode(body)
                .map(|request| self.logs(request, authorization)),
            _ => return Ok(answer(StatusCode::NOT_FOUND)),
        };
        Ok(answer(match decoded {
            Ok(()) => StatusCode::OK,
            Err(_) => StatusCode::BAD_REQUEST,
        }))
    }
}

fn answer(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::new()));
    *response.status_mut() = status;
    response
}

async fn serve(listener: TcpListener, got: Kept) {
    while let Ok((stream, _)) = listener.accept().await {
        let got = got.clone();
        let service = service_fn(move |request| got.clone().take(request));
        let connection = hyper::server::conn::http1::Builder::new();
        let connection = connection.serve_connection(TokioIo::new(stream), service);
        // A connection ends with its client.
        tokio::spawn(async move { drop(connection.await) });
    }
}

fn authorization<T>(request: &tonic::Request<T>) -> Option<String> {
    let value = request.metadata().get("authorization")?;
    value.to_str().ok().map(ToOwned::to_owned)
}

#[tonic::async_trait]
impl TraceService for Kept {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, Status> {
        let authorization = authorization(&request);
        self.traces(request.into_inner(), authorization);
        Ok(tonic::Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Kept {
    async fn export(
        &self,
        request: tonic::Request<ExportMetricsServiceRequest>,
    ) -> Result<tonic::Response<ExportMetricsServiceResponse>, Status> {
        let authorization = authorization(&request);
        self.metrics(request.into_inner(), authorization);
        Ok(tonic::Response::new(ExportMetricsServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl LogsService for Kept {
    async fn export(
        &self,
        request: tonic::Request<ExportLogsServiceRequest>,
    ) -> Result<tonic::Response<ExportLogsServiceResponse>, Status> {
        let authorization = authorization(&request);
        self.logs(request.into_inner(), authorization);
        Ok(tonic::Response::new(ExportLogsServiceResponse::default()))
    }
}
