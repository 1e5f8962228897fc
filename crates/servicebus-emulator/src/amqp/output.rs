//! What a connection has to say, to the peer and to its owner.

use std::collections::VecDeque;

use bytes::BytesMut;
use fe2o3_amqp_types::performatives::Performative;

use super::{
    event::Event,
    frame::{self, Protocol},
};

/// Bytes for the peer and events for the owner.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) bytes: BytesMut,
    pub(super) events: VecDeque<Event>,
    /// The largest frame that the peer takes.
    pub(super) frame_bytes_max: usize,
    /// How many bytes deliveries hold that have begun to arrive.
    pub(super) unfinished_bytes: usize,
}

impl Output {
    pub(super) fn new() -> Self {
        Self {
            bytes: BytesMut::new(),
            events: VecDeque::new(),
            frame_bytes_max: usize::try_from(frame::FRAME_BYTES_MIN).unwrap_or(usize::MAX),
            unfinished_bytes: 0,
        }
    }

    pub(super) fn event(&mut self, event: Event) {
        self.events.push_back(event);
    }

    /// Writes a frame that has no payload.
    pub(super) fn frame(&mut self, channel: u16, performative: &Performative) {
        let place = (Protocol::Amqp, channel);
        // What has no payload is not split: it is whole, whatever the peer's limit.
        frame::put(&mut self.bytes, place, usize::MAX, |_| performative, &[]);
    }
}
