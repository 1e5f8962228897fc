//! One call on a registry: a connection, a request, an answer.

use std::{
    fmt::{self, Debug},
    io,
    pin::pin,
    sync::Arc,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures_util::future::{Either, select};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{
    Method, Request, StatusCode,
    client::conn::http1,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue},
};
use hyper_util::rt::TokioIo;
use relayhouse_core::{Clock, ErrorKind, Result, Secret};
use serde::de::DeserializeOwned;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};
use url::{Position, Url};

use super::reply::{Named, Registration, Stored, read, refused, temporary};
use crate::avro::schema::{Schema, invalid};

const MEDIA_TYPE: &str = "application/vnd.schemaregistry.v1+json";

/// What is shown to the registry.
#[derive(Debug)]
pub(super) enum Credentials {
    Basic { user: String, password: Secret },
    Bearer(Secret),
}

/// Calls a registry.
pub(super) struct Http {
    pub(super) url: Url,
    /// Set for `https`.
    pub(super) tls: Option<TlsConnector>,
    pub(super) credentials: Option<Credentials>,
    pub(super) timeout: Duration,
    pub(super) reply_bytes_max: usize,
    pub(super) clock: Arc<dyn Clock>,
}

impl Http {
    /// Fetches the schema of `id`, if there is one.
    pub(super) async fn schema(&self, id: u32) -> Result<Option<Stored>> {
        let url = self.to(&["schemas", "ids", &id.to_string()])?;
        self.call(&url, None).await
    }

    /// Fetches the latest version of `subject`.
    pub(super) async fn latest(&self, subject: &str) -> Result<Named> {
        let url = self.to(&["subjects", subject, "versions", "latest"])?;
        self.call(&url, None).await?.ok_or_else(not_there)
    }

    /// Fetches a version of `subject` that others refer to, which may be deleted.
    pub(super) async fn version(&self, subject: &str, version: u32) -> Result<Named> {
        let mut url = self.to(&["subjects", subject, "versions", &version.to_string()])?;
        url.set_query(Some("deleted=true"));
        self.call(&url, None).await?.ok_or_else(not_there)
    }

    /// Posts `schema`.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        schema: &Schema,
    ) -> Result<T> {
        let registration = Registration {
            schema: schema.text(),
            kind: "AVRO",
        };
        let body = serde_json::to_vec(&registration);
        let body =
            body.map_err(|error| invalid("schema is no JSON".to_owned()).with_source(error))?;
        let url = self.to(path)?;
        self.call(&url, Some(body)).await?.ok_or_else(not_there)
    }

    async fn call<T: DeserializeOwned>(
        &self,
        url: &Url,
        body: Option<Vec<u8>>,
    ) -> Result<Option<T>> {
        let request = self.request(url, body)?;
        let deadline = self.clock.now() + self.timeout;
        let late = self.clock.sleep_until(deadline);
        let (status, body) = match select(pin!(self.exchange(request)), late).await {
            Either::Left((answer, _)) => answer?,
            Either::Right(_) => {
                let text = format!("schema registry has not answered within {:?}", self.timeout);
                return Err(temporary(ErrorKind::Timeout, text));
            }
        };
        if status.is_success() {
            return read(&body).map(Some);
        }
        match refused(status.as_u16(), &body) {
            Some(error) => Err(error),
            None => Ok(None),
        }
    }

    /// Returns the URL of what is at `path`.
    fn to(&self, path: &[&str]) -> Result<Url> {
        if path.iter().any(|segment| ["", ".", ".."].contains(segment)) {
            return Err(invalid(
                "subject has a name that no URL can hold".to_owned(),
            ));
        }
        let mut url = self.url.clone();
        // Only a URL without a host has no path to add to, and such a one was refused.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        Ok(url)
    }

    fn request(&self, url: &Url, body: Option<Vec<u8>>) -> Result<Request<Full<Bytes>>> {
        let mut request = Request::builder()
            .uri(&url[Position::BeforePath..])
            .header(HOST, url.authority())
            .header(ACCEPT, MEDIA_TYPE);
        if body.is_some() {
            request = request
                .method(Method::POST)
                .header(CONTENT_TYPE, MEDIA_TYPE);
        }
        if let Some(credentials) = &self.credentials {
            request = request.header(AUTHORIZATION, credentials.header()?);
        }
        let request = request.body(Full::from(body.unwrap_or_default()));
        request.map_err(|error| invalid("request cannot be made".to_owned()).with_source(error))
    }

    /// Connects and exchanges, in the caller's own task.
    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes)> {
        let host = self.url.host_str().unwrap_or_default();
        let host = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        let port = self.url.port_or_known_default().unwrap_or_default();
        let stream = TcpStream::connect((&*host, port))
            .await
            .map_err(unreachable)?;
        match &self.tls {
            Some(tls) => {
                let name = ServerName::try_from(host).map_err(io::Error::other);
                let stream = tls.connect(name.map_err(unreachable)?, stream).await;
                self.over(stream.map_err(unreachable)?, request).await
            }
            None => self.over(stream, request).await,
        }
    }

    async fn over<S>(&self, stream: S, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes)>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(broken)?;
        let answer = async {
            let reply = sender.send_request(request).await.map_err(broken)?;
            let status = reply.status();
            let body = Limited::new(reply.into_body(), self.reply_bytes_max);
            match body.collect().await {
                Ok(body) => Ok((status, body.to_bytes())),
                Err(error) if error.is::<LengthLimitError>() => {
                    let max = self.reply_bytes_max;
                    let text = format!("schema registry has answered with more than {max} bytes");
                    Err(temporary(ErrorKind::Unexpected, text))
                }
                Err(error) => Err(lost().with_source(error)),
            }
        };
        // The connection has to be polled beside; once it ends, what it has read is there.
        match select(pin!(answer), pin!(connection)).await {
            Either::Left((answer, _)) => answer,
            Either::Right((_, answer)) => answer.await,
        }
    }
}

impl Credentials {
    /// Makes the header that shows them.
    pub(super) fn header(&self) -> Result<HeaderValue> {
        let text = match self {
            Self::Basic { user, password } => {
                let both = format!("{user}:{}", password.expose());
                Secret::from(format!(
                    "Basic {}",
                    STANDARD.encode(Secret::from(both).expose())
                ))
            }
            Self::Bearer(token) => Secret::from(format!("Bearer {}", token.expose())),
        };
        let header = HeaderValue::from_str(text.expose());
        let mut header = header.map_err(|_| {
            relayhouse_core::Error::new(
                ErrorKind::ConfigInvalid,
                "the token of a schema registry has characters that a header cannot have",
            )
        })?;
        header.set_sensitive(true);
        Ok(header)
    }
}

fn unreachable(error: io::Error) -> relayhouse_core::Error {
    let text = "schema registry cannot be reached";
    temporary(ErrorKind::ConnectionFailed, text).with_source(error)
}

fn broken(error: hyper::Error) -> relayhouse_core::Error {
    lost().with_source(error)
}

fn lost() -> relayhouse_core::Error {
    temporary(
        ErrorKind::ConnectionFailed,
        "connection to the schema registry is lost",
    )
}

fn not_there() -> relayhouse_core::Error {
    invalid("schema registry does not have the subject or its schema".to_owned())
}

impl Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            url,
            tls: _,
            credentials,
            timeout,
            reply_bytes_max,
            clock: _,
        } = self;
        f.debug_struct("Http")
            .field("url", &url.as_str())
            .field("credentials", credentials)
            .field("timeout", timeout)
            .field("reply_bytes_max", reply_bytes_max)
            .finish_non_exhaustive()
    }
}
