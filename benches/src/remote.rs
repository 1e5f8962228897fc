//! What measurements of services over the network have in common.

use anyhow::Result;
use tokio::{
    runtime::{Builder, Runtime},
    task::JoinSet,
};

pub(crate) const BODY_BYTES: usize = 256;

/// Starts a runtime that has this thread and no other, so that its time on a processor is that of
/// the client.
pub(crate) fn runtime() -> Result<Runtime> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

/// Returns the body of all messages: JSON of 256 bytes.
pub(crate) fn body() -> String {
    let start = "{\"order\":7,\"customer\":\"7c1e0c2a\",\"note\":\"";
    let end = "\"}";
    let note = "all fine ".chars().cycle();
    let note: String = note.take(BODY_BYTES - start.len() - end.len()).collect();
    format!("{start}{note}{end}")
}

/// Runs `tasks` at the same time, and returns what they return.
pub(crate) async fn all<T: Send + 'static, F>(tasks: impl IntoIterator<Item = F>) -> Result<Vec<T>>
where
    F: Future<Output = Result<T>> + Send + 'static,
{
    let mut tasks: JoinSet<_> = tasks.into_iter().collect();
    let mut results = Vec::with_capacity(tasks.len());
    while let Some(result) = tasks.join_next().await {
        results.push(result??);
    }
    Ok(results)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn body_has_its_size() {
        assert_eq!(body().len(), BODY_BYTES);
    }
}
