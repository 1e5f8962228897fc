//! One connection, whose requests are answered one after another.

use std::{io, sync::Arc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    pin, select,
};

use super::call;
use crate::{rest::Site, shared::Shared};

/// How long the first line and the headers of a request may take.
const HEADERS_TIME_MAX: Duration = Duration::from_secs(30);
/// The most headers of a request.
const HEADERS_MAX: usize = 100;
/// The largest first line with its headers, in bytes; what is read is buffered up to that.
const HEADERS_BYTES_MAX: usize = 128 << 10;

/// Serves requests until the client has gone or the emulator is to end.
pub(in crate::wire) async fn serve<S>(
    stream: S,
    site: &Site,
    shared: &Arc<Shared>,
) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let service = service_fn(|request| call::answer(shared, site, request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_TIME_MAX)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEADERS_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    pin!(connection);
    let mut closing = shared.closing.subscribe();
    select! {
        served = connection.as_mut() => return served.map_err(io::Error::other),
        _ = closing.wait_for(|closing| *closing) => {}
    }
    connection.as_mut().graceful_shutdown();
    connection.await.map_err(io::Error::other)
}
