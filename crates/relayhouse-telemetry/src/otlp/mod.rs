//! Sending traces, metrics and logs to a collector, by OTLP.

mod encode;
mod exporter;
mod settings;
mod setup;
mod wire;

use std::{fmt::Debug, sync::Arc};

use opentelemetry_sdk::{logs::SdkLoggerProvider, trace::SdkTracerProvider};
use relayhouse_core::{Context, Error, ErrorKind, Observer, Operation, Result, Source};
use tokio::{
    sync::oneshot,
    task::{JoinHandle, spawn_blocking},
};
use tracing::Subscriber;
use tracing_subscriber::{
    Layer, filter::Targets, layer::SubscriberExt, registry::LookupSpan, util::SubscriberInitExt,
};

pub use self::settings::{Exporter, Protocol, Settings};
use crate::{
    Metrics, Tee,
    trace::{CreateLayer, ProcessLayer, Traces},
};

/// What must not be logged to a collector, since sending it would be logged as well.
const QUIET: &[&str] = &[
    "h2",
    "hyper",
    "hyper_util",
    "opentelemetry",
    "rustls",
    "tonic",
    "tower",
];

/// Sends what a program does to a collector, and has what it is seen by.
///
/// It is made once for a program, inside its tokio runtime. What is built with
/// [`observer`](Self::observer), and stands in [`create`](Self::create) and
/// [`process`](Self::process), is seen. At the end [`shutdown`](Self::shutdown) sends what is left;
/// what is not sent when it is dropped is lost.
///
/// ```no_run
/// use relayhouse_core::{Context, Result, Source};
///
/// # async fn program(context: Context, source: Source) -> Result<()> {
/// let telemetry = relayhouse_telemetry::init(&context)?;
/// let context = context.observer(telemetry.observer("sqs"));
/// // ... consumers and producers, built with `context` ...
/// telemetry.shutdown().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Telemetry {
    metrics: Metrics,
    traces: Traces,
    tracers: SdkTracerProvider,
    loggers: SdkLoggerProvider,
    export: Option<Export>,
}

/// Is the task that exports metrics.
#[derive(Debug)]
struct Export {
    end: oneshot::Sender<()>,
    task: JoinHandle<Result<()>>,
}

/// Sends what the variables `OTEL_*` say to where they say, and takes the `tracing` events and spans
/// of the whole program. The variable `RUST_LOG` says which; from `info` upwards, if it is not set.
///
/// # Errors
///
/// Returns [`ErrorKind::ConfigInvalid`] for a variable that is wrong, outside of a tokio runtime, and
/// if the program has a global `tracing` subscriber already: it adds [`Telemetry::layer`] to that.
pub fn init(context: &Context) -> Result<Telemetry> {
    let telemetry = Telemetry::new(context, &Settings::from_env()?)?;
    let subscriber = tracing_subscriber::registry().with(telemetry.layer(&settings::log_levels()?));
    subscriber.try_init().map_err(|error| {
        let text = "the program has a tracing subscriber already";
        Error::new(ErrorKind::ConfigInvalid, text)
            .operation(Operation::Open)
            .with_source(error)
    })?;
    Ok(telemetry)
}

impl Telemetry {
    /// Sends what `settings` say, with the clock and the randomness of `context`.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::ConfigInvalid`] for a setting that is wrong, and outside of a tokio
    /// runtime.
    pub fn new(context: &Context, settings: &Settings) -> Result<Self> {
        setup::telemetry(context, settings).map_err(|error| error.operation(Operation::Open))
    }

    /// Returns the metrics.
    #[must_use]
    pub const fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Returns what makes spans.
    #[must_use]
    pub const fn traces(&self) -> &Traces {
        &self.traces
    }

    /// Makes the observer of a provider whose URLs have this `scheme`: for metrics and for the spans
    /// of calls.
    #[must_use]
    pub fn observer(&self, scheme: &'static str) -> Arc<dyn Observer> {
        self.observers()(scheme)
    }

    /// Returns what makes the observer of each provider, for a registry of several.
    pub fn observers(
        &self,
    ) -> impl Fn(&'static str) -> Arc<dyn Observer> + Clone + Send + Sync + 'static {
        let (metrics, traces) = (self.metrics.clone(), self.traces.clone());
        move |scheme| {
            let observers = [metrics.observer(scheme), traces.observer(scheme)];
            Arc::new(Tee::new(observers))
        }
    }

    /// Makes the layer for producers of `queue`, at a provider whose URLs have this `scheme`.
    #[must_use]
    pub fn create(&self, scheme: &'static str, queue: &Source) -> CreateLayer {
        self.traces.create(scheme, queue)
    }

    /// Makes the layer for handlers of what comes from `source`.
    #[must_use]
    pub fn process(&self, scheme: &'static str, source: &Source) -> ProcessLayer {
        self.traces.process(scheme, source)
    }

    /// Makes the layer that sends `tracing` spans and events of the program, as far as `levels` say.
    #[must_use]
    pub fn layer<S>(&self, levels: &Targets) -> impl Layer<S> + Send + Sync + 'static
    where
        S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        use opentelemetry::trace::TracerProvider;
        use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;

        let quiet = QUIET
            .iter()
            .map(|target| (*target, tracing::level_filters::LevelFilter::OFF));
        let levels = levels.clone().with_targets(quiet);
        let spans = tracing_opentelemetry::layer().with_tracer(self.tracers.tracer("program"));
        let events = OpenTelemetryTracingBridge::new(&self.loggers);
        spans.and_then(events).with_filter(levels)
    }

    /// Sends what is left, and ends. It waits for each of traces, logs and metrics at most as long
    /// as a request may take.
    ///
    /// Dropping the future loses what is not sent by then.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Unavailable`] if the collector did not take all of it.
    pub async fn shutdown(self) -> Result<()> {
        let Self {
            tracers,
            loggers,
            export,
            ..
        } = self;
        let metrics = match export {
            Some(Export { end, task }) => {
                // It ends as well if nobody tells it.
                let _ = end.send(());
                task.await.unwrap_or_else(|error| Err(lost(error)))
            }
            None => Ok(()),
        };
        // The providers block the thread that ends them.
        let others = spawn_blocking(move || {
            let traces = tracers.shutdown();
            traces.and(loggers.shutdown())
        });
        let others = others.await.map_err(lost)?;
        metrics.and(others.map_err(lost))
    }
}

fn lost(error: impl Into<relayhouse_core::BoxError>) -> Error {
    Error::new(ErrorKind::Unavailable, "not all telemetry was sent").with_source(error)
}
