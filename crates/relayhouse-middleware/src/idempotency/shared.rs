//! What clones of the service share: how keys are found, claimed, and noted as done.

use std::{
    fmt::{self, Debug},
    mem::replace,
    sync::Arc,
};

use relayhouse_core::{
    Context, Delivery, Error, Event, Mark, Outgoing, Result, Retry, Settlement, Text,
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

impl Mine {
    fn marking(self) -> Marking {
        Marking::new(self.key, self.owner)
    }
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

    /// Sees to it that the key is done with its message, or gives it up if the message is not.
    ///
    /// An ack is noted here, unless the store is where messages are: then, and where messages are
    /// sent first, the answer takes the key along.
    pub(super) async fn conclude(&self, ends: Vec<(Mine, Option<&mut Result<Settlement>>)>) {
        let (mut done, mut given_up) = (Vec::new(), Vec::new());
        for (mine, answer) in ends {
            match answer {
                Some(Ok(Settlement::Ack)) if self.store.site().is_none() => {
                    done.push(mine.marking());
                }
                Some(Ok(settlement)) if settlement.is_success() => {
                    let outgoing = match replace(settlement, Settlement::Ack) {
                        Settlement::Forward(outgoing) => *outgoing,
                        _ => Outgoing::new(),
                    };
                    *settlement = outgoing.mark(self.mark(mine)).into();
                }
                _ => given_up.push(mine.marking()),
            }
        }
        if !done.is_empty() {
            let call = self.store.complete(&mut done, self.config.keep).await;
            Marking::tell_failures(done, &call, &self.context);
        }
        if !given_up.is_empty() {
            let call = self.store.abandon(&mut given_up).await;
            Marking::tell_failures(given_up, &call, &self.context);
        }
    }

    fn mark(&self, mine: Mine) -> Mark {
        let Mine { key, owner } = mine;
        Mark {
            store: Arc::clone(&self.store),
            key,
            owner,
            keep: self.config.keep,
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

/// What cannot be claimed waits: the error is temporary, whatever the store's is.
fn not_claimed(error: &Error) -> Error {
    Error::new(error.kind(), "key of the message cannot be claimed")
        .retry(Retry::Temporary)
        .with_source(error.clone())
}
