//! Calls on the management API: a path, a method, a token.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Method, Request,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, IF_MATCH},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use relayhouse_core::{Clock, Error, ErrorKind, Operation, Result, Secret};

use super::xml;
use crate::{
    endpoint::Endpoint,
    error,
    net::{Http, Reply, Site},
    token::{TokenKind, TokenProvider},
};

/// The version of the API that knows all that is used here.
const VERSION: &str = "api-version=2021-05";

const MEDIA_TYPE: &str = "application/atom+xml;type=entry;charset=utf-8";

/// What stands in a path as it is.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'$')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Calls the management API of one namespace.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) http: Http,
    pub(crate) site: Site,
    /// What tokens are for.
    pub(crate) endpoint: Endpoint,
    pub(crate) tokens: Arc<dyn TokenProvider>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// Says whether something is made, or must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Put {
    Create,
    Update,
}

impl Api {
    /// Reads what is at `path`.
    pub(super) async fn get(&self, path: &str, query: &str) -> Result<String> {
        self.call(Method::GET, path, query, String::new(), &[])
            .await
    }

    /// Makes or changes what is at `path`, which forwards to the entities `targets`.
    pub(super) async fn put(
        &self,
        put: Put,
        path: &str,
        body: String,
        targets: &[(&'static str, String)],
    ) -> Result<String> {
        let mut headers = Vec::new();
        if put == Put::Update {
            headers.push((IF_MATCH.as_str(), Secret::from("*".to_owned())));
        }
        for (header, target) in targets {
            headers.push((header, self.token(target).await?));
        }
        self.call(Method::PUT, path, "", body, &headers).await
    }

    pub(super) async fn delete(&self, path: &str) -> Result<()> {
        let called = self.call(Method::DELETE, path, "", String::new(), &[]);
        called.await.map(drop)
    }

    /// Returns the address of an entity, as other entities name it.
    pub(super) fn address(&self, path: &str) -> String {
        self.endpoint.audience(path)
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        query: &str,
        body: String,
        headers: &[(&str, Secret)],
    ) -> Result<String> {
        let at = |error: Error| error.operation(Operation::Admin);
        let token = self.token(path).await.map_err(at)?;
        let encoded = utf8_percent_encode(path, PATH);
        let separator = if query.is_empty() { "" } else { "&" };
        let changes = !method.is_safe();
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/{encoded}?{query}{separator}{VERSION}"))
            .header(AUTHORIZATION, secret(&token)?);
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, MEDIA_TYPE);
        }
        for (name, value) in headers {
            request = request.header(*name, secret(value)?);
        }
        let request = request.body(Full::new(Bytes::from(body)));
        let request =
            request.map_err(|error| error::invalid("request cannot be made").with_source(error))?;
        let reply = self.http.call(&self.site, request).await.map_err(at)?;
        read(&reply, changes)
    }

    /// Makes a token for `path`, as the value of a header.
    async fn token(&self, path: &str) -> Result<Secret> {
        let audience = self.endpoint.audience(path);
        let token = self.tokens.token(&audience, self.clock.wall()).await?;
        Ok(match token.kind {
            TokenKind::SharedAccess => token.text,
            TokenKind::Jwt => Secret::from(format!("Bearer {}", token.text.expose())),
        })
    }
}

fn secret(text: &Secret) -> Result<HeaderValue> {
    let value = HeaderValue::from_str(text.expose());
    let mut value =
        value.map_err(|_| error::invalid("a token has characters that a header cannot have"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn read(reply: &Reply, changes: bool) -> Result<String> {
    let body = std::str::from_utf8(&reply.body);
    if reply.status.is_success() {
        let body = body.map_err(|error| xml::unreadable("no UTF-8").with_source(error))?;
        return Ok(body.to_owned());
    }
    let detail = body.ok().and_then(detail);
    let error = error::of_status(reply.status.as_u16(), detail.as_deref(), changes);
    Err(error)
}

/// Finds what the service says of a refusal.
fn detail(body: &str) -> Option<String> {
    let document = xml::parse(body).ok()?;
    xml::text_of(document.root_element(), "Detail").map(str::to_owned)
}

/// Says that an entity is not there: where none is, some versions answer with an empty feed.
pub(super) fn not_found(path: &str) -> Error {
    Error::new(ErrorKind::QueueNotFound, "there is no such entity")
        .queue(path.to_owned())
        .operation(Operation::Admin)
}
