//! A server that gives prebuilt answers, on a thread of its own: it costs the client what SQS costs
//! it, and never is what limits it.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, sync::oneshot, task::JoinSet};

use super::answer::Answers;

const TARGET: &str = "x-amz-target";
const PREFIX: &str = "AmazonSQS.";

/// Is a server that runs; dropped, it ends.
#[derive(Debug)]
pub(super) struct Server {
    address: SocketAddr,
    counters: Arc<Counters>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Counts while it runs.
#[derive(Debug, Default)]
struct Counters {
    calls: AtomicUsize,
    send_calls: AtomicUsize,
    sent: AtomicUsize,
    received: AtomicUsize,
    deleted: AtomicUsize,
}

/// Tells what was asked of a server since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) calls: usize,
    /// The calls that sent.
    pub(super) send_calls: usize,
    pub(super) sent: usize,
    pub(super) received: usize,
    pub(super) deleted: usize,
}

impl Server {
    /// Starts a server at a free port of this machine.
    pub(super) fn start() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
        let address = listener.local_addr()?;
        let counters = Arc::new(Counters::default());
        let (stop, stopped) = oneshot::channel();
        let serving = serve(listener, Answers::new(address), Arc::clone(&counters));
        let thread = thread::Builder::new()
            .name("canned-sqs".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = serving => {}
                        // Its sender is dropped at the latest.
                        _ = stopped => {}
                    }
                });
            })?;
        Ok(Self {
            address,
            counters,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Returns the URL that a client takes as its endpoint.
    pub(super) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn counts(&self) -> Counts {
        let Counters {
            calls,
            send_calls,
            sent,
            received,
            deleted,
        } = &*self.counters;
        let read = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        Counts {
            calls: read(calls),
            send_calls: read(send_calls),
            sent: read(sent),
            received: read(received),
            deleted: read(deleted),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic there has already failed the calls of the benchmark.
            _ = thread.join();
        }
    }
}

impl Counts {
    /// Returns what was asked since `before`.
    pub(super) const fn since(self, before: Self) -> Self {
        Self {
            calls: self.calls - before.calls,
            send_calls: self.send_calls - before.send_calls,
            sent: self.sent - before.sent,
            received: self.received - before.received,
            deleted: self.deleted - before.deleted,
        }
    }
}

async fn serve(listener: TcpListener, answers: Answers, counters: Arc<Counters>) {
    let answers = Arc::new(answers);
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        // Without it an answer may wait for the next packet of the client.
        _ = stream.set_nodelay(true);
        let (answers, counters) = (Arc::clone(&answers), Arc::clone(&counters));
        let service = service_fn(move |request| {
            let (answers, counters) = (Arc::clone(&answers), Arc::clone(&counters));
            async move { Ok::<_, Infallible>(respond(request, &answers, &counters).await) }
        });
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        connections.spawn(async move {
            // A client that goes away is no failure.
            _ = connection.await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn respond(
    request: Request<Incoming>,
    answers: &Answers,
    counters: &Counters,
) -> Response<Full<Bytes>> {
    match answer(request, answers, counters).await {
        Ok(body) => Response::new(Full::new(body)),
        Err(error) => {
            let mut response = Response::new(Full::new(error.to_string().into()));
            *response.status_mut() = hyper::StatusCode::BAD_REQUEST;
            response
        }
    }
}

async fn answer(
    request: Request<Incoming>,
    answers: &Answers,
    counters: &Counters,
) -> Result<Bytes> {
    let target = request.headers().get(TARGET).context("no operation")?;
    let target = target.to_str()?.to_owned();
    let body = request.into_body().collect().await?.to_bytes();
    let add = |counter: &AtomicUsize, count| counter.fetch_add(count, Ordering::Relaxed);
    add(&counters.calls, 1);
    let operation = target.strip_prefix(PREFIX).unwrap_or(&target);
    match operation {
        "SendMessageBatch" | "SendMessage" => {
            let (answer, count) = answers.send(operation, &body)?;
            add(&counters.send_calls, 1);
            add(&counters.sent, count);
            Ok(answer)
        }
        "ReceiveMessage" => {
            let (answer, count) = answers.receive(&body)?;
            add(&counters.received, count);
            Ok(answer)
        }
        "DeleteMessageBatch" | "DeleteMessage" => {
            let (answer, count) = answers.delete(operation, &body)?;
            add(&counters.deleted, count);
            Ok(answer)
        }
        "ChangeMessageVisibilityBatch" => Ok(answers.delete(operation, &body)?.0),
        _ => answers.other(operation),
    }
}
