//! A handler that takes many messages at once, and answers for each.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use relayhouse::prelude::*;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

const READINGS: usize = 100;

#[derive(Serialize, Deserialize)]
struct Reading {
    sensor: String,
    celsius: f64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let queue = relayhouse::open("memory://readings").await?;
    let readings = queue.producer().json();
    for number in 0..READINGS {
        let celsius = if number == 42 { -400.0 } else { 21.5 };
        let sensor = format!("sensor-{number}");
        readings.send(&Reading { sensor, celsius }).await?;
    }

    let (done, mut seen) = mpsc::channel(READINGS);
    let store = move |mut batch: Batch| {
        let done = done.clone();
        async move {
            for (index, Json(reading)) in batch.extract::<Json<Reading>>() {
                if reading.celsius < -273.15 {
                    let text = format!("{} is broken", reading.sensor);
                    batch.settle(index, Settlement::dead_letter("impossible", text));
                }
            }
            println!("a batch of {}", batch.len());
            // Nobody counts any more when the last batch is in.
            let _ = done.send(batch.len()).await;
            Ok::<_, Error>(batch)
        }
    };
    let all_seen = async {
        let mut left = READINGS;
        while let Some(count) = seen.recv().await {
            left = left.saturating_sub(count);
            if left == 0 {
                break;
            }
        }
    };
    let report = queue
        .consumer()
        .batch_max(32)
        .batch_handler(store)
        .run_until(all_seen)
        .await?;
    println!(
        "{} stored, {} dead-lettered",
        report.acked, report.dead_lettered
    );
    Ok(())
}
