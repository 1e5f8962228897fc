//! Metrics as OTLP has them.

use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value},
    metrics::v1::{
        AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric as OtlpMetric,
        NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, metric::Data, number_data_point,
    },
    resource::v1::Resource,
};

use crate::{
    metric::{Distribution, Kind, Metric, Point, Snapshot, Value},
    trace::SCHEMA_URL,
};

/// Returns the request that tells a collector of `snapshot`.
pub(super) fn request(
    snapshot: &Snapshot,
    resource: &[(String, String)],
) -> ExportMetricsServiceRequest {
    let metrics = Metric::ALL
        .iter()
        .filter_map(|metric| encoded(*metric, snapshot));
    let scope = InstrumentationScope {
        name: "relayhouse".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    };
    let of_scope = ScopeMetrics {
        scope: Some(scope),
        metrics: metrics.collect(),
        schema_url: SCHEMA_URL.to_owned(),
    };
    let attributes = resource.iter().map(|(key, value)| pair(key, value));
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(Resource {
                attributes: attributes.collect(),
                ..Resource::default()
            }),
            scope_metrics: vec![of_scope],
            schema_url: SCHEMA_URL.to_owned(),
        }],
    }
}

fn encoded(metric: Metric, snapshot: &Snapshot) -> Option<OtlpMetric> {
    let points: Vec<&Point> = snapshot.of(metric).collect();
    points.first()?;
    let definition = metric.definition();
    let numbers = || points.iter().map(|point| number(point, snapshot)).collect();
    let temporality = AggregationTemporality::Cumulative.into();
    let data = match definition.kind {
        Kind::Counter => Data::Sum(Sum {
            data_points: numbers(),
            aggregation_temporality: temporality,
            is_monotonic: true,
        }),
        Kind::Gauge => Data::Gauge(Gauge {
            data_points: numbers(),
        }),
        Kind::Histogram(_) => Data::Histogram(Histogram {
            data_points: points
                .iter()
                .filter_map(|point| distribution(point, snapshot))
                .collect(),
            aggregation_temporality: temporality,
        }),
    };
    Some(OtlpMetric {
        name: definition.name.to_owned(),
        description: definition.about.to_owned(),
        unit: definition.unit.ucum().to_owned(),
        metadata: Vec::new(),
        data: Some(data),
    })
}

fn number(point: &Point, snapshot: &Snapshot) -> NumberDataPoint {
    let parts = match &point.value {
        Value::Count(count) => i128::from(*count),
        Value::Level(level) => i128::from(*level),
        Value::Distribution(distribution) => i128::from(distribution.count()),
    };
    let value = point.definition().unit.of(parts);
    NumberDataPoint {
        attributes: attributes(point),
        start_time_unix_nano: snapshot.started_at.as_micros() * 1_000,
        time_unix_nano: snapshot.at.as_micros() * 1_000,
        value: Some(number_data_point::Value::AsDouble(value)),
        ..NumberDataPoint::default()
    }
}

fn distribution(point: &Point, snapshot: &Snapshot) -> Option<HistogramDataPoint> {
    let Value::Distribution(distribution) = &point.value else {
        return None;
    };
    let unit = point.definition().unit;
    let Distribution {
        bounds,
        buckets,
        sum,
    } = distribution;
    Some(HistogramDataPoint {
        attributes: attributes(point),
        start_time_unix_nano: snapshot.started_at.as_micros() * 1_000,
        time_unix_nano: snapshot.at.as_micros() * 1_000,
        count: distribution.count(),
        sum: Some(unit.of(i128::from(*sum))),
        bucket_counts: buckets.clone(),
        explicit_bounds: bounds.iter().map(|it| unit.of(i128::from(*it))).collect(),
        ..HistogramDataPoint::default()
    })
}

fn attributes(point: &Point) -> Vec<KeyValue> {
    let pairs = point.attributes.iter();
    pairs.map(|(key, value)| pair(key, value)).collect()
}

fn pair(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(any_value::Value::StringValue(value.to_owned())),
        }),
        ..KeyValue::default()
    }
}
