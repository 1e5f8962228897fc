//! What telemetry costs a consumer: without it, with metrics, and with traces.

mod drain;

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{SdkTracerProvider, SpanData, SpanExporter},
};
use relayhouse_telemetry::{Metrics, Sampler, Traces};

use self::drain::{Drain, Seen};
use crate::{
    report::{Goal, Line, Table, Unit},
    subject::World,
    workload::{Run, Scale},
};

/// The workloads, in the order in which they are run.
pub(crate) const TABLES: &[(&str, Run)] = &[("consumer", table)];

const OFF: &str = "off";

/// The most that metrics may cost a message, in nanoseconds.
const METRICS_MAX: f64 = 60.0;

/// The most that metrics and traces of which one in a hundred is recorded may cost.
const SAMPLED_MAX: f64 = 80.0;

const NOTES: [&str; 3] = [
    "A consumer with 64 handlers that do nothing empties a queue in memory, on one thread, whose \
     processor time is told; each round runs all variants in turn, and the median of all counts.",
    "`more` is what a message costs beside `off` of the same round. Traces stand beside metrics: the \
     observer of both, and the layer around the handler.",
    "What is recorded goes to the batch processor of the SDK, and from there nowhere.",
];

/// Takes spans, and does nothing with them.
#[derive(Debug)]
struct Nowhere;

impl SpanExporter for Nowhere {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        Ok(())
    }
}

/// Is one way to run the consumer.
struct Variant {
    name: &'static str,
    seen: Seen,
    goal: Option<Goal>,
    provider: Option<SdkTracerProvider>,
}

impl Variant {
    fn traced(name: &'static str, world: &World, sampler: Sampler, goal: Option<Goal>) -> Self {
        let provider = SdkTracerProvider::builder()
            .with_sampler(sampler)
            .with_batch_exporter(Nowhere)
            .build();
        let traces = Traces::new(&provider, sampler, &world.context);
        let metrics = Metrics::new(Arc::clone(&world.context.clock));
        Self {
            name,
            seen: Seen::Traced(metrics, traces),
            goal,
            provider: Some(provider),
        }
    }
}

fn variants(world: &World) -> Vec<Variant> {
    let metrics = Metrics::new(Arc::clone(&world.context.clock));
    let sampled = Sampler::of_ratio(0.01);
    vec![
        Variant {
            name: OFF,
            seen: Seen::Off,
            goal: None,
            provider: None,
        },
        Variant {
            name: "metrics",
            seen: Seen::Metrics(metrics),
            goal: Some(Goal::at_most(METRICS_MAX)),
            provider: None,
        },
        Variant::traced(
            "1 % recorded",
            world,
            sampled,
            Some(Goal::at_most(SAMPLED_MAX)),
        ),
        Variant::traced("all recorded", world, Sampler::ON, None),
    ]
}

fn table(world: &World, scale: Scale) -> Result<Table> {
    let (variants, messages) = (variants(world), scale.pick(200_000, 20_000));
    let drain = Drain::new(&world.context, messages)?;
    let rounds = scale.rounds();
    let mut took: Vec<Vec<Duration>> = variants.iter().map(|_| Vec::new()).collect();
    for round in 0..rounds.warm_up + rounds.count {
        for (variant, took) in variants.iter().zip(&mut took) {
            let round_took = drain.run(&variant.seen)?;
            if rounds.warm_up <= round {
                took.push(round_took);
            }
        }
    }
    let mut table = Table::new("a consumer in memory, and who watches it");
    OFF.clone_into(&mut table.limit);
    let nanos = |took: &Duration| took.as_secs_f64() * 1e9 / f64_of(messages);
    let off: Vec<f64> = took[0].iter().map(nanos).collect();
    for (variant, took) in variants.iter().zip(&took) {
        let each: Vec<f64> = took.iter().map(nanos).collect();
        let more = each.iter().zip(&off).map(|(one, off)| one - off);
        let more: Vec<f64> = more.collect();
        table
            .lines
            .push(line("a message", variant.name, each, None));
        if variant.name != OFF {
            table
                .lines
                .push(line("more", variant.name, more, variant.goal));
        }
    }
    table.notes.extend(NOTES.map(ToOwned::to_owned));
    for provider in variants
        .iter()
        .filter_map(|variant| variant.provider.as_ref())
    {
        provider.shutdown()?;
    }
    Ok(table)
}

fn line(case: &str, contender: &str, mut figures: Vec<f64>, goal: Option<Goal>) -> Line {
    figures.sort_by(f64::total_cmp);
    let spread = figures.first().copied().zip(figures.last().copied());
    Line {
        case: case.to_owned(),
        contender: contender.to_owned(),
        value: figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN),
        unit: Unit::Nanoseconds,
        spread,
        ratio: None,
        goal,
    }
}

fn f64_of(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}
