//! The alert rules and the dashboard name metrics that there are, and each alert has a test.

use std::collections::BTreeSet;

use relayhouse::telemetry::{Kind, Metric, prometheus};

const ALERTS: &str = include_str!("../../../../monitoring/prometheus/alerts.yaml");
const TESTS: &str = include_str!("../../../../monitoring/prometheus/alerts.test.yaml");
const DASHBOARD: &str = include_str!("../../../../monitoring/grafana/relayhouse.json");

/// Returns all names that Prometheus gets, and all labels.
fn known() -> BTreeSet<String> {
    let mut known: BTreeSet<String> = [
        "messaging_system",
        "messaging_destination_name",
        "messaging_destination_subscription_name",
        "relayhouse_name",
    ]
    .map(ToOwned::to_owned)
    .into();
    for metric in Metric::ALL {
        let definition = metric.definition();
        let name = prometheus::name(definition);
        if let Kind::Histogram(_) = definition.kind {
            known.extend(["bucket", "sum", "count"].map(|part| format!("{name}_{part}")));
        }
        known.insert(name);
        let keys = definition.keys().into_iter();
        known.extend(keys.map(|key| key.replace('.', "_")));
    }
    known
}

/// Returns the words of `text` that a metric or a label of ours could be.
fn named(text: &str) -> BTreeSet<&str> {
    let is_of_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let words = text.split(|letter: char| !is_of_word(letter));
    let is_ours = |word: &&str| {
        ["relayhouse_", "messaging_", "process_"]
            .iter()
            .any(|start| word.starts_with(start))
    };
    words.filter(is_ours).collect()
}

#[test]
fn names_in_rules_and_dashboard_are_there() {
    let known = known();
    for (file, text) in [
        ("alerts", ALERTS),
        ("tests", TESTS),
        ("dashboard", DASHBOARD),
    ] {
        let named = named(text);
        assert!(10 < named.len(), "{file} names few: {named:?}");
        let unknown: Vec<_> = named
            .iter()
            .filter(|name| !known.contains(**name))
            .collect();
        assert!(unknown.is_empty(), "{file}: {unknown:?}");
    }
}

#[test]
fn each_alert_is_tested_to_fire_and_to_be_silent() {
    let alerts = ALERTS
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "));
    let alerts: Vec<_> = alerts.collect();
    assert!(8 <= alerts.len());
    for alert in alerts {
        let silent = format!("alertname: {alert}, exp_alerts: []");
        assert!(TESTS.contains(&silent), "{alert} is never silent");
        assert!(
            TESTS.contains(&format!("alertname: {alert}\n")),
            "{alert} never fires"
        );
    }
}
