//! What a run found, as tables: beside the targets, the first minute beside the last, the messages.

use std::time::Duration;

use relayhouse_telemetry::Metric;

use super::{
    figures::{self, float},
    run::{Found, Plan},
    watch::{Sample, Window},
};
use crate::{
    report::{Goal, Line, Table, Unit},
    workload::nanos,
};

/// The least that the last window may have of the rate of the first one.
const RATE_MIN: f64 = 0.95;

const MILLIONTHS: f64 = 1e6;
const MINUTES_A_DAY: f64 = 24.0 * 60.0;

/// A run that is shorter tells little of how memory grows.
const TELLING: Duration = Duration::from_secs(600);

/// Makes all tables.
pub(super) fn tables(plan: &Plan, found: &Found) -> Vec<Table> {
    vec![
        targets(plan, found),
        windows(plan, found),
        messages(plan, found),
    ]
}

/// Adds figures of one queue.
struct Rows<'a> {
    table: Table,
    queue: &'a str,
}

impl Rows<'_> {
    fn push(&mut self, case: &str, value: f64, unit: Unit) -> &mut Line {
        self.table.push(case, self.queue, value, unit)
    }

    /// Adds a figure with its goal, if that has one.
    fn held(&mut self, case: &str, value: f64, unit: Unit, goal: Option<Goal>) {
        self.push(case, value, unit).goal = goal;
    }

    fn note(&mut self, text: impl Into<String>) {
        self.table.notes.push(text.into());
    }
}

fn rows<'a>(plan: &'a Plan, title: String) -> Rows<'a> {
    Rows {
        table: Table::new(title),
        queue: plan.queue.scheme(),
    }
}

fn at_most(limit: Option<Duration>) -> Option<Goal> {
    limit.map(|limit| Goal::at_most(nanos(limit)))
}

fn targets(plan: &Plan, found: &Found) -> Table {
    let scenario = &plan.scenario;
    let title = format!(
        "{}, {} min of {}, {}/s, targets of {}",
        found.about,
        plan.lasts.as_secs() / 60,
        plan.name.text(),
        scenario.rate,
        plan.set.text(),
    );
    let mut rows = rows(plan, title);
    rows.note(format!("Sent were {}.", scenario.about));
    rate(&mut rows, plan, found);
    batches(&mut rows, plan, found);
    latencies(&mut rows, plan, found);
    failures(&mut rows, plan, found);
    resources(&mut rows, plan, found);
    rows.table
}

fn rate(rows: &mut Rows<'_>, plan: &Plan, found: &Found) {
    let offered = float(found.offered) / plan.lasts.as_secs_f64();
    let (Some(first), Some(last)) = (found.seen.samples.first(), found.seen.samples.last()) else {
        return;
    };
    let goal = plan.targets.rate_min;
    let held = Goal::at_least(goal.min(offered));
    let unit = Unit::MessagesPerSecond;
    rows.held("rate, settled", rate_of(first, last), unit, Some(held));
    if offered < goal {
        rows.note(format!(
            "Less is offered, {}, than the {} of the targets: the rate is held to what is offered.",
            unit.show(offered),
            unit.show(goal),
        ));
    }
}

fn rate_of(first: &Sample, last: &Sample) -> f64 {
    let settled = last.settled.saturating_sub(first.settled);
    let took = last.at.saturating_sub(first.at);
    float(settled) / took.as_secs_f64().max(f64::EPSILON)
}

fn batches(rows: &mut Rows<'_>, plan: &Plan, found: &Found) {
    let goal = Some(Goal::at_least(plan.targets.batch_fill_min));
    if let Some(fill) = figures::fill(&found.snapshot, None) {
        rows.held("batch fill, all calls", fill, Unit::Share, goal);
    }
    for operation in ["send", "receive", "settle"] {
        if let Some(size) = figures::size(&found.snapshot, operation) {
            let case = format!("messages of one {operation}");
            rows.push(&case, size, Unit::PerMessage);
        }
        if let Some(fill) = figures::fill(&found.snapshot, Some(operation)) {
            let case = format!("batch fill, {operation}");
            rows.push(&case, fill, Unit::Share);
        }
    }
    rows.note(
        "Batch fill is the mean of `relayhouse.batch.fill`: messages of a call beside the most \
         that it could have had; where a queue takes any number, there is none.",
    );
}

