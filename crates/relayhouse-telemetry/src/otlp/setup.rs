//! Builds exporters and providers of settings.

use std::{collections::HashMap, sync::Arc};

use opentelemetry::KeyValue;
use opentelemetry_otlp::{
    LogExporter, SpanExporter, WithExportConfig, WithHttpConfig, WithTonicConfig,
};
use opentelemetry_sdk::{Resource, logs::SdkLoggerProvider, trace::SdkTracerProvider};
use relayhouse_core::{Context, Error, ErrorKind, Result};
use tokio::{runtime::Handle, sync::oneshot};
use tonic::{
    metadata::{MetadataKey, MetadataMap},
    transport::{Channel, ClientTlsConfig, Endpoint},
};

use super::{
    Export, Telemetry,
    exporter::{Exporter, Way},
    settings::{Protocol, Settings, Signal},
    wire::Wire,
};
use crate::{Metrics, trace::Traces};

/// What all exporters are built with.
struct Setup<'a> {
    settings: &'a Settings,
    headers: Vec<(String, String)>,
    runtime: Handle,
    wire: Wire,
}

pub(super) fn telemetry(context: &Context, settings: &Settings) -> Result<Telemetry> {
    let runtime = Handle::try_current().map_err(|error| {
        let text = "telemetry is sent by a tokio runtime, and there is none here";
        Error::new(ErrorKind::ConfigInvalid, text).with_source(error)
    })?;
    let clock = Arc::clone(&context.clock);
    let setup = Setup {
        settings,
        headers: settings.headers()?,
        wire: Wire::new(runtime.clone(), clock, settings.exporter_otlp_timeout)?,
        runtime,
    };
    let (sampler, attributes) = (settings.sampler()?, settings.resource()?);
    let pairs = attributes.iter();
    let pairs = pairs.map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    let resource = Resource::builder_empty().with_attributes(pairs).build();
    let metrics = Metrics::new(Arc::clone(&context.clock));
    let tracers = SdkTracerProvider::builder()
        .with_sampler(sampler)
        .with_resource(resource.clone());
    let tracers = match setup.spans()? {
        Some(exporter) => tracers.with_batch_exporter(exporter).build(),
        None => tracers.build(),
    };
    let loggers = SdkLoggerProvider::builder().with_resource(resource);
    let loggers = match setup.logs()? {
        Some(exporter) => loggers.with_batch_exporter(exporter).build(),
        None => loggers.build(),
    };
    Ok(Telemetry {
        traces: Traces::new(&tracers, sampler, context),
        export: setup.metrics(&metrics, attributes)?,
        metrics,
        tracers,
        loggers,
    })
}

impl Setup<'_> {
    fn spans(&self) -> Result<Option<SpanExporter>> {
        let Some(endpoint) = self.settings.sends(Signal::Traces) else {
            return Ok(None);
        };
        let exporter = match self.settings.exporter_otlp_protocol {
            Protocol::Grpc => SpanExporter::builder()
                .with_tonic()
                .with_channel(self.channel(&endpoint)?)
                .with_metadata(self.metadata()?)
                .with_timeout(self.settings.exporter_otlp_timeout)
                .build(),
            Protocol::Http => SpanExporter::builder()
                .with_http()
                .with_http_client(self.wire.clone())
                .with_headers(self.map())
                .with_endpoint(endpoint)
                .with_timeout(self.settings.exporter_otlp_timeout)
                .build(),
        };
        exporter.map(Some).map_err(wrong)
    }

    fn logs(&self) -> Result<Option<LogExporter>> {
        let Some(endpoint) = self.settings.sends(Signal::Logs) else {
            return Ok(None);
        };
        let exporter = match self.settings.exporter_otlp_protocol {
            Protocol::Grpc => LogExporter::builder()
                .with_tonic()
                .with_channel(self.channel(&endpoint)?)
                .with_metadata(self.metadata()?)
                .with_timeout(self.settings.exporter_otlp_timeout)
                .build(),
            Protocol::Http => LogExporter::builder()
                .with_http()
                .with_http_client(self.wire.clone())
                .with_headers(self.map())
                .with_endpoint(endpoint)
                .with_timeout(self.settings.exporter_otlp_timeout)
                .build(),
        };
        exporter.map(Some).map_err(wrong)
    }

    /// Starts the task that exports metrics.
    fn metrics(
        &self,
        metrics: &Metrics,
        resource: Vec<(String, String)>,
    ) -> Result<Option<Export>> {
        let Some(endpoint) = self.settings.sends(Signal::Metrics) else {
            return Ok(None);
        };
        let way = match self.settings.exporter_otlp_protocol {
            Protocol::Grpc => Way::Grpc(self.channel(&endpoint)?, self.metadata()?),
            Protocol::Http => {
                Way::Http(Box::new(self.wire.clone()), endpoint, self.headers.clone())
            }
        };
        let exporter = Exporter {
            metrics: metrics.clone(),
            resource,
            way,
            every: self.settings.metric_export_interval,
            timeout: self.settings.exporter_otlp_timeout,
        };
        let (end, ended) = oneshot::channel();
        let task = self.runtime.spawn(exporter.run(ended));
        Ok(Some(Export { end, task }))
    }

    /// Makes a channel that connects when it is used.
    fn channel(&self, endpoint: &str) -> Result<Channel> {
        let is_secure = endpoint.starts_with("https:");
        let endpoint = Endpoint::from_shared(endpoint.to_owned()).map_err(wrong)?;
        let endpoint = endpoint.timeout(self.settings.exporter_otlp_timeout);
        let endpoint = match is_secure {
            true => endpoint
                .tls_config(ClientTlsConfig::new().with_native_roots())
                .map_err(wrong)?,
            false => endpoint,
        };
        Ok(endpoint.connect_lazy())
    }

    fn map(&self) -> HashMap<String, String> {
        self.headers.iter().cloned().collect()
    }

    fn metadata(&self) -> Result<MetadataMap> {
        let mut metadata = MetadataMap::new();
        for (key, value) in &self.headers {
            let key: MetadataKey<_> = key.to_ascii_lowercase().parse().map_err(wrong)?;
            metadata.insert(key, value.parse().map_err(wrong)?);
        }
        Ok(metadata)
    }
}

fn wrong(error: impl Into<relayhouse_core::BoxError>) -> Error {
    let text = "telemetry cannot be sent as the settings say";
    Error::new(ErrorKind::ConfigInvalid, text).with_source(error)
}
