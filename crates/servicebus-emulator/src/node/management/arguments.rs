//! The arguments of a request, which are a map.

use bytes::Bytes;
use serde_amqp::{Value as Encoded, primitives::Array};
use uuid::Uuid;

use super::{Refusal, Result};
use crate::{
    model::{ErrorKind, SessionKey},
    node::{Client, raw, sections, value::number},
};

/// The arguments of a request, as they came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arguments<'a> {
    entries: &'a [u8],
}

impl<'a> Arguments<'a> {
    pub(super) fn of(body: &'a [u8]) -> Result<Self> {
        match raw::map(body) {
            Some(entries) => Ok(Self { entries }),
            None => Err(Refusal::argument("the body is no map")),
        }
    }

    /// Returns an argument that is there and is not null.
    pub(super) fn find(self, name: &str) -> Option<&'a [u8]> {
        let found = raw::entries(self.entries).find(|(key, _)| raw::text(key) == Some(name));
        found
            .map(|(_, value)| value)
            .filter(|value| !raw::is_null(value))
    }

    pub(super) fn get(self, name: &str) -> Result<&'a [u8]> {
        self.find(name).ok_or_else(|| missing(name))
    }

    pub(super) fn text(self, name: &str) -> Result<&'a str> {
        raw::text(self.get(name)?).ok_or_else(|| unlike(name, "a text"))
    }

    pub(super) fn find_text(self, name: &str) -> Option<&'a str> {
        self.find(name).and_then(raw::text)
    }

    pub(super) fn number(self, name: &str) -> Result<i64> {
        let read = sections::read(self.get(name)?).ok();
        let number = read.and_then(|value| number(&value));
        number.ok_or_else(|| unlike(name, "a number"))
    }

    /// Returns a number that counts something.
    pub(super) fn count(self, name: &str) -> Result<usize> {
        usize::try_from(self.number(name)?).map_err(|_| unlike(name, "a count"))
    }

    /// Returns what a list holds.
    pub(super) fn items(self, name: &str) -> Result<impl Iterator<Item = &'a [u8]> + Clone> {
        let items = raw::list(self.get(name)?).ok_or_else(|| unlike(name, "a list"))?;
        Ok(raw::values(items))
    }

    /// Returns what a list holds, or an array.
    fn list(self, name: &str) -> Result<Vec<Encoded>> {
        match sections::read(self.get(name)?) {
            Ok(Encoded::List(items) | Encoded::Array(Array(items))) => Ok(items),
            _ => Err(unlike(name, "a list")),
        }
    }

    /// Returns the keys and values of a map, or nothing if there is none.
    pub(super) fn entries(self, name: &str) -> &'a [u8] {
        self.find(name).and_then(raw::map).unwrap_or_default()
    }

    pub(super) fn tokens(self) -> Result<Vec<Uuid>> {
        let name = "lock-tokens";
        let tokens = self.list(name)?.into_iter().map(|item| match item {
            Encoded::Uuid(it) => Ok(Uuid::from(it)),
            _ => Err(unlike(name, "a list of UUIDs")),
        });
        tokens.collect()
    }

    pub(super) fn sequences(self) -> Result<Vec<u64>> {
        let name = "sequence-numbers";
        let sequences = self.list(name)?.into_iter().map(|item| {
            let number = number(&item).and_then(|it| u64::try_from(it).ok());
            number.ok_or_else(|| unlike(name, "a list of numbers"))
        });
        sequences.collect()
    }

    pub(super) fn binary(self, name: &str) -> Result<Bytes> {
        let bytes = raw::binary(self.get(name)?);
        let bytes = bytes.map(Bytes::copy_from_slice);
        bytes.ok_or_else(|| unlike(name, "a binary"))
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
