//! What a run tells of one case or probe, as a line that a program reads.

use std::time::Duration;

use serde::Serialize;

/// Tells how one case or probe ended; one line of JSON for each.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// The name, with what it is a part of: `conformance::sqs.fifo::acked_message_is_gone`.
    pub name: String,
    /// How it ended.
    pub ending: Ending,
    /// What was observed, or why it was left out.
    pub said: String,
    /// What a probe looks at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub behaviour: Option<&'static str>,
    /// What the provider documents of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub documented: Option<&'static str>,
    /// How long it took, in milliseconds.
    pub took_ms: u128,
}

/// Says how a case or probe ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The service does what is expected.
    Passed,
    /// The service does something else.
    Failed,
    /// It was not run.
    LeftOut,
}

impl Finding {
    /// Tells how the case `name` ended.
    #[must_use]
    pub fn new(name: String, ending: Ending, said: String, took: Duration) -> Self {
        Self {
            name,
            ending,
            said,
            behaviour: None,
            documented: None,
            took_ms: took.as_millis(),
        }
    }
}
