//! Cases about long histories, which the oracle judges.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use relayhouse_core::{
    Delivery, Random, SeededRandom, Settlement,
    port::{QueueConfig, ReceiveRequest, Receiver},
};

use crate::{
    conformance::{
        Case, Fixture, Need, Verdict, Violation,
        fixture::{LEASE, extend, settle},
        violation::ensure,
    },
    generate::Stream,
    harness::Harness,
    oracle::{Answer, Entry, Oracle, Rules},
};

const SOURCE: &str = include_str!("history.rs");

const NEEDS: &[Need] = &[
    Need::DeliveryLease,
    Need::Ability("release"),
    Need::Ability("dead_letter"),
];
const MESSAGES: u64 = 300;
const SEEDS: std::ops::Range<u64> = 0..5;

pub(super) const CASES: &[Case] = &[case!(random_history_keeps_every_rule, NEEDS)];

/// Whatever becomes of deliveries, no message is lost, made up or changed, and no two receivers
/// hold one at the same time.
pub async fn random_history_keeps_every_rule(harness: &dyn Harness) -> Verdict {
    for seed in SEEDS {
        let mut history = History::new(harness, seed).await?;
        history.run().await?;
        let verdict = history.oracle.verdict(0);
        ensure(verdict.is_ok(), format!("seed {seed}: {verdict}"))?;
    }
    Ok(())
}

/// A queue with a few receivers, chance, and an oracle that is told everything.
struct History<'a> {
    fixture: Fixture<'a>,
    receivers: Vec<Arc<dyn Receiver>>,
    random: SeededRandom,
    stream: Stream,
    oracle: Oracle,
}

impl<'a> History<'a> {
    async fn new(harness: &'a dyn Harness, seed: u64) -> Result<Self, Violation> {
        // No message is delivered as often as that.
        let limits = harness
            .capabilities(&*harness.provider().await?)
            .attempts_limit;
        let config = QueueConfig {
            attempts_max: NonZeroU32::new(100).filter(|_| limits.is_supported()),
            ..QueueConfig::default()
        };
        let fixture = Fixture::with(harness, config).await?;
        let mut receivers = Vec::new();
        for _ in 0..4 {
            receivers.push(fixture.open().await?);
        }
        let oracle = Oracle::new(Rules::of(fixture.capabilities()));
        Ok(Self {
            fixture,
            receivers,
            random: SeededRandom::new(seed),
            stream: Stream::new(seed),
            oracle,
        })
    }

    fn below(&self, bound: u64) -> u64 {
        let random: &dyn Random = &self.random;
        random.below(bound)
    }

    fn note(&mut self, entry: Entry<'_>) {
        self.oracle.note(self.fixture.now(), entry);
    }

    /// Sends and receives until everything was sent, and then until nothing comes.
    async fn run(&mut self) -> Verdict {
        let mut quiet_rounds = 0;
        while quiet_rounds < 3 {
            if self.stream.made() < MESSAGES {
                self.send().await?;
            }
            let count = self.receive().await?;
            let is_quiet = count == 0 && self.stream.made() == MESSAGES;
            quiet_rounds = if is_quiet { quiet_rounds + 1 } else { 0 };
            if is_quiet {
                self.fixture.harness.pass(LEASE).await;
            }
        }
        Ok(())
    }

    async fn send(&mut self) -> Verdict {
        let message = self.stream.message(&self.random);
        let message = self.fixture.harness.dress(message);
        self.note(Entry::Sending(&message));
        self.fixture.send(message.clone()).await?;
        let id = message.id.as_ref();
        let id = id.ok_or_else(|| Violation::new("a message without an id"))?;
        let answer = Answer::Done;
        self.note(Entry::Sent { id, answer });
        Ok(())
    }

    async fn receive(&mut self) -> Result<usize, Violation> {
        let index = usize::try_from(self.below(self.receivers.len() as u64)).unwrap_or(0);
        let receiver = Arc::clone(&self.receivers[index]);
        let max = NonZeroU32::new(2).unwrap_or(NonZeroU32::MIN);
        let request = ReceiveRequest::up_to(max).wait(self.fixture.harness.tolerance());
        let mut deliveries = Vec::new();
        receiver.receive(request, &mut deliveries).await?;
        for delivery in &deliveries {
            self.note(Entry::Received(delivery));
        }
        for delivery in &deliveries {
            self.decide(&*receiver, delivery).await?;
        }
        Ok(deliveries.len())
    }

    /// Ends a delivery in one way or another. After twenty attempts it is acked.
    async fn decide(&mut self, receiver: &dyn Receiver, delivery: &Delivery) -> Verdict {
        let choice = if delivery.attempt < 20 {
            self.below(10)
        } else {
            9
        };
        match choice {
            0 => self.fixture.harness.pass(LEASE / 3).await,
            1 => {
                self.fixture.expire(delivery).await;
                self.settle(receiver, delivery, Settlement::Ack).await;
            }
            2 => {
                if let Ok(until) = extend(receiver, delivery, LEASE * 2).await {
                    let receipt = &delivery.receipt;
                    self.note(Entry::Extended { receipt, until });
                }
            }
            3 => self.settle(receiver, delivery, Settlement::RELEASE).await,
            4 => {
                let settlement = Settlement::dead_letter("chance", "");
                self.settle(receiver, delivery, settlement).await;
                self.fixture.harness.pass(Duration::from_millis(10)).await;
            }
            _ => self.settle(receiver, delivery, Settlement::Ack).await,
        }
        Ok(())
    }

    async fn settle(&mut self, receiver: &dyn Receiver, delivery: &Delivery, how: Settlement) {
        let result = settle(receiver, delivery, how.clone()).await;
        let answer = result.as_ref().map_or_else(Answer::from, |()| Answer::Done);
        self.note(Entry::Settled {
            receipt: &delivery.receipt,
            settlement: &how,
            answer,
        });
    }
}
