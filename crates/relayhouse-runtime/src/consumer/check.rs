//! What is wrong with a consumer's settings, found before it starts.

use relayhouse_core::{
    Capabilities, Error, ErrorKind, LeaseKind, Operation, Result, Source, port::Settings,
};
use tracing::warn;

use crate::config::ConsumerConfig;

/// Refuses contradictions, and warns about what is likely a mistake.
pub(crate) fn check(
    source: &Source,
    config: &ConsumerConfig,
    capabilities: &Capabilities,
    settings: &Settings,
) -> Result<()> {
    let refused = refusals(config, capabilities, settings).into_iter().next();
    if let Some((kind, rule)) = refused {
        return Err(Error::new(kind, rule).at(Operation::Open, source));
    }
    for warning in warnings(config, capabilities, settings) {
        warn!(%source, warning, "the consumer's settings do not fit the queue's");
    }
    Ok(())
}

/// Lists what cannot work.
pub(super) fn refusals(
    config: &ConsumerConfig,
    capabilities: &Capabilities,
    settings: &Settings,
) -> Vec<(ErrorKind, String)> {
    let mut refusals = Vec::new();
    let mut refuse = |kind, rule: String| refusals.push((kind, rule));
    if capabilities.lease == LeaseKind::Poll {
        refuse(
            ErrorKind::Unsupported,
            "leases that last for one poll are not supported".into(),
        );
    }
    if config.failure.attempts_max.is_some() && !capabilities.dead_letter.is_supported() {
        let rule = "the queue has no dead letters, set failure.attempts_max to none".to_owned();
        refuse(ErrorKind::Unsupported, rule);
    }
    if !config.failure.delay_max.is_zero() && !capabilities.release_delay.is_supported() {
        let rule = "the queue cannot hold a released message back, set failure.delay_max to 0s";
        refuse(ErrorKind::Unsupported, rule.to_owned());
    }
    if let Some(timeout) = config.handler_timeout {
        let longest = longest_lease(config, capabilities, settings);
        if longest.is_some_and(|longest| longest < timeout) {
            let longest = longest.unwrap_or_default();
            let rule = format!("handler_timeout {timeout:?} is above the lease, {longest:?}");
            refuse(ErrorKind::ConfigInvalid, rule);
        }
    }
    refusals
}

/// Returns the longest time for which a delivery can be held.
fn longest_lease(
    config: &ConsumerConfig,
    capabilities: &Capabilities,
    settings: &Settings,
) -> Option<std::time::Duration> {
    match capabilities.lease {
        LeaseKind::Delivery | LeaseKind::Session => {
            let max = capabilities
                .lease_total_max
                .unwrap_or(config.lease_total_max);
            Some(max.min(config.lease_total_max))
        }
        LeaseKind::Connection => Some(config.lease_total_max),
        _ => settings.lease,
    }
}

/// Lists what works, but is likely not meant.
pub(super) fn warnings(
    config: &ConsumerConfig,
    capabilities: &Capabilities,
    settings: &Settings,
) -> Vec<String> {
    let mut warnings = Vec::new();
    let ours = config.failure.attempts_max;
    match (ours, settings.attempts_max) {
        (Some(ours), Some(theirs)) if theirs < ours => warnings.push(format!(
            "the queue dead-letters after {theirs} attempts, before the {ours} asked for"
        )),
        (None, None) => {
            warnings.push("a message that always fails comes back without end".to_owned());
        }
        _ => {}
    }
    if settings.is_ordered == Some(true) && settings.dead_letter_is_ordered == Some(false) {
        warnings.push("the queue is ordered and its dead-letter queue is not".to_owned());
    }
    if config
        .handler_timeout
        .is_some_and(|timeout| config.drain_deadline < timeout)
    {
        let drain = config.drain_deadline;
        warnings.push(format!("drain_deadline {drain:?} is below handler_timeout"));
    }
    let wait_max = capabilities.receive_wait_max.unwrap_or(config.receive_wait);
    let wait = config.receive_wait.min(wait_max);
    if config.drain_deadline < wait && !capabilities.receive_drop.is_supported() {
        let drain = config.drain_deadline;
        warnings.push(format!(
            "receive_wait {wait:?} is above drain_deadline {drain:?}"
        ));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use std::{num::NonZeroU32, time::Duration};

    use relayhouse_core::Support;

    use super::*;
    use crate::policy::FailurePolicy;

    const ABLE: Capabilities = Capabilities {
        dead_letter: Support::Native,
        release_delay: Support::Native,
        lease: LeaseKind::Delivery,
        receive_drop: Support::Native,
        ..Capabilities::NONE
    };

    fn refusal(config: &ConsumerConfig, capabilities: &Capabilities) -> Option<ErrorKind> {
        let refusals = refusals(config, capabilities, &Settings::default());
        refusals.first().map(|(kind, _)| *kind)
    }

    #[test]
    fn what_fits_is_neither_refused_nor_warned_about() {
        let config = ConsumerConfig::default();
        assert_eq!(refusal(&config, &ABLE), None);
        assert!(warnings(&config, &ABLE, &Settings::default()).is_empty());
    }

    #[test]
    fn contradictions_are_refused() {
        let config = ConsumerConfig::default();
        let lacks = |capabilities| refusal(&config, &capabilities);
        let unsupported = Some(ErrorKind::Unsupported);
        assert_eq!(
            lacks(Capabilities {
                lease: LeaseKind::Poll,
                ..ABLE
            }),
            unsupported
        );
        let without = Support::Unsupported;
        assert_eq!(
            lacks(Capabilities {
                dead_letter: without,
                ..ABLE
            }),
            unsupported
        );
        assert_eq!(
            lacks(Capabilities {
                release_delay: without,
                ..ABLE
            }),
            unsupported
        );
        let slow = ConsumerConfig {
            handler_timeout: Some(Duration::from_secs(7200)),
            ..ConsumerConfig::default()
        };
        assert_eq!(refusal(&slow, &ABLE), Some(ErrorKind::ConfigInvalid));
    }

    #[test]
    fn likely_mistakes_are_warned_about() {
        let config = ConsumerConfig {
            handler_timeout: Some(Duration::from_secs(60)),
            drain_deadline: Duration::from_secs(10),
            ..ConsumerConfig::default()
        };
        let settings = Settings {
            attempts_max: NonZeroU32::new(3),
            is_ordered: Some(true),
            dead_letter_is_ordered: Some(false),
            ..Settings::default()
        };
        let slow_to_stop = Capabilities {
            receive_drop: Support::Unsupported,
            ..ABLE
        };
        assert_eq!(warnings(&config, &slow_to_stop, &settings).len(), 4);
        let endless = ConsumerConfig {
            failure: FailurePolicy {
                attempts_max: None,
                ..FailurePolicy::default()
            },
            ..ConsumerConfig::default()
        };
        assert_eq!(warnings(&endless, &ABLE, &Settings::default()).len(), 1);
    }
}
