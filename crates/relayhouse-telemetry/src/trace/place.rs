//! What all spans at one queue have in common.

use opentelemetry::KeyValue;
use relayhouse_core::{Delivery, Entity, QueueName, Settlement, Source};

/// The messaging system whose operations the conventions have names for.
const SERVICE_BUS: &str = "servicebus";
/// The names of those that settle, which are how they settle as well.
const DISPOSITIONS: [&str; 3] = ["complete", "abandon", "dead_letter"];

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

    const fn typed(name: &'static str) -> Self {
        Self {
            name,
            kind: Some(name),
        }
    }

    /// Is an extension of a lease, by the name that it has in `system`.
    pub(super) fn extend(system: &str) -> Self {
        let name = match system {
            SERVICE_BUS => "renew_message_lock",
            _ => "extend",
        };
        Self { name, kind: None }
    }

    /// Is a settlement, by the name that it has in `system`.
    pub(super) fn settle(system: &str, settlement: &Settlement) -> Self {
        let name = match (settlement, system) {
            (Settlement::Ack | Settlement::Forward(_), SERVICE_BUS) => "complete",
            (Settlement::Ack | Settlement::Forward(_), _) => "ack",
            (Settlement::Release { .. }, SERVICE_BUS) => "abandon",
            (Settlement::Release { .. }, _) => "release",
            (Settlement::DeadLetter(_), _) => "dead_letter",
            _ => "settle",
        };
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
            if self.system == SERVICE_BUS && DISPOSITIONS.contains(&act.name) {
                let key = "messaging.servicebus.disposition_status";
                attributes.push(KeyValue::new(key, act.name));
            }
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

/// Returns what the conventions tell of a delivery in its system's own words.
pub(super) fn of_delivery(system: &str, delivery: &Delivery) -> Vec<KeyValue> {
    if system != SERVICE_BUS {
        return Vec::new();
    }
    let seconds = delivery.enqueued_at.as_micros() / 1_000_000;
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    let count = i64::from(delivery.attempt);
    vec![
        KeyValue::new("messaging.servicebus.message.delivery_count", count),
        KeyValue::new("messaging.servicebus.message.enqueued_time", seconds),
    ]
}