fn latencies(rows: &mut Rows<'_>, plan: &Plan, found: &Found) {
    let (targets, latencies) = (&plan.targets, &found.latencies);
    let lines = [
        ("p50 until a handler begins", latencies.p50, targets.p50_max),
        (
            "p95 until a handler begins",
            latencies.p95,
            Some(targets.p95_max),
        ),
        ("p99 until a handler begins", latencies.p99, targets.p99_max),
        ("the longest", latencies.most, None),
    ];
    for (case, latency, limit) in lines {
        rows.held(case, nanos(latency), Unit::Nanoseconds, at_most(limit));
    }
    let (case, goal) = ("mean until a handler ends", plan.scenario.goals.mean_max);
    let mean = latencies.handled_mean;
    rows.held(case, mean, Unit::Nanoseconds, at_most(goal));
    rows.note("Latency counts from when a message was due, not from when it was sent.");
    calls(rows, plan, found);
}

fn calls(rows: &mut Rows<'_>, plan: &Plan, found: &Found) {
    let Some((bound, mean)) = figures::prompt_calls(&found.snapshot) else {
        return;
    };
    if let Some(bound) = bound {
        let goal = at_most(Some(plan.targets.api_p95_max));
        rows.held(
            "p95 of calls, at most",
            nanos(bound),
            Unit::Nanoseconds,
            goal,
        );
    }
    rows.push("mean of calls", nanos(mean), Unit::Nanoseconds);
    let requests = found.snapshot.sum(Metric::Requests, &[]);
    if let Some(requests) = u64::try_from(requests).ok().filter(|it| 0 < *it) {
        let each = float(requests) / float(found.offered.max(1));
        rows.push(
            "requests that are charged, a message",
            each,
            Unit::PerMessage,
        );
    }
    rows.note(
        "Calls are those that do not wait for messages: `send`, `settle` and `extend` of \
         `messaging.client.operation.duration`, whose buckets give the p95 by an upper bound.",
    );
}

fn failures(rows: &mut Rows<'_>, plan: &Plan, found: &Found) {
    let targets = &plan.targets;
    let goal = Some(Goal::at_most(targets.errors_max));
    rows.held("errors, of all messages", found.errors(), Unit::Share, goal);
    for (kind, count) in figures::errors(&found.snapshot) {
        rows.push(&format!("`{kind}`"), float(count), Unit::Count);
    }
    if let Some(share) = figures::availability(&found.seen.samples) {
        let goal = Some(Goal::at_least(targets.availability_min));
        rows.held("seconds without a failed call", share, Unit::Share, goal);
    }
    let opened = found.snapshot.sum(Metric::BreakerOpened, &[]);
    let opened = float(u64::try_from(opened).unwrap_or_default());
    let days = plan.lasts.as_secs_f64() / Duration::from_secs(24 * 3600).as_secs_f64();
    let goal = targets.breaker_openings_a_day_max.map(Goal::at_most);
    rows.held(
        "openings of the breaker, a day",
        opened / days,
        Unit::Count,
        goal,
    );
    if let Some(least) = plan.scenario.goals.success_min {
        let success = float(found.report.acked) / float(found.offered.max(1));
        let goal = Some(Goal::at_least(least));
        rows.held("acked, of all messages", success, Unit::Share, goal);
    }
}

fn resources(rows: &mut Rows<'_>, plan: &Plan, found: &Found) {
    let (targets, samples) = (&plan.targets, &found.seen.samples);
    let (Some(first), Some(last)) = (samples.first(), samples.last()) else {
        return;
    };
    let goal = targets.cpu_max.map(Goal::at_most);
    rows.held("CPU, of all cores", cpu(first, last), Unit::Share, goal);
    let most = samples.iter().map(|it| it.memory).max().unwrap_or_default();
    let goal = targets.memory_max.map(Goal::at_most);
    let most = float(most) / MILLIONTHS;
    rows.held("memory, of the machine's, at most", most, Unit::Share, goal);
    if let Some(share) = emulator_cpu(first, last) {
        rows.push("CPU of the emulator, of all cores", share, Unit::Share);
    }
    let sockets = samples.iter().map(|it| it.sockets).max();
    let sockets = float(sockets.unwrap_or_default());
    rows.push("sockets, at most", sockets, Unit::Count);
    pool(rows, plan, found);
    busy(rows, samples);
}

/// Notes how busy the machine was, with whatever else ran on it.
fn busy(rows: &mut Rows<'_>, samples: &[Sample]) {
    let loads: Vec<f64> = samples.iter().filter_map(|it| it.load).collect();
    let Some(most) = loads.iter().copied().reduce(f64::max) else {
        return;
    };
    let mean = loads.iter().sum::<f64>() / float(loads.len() as u64);
    rows.note(format!(
        "The load average of the machine, with whatever else ran on it, was {mean:.2} at the mean \
         and {most:.2} at most."
    ));
}

