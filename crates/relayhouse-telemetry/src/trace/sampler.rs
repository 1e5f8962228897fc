//! Which traces are recorded: decided before a span is made.

use std::{fmt::Debug, str::FromStr};

use opentelemetry::{
    Context, KeyValue,
    trace::{Link, SpanKind, TraceContextExt, TraceId},
};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};
use relayhouse_core::{Error, ErrorKind, Result};

use super::current::is_sampled;

/// Decides which traces are recorded.
///
/// A message that is not sampled costs no span: the decision is taken before one is made. It goes
/// with the message, so that all that handle it agree.
///
/// A tracer provider that is not made by [`Telemetry`](crate::Telemetry) needs this sampler as its
/// own: what is decided here is not decided again there, and spans of the program follow the same
/// rule.
///
/// ```
/// use relayhouse_telemetry::Sampler;
///
/// let sampler: Sampler = "parentbased_traceidratio".parse()?;
/// let sampler = sampler.ratio(0.01);
/// # Ok::<(), relayhouse_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampler {
    root: Root,
    /// Whether a message that comes with a decision keeps it.
    follows_parent: bool,
}

/// What is decided where nobody has decided yet.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Root {
    On,
    Off,
    Ratio(f64),
    /// Nothing here, ever.
    None,
}

/// Says in a context of OpenTelemetry that what is made there was decided on already.
#[derive(Debug)]
pub(super) struct Decided;

impl Sampler {
    /// Records all traces.
    pub const ON: Self = Self::parent_based(Root::On);

    /// Records no trace but those that others have decided to record.
    pub const OFF: Self = Self::parent_based(Root::Off);

    /// Records nothing here, and passes on what others have decided.
    pub const NONE: Self = Self {
        root: Root::None,
        follows_parent: false,
    };

    const fn parent_based(root: Root) -> Self {
        Self {
            root,
            follows_parent: true,
        }
    }

    /// Records this share of the traces that begin here, and of others what was decided there.
    #[must_use]
    pub const fn of_ratio(ratio: f64) -> Self {
        Self::parent_based(Root::Ratio(ratio))
    }

    /// Sets the share, if it is a sampler that has one.
    #[must_use]
    pub const fn ratio(mut self, ratio: f64) -> Self {
        if let Root::Ratio(_) = self.root {
            self.root = Root::Ratio(ratio);
        }
        self
    }

    /// Returns true if what others have decided is passed on, whatever is recorded here.
    pub(super) fn passes(&self) -> bool {
        self.root == Root::None
    }

    /// Decides on a trace by what was decided before, else by the `number` of the trace, which is as
    /// good as random: all that ask with the same one get the same answer.
    #[inline]
    #[expect(
        clippy::cast_precision_loss,
        reason = "a share of 63 bits needs no more than 53"
    )]
    pub(super) fn decide(&self, parent: Option<bool>, number: impl FnOnce() -> u64) -> bool {
        match (parent.filter(|_| self.follows_parent), self.root) {
            (Some(is_sampled), _) => is_sampled,
            (None, Root::On) => true,
            (None, Root::Off | Root::None) => false,
            (None, Root::Ratio(ratio)) => ((number() >> 1) as f64) < ratio * (1_u64 << 63) as f64,
        }
    }
}

/// Returns the half of the id that is random, whoever made it.
fn number(trace_id: TraceId) -> u64 {
    let [.., a, b, c, d, e, f, g, h] = trace_id.to_bytes();
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

impl ShouldSample for Sampler {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        _: &str,
        _: &SpanKind,
        _: &[KeyValue],
        _: &[Link],
    ) -> SamplingResult {
        let is_decided = parent.is_some_and(|parent| parent.get::<Decided>().is_some());
        let parent = parent.filter(|parent| parent.has_active_span());
        let sampled = match parent {
            Some(parent) => Some(parent.span().span_context().is_sampled()),
            // A handler whose message is not sampled has no span that others could be in.
            None => is_sampled(),
        };
        let decision = match is_decided || self.decide(sampled, || number(trace_id)) {
            true => SamplingDecision::RecordAndSample,
            false => SamplingDecision::Drop,
        };
        let state = parent.map(|parent| parent.span().span_context().trace_state().clone());
        SamplingResult {
            decision,
            attributes: Vec::new(),
            trace_state: state.unwrap_or_default(),
        }
    }
}

impl Default for Sampler {
    fn default() -> Self {
        Self::ON
    }
}

impl FromStr for Sampler {
    type Err = Error;

    /// Reads a name that `OTEL_TRACES_SAMPLER` may have; a share is all, until it is set.
    fn from_str(name: &str) -> Result<Self> {
        let (name, follows_parent) = match name.strip_prefix("parentbased_") {
            Some(name) => (name, true),
            None => (name, false),
        };
        let root = match name {
            "always_on" => Root::On,
            "always_off" => Root::Off,
            "traceidratio" => Root::Ratio(1.0),
            _ => {
                let rule = "a sampler is always_on, always_off or traceidratio, or one of them \
                            behind parentbased_";
                return Err(Error::new(ErrorKind::ConfigInvalid, rule));
            }
        };
        Ok(Self {
            root,
            follows_parent,
        })
    }
}

#[cfg(test)]
mod tests {
    use relayhouse_core::{Random as _, SeededRandom};

    use super::*;

    fn share(sampler: Sampler, parent: Option<bool>) -> f64 {
        let random = SeededRandom::new(7);
        let sampled = (0..10_000)
            .filter(|_| sampler.decide(parent, || random.next_u64()))
            .count();
        f64::from(u32::try_from(sampled).expect("few")) / 10_000.0
    }

    #[test]
    fn share_of_new_traces_is_kept_and_others_are_followed() {
        let sampler = Sampler::of_ratio(0.01);
        let shared = share(sampler, None);
        assert!((0.006..0.014).contains(&shared), "{shared}");
        assert!(share(sampler, Some(true)) == 1.0 && share(sampler, Some(false)) == 0.0);
    }

    #[test]
    fn names_of_the_specification_are_read() {
        let read = |name: &str| name.parse::<Sampler>();
        assert_eq!(read("parentbased_always_on").expect("known"), Sampler::ON);
        assert_eq!(read("parentbased_always_off").expect("known"), Sampler::OFF);
        let ratio = read("parentbased_traceidratio").expect("known").ratio(0.5);
        assert_eq!(ratio, Sampler::of_ratio(0.5));
        assert!(
            share(read("always_off").expect("known"), Some(true)) == 0.0,
            "no parent is asked"
        );
        assert!(read("jaeger_remote").is_err());
    }

    #[test]
    fn share_by_id_is_the_same_for_all_that_ask() {
        let half = Sampler::of_ratio(0.5);
        let low = TraceId::from(1_u128);
        let high = TraceId::from(u128::from(u64::MAX));
        assert!(half.decide(None, || number(low)));
        assert!(!half.decide(None, || number(high)));
    }
}
