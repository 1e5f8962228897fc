//! AMQP in the binary messages of a WebSocket.

use std::{future::poll_fn, io, pin::Pin};

use bytes::{Bytes, BytesMut};
use futures_util::{
    Sink,
    stream::{SplitSink, SplitStream, StreamExt},
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async_with_config,
    tungstenite::{
        Error, Message,
        handshake::server::{ErrorResponse, Request, Response},
        http::{HeaderValue, StatusCode, header::SEC_WEBSOCKET_PROTOCOL},
        protocol::WebSocketConfig,
    },
};

use super::pipe::{Reader, Writer};

/// Where clients ask for one.
const PATH: &str = "/$servicebus/websocket";
/// What they ask for: the name that is registered, and an older one that Microsoft's SDKs have.
const PROTOCOLS: [&str; 2] = ["amqp", "AMQPWSB10"];
/// The largest message, in bytes: a client may put several frames into one.
const MESSAGE_BYTES_MAX: usize = 4 << 20;

/// Answers the request for a WebSocket.
pub(super) async fn accept<S>(stream: S) -> io::Result<(WebSocketReader<S>, WebSocketWriter<S>)>
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    let config = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX));
    let accepted = accept_hdr_async_with_config(stream, agree, Some(config)).await;
    let (sink, stream) = accepted.map_err(io::Error::other)?.split();
    let writer = WebSocketWriter {
        sink,
        is_busy: false,
    };
    Ok((WebSocketReader(stream), writer))
}

#[expect(
    clippy::result_large_err,
    reason = "the type of the error is that of the library"
)]
fn agree(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    let path = request.uri().path().trim_end_matches('/');
    if !path.eq_ignore_ascii_case(PATH) {
        let body = format!("there is nothing at {path:?}: AMQP is at {PATH:?}");
        return Err(refusal(StatusCode::NOT_FOUND, body));
    }
    let asked = request.headers().get_all(SEC_WEBSOCKET_PROTOCOL).iter();
    let mut asked = asked
        .filter_map(|it| it.to_str().ok())
        .flat_map(|it| it.split(','));
    let agreed = asked.find_map(|asked| {
        let mut protocols = PROTOCOLS.into_iter();
        protocols.find(|it| it.eq_ignore_ascii_case(asked.trim()))
    });
    let Some(agreed) = agreed else {
        let body = format!("the protocols here are {}", PROTOCOLS.join(" and "));
        return Err(refusal(StatusCode::BAD_REQUEST, body));
    };
    let headers = response.headers_mut();
    headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(agreed));
    Ok(response)
}

fn refusal(status: StatusCode, body: String) -> ErrorResponse {
    let mut response = ErrorResponse::new(Some(body));
    *response.status_mut() = status;
    response
}

/// What reads from a WebSocket.
#[derive(Debug)]
pub(super) struct WebSocketReader<S>(SplitStream<WebSocketStream<S>>);

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Reader for WebSocketReader<S> {
    async fn read(&mut self, into: &mut BytesMut) -> io::Result<usize> {
        loop {
            match self.0.next().await {
                None | Some(Ok(Message::Close(_)) | Err(Error::ConnectionClosed)) => return Ok(0),
                Some(Ok(Message::Binary(bytes))) if !bytes.is_empty() => {
                    into.extend_from_slice(&bytes);
                    return Ok(bytes.len());
                }
                // Pings are answered by the library, and text says nothing.
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(io::Error::other(error)),
            }
        }
    }
}

/// What writes to a WebSocket.
#[derive(Debug)]
pub(super) struct WebSocketWriter<S> {
    sink: SplitSink<WebSocketStream<S>, Message>,
    is_busy: bool,
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Writer for WebSocketWriter<S> {
    async fn write(&mut self, bytes: &mut Bytes) -> io::Result<()> {
        let mut sink = Pin::new(&mut self.sink);
        if !bytes.is_empty() {
            let ready = poll_fn(|context| sink.as_mut().poll_ready(context)).await;
            ready.map_err(io::Error::other)?;
            self.is_busy = true;
            let message = Message::Binary(std::mem::take(bytes));
            sink.as_mut()
                .start_send(message)
                .map_err(io::Error::other)?;
        }
        let flushed = poll_fn(|context| sink.as_mut().poll_flush(context)).await;
        flushed.map_err(io::Error::other)?;
        self.is_busy = false;
        Ok(())
    }

    fn is_busy(&self) -> bool {
        self.is_busy
    }
}
