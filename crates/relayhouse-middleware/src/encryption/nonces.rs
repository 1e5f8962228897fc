//! Refuses what is too old, and what was seen before.

use std::{fmt::Write, sync::Arc, time::Duration};

use relayhouse_core::{
    Delivery, Error, ErrorKind, Result, Retry, Timestamp,
    port::{Claim, Claiming, DedupStore},
};

use super::cipher::NONCE_BYTES;

/// Notes nonces for as long as their messages are fresh.
#[derive(Debug)]
pub(super) struct Nonces {
    store: Arc<dyn DedupStore>,
    window: Duration,
    skew: Duration,
}

impl Nonces {
    pub(super) const fn new(store: Arc<dyn DedupStore>, window: Duration, skew: Duration) -> Self {
        Self {
            store,
            window,
            skew,
        }
    }

    /// Checks the age of a message, by the wall clock.
    pub(super) fn check_age(&self, sealed_at: Timestamp, now: Timestamp) -> Result<()> {
        let (age, ahead) = (now.since(sealed_at), sealed_at.since(now));
        if self.window.saturating_add(self.skew) < age {
            let window = self.window;
            return Err(replayed(format!(
                "message is {age:?} old, at most {window:?} is allowed"
            )));
        }
        if self.skew < ahead {
            return Err(replayed(format!(
                "message is from {ahead:?} ahead of this clock"
            )));
        }
        Ok(())
    }

    /// Notes the nonces of `items`, and writes an error in the place of each message whose nonce
    /// another message has had.
    ///
    /// A redelivery has the place in the queue that the first delivery had, and a copy has another:
    /// the time of its arrival tells.
    pub(super) async fn note(&self, items: Vec<(&mut Result<Delivery>, [u8; NONCE_BYTES])>) {
        let (mut claims, mut places) = (Vec::new(), Vec::new());
        for (item, nonce) in items {
            if let Ok(delivery) = item {
                let owner = delivery.enqueued_at.as_micros();
                claims.push(Claiming::new(key(&nonce), owner));
                places.push(item);
            }
        }
        // A message from ahead of this clock is fresh for as much longer.
        let hold = self.window.saturating_add(self.skew.saturating_mul(2));
        let call = self.store.claim(&mut claims, hold).await;
        for (claim, place) in claims.into_iter().zip(places) {
            let seen = match claim.outcome.settle(&call) {
                Ok(Claim::New | Claim::Own) => continue,
                Ok(_) => replayed("message was seen before".to_owned()),
                Err(error) => not_noted(error),
            };
            *place = Err(seen);
        }
    }
}

fn key(nonce: &[u8; NONCE_BYTES]) -> String {
    let mut key = String::from("nonce/");
    for byte in nonce {
        // Writing to a string does not fail.
        let _ = write!(key, "{byte:02x}");
    }
    key
}

fn replayed(text: String) -> Error {
    Error::new(ErrorKind::Replayed, text)
}

/// A message that is not known to be fresh waits: the error is temporary, whatever the store's is.
fn not_noted(error: Error) -> Error {
    Error::new(error.kind(), "nonce of the message cannot be noted")
        .retry(Retry::Temporary)
        .with_source(error)
}
