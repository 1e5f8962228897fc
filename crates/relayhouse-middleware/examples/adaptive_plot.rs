//! Draws `docs/adaptive.svg`: limits that are fixed, found, or missing, while a service loses half
//! of its capacity. Prints the figures of `docs/adaptive.md`.
//!
//! `cargo run --release --package relayhouse-middleware --example adaptive_plot`
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program that prints what it draws, by a simulation that cannot fail"
)]

#[path = "../tests/it/simulation.rs"]
mod simulation;

use std::{fmt::Write as _, fs, time::Duration};

use relayhouse_middleware::adaptive::Algorithm;
use simulation::{CAPACITY, Limit, PART, Report, SERVICE_TIME, run};

const FIXED: [u32; 8] = [4, 8, 12, 16, 20, 24, 32, 40];
const SERIES: [(&str, &str, Limit); 4] = [
    ("gradient", "#1b7f4b", Limit::Adaptive(Algorithm::Gradient)),
    ("AIMD", "#2b5fb3", Limit::Adaptive(Algorithm::Aimd)),
    ("best fixed", "#8a8a8a", Limit::None),
    ("no limit", "#c0392b", Limit::None),
];
const STEP: Duration = Duration::from_millis(500);
const END: Duration = Duration::from_secs(PART.as_secs() * 3);

const WIDTH: f64 = 860.0;
const PANEL: f64 = 180.0;
const LEFT: f64 = 60.0;
const TOP: f64 = 40.0;

/// Is one of the three drawings, one above the other.
struct Panel {
    title: &'static str,
    max: f64,
    index: u32,
}

fn main() -> std::io::Result<()> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let simulate = |limit| {
        let runtime = runtime.enable_time().start_paused(true).build();
        runtime.map(|runtime| runtime.block_on(run(limit)))
    };
    let svg = draw(simulate)?;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/adaptive.svg");
    fs::write(path, svg)
}

fn draw(mut simulate: impl FnMut(Limit) -> std::io::Result<Report>) -> std::io::Result<String> {
    println!("| limit | calls/s | p99 |\n| --- | --- | --- |");
    let mut fixed = Vec::new();
    for limit in FIXED {
        let report = simulate(Limit::Fixed(limit))?;
        row(&format!("fixed, {limit}"), &report);
        fixed.push((limit, report));
    }
    let (best, report) = best(fixed);
    println!("| best fixed | {best} | |");
    let mut best_report = Some(report);
    let mut svg = frame();
    for (place, (name, colour, limit)) in (0_u32..).zip(SERIES) {
        let report = match best_report.take_if(|_| name == "best fixed") {
            Some(report) => report,
            None => simulate(limit)?,
        };
        row(name, &report);
        curves(
            &mut svg,
            colour,
            &report,
            (name == "best fixed").then_some(best),
        );
        let x = LEFT + 110.0 * f64::from(place);
        let _ = writeln!(
            svg,
            "<rect x='{x}' y='12' width='14' height='4' fill='{colour}'/>\
             <text x='{}' y='18'>{name}</text>",
            x + 20.0
        );
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}

fn row(name: &str, report: &Report) {
    let throughput = report.throughput(Duration::ZERO, END);
    let p99 = report.percentile(0.99, Duration::ZERO, END);
    println!("| {name} | {throughput:.0} | {p99:?} |");
}

/// Returns the fixed limit with the most throughput, and of those within a hundredth of it the one
/// with the least latency.
fn best(fixed: Vec<(u32, Report)>) -> (u32, Report) {
    let throughput = |report: &Report| report.throughput(Duration::ZERO, END);
    let most = fixed.iter().map(|(_, report)| throughput(report));
    let most = most.fold(0.0, f64::max);
    let good = fixed
        .into_iter()
        .filter(|(_, report)| most * 0.99 <= throughput(report));
    let latency = |report: &Report| report.percentile(0.99, Duration::ZERO, END);
    good.min_by_key(|(_, report)| latency(report)).unwrap()
}

fn panels() -> [Panel; 3] {
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let capacity = CAPACITY as f64;
    let milliseconds = SERVICE_TIME.as_secs_f64() * 1_000.0;
    [
        ("calls in flight, at most", capacity * 3.0),
        ("calls a second", capacity * 1_250.0 / milliseconds),
        ("99th percentile of latency, ms", milliseconds * 7.0),
    ]
    .map({
        let mut index = 0;
        move |(title, max)| {
            index += 1;
            Panel {
                title,
                max,
                index: index - 1,
            }
        }
    })
}

/// Begins the drawing: axes, titles, and the part in which the capacity is halved.
fn frame() -> String {
    let height = TOP + (PANEL + 40.0) * 3.0;
    let mut svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {} {height}' \
         font-family='sans-serif' font-size='12'>\n\
         <rect width='100%' height='100%' fill='white'/>\n",
        LEFT + WIDTH + 20.0
    );
    for panel in panels() {
        let (top, bottom) = (panel.y(panel.max), panel.y(0.0));
        let (from, to) = (x(PART.as_secs_f64()), x(2.0 * PART.as_secs_f64()));
        let _ = writeln!(
            svg,
            "<rect x='{from}' y='{top}' width='{}' height='{PANEL}' fill='#f4efe2'/>\
             <text x='{LEFT}' y='{}'>{}</text>\
             <path d='M{LEFT} {top} V{bottom} H{}' stroke='black' fill='none'/>\
             <text x='{}' y='{}' text-anchor='end'>{:.0}</text>\
             <text x='{}' y='{bottom}' text-anchor='end'>0</text>",
            to - from,
            top - 6.0,
            panel.title,
            LEFT + WIDTH,
            LEFT - 6.0,
            top + 10.0,
            panel.max,
            LEFT - 6.0,
        );
    }
    svg
}

