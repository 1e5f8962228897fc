//! Delays beyond those of SQS: a message that is not due yet is sent again, and the one that came is
//! deleted.

use relayhouse_core::{Operation, Result};

use super::SqsReceiver;
use crate::{
    batch,
    convert::{Envoy, Packet, Reading},
    sender,
};

impl SqsReceiver {
    /// Splits off what is not due yet, which nobody but us gets to see.
    ///
    /// On a dead-letter queue all is shown: SQS moved it there while it was on its way.
    pub(super) fn split_off_early(&self, readings: &mut Vec<Reading>) -> Vec<Reading> {
        let now = self.link.wall();
        // A FIFO queue holds no single message back: what another program sent there is shown.
        let can_hop = self.dead.is_none() && !self.queue.is_fifo;
        let is_early = |it: &Reading| can_hop && it.due.is_some_and(|due| now < due);
        if !readings.iter().any(is_early) {
            return Vec::new();
        }
        let (early, due) = readings.drain(..).partition(is_early);
        *readings = due;
        early
    }

    /// Sends each of `early` again, and deletes it once that is confirmed.
    ///
    /// What is lost between the two is the confirmation, and never the message: then it is there
    /// twice. What fails comes again when its lease ends.
    pub(crate) async fn hop(&self, early: Vec<Reading>) -> Result<()> {
        let (mut packets, mut handles) = (Vec::new(), Vec::new());
        let (mut sent, mut failed) = (Vec::new(), None);
        for reading in early {
            match self.write_again(&reading) {
                Ok(packet) => {
                    packets.push(packet);
                    handles.push(reading.handle);
                }
                Err(error) => failed = Some(error),
            }
        }
        let answers = batch::send(&self.link, &self.queue, packets).await;
        for (handle, answer) in handles.into_iter().zip(answers) {
            match answer {
                Ok(_) => sent.push(handle),
                Err(error) => failed = Some(error),
            }
        }
        let deletes = batch::delete(&self.link, &self.queue, sent, Operation::Settle).await;
        let failed = deletes
            .into_iter()
            .filter_map(Result::err)
            .next_back()
            .or(failed);
        failed.map_or(Ok(()), Err)
    }

    fn write_again(&self, reading: &Reading) -> Result<Packet> {
        let envoy = Envoy {
            enqueued_at: Some(reading.enqueued_at),
            due: reading.due,
            attempts: reading.attempts_before,
            ..Envoy::default()
        };
        let to = (&*self.link, &self.queue);
        sender::write_again(&reading.message, &reading.id, &envoy, to)
    }
}
