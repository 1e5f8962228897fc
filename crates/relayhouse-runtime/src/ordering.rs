//! Where an ordering key comes from: the message, a header, a function, or several of them.

use std::{
    fmt::{self, Debug},
    sync::Arc,
    time::Duration,
};

use relayhouse_core::{Message, Text, Timestamp};

type KeyOf = dyn Fn(&Message, Timestamp) -> Option<Text> + Send + Sync;

/// Says where the ordering key of a message comes from.
///
/// A producer gives the key to messages that have none. A consumer dispatches by it: handlers of
/// one key run one after the other, any number of keys at once.
///
/// ```
/// use relayhouse_core::{Message, Timestamp};
/// use relayhouse_runtime::Ordering;
///
/// let ordering = Ordering::fallback([
///     Ordering::message(),
///     Ordering::composite([Ordering::header("tenant"), Ordering::header("order")]),
/// ]);
/// let message = Message::new("").header("tenant", "acme").header("order", "7");
/// let key = ordering.key(&message, Timestamp::default());
/// assert_eq!(key.as_deref(), Some("acme/7"));
/// ```
#[derive(Clone)]
pub struct Ordering {
    name: &'static str,
    key_of: Arc<KeyOf>,
}

impl Ordering {
    /// Takes the message's own ordering key. This is the default.
    #[must_use]
    pub fn message() -> Self {
        Self::new("message", |message, _| {
            message.details().ordering_key.clone()
        })
    }

    /// Gives no key: messages run in any order, and at once.
    #[must_use]
    pub fn none() -> Self {
        Self::new("none", |_, _| None)
    }

    /// Takes the text of the header `key`.
    #[must_use]
    pub fn header(key: impl Into<Text>) -> Self {
        let key = key.into();
        Self::new("header", move |message, _| {
            message
                .headers()
                .text(&key)
                .map(|text| Text::from(text.to_owned()))
        })
    }

    /// Takes what `key_of` returns.
    #[must_use]
    pub fn function(key_of: impl Fn(&Message) -> Option<Text> + Send + Sync + 'static) -> Self {
        Self::new("function", move |message, _| key_of(message))
    }

    /// Joins the keys of `parts` with `/`; gives none if one of them gives none.
    #[must_use]
    pub fn composite(parts: impl IntoIterator<Item = Self>) -> Self {
        let parts: Vec<Self> = parts.into_iter().collect();
        Self::new("composite", move |message, at| {
            let keys: Option<Vec<Text>> = parts.iter().map(|part| part.key(message, at)).collect();
            Some(Text::from(keys?.join("/")))
        })
    }

    /// Takes the first key that one of `parts` gives.
    #[must_use]
    pub fn fallback(parts: impl IntoIterator<Item = Self>) -> Self {
        let parts: Vec<Self> = parts.into_iter().collect();
        Self::new("fallback", move |message, at| {
            parts.iter().find_map(|part| part.key(message, at))
        })
    }

    /// Adds to the key of `inner` the number of the span of `width` in which the message was
    /// enqueued: a long-lived key is cut into shorter ones.
    #[must_use]
    pub fn time_partition(inner: Self, width: Duration) -> Self {
        let width = u64::try_from(width.as_micros()).unwrap_or(u64::MAX).max(1);
        Self::new("time_partition", move |message, at| {
            let key = inner.key(message, at)?;
            Some(Text::from(format!("{key}/{}", at.as_micros() / width)))
        })
    }

    fn new(
        name: &'static str,
        key_of: impl Fn(&Message, Timestamp) -> Option<Text> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name,
            key_of: Arc::new(key_of),
        }
    }

    /// Returns the key of `message`, which was or will be enqueued at `at`.
    #[must_use]
    pub fn key(&self, message: &Message, at: Timestamp) -> Option<Text> {
        (self.key_of)(message, at).filter(|key| !key.is_empty())
    }

    /// Returns true if the key is the message's own: what a provider that keeps order knows.
    pub(crate) fn is_message(&self) -> bool {
        self.name == "message"
    }
}

impl Default for Ordering {
    fn default() -> Self {
        Self::message()
    }
}

impl Debug for Ordering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, key_of: _ } = self;
        write!(f, "Ordering({name})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(ordering: &Ordering, message: &Message) -> Option<String> {
        let at = Timestamp::from_micros(90_000_000);
        ordering.key(message, at).map(|key| key.to_string())
    }

    #[test]
    fn keys_come_from_where_the_strategy_says() {
        let message = Message::new("body")
            .ordering_key("own")
            .header("tenant", "acme");
        let tenant = || Ordering::header("tenant");
        let missing = || Ordering::header("missing");
        let cases = [
            (Ordering::message(), Some("own")),
            (Ordering::none(), None),
            (tenant(), Some("acme")),
            (missing(), None),
            (
                Ordering::function(|message| Some(format!("{}", message.size()).into())),
                Some("14"),
            ),
            (
                Ordering::composite([tenant(), Ordering::message()]),
                Some("acme/own"),
            ),
            (Ordering::composite([tenant(), missing()]), None),
            (Ordering::fallback([missing(), tenant()]), Some("acme")),
            (
                Ordering::time_partition(tenant(), Duration::from_secs(60)),
                Some("acme/1"),
            ),
        ];
        for (ordering, expected) in cases {
            assert_eq!(
                key(&ordering, &message).as_deref(),
                expected,
                "{ordering:?}"
            );
        }
    }

    #[test]
    fn empty_text_is_no_key() {
        let message = Message::new("").header("tenant", "");
        assert_eq!(key(&Ordering::header("tenant"), &message), None);
    }
}
