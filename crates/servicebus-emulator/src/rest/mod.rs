//! The HTTP API, as a function from requests to responses: management in Atom and XML, and the
//! operations on messages.
//!
//! Whoever listens has checked who asks. A receive that found nothing and may wait says so in
//! [`Response::wait`]: listen to the entity, ask again at each ring, and send the response when
//! the time is over.

mod date;
mod describe;
mod entities;
mod messages;
mod properties;
mod read;
mod route;
#[cfg(test)]
mod tests;
mod xml;

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;

pub(crate) use self::date::write_http;
use self::route::Route;
use crate::model::{Address, Error, ErrorKind, Model, Time};

/// The largest body of a management request, in bytes.
pub const DESCRIPTION_BYTES_MAX: usize = 256 * 1_024;

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method, in capitals.
    pub method: String,
    /// The path and the query, as they stand in the first line of the request.
    pub target: String,
    /// The headers, by names in small letters.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Bytes,
}

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The headers, without the length of the body.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// What the request may wait for, before it gets this response.
    pub wait: Option<Wait>,
}

/// What a receive that found nothing may wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// Where a message may come.
    pub address: Address,
    /// How long, from when the request came.
    pub within: Duration,
}

/// Where the namespace is.
#[derive(Clone, Debug)]
pub struct Site {
    /// The name of the namespace.
    pub namespace: String,
    /// What stands before the paths of entities, for example `http://localhost:5300`.
    pub endpoint: String,
    /// When the namespace was made.
    pub created: Time,
}

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Failure {
    status: u16,
    detail: String,
}

impl Failure {
    fn new(status: u16, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
        }
    }

    fn bad(detail: impl Into<String>) -> Self {
        Self::new(400, detail)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let status = match error.kind() {
            ErrorKind::EntityNotFound
            | ErrorKind::MessageNotFound
            | ErrorKind::MessageLockLost
            | ErrorKind::SessionLockLost => 404,
            ErrorKind::EntityExists | ErrorKind::SessionCannotBeLocked => 409,
            ErrorKind::EntityDisabled | ErrorKind::QuotaExceeded => 403,
            ErrorKind::MessageTooLarge => 413,
            _ => 400,
        };
        Self::new(status, error.message())
    }
}

impl Response {
    /// Makes the response to a request that is done and has nothing to say.
    pub(crate) fn done(status: u16) -> Self {
        Self::empty(status)
    }

    /// Makes the response to a request that is refused.
    pub(crate) fn refusal(status: u16, detail: impl Into<String>) -> Self {
        Failure::new(status, detail).into()
    }

    fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Bytes::new(),
            wait: None,
        }
    }

    fn xml(status: u16, text: String) -> Self {
        let kind = "application/atom+xml;type=entry;charset=utf-8";
        Self {
            headers: vec![("content-type".to_owned(), kind.to_owned())],
            body: text.into(),
            ..Self::empty(status)
        }
    }
}

impl From<Failure> for Response {
    fn from(failure: Failure) -> Self {
        let mut writer = xml::Writer::default();
        writer.open("Error");
        writer.leaf("Code", &failure.status.to_string());
        writer.leaf("Detail", &failure.detail);
        writer.close("Error");
        let kind = "application/xml; charset=utf-8";
        Self {
            headers: vec![("content-type".to_owned(), kind.to_owned())],
            body: writer.finish().into(),
            ..Self::empty(failure.status)
        }
    }
}

/// Answers a request at a time.
pub fn answer(model: &mut Model, now: Time, site: &Site, request: &Request) -> Response {
    let answered = match Route::parse(&request.target) {
        Ok((Route::Messages(place), query)) => {
            messages::answer(model, now, site, request, &place, &query)
        }
        Ok((route, query)) => entities::answer(model, now, site, request, &route, &query),
        Err(failure) => Err(failure),
    };
    answered.unwrap_or_else(Into::into)
}

fn not_allowed(request: &Request) -> Failure {
    let detail = format!("{} cannot be done here.", request.method);
    Failure::new(405, detail)
}
