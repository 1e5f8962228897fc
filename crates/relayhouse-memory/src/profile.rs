//! Profiles: the memory adapter with the limits and the habits of another provider.

use std::time::Duration;

use relayhouse_core::Capabilities;
use serde::Deserialize;

use crate::capability;

const MINUTE: Duration = Duration::from_secs(60);

/// Chooses whose limits and habits a namespace of queues has.
///
/// Everything that chance decides is drawn from the context's randomness, so that one seed gives
/// one behaviour.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// The memory queue itself: the whole contract, no limits but its bounds.
    #[default]
    Native,
    /// A standard queue of Amazon SQS: batches of 10, duplicates, no order.
    SqsStandard,
    /// A FIFO queue of Amazon SQS: batches of 10, every message with an ordering key.
    SqsFifo,
    /// A queue of Azure Service Bus, standard tier.
    #[serde(rename = "servicebus")]
    ServiceBus,
    /// A queue of Azure Service Bus that requires sessions.
    #[serde(rename = "servicebus-sessions")]
    ServiceBusSessions,
}

/// Says what a profile changes in a queue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Behaviour {
    /// The most messages that may be leased at a time.
    pub(crate) in_flight_max: Option<u64>,
    /// The longest lease, extensions included.
    pub(crate) lease_total_max: Option<Duration>,
    /// The share of deliveries that come twice.
    pub(crate) duplicates: f64,
    /// The share of items that fail with `Throttled`, of batches of more than one.
    pub(crate) failures: f64,
    /// A delivery is drawn from this many at the front.
    pub(crate) reorder: u32,
    /// A receive brings as many as it can of one key before it goes to the next.
    pub(crate) is_grouped: bool,
    /// Every message needs an ordering key, and has a dedup id.
    pub(crate) is_fifo: bool,
    /// Ordering keys mean order.
    pub(crate) has_keys: bool,
    /// Priorities mean something.
    pub(crate) has_priorities: bool,
}

impl Behaviour {
    const NATIVE: Self = Self {
        in_flight_max: None,
        lease_total_max: None,
        duplicates: 0.0,
        failures: 0.0,
        reorder: 1,
        is_grouped: false,
        is_fifo: false,
        has_keys: true,
        has_priorities: true,
    };
}

impl Behaviour {
    /// Returns true if nothing of it changes how plain messages are delivered and settled.
    pub(crate) fn is_plain(&self) -> bool {
        self.in_flight_max.is_none()
            && self.duplicates <= 0.0
            && self.reorder <= 1
            && !self.is_grouped
    }
}

impl Profile {
    pub(crate) const fn capabilities(self) -> &'static Capabilities {
        match self {
            Self::Native => &capability::NATIVE,
            Self::SqsStandard => &capability::SQS_STANDARD,
            Self::SqsFifo => &capability::SQS_FIFO,
            Self::ServiceBus => &capability::SERVICE_BUS,
            Self::ServiceBusSessions => &capability::SERVICE_BUS_SESSIONS,
        }
    }

    /// Returns what a receiver outside sessions can do: of dead letters, where the queue itself
    /// requires sessions.
    pub(crate) const fn receiver_capabilities(self) -> &'static Capabilities {
        match self {
            Self::ServiceBusSessions => &capability::SERVICE_BUS,
            _ => self.capabilities(),
        }
    }

    /// Returns what a receiver within a session can do.
    pub(crate) const fn session_capabilities(self) -> &'static Capabilities {
        match self {
            Self::Native => &capability::NATIVE_SESSIONS,
            _ => self.capabilities(),
        }
    }

    pub(crate) const fn behaviour(self) -> Behaviour {
        let sqs = Behaviour {
            in_flight_max: Some(120_000),
            lease_total_max: Some(Duration::from_secs(43_200)),
            failures: 0.01,
            has_priorities: false,
            ..Behaviour::NATIVE
        };
        match self {
            Self::Native => Behaviour::NATIVE,
            Self::SqsStandard => Behaviour {
                duplicates: 0.01,
                reorder: 16,
                has_keys: false,
                ..sqs
            },
            Self::SqsFifo => Behaviour {
                is_grouped: true,
                is_fifo: true,
                ..sqs
            },
            Self::ServiceBus | Self::ServiceBusSessions => Behaviour {
                failures: 0.01,
                has_keys: matches!(self, Self::ServiceBusSessions),
                has_priorities: false,
                ..Behaviour::NATIVE
            },
        }
    }

    pub(crate) const fn lease(self) -> Duration {
        match self {
            Self::Native => Duration::from_secs(5 * 60),
            Self::SqsStandard | Self::SqsFifo => Duration::from_secs(30),
            Self::ServiceBus | Self::ServiceBusSessions => MINUTE,
        }
    }

    pub(crate) const fn dedup_window(self) -> Duration {
        match self {
            Self::SqsFifo => Duration::from_secs(5 * 60),
            _ => Duration::from_secs(10 * 60),
        }
    }

    pub(crate) const fn attempts_max(self) -> Option<std::num::NonZeroU32> {
        match self {
            Self::ServiceBus | Self::ServiceBusSessions => std::num::NonZeroU32::new(10),
            _ => None,
        }
    }

    pub(crate) const fn requires_sessions(self) -> bool {
        matches!(self, Self::ServiceBusSessions)
    }
}
