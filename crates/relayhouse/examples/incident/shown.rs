//! The run as a table, and as a test of the alert rules.

use std::{fmt::Write as _, mem};

use super::{Outcome, REDRIVE_AT, payments::PHASES, scraper::Row};

/// The minutes that are shown, and the alerts that fire in each: promtool is asked for them.
const SHOWN: [(u64, &[&str]); 19] = [
    (8, &[]),
    (19, &[]),
    (21, &[]),
    (24, &[]),
    (28, &[]),
    (33, &["HandlersSlow", "OldestMessageOld", "ThroughputFell"]),
    (35, &["OldestMessageOld", "ThroughputFell"]),
    (
        38,
        &[
            "BreakerOpen",
            "DepthGrows",
            "OldestMessageOld",
            "ThroughputFell",
        ],
    ),
    (
        42,
        &[
            "BreakerOpen",
            "DepthGrows",
            "OldestMessageOld",
            "ThroughputFell",
        ],
    ),
    (
        45,
        &[
            "DeadLettersGrow",
            "DepthGrows",
            "OldestMessageOld",
            "ThroughputFell",
        ],
    ),
    (48, &["DeadLettersGrow", "DepthGrows", "OldestMessageOld"]),
    (
        52,
        &["DeadLetterShareHigh", "DeadLettersGrow", "OldestMessageOld"],
    ),
    (58, &["DeadLetterShareHigh", "DeadLettersGrow"]),
    (61, &["DeadLetterShareHigh", "DeadLettersGrow"]),
    (65, &["DeadLetterShareHigh", "DeadLettersGrow"]),
    (67, &["DeadLetterShareHigh", "DeadLettersGrow"]),
    (72, &["DeadLettersGrow"]),
    (78, &[]),
    (82, &[]),
];

/// Tells it as an operator sees it.
pub(crate) fn told(outcome: &Outcome) -> String {
    let mut text = String::from(
        "minute   ready  oldest  limit    breaker  p95 of handlers  acked  retries  dead  alerts\n",
    );
    let (mut phases, mut is_sent_back) = (PHASES.iter().peekable(), false);
    for row in &outcome.rows {
        let Some((_, alerts)) = SHOWN.iter().find(|(minute, _)| *minute == row.minute) else {
            continue;
        };
        while let Some(phase) = phases.next_if(|phase| phase.from <= row.minute) {
            // Writing to a text cannot fail.
            _ = writeln!(text, "-- from minute {} on: {}", phase.from, phase.about);
        }
        if REDRIVE_AT < row.minute && !mem::replace(&mut is_sent_back, true) {
            _ = writeln!(text, "-- in minute {REDRIVE_AT}: {}", sent_back(outcome));
        }
        _ = writeln!(text, "{}", shown(row, alerts));
    }
    let Outcome {
        sent,
        acked,
        left,
        dead,
        ..
    } = outcome;
    _ = writeln!(
        text,
        "-- {sent} orders were sent: {acked} acked, {left} left, {dead} dead"
    );
    text
}

fn sent_back(outcome: &Outcome) -> String {
    let reasons = outcome.reasons.iter();
    let reasons: Vec<_> = reasons
        .map(|(reason, count)| format!("{count} {reason}"))
        .collect();
    let Outcome { sent_back, .. } = outcome;
    format!(
        "{sent_back} dead letters are sent back: {}",
        reasons.join(", ")
    )
}

fn shown(row: &Row, alerts: &[&str]) -> String {
    let p95 = row.p95.map_or_else(String::new, |p95| format!("≤ {p95:?}"));
    let breaker = match row.breaker {
        0 => "closed",
        1 => "half open",
        _ => "open",
    };
    let Row {
        minute,
        ready,
        oldest,
        limit,
        acked,
        retries,
        dead,
        ..
    } = row;
    let line = format!(
        "{minute:>6}  {ready:>6}  {oldest:>4} s  {limit:>5}  {breaker:>9}  {p95:>15}  {acked:>5}  \
         {retries:>7}  {dead:>4}  {}",
        alerts.join(", "),
    );
    line.trim_end().to_owned()
}

/// Writes the run as a test of the alert rules: what Prometheus has read, and what fires then.
pub(crate) fn test(outcome: &Outcome) -> String {
    let mut text = String::from(
        "# What Prometheus reads in the example `incident`, and what fires then. Made by\n\
         # `cargo xtask operations`, run by `cargo xtask alerts`.\n\
         rule_files: [alerts.yaml]\nevaluation_interval: 1m\n\ntests:\n  - interval: 1m\n    \
         input_series:\n",
    );
    for (name, values) in &outcome.series {
        let values = values.iter().map(|it| it.as_deref().unwrap_or("_"));
        let values = values.collect::<Vec<_>>().join(" ");
        // Writing to a text cannot fail.
        _ = writeln!(
            text,
            "      - series: '{name}'\n        values: \"{values}\""
        );
    }
    text.push_str("    promql_expr_test:\n");
    for (minute, alerts) in SHOWN {
        _ = writeln!(
            text,
            "      - expr: group by (alertname) (ALERTS{{alertstate=\"firing\"}})\n        \
             eval_time: {minute}m"
        );
        let samples = alerts
            .iter()
            .map(|name| format!("          - {{labels: '{{alertname=\"{name}\"}}', value: 1}}\n"));
        if !alerts.is_empty() {
            text.push_str("        exp_samples:\n");
        }
        text.extend(samples);
    }
    text
}
