//! Send: what is checked, where a repeated message ends, and when the message becomes visible.

use std::{sync::Arc, time::Duration};

use super::{
    Call, Model, batch, contents,
    dedup::Original,
    digest,
    message::{Contents, Message},
    next,
    queue::Queue,
    settings::Fifo,
};
use crate::api::{
    Code, Error, Result,
    batches::{Batch, BatchResult},
    messages::{Send, Sent},
};

const DELAY_MAX: i64 = 900;
/// No batch may hold more, whatever the queue lets a message hold.
const BATCH_BYTES_MAX: usize = 1_048_576;

impl Model {
    /// Sends one message.
    pub(crate) fn send(&mut self, call: &mut Call, send: Send) -> Result<Sent> {
        self.reach(call, &send.queue_url)?;
        let url = send.queue_url.clone();
        self.send_one(call, &url, send)
    }

    /// Sends up to ten messages, each of which may fail by itself.
    pub(crate) fn send_batch(
        &mut self,
        call: &mut Call,
        batch: Batch<Send>,
    ) -> Result<BatchResult<Sent>> {
        self.reach(call, &batch.queue_url)?;
        batch::check(&batch.entries)?;
        let bytes = batch.entries.iter().map(contents::bytes).sum::<usize>();
        if BATCH_BYTES_MAX < bytes {
            let message = format!(
                "Batch requests cannot be longer than {BATCH_BYTES_MAX} bytes. \
                 You have sent {bytes} bytes."
            );
            return Err(Error::new(Code::BatchRequestTooLong, message));
        }
        let url = batch.queue_url;
        let entries = batch.entries;
        Ok(batch::each(call, entries, |call, entry| {
            self.send_one(call, &url, entry)
        }))
    }

    fn send_one(&mut self, call: &mut Call, url: &str, send: Send) -> Result<Sent> {
        let is_doubled = self.random.chance(self.chaos.duplicates);
        let id = self.random.id();
        let (place, place_of_double) = (next(&mut self.serial), next(&mut self.serial));
        let queue = self.reach(call, url)?;
        contents::check(&send)?;
        check_size(&send, queue)?;
        let delay = delay_of(&send, queue)?;
        let dedup = check_ids(&send, queue)?;

        let mut sent = Sent {
            id: send.id.clone(),
            message_id: id,
            md5_of_body: digest::body(&send.message_body),
            md5_of_attributes: digest::attributes(&send.message_attributes),
            md5_of_system_attributes: digest::attributes(&send.message_system_attributes),
            sequence_number: queue.sequence(place),
        };
        call.messages += 1;
        let message = message_of(send, &sent, dedup, call);
        if let Some(original) = repeated(queue, &message, place, call) {
            original.id.as_ref().clone_into(&mut sent.message_id);
            sent.sequence_number = Some(original.sequence);
            return Ok(sent);
        }
        let is_doubled = is_doubled && !queue.is_fifo();
        if is_doubled {
            queue.add(place_of_double, message.clone(), call.now, delay);
        }
        let id = Arc::clone(&message.id);
        queue.add(place, message, call.now, delay);
        if is_doubled {
            self.note_doubled(id);
        }
        Ok(sent)
    }
}

fn message_of(send: Send, sent: &Sent, dedup: Option<String>, call: &Call) -> Message {
    let mut system = send.message_system_attributes;
    let contents = Contents {
        body: send.message_body,
        body_digest: sent.md5_of_body.clone(),
        attributes: send.message_attributes,
        trace: system
            .remove("AWSTraceHeader")
            .and_then(|it| it.string_value),
        group: send.message_group_id.map(Arc::from),
        dedup,
        sender: call.account.clone(),
    };
    Message {
        id: Arc::from(sent.message_id.as_str()),
        contents: Arc::new(contents),
        sent: call.now,
        first_received: None,
        receive_count: 0,
        source: None,
    }
}

/// Returns the message that was sent before with the same dedup id; notes the id if there is none.
fn repeated(queue: &mut Queue, message: &Message, place: u64, call: &Call) -> Option<Original> {
    let fifo = queue.settings.fifo?;
    let contents = &message.contents;
    let group = contents.group.clone().filter(|_| fifo.dedup_is_by_group);
    let key = (group, contents.dedup.clone()?);
    if let Some(original) = queue.dedup.get(&key) {
        return Some(original.clone());
    }
    let original = Original {
        id: Arc::clone(&message.id),
        sequence: queue.sequence(place)?,
    };
    queue.dedup.insert(call.now, key, original);
    None
}

fn check_size(send: &Send, queue: &Queue) -> Result<()> {
    let bytes_max = queue.settings.bytes_max;
    if contents::bytes(send) <= bytes_max {
        return Ok(());
    }
    let message = format!(
        "One or more parameters are invalid. Reason: Message must be shorter than {bytes_max} bytes."
    );
    Err(Error::new(Code::InvalidParameterValue, message))
}

fn delay_of(send: &Send, queue: &Queue) -> Result<Duration> {
    let Some(delay) = send.delay_seconds else {
        return Ok(queue.settings.delay);
    };
    if !(0..=DELAY_MAX).contains(&delay) {
        let reason = "DelaySeconds must be >= 0 and <= 900.";
        return Err(Error::invalid("DelaySeconds", delay, reason));
    }
    match (queue.is_fifo(), delay) {
        (true, 0) => Ok(queue.settings.delay),
        (true, _) => Err(Error::invalid("DelaySeconds", delay, NOT_FOR_THIS_TYPE)),
        (false, delay) => Ok(Duration::from_secs(delay.unsigned_abs())),
    }
}

const NOT_FOR_THIS_TYPE: &str =
    "The request includes a parameter that is not valid for this queue type.";

/// Checks group and dedup id, and returns the dedup id that counts.
fn check_ids(send: &Send, queue: &Queue) -> Result<Option<String>> {
    let dedup = send.message_deduplication_id.as_deref();
    if let Some(group) = &send.message_group_id {
        contents::check_id("MessageGroupId", group)?;
    }
    let Some(fifo) = queue.settings.fifo else {
        return match dedup {
            Some(id) => Err(Error::invalid(
                "MessageDeduplicationId",
                id,
                NOT_FOR_THIS_TYPE,
            )),
            None => Ok(None),
        };
    };
    if send.message_group_id.is_none() {
        return Err(Error::missing("MessageGroupId"));
    }
    dedup_of(dedup, fifo, &send.message_body).map(Some)
}

fn dedup_of(id: Option<&str>, fifo: Fifo, body: &str) -> Result<String> {
    match id {
        Some(id) => {
            contents::check_id("MessageDeduplicationId", id)?;
            Ok(id.to_owned())
        }
        None if fifo.dedup_is_by_content => Ok(digest::dedup(body)),
        None => Err(Error::new(
            Code::InvalidParameterValue,
            "The queue should either have ContentBasedDeduplication enabled or \
             MessageDeduplicationId provided explicitly",
        )),
    }
}
