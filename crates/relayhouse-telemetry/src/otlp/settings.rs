//! What `OTEL_*` variables say.

use std::time::Duration;

use relayhouse_core::{Error, ErrorKind, Result, Secret, config::Params};
use serde::{Deserialize, Deserializer, de};
use tracing_subscriber::filter::Targets;

use crate::trace::Sampler;

/// Where an OTLP collector listens for gRPC if nothing else is said.
const GRPC: &str = "http://localhost:4317";

/// Where it listens for HTTP.
const HTTP: &str = "http://localhost:4318";

/// How telemetry is sent, and which: what the environment variables `OTEL_*` say, or a program.
///
/// The names of the fields are those of the variables without `OTEL_`, in lower case; variables that
/// are not among them are not read. Times are in milliseconds, as the specification has them.
#[non_exhaustive]
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Whether nothing is sent at all; false.
    pub sdk_disabled: bool,
    /// The name of the service; `unknown_service`.
    pub service_name: Option<String>,
    /// Further attributes of the service: `key=value,key=value`.
    pub resource_attributes: Option<String>,
    /// Which traces are recorded; `parentbased_always_on`.
    pub traces_sampler: Option<String>,
    /// The share of the sampler, if it has one.
    pub traces_sampler_arg: Option<f64>,
    /// Where traces go: `otlp` or `none`; `otlp`.
    pub traces_exporter: Exporter,
    /// Where metrics go: `otlp` or `none`; `otlp`. Prometheus reads them otherwise, see
    /// [`prometheus::render`](crate::prometheus::render).
    pub metrics_exporter: Exporter,
    /// Where logs go: `otlp` or `none`; `otlp`.
    pub logs_exporter: Exporter,
    /// The time between two exports of metrics; 60 s.
    #[serde(deserialize_with = "millis")]
    pub metric_export_interval: Duration,
    /// The collector, for all that has none of its own.
    pub exporter_otlp_endpoint: Option<String>,
    /// The collector of traces.
    pub exporter_otlp_traces_endpoint: Option<String>,
    /// The collector of metrics.
    pub exporter_otlp_metrics_endpoint: Option<String>,
    /// The collector of logs.
    pub exporter_otlp_logs_endpoint: Option<String>,
    /// How it is spoken to; `http/protobuf`.
    pub exporter_otlp_protocol: Protocol,
    /// What goes with each request, such as a token: `key=value,key=value`.
    pub exporter_otlp_headers: Option<Secret>,
    /// How long a request may take; 10 s.
    #[serde(deserialize_with = "millis")]
    pub exporter_otlp_timeout: Duration,
}

/// Says where one kind of telemetry goes.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Exporter {
    /// To the collector.
    #[default]
    Otlp,
    /// Nowhere.
    None,
}

/// Says how a collector is spoken to.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Protocol {
    /// OTLP over gRPC.
    #[serde(rename = "grpc")]
    Grpc,
    /// OTLP over HTTP, as Protobuf.
    #[default]
    #[serde(rename = "http/protobuf")]
    Http,
}

/// Names one kind of telemetry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    Traces,
    Metrics,
    Logs,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sdk_disabled: false,
            service_name: None,
            resource_attributes: None,
            traces_sampler: None,
            traces_sampler_arg: None,
            traces_exporter: Exporter::Otlp,
            metrics_exporter: Exporter::Otlp,
            logs_exporter: Exporter::Otlp,
            metric_export_interval: Duration::from_secs(60),
            exporter_otlp_endpoint: None,
            exporter_otlp_traces_endpoint: None,
            exporter_otlp_metrics_endpoint: None,
            exporter_otlp_logs_endpoint: None,
            exporter_otlp_protocol: Protocol::Http,
            exporter_otlp_headers: None,
            exporter_otlp_timeout: Duration::from_secs(10),
        }
    }
}

impl Settings {
    /// Reads the variables `OTEL_*`.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::ConfigInvalid`] that names the one that is wrong.
    pub fn from_env() -> Result<Self> {
        Params::from_env("OTEL_").read()
    }

    /// Returns the sampler that they name.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::ConfigInvalid`] for an unknown name.
    pub fn sampler(&self) -> Result<Sampler> {
        if self.sends(Signal::Traces).is_none() {
            return Ok(Sampler::NONE);
        }
        let sampler = match &self.traces_sampler {
            Some(name) => name.parse()?,
            None => Sampler::ON,
        };
        Ok(match self.traces_sampler_arg {
            Some(ratio) => sampler.ratio(ratio),
            None => sampler,
        })
    }

    /// Returns where `signal` is sent, if it is.
    pub(super) fn sends(&self, signal: Signal) -> Option<String> {
        let (exporter, own, path) = match signal {
            Signal::Traces => {
                let own = &self.exporter_otlp_traces_endpoint;
                (self.traces_exporter, own, "/v1/traces")
            }
            Signal::Metrics => {
                let own = &self.exporter_otlp_metrics_endpoint;
                (self.metrics_exporter, own, "/v1/metrics")
            }
            Signal::Logs => {
                let own = &self.exporter_otlp_logs_endpoint;
                (self.logs_exporter, own, "/v1/logs")
            }
        };
        if self.sdk_disabled || exporter == Exporter::None {
            return None;
        }
        if let Some(own) = own {
            return Some(own.clone());
        }
        let common = self.exporter_otlp_endpoint.as_deref();
        Some(match self.exporter_otlp_protocol {
            Protocol::Grpc => common.unwrap_or(GRPC).to_owned(),
            Protocol::Http => {
                let base = common.unwrap_or(HTTP).trim_end_matches('/');
                format!("{base}{path}")
            }
        })
    }