fn pool(rows: &mut Rows<'_>, plan: &Plan, found: &Found) {
    let Some(connections) = found.connections else {
        rows.note("There are no connections here, and so no pool of them.");
        return;
    };
    rows.push("connections made", float(connections), Unit::Count);
    let share = 1.0 - float(connections) / float(figures::calls(&found.snapshot).max(1));
    let goal = plan.targets.pool_min.map(Goal::at_least);
    rows.held("calls that found a connection", share, Unit::Share, goal);
}

fn cores() -> f64 {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    float(cores as u64)
}

/// Returns the share of all cores that this program had between two samples.
fn cpu(first: &Sample, last: &Sample) -> f64 {
    share_of_cores(last.busy.saturating_sub(first.busy), first, last)
}

fn emulator_cpu(first: &Sample, last: &Sample) -> Option<f64> {
    let (before, after) = first.emulator.zip(last.emulator)?;
    let busy = after.busy.saturating_sub(before.busy);
    Some(share_of_cores(busy, first, last))
}

fn share_of_cores(busy: Duration, first: &Sample, last: &Sample) -> f64 {
    let passed = last.at.saturating_sub(first.at).as_secs_f64();
    busy.as_secs_f64() / (passed * cores()).max(f64::EPSILON)
}

fn windows(plan: &Plan, found: &Found) -> Table {
    let seconds = plan.window().as_secs();
    let title = format!("The first {seconds} s beside the last {seconds} s");
    let mut rows = rows(plan, title);
    let windows = &found.seen.windows;
    if let [first, .., last] = windows[..] {
        compared(&mut rows, first, last);
    }
    growth(&mut rows, plan, &found.seen.samples);
    rows.table
}

fn compared(rows: &mut Rows<'_>, first: Window, last: Window) {
    let rate = |it: &Window| rate_of(&it.first, &it.last);
    let by_first = rate(&last) / rate(&first).max(f64::EPSILON);
    for (name, it) in [("first", &first), ("last", &last)] {
        rows.push(&format!("rate, {name}"), rate(it), Unit::MessagesPerSecond);
    }
    let goal = Some(Goal::at_least(RATE_MIN));
    rows.held("rate, last by first", by_first, Unit::Ratio, goal);
    for (name, it) in [("first", &first), ("last", &last)] {
        let (case, p95) = (format!("p95, {name}"), nanos(it.p95));
        rows.push(&case, p95, Unit::Nanoseconds);
    }
    for (name, it) in [("first", &first), ("last", &last)] {
        let (case, share) = (format!("CPU, {name}"), cpu(&it.first, &it.last));
        rows.push(&case, share, Unit::Share);
    }
    for (name, it) in [("first", &first), ("last", &last)] {
        let (case, resident) = (format!("resident, {name}"), float(it.last.resident));
        rows.push(&case, resident, Unit::Bytes);
    }
    for (name, it) in [("first", &first), ("last", &last)] {
        if let Some(used) = it.last.emulator {
            let case = format!("resident, emulator, {name}");
            rows.push(&case, float(used.resident), Unit::Bytes);
        }
    }
}

/// Adds the slope of resident memory, without the first window, which warms up.
fn growth(rows: &mut Rows<'_>, plan: &Plan, samples: &[Sample]) {
    let warm = samples.partition_point(|sample| sample.at < plan.window());
    let Some(slope) = figures::slope(&samples[warm..]) else {
        return;
    };
    rows.push("resident, growth a minute", slope, Unit::Bytes);
    rows.note(format!(
        "Growth is the slope of the line that fits all samples after the first {} s best, one a \
         second; at that rate it would be {} a day.",
        plan.window().as_secs(),
        Unit::Bytes.show(slope * MINUTES_A_DAY),
    ));
    if plan.lasts < TELLING {
        rows.note(
            "A run of less than ten minutes says little of that: the program still warms up.",
        );
    }
}

fn messages(plan: &Plan, found: &Found) -> Table {
    let mut rows = rows(plan, "What became of the messages".to_owned());
    let (balance, report) = (&found.balance, &found.report);
    for (case, count) in [
        ("offered", found.offered),
        ("sent, by the word of the queue", balance.sent),
        ("acked", report.acked),
        ("dead-lettered", report.dead_lettered),
        ("handled again", balance.again),
    ] {
        rows.push(case, float(count), Unit::Count);
    }
    for (case, count) in [
        ("sent and never handled", balance.missing),
        ("left in the queue", found.left.0),
        ("not where it was settled to", found.unaccounted()),
    ] {
        let goal = Some(Goal::at_most(0.0));
        rows.held(case, float(count), Unit::Count, goal);
    }
    rows.table
}