/// Draws what a report says of all three panels.
fn curves(svg: &mut String, colour: &str, report: &Report, fixed: Option<u32>) {
    let [limits, throughput, latency] = panels();
    let found = report.limits.iter().map(|(at, limit)| {
        let seconds = at.since(relayhouse_core::Instant::START).as_secs_f64();
        (seconds, f64::from(*limit))
    });
    let fixed = fixed.map(f64::from).into_iter();
    let fixed = fixed.flat_map(|limit| [(0.0, limit), (END.as_secs_f64(), limit)]);
    let limits_now: Vec<(f64, f64)> = found.chain(fixed).collect();
    curve(svg, colour, &limits, &limits_now);
    let spans = (0..).map(|step| STEP * step).take_while(|from| *from < END);
    let spans: Vec<Duration> = spans.collect();
    let of_spans = |value: &dyn Fn(Duration, Duration) -> f64| -> Vec<(f64, f64)> {
        let point = |from: &Duration| (from.as_secs_f64(), value(*from, *from + STEP));
        spans.iter().map(point).collect()
    };
    let rates = of_spans(&|from, to| report.throughput(from, to));
    curve(svg, colour, &throughput, &rates);
    let p99 = of_spans(&|from, to| report.percentile(0.99, from, to).as_secs_f64() * 1_000.0);
    curve(svg, colour, &latency, &p99);
}

fn curve(svg: &mut String, colour: &str, panel: &Panel, points: &[(f64, f64)]) {
    let mut path = String::new();
    for (seconds, value) in points {
        let command = if path.is_empty() { 'M' } else { 'L' };
        let _ = write!(path, "{command}{:.1} {:.1}", x(*seconds), panel.y(*value));
    }
    let _ = writeln!(
        svg,
        "<path d='{path}' stroke='{colour}' stroke-width='1.5' fill='none'/>"
    );
}

fn x(seconds: f64) -> f64 {
    LEFT + WIDTH * seconds / END.as_secs_f64()
}

impl Panel {
    fn y(&self, value: f64) -> f64 {
        let top = TOP + 20.0 + (PANEL + 40.0) * f64::from(self.index);
        top + PANEL * (1.0 - (value / self.max).min(1.0))
    }
}
