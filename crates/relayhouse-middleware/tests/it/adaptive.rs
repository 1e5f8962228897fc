//! A limit that is found against fixed ones, while the capacity of the service is halved and
//! restored.

use std::time::Duration;

use relayhouse_middleware::adaptive::Algorithm;

use crate::simulation::{CAPACITY, Limit, PART, Report, SERVICE_TIME, run};

const FIXED: [u32; 3] = [16, 20, 24];
const END: Duration = Duration::from_secs(PART.as_secs() * 3);

fn overall(report: &Report) -> (f64, Duration) {
    let throughput = report.throughput(Duration::ZERO, END);
    (throughput, report.percentile(0.99, Duration::ZERO, END))
}

/// Returns the throughput and the 99th percentile of the fixed limit with the most throughput, and
/// of those within a hundredth of it the one with the least latency.
async fn best_fixed() -> (f64, Duration) {
    let mut fixed = Vec::new();
    for limit in FIXED {
        fixed.push(overall(&run(Limit::Fixed(limit)).await));
    }
    let most = fixed.iter().map(|(most, _)| *most).fold(0.0, f64::max);
    let good = fixed.into_iter().filter(|(found, _)| most * 0.99 <= *found);
    good.min_by_key(|(_, p99)| *p99).unwrap()
}

/// Ten seconds after each change the limit fits again, and goes on to.
fn check_parts(report: &Report) {
    let capacities = [CAPACITY, CAPACITY / 2, CAPACITY];
    for (part, capacity) in (0..).zip(capacities) {
        let (from, to) = (PART * part + Duration::from_secs(10), PART * (part + 1));
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let possible = capacity as f64 / SERVICE_TIME.as_secs_f64();
        let throughput = report.throughput(from, to);
        assert!(0.9 * possible < throughput, "part {part}: {throughput}");
        let median = report.percentile(0.5, from, to);
        assert!(median < SERVICE_TIME * 2, "part {part}: {median:?}");
    }
}

/// Throughput above nine tenths of the best fixed limit's, and a 99th percentile below twice its.
#[tokio::test(start_paused = true)]
async fn capacity_that_is_halved_and_restored_is_found() {
    let fixed = best_fixed().await;
    let (_, unlimited) = overall(&run(Limit::None).await);
    assert!(fixed.1 < unlimited, "a limit is of use at all");
    for algorithm in [Algorithm::Gradient, Algorithm::Aimd] {
        let report = run(Limit::Adaptive(algorithm)).await;
        let (throughput, p99) = overall(&report);
        assert!(0.9 * fixed.0 < throughput, "{throughput}, best {fixed:?}");
        assert!(p99 < fixed.1 * 2, "{p99:?}, best {fixed:?}");
        check_parts(&report);
    }
}
