//! What the attributes of a queue say in the words of the ports.

use std::num::NonZeroU64;

use relayhouse_core::{Source, port::Settings};

use crate::{
    capability::STANDARD,
    location::is_fifo,
    queue::{Attributes, Queue, RedrivePolicy},
};

pub(crate) fn of(attributes: &Attributes, queue: &Queue, source: &Source) -> Settings {
    let redrive = attributes.redrive.as_ref();
    let bytes_max = attributes.bytes_max.and_then(NonZeroU64::new);
    let ours = STANDARD.message_bytes_max;
    Settings {
        lease: attributes.lease,
        attempts_max: redrive.and_then(RedrivePolicy::attempts_max),
        dead_letter: redrive.map(|_| source.dead_letters()),
        is_ordered: Some(queue.is_fifo),
        dead_letter_is_ordered: redrive.map(|policy| is_fifo(&policy.arn)),
        requires_sessions: Some(false),
        message_bytes_max: bytes_max.into_iter().chain(ours).min(),
        retention: attributes.retention,
    }
}
