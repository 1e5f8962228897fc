//! What all spans at one queue have in common.

use opentelemetry::KeyValue;
use relayhouse_core::{Entity, QueueName, Source};

/// Names a queue of a messaging system, as spans do.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) system: &'static str,
    destination: String,
    subscription: Option<String>,
}

/// Says what a span is about: the type of its operation, and the name of that.
#[derive(Clone, Copy, Debug)]
pub(super) struct Act {
    pub(super) name: &'static str,
    /// The type, of those that the conventions have; an extension of a lease has none.
    pub(super) kind: Option<&'static str>,
}

impl Act {
    pub(super) const CREATE: Self = Self::typed("create");
    pub(super) const SEND: Self = Self::typed("send");
    pub(super) const RECEIVE: Self = Self::typed("receive");
    pub(super) const PROCESS: Self = Self::typed("process");
    pub(super) const EXTEND: Self = Self {
        name: "extend",
        kind: None,
    };

    const fn typed(name: &'static str) -> Self {
        Self {
            name,
            kind: Some(name),
        }
    }

    /// Is the settlement `name`.
    pub(super) const fn settle(name: &'static str) -> Self {
        Self {
            name,
            kind: Some("settle"),
        }
    }
}

impl Place {
    pub(super) fn of_source(system: &'static str, source: &Source) -> Self {
        let (name, subscription) = match &source.entity {
            Entity::Queue(name) => (name, None),
            Entity::Subscription { topic, name } => (topic, Some(name.as_str().to_owned())),
        };
        let suffix = if source.dead_letter {
            "/$deadletterqueue"
        } else {
            ""
        };
        Self {
            system,
            destination: format!("{name}{suffix}"),
            subscription,
        }
    }

    pub(super) fn of_queue(system: &'static str, queue: &QueueName) -> Self {
        Self {
            system,
            destination: queue.to_string(),
            subscription: None,
        }
    }

    /// Returns the name of a span: the operation and the destination.
    pub(super) fn name(&self, act: Act) -> String {
        format!("{} {}", act.name, self.destination)
    }

    /// Returns the attributes of each span here.
    pub(super) fn attributes(&self, act: Act) -> Vec<KeyValue> {
        let mut attributes = Vec::with_capacity(12);
        attributes.push(KeyValue::new("messaging.system", self.system));
        attributes.push(KeyValue::new("messaging.operation.name", act.name));
        if let Some(kind) = act.kind {
            attributes.push(KeyValue::new("messaging.operation.type", kind));
        }
        let destination = self.destination.clone();
        attributes.push(KeyValue::new("messaging.destination.name", destination));
        if let Some(subscription) = &self.subscription {
            let key = "messaging.destination.subscription.name";
            attributes.push(KeyValue::new(key, subscription.clone()));
        }
        attributes
    }
}
