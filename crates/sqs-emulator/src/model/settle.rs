//! Deletion and change of visibility, by receipt.

use std::time::Duration;

use super::{
    Call, Model, batch,
    queue::Queue,
    receipt::Receipt,
    receive::check_visibility,
    shelf::{HandOut, State},
};
use crate::api::{
    Code, Error, Result,
    batches::{Batch, BatchResult},
    messages::{Settle, Settled},
    queues::Done,
};

/// No message stays in flight for longer, counted from when it was received.
const IN_FLIGHT_MAX: Duration = Duration::from_secs(43_200);

impl Model {
    /// Deletes one message.
    pub(crate) fn delete(&mut self, call: &mut Call, delete: Settle) -> Result<Done> {
        let url = delete.queue_url.clone();
        self.delete_one(call, &url, delete).map(|_| Done {})
    }

    /// Deletes up to ten messages.
    pub(crate) fn delete_batch(
        &mut self,
        call: &mut Call,
        batch: Batch<Settle>,
    ) -> Result<BatchResult<Settled>> {
        self.reach(call, &batch.queue_url)?;
        batch::check(&batch.entries)?;
        let url = batch.queue_url;
        Ok(batch::each(call, batch.entries, |call, entry| {
            self.delete_one(call, &url, entry)
        }))
    }

    /// Changes until when one message is in flight.
    pub(crate) fn change_visibility(&mut self, call: &mut Call, change: Settle) -> Result<Done> {
        let url = change.queue_url.clone();
        self.change_one(call, &url, change).map(|_| Done {})
    }

    /// Changes until when up to ten messages are in flight.
    pub(crate) fn change_visibility_batch(
        &mut self,
        call: &mut Call,
        batch: Batch<Settle>,
    ) -> Result<BatchResult<Settled>> {
        self.reach(call, &batch.queue_url)?;
        batch::check(&batch.entries)?;
        let url = batch.queue_url;
        Ok(batch::each(call, batch.entries, |call, entry| {
            self.change_one(call, &url, entry)
        }))
    }

    fn delete_one(&mut self, call: &mut Call, url: &str, delete: Settle) -> Result<Settled> {
        let queue = self.reach(call, url)?;
        queue.delete(&delete.receipt_handle)?;
        call.messages += 1;
        Ok(Settled { id: delete.id })
    }

    fn change_one(&mut self, call: &mut Call, url: &str, change: Settle) -> Result<Settled> {
        let queue = self.reach(call, url)?;
        let Some(visibility) = check_visibility(change.visibility_timeout)? else {
            return Err(Error::missing("VisibilityTimeout"));
        };
        queue.change_visibility(&change.receipt_handle, visibility, call)?;
        call.messages += 1;
        Ok(Settled { id: change.id })
    }
}

impl Queue {
    /// Deletes the message of a receipt. One that is gone already is deleted.
    ///
    /// An old receipt deletes nothing: a standard queue says nothing of it, a FIFO queue says
    /// that the receipt has expired, also when the message has only become visible again.
    fn delete(&mut self, text: &str) -> Result<()> {
        let receipt = Receipt::parse(text, self.number)?;
        let Some(entry) = self.shelf.get(receipt.place) else {
            return Ok(());
        };
        let is_last = is_last(entry.hand_out, receipt);
        let is_in_flight = matches!(entry.state, State::InFlight(_));
        if self.is_fifo() && !(is_last && is_in_flight) {
            let reason = "The receipt handle has expired.";
            return Err(Error::invalid("ReceiptHandle", text, reason));
        }
        if is_last {
            self.shelf.remove(receipt.place);
            // What the message kept waiting may be free now.
            self.ring();
        }
        Ok(())
    }

    fn change_visibility(&mut self, text: &str, by: Duration, call: &Call) -> Result<()> {
        let receipt = Receipt::parse(text, self.number)?;
        let Some(entry) = self.shelf.get(receipt.place) else {
            let reason =
                "Message does not exist or is not available for visibility timeout change.";
            return Err(Error::invalid("ReceiptHandle", text, reason));
        };
        let hand_out = entry.hand_out.filter(|_| is_last(entry.hand_out, receipt));
        let Some((hand_out, State::InFlight(_))) = hand_out.map(|it| (it, entry.state)) else {
            let message = "The specified message isn't in flight.";
            return Err(Error::new(Code::MessageNotInflight, message));
        };
        if hand_out.at + IN_FLIGHT_MAX < call.now + by {
            let reason =
                "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]";
            return Err(Error::invalid("VisibilityTimeout", by.as_secs(), reason));
        }
        self.shelf.change(receipt.place, call.now + by);
        self.shelf.catch_up(call.now, self.settings.retention);
        // A shorter wait is news for long polls as well: they wait for the end that was.
        self.ring();
        Ok(())
    }
}

fn is_last(hand_out: Option<HandOut>, receipt: Receipt) -> bool {
    hand_out.is_some_and(|hand_out| hand_out.number == receipt.hand_out)
}
