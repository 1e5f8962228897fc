//! The arguments of a request, which are a map.

use std::sync::Arc;

use bytes::Bytes;
use serde_amqp::{
    Value as Encoded,
    primitives::{Array, OrderedMap},
};
use uuid::Uuid;

use super::{Refusal, Result};
use crate::{
    model::{ErrorKind, SessionKey},
    node::{
        Client,
        value::{number, text},
    },
};

/// The arguments of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arguments<'a> {
    map: &'a OrderedMap<Encoded, Encoded>,
}

impl<'a> Arguments<'a> {
    pub(super) fn of(body: &'a Encoded) -> Result<Self> {
        match body {
            Encoded::Map(map) => Ok(Self { map }),
            _ => Err(Refusal::argument("the body is no map")),
        }
    }

    /// Returns an argument that is there and is not null.
    pub(super) fn find(self, name: &str) -> Option<&'a Encoded> {
        let found = self.map.iter().find(|(key, _)| text(key) == Some(name));
        found
            .map(|(_, value)| value)
            .filter(|value| **value != Encoded::Null)
    }

    pub(super) fn get(self, name: &str) -> Result<&'a Encoded> {
        self.find(name).ok_or_else(|| missing(name))
    }

    pub(super) fn text(self, name: &str) -> Result<&'a str> {
        text(self.get(name)?).ok_or_else(|| unlike(name, "a text"))
    }

    pub(super) fn find_text(self, name: &str) -> Option<&'a str> {
        self.find(name).and_then(text)
    }

    pub(super) fn number(self, name: &str) -> Result<i64> {
        number(self.get(name)?).ok_or_else(|| unlike(name, "a number"))
    }

    /// Returns a number that counts something.
    pub(super) fn count(self, name: &str) -> Result<usize> {
        usize::try_from(self.number(name)?).map_err(|_| unlike(name, "a count"))
    }

    pub(super) fn list(self, name: &str) -> Result<&'a [Encoded]> {
        match self.get(name)? {
            Encoded::List(items) | Encoded::Array(Array(items)) => Ok(items),
            _ => Err(unlike(name, "a list")),
        }
    }

    pub(super) fn tokens(self) -> Result<Vec<Uuid>> {
        let name = "lock-tokens";
        let tokens = self.list(name)?.iter().map(|item| match item {
            Encoded::Uuid(it) => Ok(Uuid::from(it.clone())),
            _ => Err(unlike(name, "a list of UUIDs")),
        });
        tokens.collect()
    }

    pub(super) fn sequences(self) -> Result<Vec<u64>> {
        let name = "sequence-numbers";
        let sequences = self.list(name)?.iter().map(|item| {
            let number = number(item).and_then(|it| u64::try_from(it).ok());
            number.ok_or_else(|| unlike(name, "a list of numbers"))
        });
        sequences.collect()
    }

    pub(super) fn binary(self, name: &str) -> Result<Bytes> {
        match self.get(name)? {
            Encoded::Binary(bytes) => Ok(Bytes::copy_from_slice(bytes)),
            _ => Err(unlike(name, "a binary")),
        }
    }
}

impl Client {
    /// Finds the session that the arguments name, if they name one.
    pub(super) fn session_of(
        &self,
        address: &crate::model::Address,
        arguments: Arguments<'_>,
    ) -> Result<Option<SessionKey>> {
        let Some(id) = arguments.find_text("session-id") else {
            return Ok(None);
        };
        let held = self.held(address, id).ok_or_else(|| {
            let description = format!("The session {id:?} is not held on this connection.");
            Refusal::from(crate::model::Error::new(
                ErrorKind::SessionLockLost,
                description,
            ))
        });
        held.map(Some)
    }
}

fn missing(name: &str) -> Refusal {
    Refusal::argument(format!("the body has no {name:?}"))
}

fn unlike(name: &str, what: &str) -> Refusal {
    Refusal::argument(format!("{name:?} is not {what}"))
}

/// Makes a map of names.
pub(super) fn map<const N: usize>(fields: [(&str, Encoded); N]) -> Encoded {
    let fields = fields
        .into_iter()
        .map(|(name, value)| (Encoded::from(name), value));
    Encoded::Map(fields.collect())
}

/// Makes a list of texts.
pub(super) fn texts(texts: Vec<Arc<str>>) -> Encoded {
    let texts = texts.into_iter().map(|it| Encoded::String(it.to_string()));
    Encoded::Array(Array(texts.collect()))
}
