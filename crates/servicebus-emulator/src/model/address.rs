//! How entities and their subqueues are named in addresses.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Error, ErrorKind, Result};

/// The longest address that is read.
pub const ADDRESS_BYTES_MAX: usize = 1_024;

const SUBSCRIPTIONS: &str = "subscriptions";
const DEAD_LETTER: &str = "$deadletterqueue";
const TRANSFER: &str = "$transfer";

/// The place of an entity: a queue, a topic or a subscription.
///
/// Two paths are equal if they differ in the case of the letters A to Z alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Box<str>", into = "Box<str>")]
pub struct Path {
    text: Box<str>,
    /// The same in lower case.
    key: Box<str>,
}

/// An entity and which of its queues is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The entity.
    pub path: Path,
    /// Its own messages, or those that died.
    pub subqueue: Subqueue,
}

/// The queues within a queue or a subscription.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subqueue {
    /// The messages themselves.
    #[default]
    Main,
    /// Messages that died in the entity.
    DeadLetter,
    /// Messages that could not be transferred to another entity.
    TransferDeadLetter,
}

impl Subqueue {
    pub(crate) const ALL: [Self; 3] = [Self::Main, Self::DeadLetter, Self::TransferDeadLetter];
}

impl Path {
    /// Takes a path as it stands, for example `orders` or `news/Subscriptions/all`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self {
            text: text.into(),
            key: text.to_ascii_lowercase().into(),
        }
    }

    /// Makes the path of a subscription.
    #[must_use]
    pub fn of_subscription(topic: &str, name: &str) -> Self {
        Self::new(&format!("{topic}/Subscriptions/{name}"))
    }

    /// Returns the path as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the path in the form by which entities are found.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns the topic and the name, if this is the path of a subscription.
    #[must_use]
    pub fn as_subscription(&self) -> Option<(&str, &str)> {
        let middle = self.key.rfind(&format!("/{SUBSCRIPTIONS}/"))?;
        let (topic, rest) = (self.text.get(..middle)?, self.text.get(middle + 1..)?);
        let (_, name) = rest.split_once('/')?;
        (!topic.is_empty() && !name.is_empty()).then_some((topic, name))
    }
}

impl From<Box<str>> for Path {
    fn from(text: Box<str>) -> Self {
        Self::new(&text)
    }
}

impl From<Path> for Box<str> {
    fn from(path: Path) -> Self {
        path.text
    }
}

impl PartialEq for Path {
    fn eq(&self, other: &Self) -> bool {
        let Self { text: _, key } = self;
        *key == other.key
    }
}

impl Eq for Path {}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Address {
    /// Reads the address of a link or of a request.
    ///
    /// A scheme and a host before the path are left out, as the emulator is reached by any name.
    ///
    /// # Errors
    ///
    /// The address has no path, or is longer than [`ADDRESS_BYTES_MAX`].
    pub fn parse(text: &str) -> Result<Self> {
        if ADDRESS_BYTES_MAX < text.len() {
            let message = format!(
                "the address has {} bytes, and {ADDRESS_BYTES_MAX} are possible",
                text.len()
            );
            return Err(Error::new(ErrorKind::Argument, message));
        }
        let path = match text.split_once("://") {
            Some((_, rest)) => rest.split_once('/').map_or("", |(_, path)| path),
            None => text,
        };
        let path = path.trim_matches('/');
        let (path, subqueue) = split_subqueue(path);
        if path.is_empty() {
            let message = format!("the address {text:?} names no entity");
            return Err(Error::new(ErrorKind::Argument, message));
        }
        Ok(Self {
            path: Path::new(path),
            subqueue,
        })
    }
}

impl From<Path> for Address {
    fn from(path: Path) -> Self {
        Self {
            path,
            subqueue: Subqueue::Main,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.subqueue {
            Subqueue::Main => write!(f, "{}", self.path),
            Subqueue::DeadLetter => write!(f, "{}/$DeadLetterQueue", self.path),
            Subqueue::TransferDeadLetter => write!(f, "{}/$Transfer/$DeadLetterQueue", self.path),
        }
    }
}

/// Takes the name of a subqueue off the end of a path.
fn split_subqueue(path: &str) -> (&str, Subqueue) {
    let Some(entity) = without_segment(path, DEAD_LETTER) else {
        return (path, Subqueue::Main);
    };
    match without_segment(entity, TRANSFER) {
        Some(entity) => (entity, Subqueue::TransferDeadLetter),
        None => (entity, Subqueue::DeadLetter),
    }
}

/// Takes a segment off the end of a path, in any case.
fn without_segment<'a>(path: &'a str, segment: &str) -> Option<&'a str> {
    let (rest, last) = path.rsplit_once('/')?;
    last.eq_ignore_ascii_case(segment).then_some(rest)
}
