//! What clones of the service share: how keys are found, claimed, and noted as done.

use std::{
    fmt::{self, Debug},
    sync::Arc,
};

use relayhouse_core::{
    Context, Delivery, Error, Event, Result, Retry, Settlement, Text,
    port::{Claim, Claiming, DedupStore, Marking},
};

use super::IdempotencyConfig;

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) store: Arc<dyn DedupStore>,
    pub(super) config: IdempotencyConfig,
    pub(super) function: Option<Function>,
    pub(super) context: Context,
}

/// Finds the key of a delivery.
#[derive(Clone)]
pub(super) struct Function(pub(super) Arc<Find>);

type Find = dyn Fn(&Delivery) -> Option<Text> + Send + Sync;

/// A claim of this call.
#[derive(Clone, Debug)]
pub(super) struct Mine {
    key: Text,
    owner: u64,
}

/// What is to be done with a delivery.
#[derive(Debug)]
pub(super) enum Decision {
    /// It is handled, under a claim or without one.
    Handle(Option<Mine>),
    /// It is answered without the handler.
    Answer(Result<Settlement>),
}

impl Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Function")
    }
}

impl Shared {
    /// Claims the keys of `batch`, and decides for each of its deliveries.
    pub(super) async fn claim(&self, batch: &[Delivery]) -> Vec<Decision> {
        let keys: Vec<Option<Text>> = batch.iter().map(|delivery| self.key(delivery)).collect();
        let owned = |key: &Text| Claiming::new(key.clone(), self.context.random.next_u64());
        let mut claims: Vec<Claiming> = keys.iter().flatten().map(owned).collect();
        let call = self.store.claim(&mut claims, self.config.hold).await;
        let mut claims = claims.into_iter();
        let mut decide = |(delivery, key): (&Delivery, Option<Text>)| {
            let claim = key.and_then(|_| claims.next());
            match claim {
                Some(claim) => self.decide(delivery, claim, &call),
                None => Decision::Handle(None),
            }
        };
        batch.iter().zip(keys).map(&mut decide).collect()
    }

    fn decide(&self, delivery: &Delivery, claim: Claiming, call: &Result<()>) -> Decision {
        let Claiming {
            key,
            owner,
            outcome,
        } = claim;
        match outcome.settle(call) {
            Ok(Claim::Done) => {
                self.tell(&Event::Deduplicated { delivery });
                Decision::Answer(Ok(Settlement::Ack))
            }
            Ok(Claim::Held { left }) => Decision::Answer(Ok(Settlement::Release { delay: left })),
            Ok(_) => Decision::Handle(Some(Mine { key, owner })),
            Err(error) => Decision::Answer(Err(not_claimed(&error))),
        }
    }

    /// Notes the key as done if the message was acked, and gives it up otherwise.
    pub(super) async fn mark(&self, ends: Vec<(Mine, bool)>) {
        let marking = |(Mine { key, owner }, _)| Marking::new(key, owner);
        let (done, given_up): (Vec<_>, Vec<_>) = ends.into_iter().partition(|(_, acked)| *acked);
        let mut done: Vec<Marking> = done.into_iter().map(marking).collect();
        let mut given_up: Vec<Marking> = given_up.into_iter().map(marking).collect();
        if !done.is_empty() {
            let call = self.store.complete(&mut done, self.config.keep).await;
            self.tell_failures(done, &call);
        }
        if !given_up.is_empty() {
            let call = self.store.abandon(&mut given_up).await;
            self.tell_failures(given_up, &call);
        }
    }

    /// What could not be noted changes no answer: the handler is done, and its message is acked.
    fn tell_failures(&self, items: Vec<Marking>, call: &Result<()>) {
        for Marking { key, outcome, .. } in items {
            if let Err(error) = outcome.settle(call) {
                let (key, error) = (&*key, &error);
                self.tell(&Event::DedupNotNoted { key, error });
            }
        }
    }

    fn tell(&self, event: &Event<'_>) {
        if let Some(observer) = &self.context.observer {
            observer.observe(self.context.clock.now(), std::slice::from_ref(event));
        }
    }

    fn key(&self, delivery: &Delivery) -> Option<Text> {
        let found = match (&self.function, &self.config.header) {
            (Some(Function(function)), _) => function(delivery)?,
            (None, Some(header)) => delivery.message.headers().text(header)?.to_owned().into(),
            (None, None) => delivery.id.to_string().into(),
        };
        let scope = &self.config.scope;
        Some(format!("{scope}/{found}").into())
    }
}

/// Returns true if the message is acked with nothing else to be done.
pub(super) const fn is_acked(answer: &Result<Settlement>) -> bool {
    matches!(answer, Ok(Settlement::Ack))
}

/// What cannot be claimed waits: the error is temporary, whatever the store's is.
fn not_claimed(error: &Error) -> Error {
    Error::new(error.kind(), "key of the message cannot be claimed")
        .retry(Retry::Temporary)
        .with_source(error.clone())
}