    /// Returns the attributes that name the service.
    pub(super) fn resource(&self) -> Result<Vec<(String, String)>> {
        let mut attributes = pairs("resource_attributes", self.resource_attributes.as_deref())?;
        if let Some(name) = &self.service_name {
            attributes.retain(|(key, _)| key != "service.name");
            attributes.push(("service.name".to_owned(), name.clone()));
        } else if !attributes.iter().any(|(key, _)| key == "service.name") {
            let unknown = "unknown_service".to_owned();
            attributes.push(("service.name".to_owned(), unknown));
        }
        Ok(attributes)
    }

    /// Returns the headers of each request.
    pub(super) fn headers(&self) -> Result<Vec<(String, String)>> {
        let text = self.exporter_otlp_headers.as_ref().map(Secret::expose);
        pairs("exporter_otlp_headers", text)
    }
}

/// Returns what the variable `RUST_LOG` says of levels; `info`, if it says nothing.
pub(super) fn log_levels() -> Result<Targets> {
    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Said {
        log: Option<String>,
    }

    let said: Said = Params::from_env("RUST_").read()?;
    let levels = said.log.unwrap_or_else(|| "info".to_owned());
    levels.parse().map_err(|error| {
        let rule = "RUST_LOG is written as target=level,target=level";
        Error::new(ErrorKind::ConfigInvalid, rule).with_source(error)
    })
}

/// Reads `key=value,key=value`; an error names the option and never what it says.
fn pairs(option: &str, text: Option<&str>) -> Result<Vec<(String, String)>> {
    let entries = text.unwrap_or_default().split(',').map(str::trim);
    let entries = entries.filter(|entry| !entry.is_empty());
    let pairs = entries.map(|entry| {
        let (key, value) = entry.split_once('=').ok_or_else(|| wrong(option))?;
        let value = percent_encoding::percent_decode_str(value.trim());
        let value = value.decode_utf8().map_err(|_| wrong(option))?;
        Ok((key.trim().to_owned(), value.into_owned()))
    });
    pairs.collect()
}

fn wrong(option: &str) -> Error {
    let rule = format!("option {option} is written as key=value,key=value");
    Error::new(ErrorKind::ConfigInvalid, rule)
}

fn millis<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let millis = text
        .trim()
        .parse()
        .map_err(|_| de::Error::custom("a time is written in whole milliseconds, such as 60000"))?;
    Ok(Duration::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<const N: usize>(pairs: [(&str, &str); N]) -> Result<Settings> {
        Params::from_pairs(pairs)?.read()
    }

    #[test]
    fn nothing_said_is_http_to_this_machine() {
        let settings = read([]).expect("nothing is wrong");
        let traces = settings.sends(Signal::Traces);
        assert_eq!(traces.as_deref(), Some("http://localhost:4318/v1/traces"));
        assert_eq!(settings.sampler().expect("known"), Sampler::ON);
        let resource = settings.resource().expect("nothing is wrong");
        assert_eq!(
            resource,
            [("service.name".into(), "unknown_service".into())]
        );
    }

    #[test]
    fn what_is_said_is_done() {
        let settings = read([
            ("service_name", "orders"),
            ("resource_attributes", "service.name=other,team=a%20b"),
            ("traces_sampler", "parentbased_traceidratio"),
            ("traces_sampler_arg", "0.25"),
            ("metrics_exporter", "none"),
            ("exporter_otlp_endpoint", "https://collector:4317"),
            ("exporter_otlp_logs_endpoint", "https://logs:1"),
            ("exporter_otlp_protocol", "grpc"),
            ("exporter_otlp_timeout", "2500"),
            ("exporter_otlp_headers", "authorization=Bearer%20canary"),
            ("bsp_schedule_delay", "5"),
        ]);
        let settings = settings.expect("nothing is wrong");
        assert_eq!(settings.sampler().expect("known"), Sampler::of_ratio(0.25));
        assert_eq!(settings.sends(Signal::Metrics), None);
        let traces = settings.sends(Signal::Traces);
        assert_eq!(traces.as_deref(), Some("https://collector:4317"));
        let logs = settings.sends(Signal::Logs);
        assert_eq!(logs.as_deref(), Some("https://logs:1"));
        assert_eq!(settings.exporter_otlp_timeout, Duration::from_millis(2_500));
        let resource = settings.resource().expect("nothing is wrong");
        let expected = [("team", "a b"), ("service.name", "orders")];
        assert_eq!(
            resource,
            expected.map(|(key, value)| (key.into(), value.into()))
        );
        let headers = settings.headers().expect("nothing is wrong");
        assert_eq!(headers, [("authorization".into(), "Bearer canary".into())]);
        assert!(!format!("{settings:?}").contains("canary"));
    }

    #[test]
    fn disabled_means_that_nothing_is_sent_and_decisions_pass() {
        let settings = read([("sdk_disabled", "true")]).expect("nothing is wrong");
        for signal in [Signal::Traces, Signal::Metrics, Signal::Logs] {
            assert_eq!(settings.sends(signal), None);
        }
        assert_eq!(settings.sampler().expect("known"), Sampler::NONE);
    }

    #[test]
    fn what_is_wrong_is_named_and_not_repeated() {
        for (key, value) in [
            ("traces_exporter", "zipkin-canary"),
            ("exporter_otlp_timeout", "2s"),
            ("exporter_otlp_protocol", "http/json"),
        ] {
            let error = read([(key, value)]).expect_err("it is wrong").to_string();
            assert!(error.contains(key), "{error}");
        }
        let settings = read([("exporter_otlp_headers", "canary")]).expect("read later");
        let error = settings.headers().expect_err("it is wrong").to_string();
        assert!(error.contains("exporter_otlp_headers") && !error.contains("canary"));
    }
}
