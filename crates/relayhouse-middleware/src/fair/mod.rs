//! Gives each key, such as a tenant, its share of a consumer's handlers.
//!
//! A queue hands messages out in the order they came, so a tenant that sends a hundred times as
//! much gets a hundred times as many handlers, and the others wait behind it. [`Fair`] is a policy
//! of the consumer's dispatcher that lets keys take turns instead: deficit round robin, by messages
//! or by bytes, with a weight for each key. A key that has nothing to do costs the others nothing,
//! and saves nothing up.
//!
//! One key may also have at most so many handlers at a time, and start at most so many messages in
//! a second. What waits for that keeps its place, and the others go on.
//!
//! It works above any provider, by choosing among what the consumer has received: set
//! `prefetch_max` and `prefetch_window` so that it receives as far ahead as a busy key may be ahead
//! of the others. What a busy key has sent beyond that is before the others in the queue itself,
//! and no consumer can see past it. Shares and limits are those of one consumer, not of all that
//! receive from the queue.
//!
//! With ordering keys, a key of this policy still runs one message of each ordering key at a time,
//! in order.
//!
//! # Order
//!
//! It is no layer, since readiness does not know the message: it decides before the stack is asked,
//! by `ConsumerBuilder::dispatch`. Right: a limit of all handlers in the stack, and a limit of each
//! key here. Wrong: a limit of each key in the stack, where what waits for its key would hold up
//! those of others.
//!
//! # Cancellation
//!
//! A handler that is dropped frees its place. Nothing is kept for a message that waits but its
//! cost.
//!
//! # Defaults
//!
//! - Messages are counted; each key has the weight 1.
//! - No limits for a key.
//!
//! # Example
//!
//! ```
//! use std::num::NonZeroU32;
//!
//! use relayhouse_middleware::fair::{Fair, FairConfig};
//!
//! let config = FairConfig {
//!     concurrency_max: NonZeroU32::new(8),
//!     ..FairConfig::default()
//! };
//! let policy = Fair::by_header("tenant")
//!     .weight(|tenant| NonZeroU32::MIN.saturating_add(if tenant == "gold" { 2 } else { 0 }))
//!     .config(config);
//! // consumer.dispatch(policy)
//! # let _ = policy;
//! ```

mod config;
mod line;
mod policy;

#[cfg(test)]
mod tests;

pub use self::{
    config::{Cost, FairConfig},
    policy::Fair,
};
