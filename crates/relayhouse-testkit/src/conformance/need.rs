//! What a case needs of a target, and why it cannot run where that is missing.

use std::fmt::{self, Display};

use relayhouse_core::{Attempts, Capabilities, LeaseKind};

use crate::harness::Harness;

/// Names one thing that a case needs of its target.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The ability of this name, as [`Capabilities::abilities`] lists it.
    Ability(&'static str),
    /// The lack of this ability: the case shows that using it is refused.
    Lack(&'static str),
    /// The limit of this name, as [`limits`] lists it.
    Limit(&'static str),
    /// Nothing: the case shows the limit of this name where there is one.
    LimitIfAny(&'static str),
    /// A lease for each delivery, which can be extended.
    DeliveryLease,
    /// Deliveries that a target counts exactly.
    ExactAttempts,
    /// A queue that several receivers share.
    Competing,
    /// A wall clock that can be moved.
    WallClock,
    /// Counts of what is open.
    Gauges,
    /// A server behind a network.
    Network,
    /// Queues that can be bounded in messages and bytes.
    Bounds,
    /// Stats that tell the age of the oldest message.
    Ages,
    /// A name of a queue that does not exist.
    MissingQueue,
}

/// Says why a case cannot run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The target declares that it lacks the ability, or has no such limit.
    Lacks(&'static str),
    /// The target declares the ability whose refusal the case shows.
    Has(&'static str),
    /// The target declares that it does not count deliveries exactly.
    AttemptsNotExact,
    /// The target declares another kind of lease.
    OtherLease,
    /// The target's queues have no bounds that can be set.
    Unbounded,
    /// The target's stats tell no ages.
    NoAges,
    /// The target is in process.
    NoNetwork,
    /// The harness does not give what the case needs.
    Harness(&'static str),
}

impl Need {
    /// Returns why `harness` does not meet this need, if it does not.
    pub(super) fn unmet(
        self,
        harness: &dyn Harness,
        capabilities: &Capabilities,
    ) -> Option<Reason> {
        let missing = |is_there: bool, reason| if is_there { None } else { Some(reason) };
        match self {
            Self::Ability(name) => missing(has(capabilities, name), Reason::Lacks(name)),
            Self::Lack(name) => missing(!has(capabilities, name), Reason::Has(name)),
            Self::Limit(name) => missing(limit(capabilities, name).is_some(), Reason::Lacks(name)),
            Self::LimitIfAny(_) => None,
            Self::DeliveryLease => {
                let is_there = capabilities.lease == LeaseKind::Delivery;
                missing(is_there, Reason::OtherLease)
            }
            Self::ExactAttempts => {
                let is_there = capabilities.attempts == Attempts::Exact;
                missing(is_there, Reason::AttemptsNotExact)
            }
            Self::Competing => {
                let is_there = capabilities.lease != LeaseKind::Session;
                missing(is_there, Reason::OtherLease)
            }
            Self::WallClock => {
                let is_there = harness.wall_clock().is_some();
                missing(is_there, Reason::Harness("a wall clock that can be moved"))
            }
            Self::Gauges => {
                let is_there = harness.gauges().is_some();
                missing(is_there, Reason::Harness("counts of what is open"))
            }
            Self::Network => missing(harness.network().is_some(), Reason::NoNetwork),
            Self::Bounds => missing(harness.is_bounded(), Reason::Unbounded),
            Self::Ages => missing(harness.tells_age(), Reason::NoAges),
            Self::MissingQueue => {
                let is_there = harness.missing().is_some();
                missing(is_there, Reason::Harness("a queue that does not exist"))
            }
        }
    }
}

impl Reason {
    /// Returns true if the target's own declaration, or that it is in process, is the reason; any
    /// other is a gap in the harness.
    #[must_use]
    pub const fn is_declared(self) -> bool {
        !matches!(self, Self::Harness(_))
    }
}

impl Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lacks(name) => write!(f, "capability {name} is not declared"),
            Self::Has(name) => write!(f, "capability {name} is declared"),
            Self::AttemptsNotExact => f.write_str("deliveries are not counted exactly"),
            Self::OtherLease => f.write_str("the lease is of another kind"),
            Self::Unbounded => f.write_str("queues have no bounds that can be set"),
            Self::NoAges => f.write_str("stats tell no ages"),
            Self::NoNetwork => f.write_str("in process: no network"),
            Self::Harness(what) => write!(f, "harness has not {what}"),
        }
    }
}

fn has(capabilities: &Capabilities, name: &str) -> bool {
    capabilities
        .abilities()
        .iter()
        .any(|(ability, support)| *ability == name && support.is_supported())
}

fn limit(capabilities: &Capabilities, name: &str) -> Option<String> {
    limits(capabilities)
        .into_iter()
        .find_map(|(limit, value)| value.filter(|_| limit == name))
}

/// Lists the limits by name, in the order of the struct, as they print.
#[must_use]
pub fn limits(capabilities: &Capabilities) -> Vec<(&'static str, Option<String>)> {
    fn print<T: Display>(value: Option<T>) -> Option<String> {
        value.map(|value| value.to_string())
    }
    let time = |value: Option<std::time::Duration>| value.map(|value| format!("{value:?}"));
    vec![
        ("send_batch_max", print(capabilities.send_batch_max)),
        ("send_bytes_max", print(capabilities.send_bytes_max)),
        ("message_bytes_max", print(capabilities.message_bytes_max)),
        ("header_count_max", print(capabilities.header_count_max)),
        ("receive_batch_max", print(capabilities.receive_batch_max)),
        (
            "receive_bytes_over_max",
            print(capabilities.receive_bytes_over_max),
        ),
        ("receive_wait_max", time(capabilities.receive_wait_max)),
        ("settle_batch_max", print(capabilities.settle_batch_max)),
        ("extend_batch_max", print(capabilities.extend_batch_max)),
        ("schedule_max", time(capabilities.schedule_max)),
        ("release_delay_max", time(capabilities.release_delay_max)),
        ("lease_max", time(capabilities.lease_max)),
        ("lease_total_max", time(capabilities.lease_total_max)),
        ("in_flight_max", print(capabilities.in_flight_max)),
        ("dedup_window", time(capabilities.dedup_window)),
    ]
}
