//! From what the process of the first consumer tells to events, as if it were this process.

use std::{collections::HashMap, time::Duration};

use relayhouse::{
    Delivery, Error, ErrorKind, Event, Instant, Lease, MessageId, Observer, Previous, Receipt,
    Source, Timestamp,
};

use super::{
    wire::{Shift, What, Wrong},
    witness::Witness,
};
use crate::envelope;

/// Tells a witness what another process told, at the times that its own clock showed.
#[derive(Debug)]
pub(crate) struct Replay {
    source: Source,
    pub(crate) shift: Shift,
    /// What the process has received and not settled.
    held: HashMap<String, Delivery>,
    /// Handlers that failed; those that panicked are among them.
    pub(crate) failed: u64,
    pub(crate) panicked: u64,
}

impl Replay {
    pub(crate) fn new(source: &Source) -> Self {
        Self {
            source: source.clone(),
            shift: Shift::default(),
            held: HashMap::new(),
            failed: 0,
            panicked: 0,
        }
    }

    /// Tells `witness` what happened when the clock of the process stood at `at`.
    pub(crate) fn tell(&mut self, witness: &Witness, at: u64, what: What) -> Result<(), Error> {
        let now = self.shift.ours(at);
        let observe = |event| witness.observe(now, &[event]);
        let source = &self.source;
        match what {
            What::Received { .. } => return self.received(witness, now, what),
            What::Started { receipt } => {
                let delivery = held(&self.held, &receipt)?;
                let lease_left = None;
                observe(Event::Started {
                    source,
                    delivery,
                    lease_left,
                });
            }
            What::Handled {
                receipt,
                took,
                result,
            } => {
                let delivery = held(&self.held, &receipt)?;
                self.failed += u64::from(result.is_err());
                self.panicked += u64::from(matches!(result, Err(Wrong::Panicked)));
                let result = match result {
                    Ok(how) => Ok(how.settlement()),
                    Err(wrong) => Err(wrong.error()),
                };
                let result = result.as_ref();
                observe(Event::Handled {
                    source,
                    delivery,
                    took,
                    lease_left: None,
                    result,
                });
            }
            What::Settled {
                receipt,
                settlement,
                result,
            } => {
                let delivery = held(&self.held, &receipt)?;
                let (settlement, error) = (settlement.settlement(), result.err().map(Wrong::error));
                observe(Event::Settled {
                    source,
                    delivery,
                    settlement: &settlement,
                    took: Duration::ZERO,
                    result: error.as_ref().map_or(Ok(()), Err),
                });
                self.held.remove(&receipt);
            }
            What::Extended { receipt, until } => observe(Event::Extended {
                source,
                receipt: &Receipt::from_text(&receipt),
                traceparent: None,
                result: Ok(self.shift.ours(until)),
            }),
        }
        Ok(())
    }

    fn received(&mut self, witness: &Witness, now: Instant, what: What) -> Result<(), Error> {
        let What::Received {
            receipt,
            id,
            attempt,
            token,
            until,
            message,
        } = what
        else {
            return Ok(());
        };
        let message = envelope::read(message.get().as_bytes()).map_err(|wrong| {
            let text = format!("the first consumer told of no message: {}", wrong.reason);
            Error::new(ErrorKind::Unexpected, text)
        })?;
        let delivery = Delivery {
            id: MessageId::from(id),
            message,
            receipt: Receipt::from_text(&receipt),
            lease: Lease::new(self.shift.ours(until), token),
            attempt,
            previous: Previous::Unknown,
            sequence: None,
            enqueued_at: Timestamp::default(),
            envelope: None,
        };
        let (source, delivery) = (
            &self.source,
            self.held.entry(receipt).insert_entry(delivery),
        );
        let delivery = delivery.get();
        witness.observe(now, &[Event::Received { source, delivery }]);
        Ok(())
    }
}

fn held<'a>(held: &'a HashMap<String, Delivery>, receipt: &str) -> Result<&'a Delivery, Error> {
    held.get(receipt).ok_or_else(|| {
        let text = format!("the first consumer told of {receipt}, which it had not received");
        Error::new(ErrorKind::Unexpected, text)
    })
}
