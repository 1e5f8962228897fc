//! Several observers as one.

use std::sync::Arc;

use relayhouse_core::{Event, Instant, Observer};

/// Tells several observers the same, one after the other.
///
/// ```
/// use std::sync::Arc;
///
/// use relayhouse_core::Context;
/// use relayhouse_telemetry::{Log, Metrics, Tee};
///
/// # fn program(context: Context, metrics: &Metrics) {
/// let observers = Tee::new([metrics.observer("servicebus"), Arc::new(Log)]);
/// let context = context.observer(Arc::new(observers));
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Tee(Vec<Arc<dyn Observer>>);

impl Tee {
    /// Tells all of `observers`, in this order.
    #[must_use]
    pub fn new(observers: impl IntoIterator<Item = Arc<dyn Observer>>) -> Self {
        Self(observers.into_iter().collect())
    }
}

impl Observer for Tee {
    fn observe(&self, now: Instant, events: &[Event<'_>]) {
        for observer in &self.0 {
            observer.observe(now, events);
        }
    }
}
