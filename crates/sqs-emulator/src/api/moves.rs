//! Tasks that move messages from a dead-letter queue to where they came from.

use serde::{Deserialize, Serialize};

/// Starts a task.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct StartMove {
    pub(crate) source_arn: String,
    pub(crate) destination_arn: Option<String>,
    pub(crate) max_number_of_messages_per_second: Option<i64>,
}

/// The name of a task: what a start answers, and what a cancellation asks.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct MoveHandle {
    pub(crate) task_handle: String,
}

/// Lists the tasks of a source.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ListMoves {
    pub(crate) source_arn: String,
    pub(crate) max_results: Option<i64>,
}

/// The tasks of a source, newest first.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct MoveList {
    pub(crate) results: Vec<MoveView>,
}

/// How far a task has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct MoveView {
    /// Only a running task has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) task_handle: Option<String>,
    pub(crate) status: &'static str,
    pub(crate) source_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) destination_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_number_of_messages_per_second: Option<u32>,
    pub(crate) approximate_number_of_messages_moved: u64,
    pub(crate) approximate_number_of_messages_to_move: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failure_reason: Option<&'static str>,
    /// In milliseconds since 1970.
    pub(crate) started_timestamp: u64,
}

/// What a cancellation answers.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct MoveCancelled {
    pub(crate) approximate_number_of_messages_moved: u64,
}
