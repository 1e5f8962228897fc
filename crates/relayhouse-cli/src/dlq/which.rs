//! Which dead letters are meant.

use regex::bytes::Regex;
use relayhouse::Delivery;

use crate::args::Which;

/// What stands for the reason where the queue does not say why a message is dead.
pub(super) const NO_REASON: &str = "unknown";

impl Which {
    /// Returns true if all dead letters are meant.
    pub(super) fn is_all(&self) -> bool {
        let Self {
            group,
            ids,
            reason,
            patterns,
            scan,
        } = self;
        let has_none = group.is_none() && reason.is_none() && patterns.is_empty();
        has_none && ids.is_empty() && scan.is_none()
    }

    /// Returns true if `delivery` is meant.
    pub(super) fn has(&self, delivery: &Delivery) -> bool {
        let letter = delivery.envelope.as_deref().map(|it| &it.dead_letter);
        let fingerprint = letter.map(|it| it.fingerprint).unwrap_or_default();
        let reason = letter.map_or(NO_REASON, |it| &it.reason);
        let is_of_group = self.group.as_ref().is_none_or(|it| it.has(fingerprint));
        let is_of_reason = self.reason.as_ref().is_none_or(|it| it == reason);
        let is_of_ids = self.ids.is_empty() || self.ids.contains(&delivery.id.to_string());
        let is_match = self.patterns.iter().all(|it| matches(it, delivery));
        is_of_group && is_of_reason && is_of_ids && is_match
    }

    /// Returns how many are meant at most, if they are named by their ids.
    pub(super) fn named(&self) -> Option<usize> {
        let mut ids = self.ids.clone();
        ids.sort_unstable();
        ids.dedup();
        (!ids.is_empty()).then_some(ids.len())
    }
}

/// Looks for `pattern` in all that a person may look for.
pub(crate) fn matches(pattern: &Regex, delivery: &Delivery) -> bool {
    let message = &delivery.message;
    let letter = delivery.envelope.as_deref().map(|it| &it.dead_letter);
    let texts = letter.map(|it| [it.reason.as_bytes(), it.description.as_bytes()]);
    let headers = message.headers().iter();
    let mut values = headers.map(|(_, value)| value.as_bytes());
    pattern.is_match(&message.body)
        || texts.is_some_and(|texts| texts.iter().any(|text| pattern.is_match(text)))
        || values.any(|value| pattern.is_match(value))
}
