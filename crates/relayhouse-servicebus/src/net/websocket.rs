//! AMQP in the binary messages of a WebSocket, as a stream of bytes.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use futures_util::{Sink, Stream as _};
use relayhouse_core::{Error, ErrorKind, Result, Retry};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        ClientRequestBuilder, Error as WireError, Message, http::Uri, protocol::WebSocketConfig,
    },
};

use super::{Site, Stream};

/// Where the broker has one.
const PATH: &str = "/$servicebus/websocket";

/// What it speaks there.
const PROTOCOL: &str = "amqp";

/// The largest message, in bytes: a broker may put several frames into one.
const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Asks the server at the end of `stream` for a WebSocket.
pub(crate) async fn open(site: &Site, stream: Stream) -> Result<Stream> {
    let scheme = if site.is_plain { "ws" } else { "wss" };
    let uri = format!("{scheme}://{site}{PATH}").parse::<Uri>();
    let uri = uri.map_err(|error| failed(site, WireError::HttpFormat(error.into())))?;
    let request = ClientRequestBuilder::new(uri).with_sub_protocol(PROTOCOL);
    let config = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX));
    let opened = client_async_with_config(request, stream, Some(config)).await;
    let (socket, _) = opened.map_err(|error| failed(site, error))?;
    Ok(Box::new(WebSocket {
        socket,
        rest: Bytes::new(),
    }))
}

fn failed(site: &Site, error: WireError) -> Error {
    let text = format!("{site} does not open a WebSocket");
    // What the server says is no part of the error: it may be a page.
    let told = match error {
        WireError::Http(response) => io::Error::other(format!("status {}", response.status())),
        error => io::Error::other(error),
    };
    Error::new(ErrorKind::ConnectionFailed, text)
        .retry(Retry::Temporary)
        .with_source(told)
}

#[derive(Debug)]
struct WebSocket {
    socket: WebSocketStream<Stream>,
    /// What came in a message and was not read yet.
    rest: Bytes,
}

impl AsyncRead for WebSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.rest.is_empty() {
            match ready!(Pin::new(&mut self.socket).poll_next(context)) {
                None | Some(Ok(Message::Close(_)) | Err(WireError::ConnectionClosed)) => {
                    return Poll::Ready(Ok(()));
                }
                Some(Ok(Message::Binary(bytes))) => self.rest = bytes,
                // Pings are answered by the library, and text says nothing.
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
            }
        }
        let count = self.rest.len().min(into.remaining());
        into.put_slice(&self.rest[..count]);
        self.rest.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for WebSocket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut socket = Pin::new(&mut self.socket);
        ready!(socket.as_mut().poll_ready(context)).map_err(io::Error::other)?;
        let count = bytes.len().min(MESSAGE_BYTES_MAX);
        let message = Message::Binary(Bytes::copy_from_slice(&bytes[..count]));
        socket.start_send(message).map_err(io::Error::other)?;
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let socket = Pin::new(&mut self.socket);
        socket.poll_flush(context).map_err(io::Error::other)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match ready!(Pin::new(&mut self.socket).poll_close(context)) {
            Ok(()) | Err(WireError::ConnectionClosed) => Poll::Ready(Ok(())),
            Err(error) => Poll::Ready(Err(io::Error::other(error))),
        }
    }
}
