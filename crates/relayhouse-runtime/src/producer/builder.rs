//! Building a producer.

use std::{
    num::{NonZeroU32, NonZeroU64},
    sync::Arc,
};

use relayhouse_core::{
    Context, Error, ErrorKind, Operation, QueueName, Result,
    port::{Provider, Sender},
};

use super::{
    Producer,
    outlet::{Outlet, Target},
};
use crate::{
    config::{Full, Preset, ProducerConfig, SendStart},
    ordering::Ordering,
};

/// Builds a producer.
#[derive(Clone, Debug)]
#[must_use]
pub struct ProducerBuilder {
    target: Target,
    context: Context,
    config: ProducerConfig,
    ordering: Ordering,
    /// The first option that was wrong.
    wrong: Option<&'static str>,
}

impl Producer {
    /// Builds a producer that sends through `sender`.
    pub fn builder(sender: Arc<dyn Sender>, context: Context) -> ProducerBuilder {
        ProducerBuilder::new(Target::Sender(sender), context)
    }

    /// Builds a producer that sends to `queue`, which is opened by the first send.
    pub fn of(provider: Arc<dyn Provider>, queue: QueueName, context: Context) -> ProducerBuilder {
        ProducerBuilder::new(Target::Provider(provider, queue), context)
    }
}

impl ProducerBuilder {
    fn new(target: Target, context: Context) -> Self {
        Self {
            target,
            context,
            config: ProducerConfig::default(),
            ordering: Ordering::default(),
            wrong: None,
        }
    }

    /// Sets everything that is configured.
    pub fn config(mut self, config: ProducerConfig) -> Self {
        self.config = config;
        self
    }

    /// Sets what `preset` sets.
    pub fn preset(self, preset: Preset) -> Self {
        self.config(preset.producer())
    }

    /// Sets the most sends to the provider at a time: at least 1.
    pub fn calls_in_flight(mut self, calls: u32) -> Self {
        match NonZeroU32::new(calls) {
            Some(calls) => self.config.calls_in_flight = calls,
            None => self.wrong("calls_in_flight is 0, at least 1 is needed"),
        }
        self
    }

    /// Sets the most messages of one send: at least 1.
    pub fn batch_max(mut self, messages: u32) -> Self {
        match NonZeroU32::new(messages) {
            Some(messages) => self.config.batch_max = messages,
            None => self.wrong("batch_max is 0, at least 1 is needed"),
        }
        self
    }

    /// Sets when a further send starts beside those in flight.
    pub fn start(mut self, start: SendStart) -> Self {
        self.config.start = start;
        self
    }

    /// Sets the most messages that wait for a send: at least 1.
    pub fn buffer_messages_max(mut self, messages: u32) -> Self {
        match NonZeroU32::new(messages) {
            Some(messages) => self.config.buffer_messages_max = messages,
            None => self.wrong("buffer_messages_max is 0, at least 1 is needed"),
        }
        self
    }

    /// Sets the most bytes that wait for a send: at least 1.
    pub fn buffer_bytes_max(mut self, bytes: u64) -> Self {
        match NonZeroU64::new(bytes) {
            Some(bytes) => self.config.buffer_bytes_max = bytes,
            None => self.wrong("buffer_bytes_max is 0, at least 1 is needed"),
        }
        self
    }

    /// Sets what a send does when the buffer is full.
    pub fn full(mut self, full: Full) -> Self {
        self.config.full = full;
        self
    }

    /// Sets where the ordering key of a message comes from that has none.
    pub fn ordering(mut self, ordering: Ordering) -> Self {
        self.ordering = ordering;
        self
    }

    fn wrong(&mut self, rule: &'static str) {
        self.wrong.get_or_insert(rule);
    }

    /// Makes the producer. It needs a tokio runtime from its first send on.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::ConfigInvalid`] that names the option which is wrong.
    pub fn build(self) -> Result<Producer> {
        if let Some(rule) = self.wrong {
            let error = Error::new(ErrorKind::ConfigInvalid, rule);
            return Err(error.operation(Operation::Open));
        }
        let Self {
            target,
            context,
            config,
            ordering,
            wrong: _,
        } = self;
        Ok(Producer::new(Outlet::new(
            target, context, config, ordering,
        )))
    }
}
