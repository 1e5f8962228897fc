//! Metrics: what the host gives, and the advice.

use std::{
    fmt::{self, Write},
    sync::Arc,
};

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::header::CONTENT_TYPE;

use crate::console::Shared;

const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

const SCALE: &str = "relayhouse_scale_consumers";

pub(super) async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    let readings = shared.read().await;
    let mut text = shared.metrics.as_ref().map_or_else(String::new, |it| it());
    let advices = readings.iter().filter_map(|(post, reading)| {
        let source = post.watched.remote.source().to_string();
        reading.advice.map(|advice| (source, advice.consumers))
    });
    let advices: Vec<_> = advices.collect();
    if !advices.is_empty() {
        // Writing to a text cannot fail.
        let _ = write(&mut text, &advices);
    }
    ([(CONTENT_TYPE, PROMETHEUS)], text).into_response()
}

fn write(text: &mut String, advices: &[(String, u32)]) -> fmt::Result {
    writeln!(text, "# HELP {SCALE} Consumers that the queue needs.")?;
    writeln!(text, "# TYPE {SCALE} gauge")?;
    for (source, consumers) in advices {
        let source = source.replace('\\', "\\\\").replace('"', "\\\"");
        writeln!(
            text,
            "{SCALE}{{messaging_destination_name=\"{source}\"}} {consumers}"
        )?;
    }
    Ok(())
}
