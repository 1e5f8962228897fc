//! Connections: accepted within a bound, served, closed when they are idle, and ended.

use std::{convert::Infallible, future::Future, net::SocketAddr, pin::pin, time::Duration};

use axum::{Router, body::Body};
use futures_util::{StreamExt, stream::FuturesUnordered};
use http_body_util::BodyExt;
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::rt::TokioIo;
use relayhouse_core::Clock;
use tokio::{
    net::{TcpListener, TcpStream},
    select,
    sync::watch,
};
use tower_service::Service as _;

use crate::{console::Shared, routes};

/// How long requests under way have at the end.
const GRACE: Duration = Duration::from_secs(1);
/// How long no further client is taken after one could not be.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The most bytes of the head of a request.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// The most headers of a request.
const HEADERS_MAX: usize = 64;

/// Is where a request came from: only requests that are served here have it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Says when the server ends, to streams that have no end of their own.
#[derive(Clone, Debug)]
pub(crate) struct Closing(watch::Receiver<bool>);

impl Closing {
    /// Ends when the server is to end.
    pub(crate) async fn wait(&mut self) {
        // A server that is gone has ended, too.
        let _ = self.0.wait_for(|is_closing| *is_closing).await;
    }
}

/// Counts a request for as long as its answer is on the way.
struct UnderWay(watch::Sender<usize>);

impl UnderWay {
    fn new(requests: &watch::Sender<usize>) -> Self {
        requests.send_modify(|count| *count += 1);
        Self(requests.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

/// Serves until `end` ends.
pub(crate) async fn serve(
    shared: &std::sync::Arc<Shared>,
    listener: TcpListener,
    end: impl Future<Output = ()>,
) {
    let router = routes::router(shared);
    let closing = watch::Sender::new(false);
    let mut connections = FuturesUnordered::new();
    let mut end = pin!(end);
    let clock = &*shared.clock;
    loop {
        let has_room = connections.len() < shared.limits.connections_max;
        select! {
            () = &mut end => break,
            Some(()) = connections.next() => {}
            (stream, peer) = accept(clock, &listener), if has_room => {
                let closing = Closing(closing.subscribe());
                connections.push(connection(shared, router.clone(), stream, peer, closing));
            }
        }
    }
    drop(listener);
    closing.send_replace(true);
    let rest = async { while connections.next().await.is_some() {} };
    select! {
        () = rest => {}
        () = clock.sleep_until(clock.now() + GRACE) => {}
    }
}

/// Takes the next client. Where none can be taken, for example for want of file descriptors, the
/// next try waits for a moment.
async fn accept(clock: &dyn Clock, listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(_) => clock.sleep_until(clock.now() + ACCEPT_PAUSE).await,
        }
    }
}

async fn connection(
    shared: &Shared,
    router: Router,
    stream: TcpStream,
    peer: SocketAddr,
    mut closing: Closing,
) {
    // Without it, it is only slower.
    let _ = stream.set_nodelay(true);
    let requests = watch::Sender::new(0);
    let service = service(router, Peer(peer), closing.clone(), requests.clone());
    let connection = http1::Builder::new()
        // `idle` does that, by core's clock.
        .header_read_timeout(None)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    select! {
        // What a connection ends with is the client's to know.
        _ = connection.as_mut() => return,
        () = idle(shared, requests.subscribe()) => return,
        () = closing.wait() => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

/// Makes what answers the requests of one connection.
fn service(
    router: Router,
    peer: Peer,
    closing: Closing,
    requests: watch::Sender<usize>,
) -> impl Service<
    http::Request<Incoming>,
    Response = http::Response<Body>,
    Error = Infallible,
    Future: Send,
> {
    service_fn(move |request: http::Request<Incoming>| {
        let under_way = UnderWay::new(&requests);
        let mut request = request.map(Body::new);
        let extensions = request.extensions_mut();
        extensions.insert(peer);
        extensions.insert(closing.clone());
        let answer = router.clone().call(request);
        async move {
            let answer = answer.await?;
            let counted = move |body: Body| {
                Body::new(body.map_frame(move |frame| {
                    let _ = &under_way;
                    frame
                }))
            };
            Ok(answer.map(counted))
        }
    })
}

/// Ends when no request has been under way for as long as a connection may be idle.
async fn idle(shared: &Shared, mut requests: watch::Receiver<usize>) {
    let clock = &shared.clock;
    loop {
        // The sender lives as long as the connection, which this is a part of.
        let _ = requests.wait_for(|count| *count == 0).await;
        let over = clock.sleep_until(clock.now() + shared.limits.idle_time);
        select! {
            () = over => return,
            _ = requests.changed() => {}
        }
    }
}
