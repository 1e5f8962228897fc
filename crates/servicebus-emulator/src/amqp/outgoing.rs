//! Messages to the peer, cut into frames.

use fe2o3_amqp_types::{definitions::Handle, performatives::Transfer};
use serde_bytes::ByteBuf;

use super::{
    frame::{self, Protocol},
    output::Output,
    session::{Session, Waiting},
};

impl Session {
    /// Writes what has waited, and tells the owner if nothing waits any more.
    pub(super) fn send_waiting(&mut self, output: &mut Output) {
        let has_waited = !self.waiting.is_empty();
        self.send_new(output);
        if has_waited && self.waiting.is_empty() {
            self.tell_credit(output);
        }
    }

    /// Writes what waits, as far as the peer's window goes.
    pub(super) fn send_new(&mut self, output: &mut Output) {
        while 0 < self.remote_window {
            let Some(mut waiting) = self.waiting.pop_front() else {
                break;
            };
            self.send_frame(&mut waiting, output);
            if !waiting.payload.is_empty() {
                self.waiting.push_front(waiting);
            }
        }
    }

    fn send_frame(&mut self, waiting: &mut Waiting, output: &mut Output) {
        self.flush(output);
        let taken = frame::put(
            &mut output.bytes,
            (Protocol::Amqp, self.channel),
            output.frame_bytes_max,
            |has_more| waiting.transfer(has_more),
            &waiting.payload,
        );
        waiting.payload = waiting.payload.slice(taken..);
        waiting.has_begun = true;
        self.next_outgoing_id = self.next_outgoing_id.wrapping_add(1);
        self.remote_window -= 1;
    }
}

impl Waiting {
    fn transfer(&self, has_more: bool) -> Transfer {
        let is_first = !self.has_begun;
        Transfer {
            handle: Handle(self.handle),
            delivery_id: is_first.then_some(low(self.delivery)),
            delivery_tag: is_first.then(|| ByteBuf::from(self.tag.to_vec())),
            message_format: is_first.then_some(self.format),
            settled: Some(self.is_settled),
            more: has_more,
            rcv_settle_mode: None,
            state: None,
            resume: false,
            aborted: false,
            batchable: is_first,
        }
    }
}

/// Returns the half of a number that the peer sees.
pub(super) fn low(delivery: u64) -> u32 {
    u32::try_from(delivery & u64::from(u32::MAX)).unwrap_or(u32::MAX)
}
