//! The three batch calls, with one answer for each entry, in the order of the entries.

mod send;

use aws_sdk_sqs::types::{
    BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry as Change,
    DeleteMessageBatchRequestEntry as Delete,
};
use relayhouse_core::{Error, ErrorKind, Operation, Result};

pub(crate) use self::send::{Target, send};
use crate::{
    capability::BATCH_MAX,
    cost::{Call, Load},
    error,
    link::Link,
    queue::Queue,
};

/// Deletes the messages of `handles`.
pub(crate) async fn delete(
    link: &Link,
    queue: &Queue,
    handles: Vec<String>,
    operation: Operation,
) -> Vec<Result<()>> {
    let mut answers = Vec::with_capacity(handles.len());
    let mut handles = handles.into_iter();
    while 0 < handles.len() {
        let chunk: Vec<_> = handles.by_ref().take(BATCH_MAX).collect();
        let count = chunk.len();
        match delete_call(link, queue, chunk, operation).await {
            Ok(results) => answers.extend(results),
            Err(cause) => answers.extend((0..count).map(|_| Err(cause.clone()))),
        }
    }
    answers
}

async fn delete_call(
    link: &Link,
    queue: &Queue,
    handles: Vec<String>,
    operation: Operation,
) -> Result<Vec<Result<()>>> {
    let count = handles.len();
    let entries = handles.into_iter().enumerate().map(|(index, handle)| {
        let entry = Delete::builder().id(index.to_string());
        entry.receipt_handle(handle).build().map_err(unbuilt)
    });
    let entries: Result<Vec<_>> = entries.collect();
    let request = link.client().await?.delete_message_batch();
    let request = request.queue_url(&*queue.url).set_entries(Some(entries?));
    let load = Load::new(Call::Delete, count as u64, 0);
    let answer = link.call(load, operation, Box::pin(request.send())).await?;
    link.called(operation, count as u64, 1);
    let mut answers = Answers::new(count);
    for entry in &answer.successful {
        let index = answers.index(&entry.id);
        answers.set(index, Ok(()));
    }
    Ok(answers.finish_of_sqs(&answer.failed, operation))
}

/// Gives each message of `changes` another visibility timeout, in seconds.
pub(crate) async fn change(
    link: &Link,
    queue: &Queue,
    changes: &[(String, i32)],
    operation: Operation,
) -> Vec<Result<()>> {
    let mut answers = Vec::with_capacity(changes.len());
    for chunk in changes.chunks(BATCH_MAX) {
        match change_call(link, queue, chunk, operation).await {
            Ok(results) => answers.extend(results),
            Err(cause) => answers.extend(chunk.iter().map(|_| Err(cause.clone()))),
        }
    }
    answers
}

async fn change_call(
    link: &Link,
    queue: &Queue,
    changes: &[(String, i32)],
    operation: Operation,
) -> Result<Vec<Result<()>>> {
    let entries = changes
        .iter()
        .enumerate()
        .map(|(index, (handle, seconds))| {
            let entry = Change::builder().id(index.to_string());
            let entry = entry.receipt_handle(handle).visibility_timeout(*seconds);
            entry.build().map_err(unbuilt)
        });
    let entries: Result<Vec<_>> = entries.collect();
    let request = link.client().await?.change_message_visibility_batch();
    let request = request.queue_url(&*queue.url).set_entries(Some(entries?));
    let answer = link
        .call(Call::ChangeVisibility, operation, Box::pin(request.send()))
        .await?;
    link.called(operation, changes.len() as u64, 1);
    let mut answers = Answers::new(changes.len());
    for entry in &answer.successful {
        let index = answers.index(&entry.id);
        answers.set(index, Ok(()));
    }
    Ok(answers.finish_of_sqs(&answer.failed, operation))
}

fn unbuilt(source: aws_sdk_sqs::error::BuildError) -> Error {
    Error::new(ErrorKind::Unexpected, "the request cannot be built").with_source(source)
}

/// Collects the answers of one call: in any order, double, short or made up, as they come.
pub(crate) struct Answers<T>(Vec<Option<Result<T>>>);

impl<T> Answers<T> {
    pub(crate) fn new(count: usize) -> Self {
        Self((0..count).map(|_| None).collect())
    }

    /// Returns which entry has the id, if one has.
    pub(crate) fn index(&self, id: &str) -> Option<usize> {
        id.parse().ok().filter(|index| *index < self.0.len())
    }

    /// Keeps the first answer for an entry, unless a later one says that it failed.
    pub(crate) fn set(&mut self, index: Option<usize>, answer: Result<T>) {
        let Some(slot) = index.and_then(|index| self.0.get_mut(index)) else {
            return;
        };
        if slot.is_none() || answer.is_err() {
            *slot = Some(answer);
        }
    }

    fn finish_of_sqs(
        mut self,
        failed: &[BatchResultErrorEntry],
        operation: Operation,
    ) -> Vec<Result<T>> {
        for entry in failed {
            let index = self.index(&entry.id);
            self.set(index, Err(error::of_entry(entry, operation)));
        }
        self.finish(operation)
    }

    /// Returns an answer for each entry: what has none is unknown.
    pub(crate) fn finish(self, operation: Operation) -> Vec<Result<T>> {
        let answers = self.0.into_iter();
        let missing = || Err(error::missing_answer(operation));
        answers.map(|it| it.unwrap_or_else(missing)).collect()
    }
}
