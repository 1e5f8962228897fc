//! How many messages the broker may send, and how what is left of that is taken back.

use fe2o3_amqp::link::{IllegalLinkStateError, Receiver as AmqpReceiver};
use tokio::sync::oneshot;

use super::intake::Desk;
use crate::link::tap::Drained;

/// Counts the credit of one link.
///
/// The client library does not: what the broker gives back stays credit there.
#[derive(Debug, Default)]
pub(super) struct Credit {
    /// How many messages may still come.
    granted: u32,
    /// How many have come, around the end of the numbers.
    count: u32,
    /// What is granted when the broker has given back what it had.
    wanted: u32,
    draining: Option<Draining>,
}

/// Is credit on its way back.
#[derive(Debug)]
struct Draining {
    drained: Drained,
    /// How many messages the broker had sent, once it has told.
    sent: Option<u32>,
    waiting: Vec<oneshot::Sender<()>>,
    /// Whether what has come by then is given back if nobody receives.
    is_for_good: bool,
}

impl Credit {
    /// Lets `credit` messages come in. What was granted before is left: they may be under way.
    pub(super) async fn grant(
        &mut self,
        receiver: &mut AmqpReceiver,
        credit: u32,
    ) -> Result<(), IllegalLinkStateError> {
        if self.draining.is_some() {
            self.wanted = self.wanted.max(credit);
            return Ok(());
        }
        if self.granted < credit {
            self.granted = credit;
            receiver.set_credit(credit).await?;
        }
        Ok(())
    }

    /// Takes the credit back, and tells `waiting` when nothing more comes by it.
    pub(super) async fn take_back(
        &mut self,
        receiver: &mut AmqpReceiver,
        desk: &Desk,
        waiting: Option<oneshot::Sender<()>>,
    ) -> Result<(), IllegalLinkStateError> {
        let is_for_good = waiting.is_none();
        if let Some(draining) = &mut self.draining {
            draining.waiting.extend(waiting);
            draining.is_for_good |= is_for_good;
            return Ok(());
        }
        let mut draining = Draining {
            drained: desk.answers.drained(&desk.name),
            sent: None,
            waiting: waiting.into_iter().collect(),
            is_for_good,
        };
        let ordered = if self.granted == 0 {
            draining.sent = Some(self.count);
            Ok(())
        } else {
            receiver.drain().await
        };
        self.draining = Some(draining);
        ordered
    }

    /// Notes that a message has come.
    pub(super) const fn arrived(&mut self) {
        self.granted = self.granted.saturating_sub(1);
        self.count = self.count.wrapping_add(1);
    }

    /// Ends when nothing more comes by the credit that is taken back. Dropping the future loses
    /// nothing.
    pub(super) async fn taken_back(&mut self) {
        if let Some(draining) = &mut self.draining {
            if draining.sent.is_none()
                && let Ok(sent) = (&mut draining.drained).await
            {
                draining.sent = Some(sent);
            }
            // What was sent before the broker told of it may still wait to be read.
            if draining.sent == Some(self.count) {
                return;
            }
        }
        // Of a link that has ended nothing else is heard here.
        std::future::pending::<()>().await;
    }

    /// Starts over with what was asked for meanwhile, and returns true if what has come is to be
    /// given back if nobody receives.
    pub(super) async fn start_over(
        &mut self,
        receiver: &mut AmqpReceiver,
    ) -> Result<bool, IllegalLinkStateError> {
        self.granted = 0;
        let Some(draining) = self.draining.take() else {
            return Ok(false);
        };
        for waiting in draining.waiting {
            // Who asked may have stopped waiting.
            let _ = waiting.send(());
        }
        let wanted = std::mem::take(&mut self.wanted);
        self.grant(receiver, wanted).await?;
        Ok(draining.is_for_good)
    }
}
