//! Batches: what fails as a whole, and what entry by entry.

use anyhow::Result;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry,
    SendMessageBatchRequestEntry,
};

use super::{
    Probe,
    bench::{Bench, answer, failures},
};
use crate::service::probe::probe;

pub(super) const PROBES: &[Probe] = &[
    probe!(
        bad_entry_fails_alone,
        "A batch of a good body and of U+0001",
        "b failed: InvalidMessageContents, fault of sender"
    ),
    probe!(
        delay_of_an_entry_is_checked,
        "A batch with a delay of 99,999 seconds in one entry",
        "b failed: InvalidParameterValue, fault of sender"
    ),
    probe!(
        unknown_receipt_fails_its_change,
        "A batch of changes of visibility with an unknown receipt",
        "a failed: ReceiptHandleIsInvalid, fault of sender"
    ),
    probe!(
        unknown_receipt_fails_its_deletion,
        "A batch of deletions with an unknown receipt",
        "a failed: ReceiptHandleIsInvalid, fault of sender"
    ),
    probe!(
        empty_batch_is_refused,
        "A batch of no entries",
        "refused: EmptyBatchRequest (400)"
    ),
    probe!(
        eleven_entries_are_refused,
        "A batch of 11 entries",
        "refused: TooManyEntriesInBatchRequest (400)"
    ),
    probe!(
        equal_ids_are_refused,
        "A batch with an id twice",
        "refused: BatchEntryIdsNotDistinct (400)"
    ),
    probe!(
        id_with_a_space_is_refused,
        "A batch with the id `a b`",
        "refused: InvalidBatchEntryId (400)"
    ),
    probe!(
        long_batch_is_refused,
        "A batch of two bodies of 512 KiB and a byte",
        "refused: BatchRequestTooLong (400)"
    ),
];

type Entry = SendMessageBatchRequestEntry;

fn entry(id: &str, body: &str) -> Result<Entry> {
    Ok(Entry::builder().id(id).message_body(body).build()?)
}

/// Sends `entries`, and says how it ended as a whole, or which of them failed.
async fn send(bench: &Bench, entries: Vec<Entry>) -> Result<String> {
    let url = bench.standard(&[]).await?;
    let send = bench.client.send_message_batch().queue_url(url);
    Ok(match send.set_entries(Some(entries)).send().await {
        Ok(answer) => failures(&answer.failed),
        refused => answer(refused),
    })
}

async fn bad_entry_fails_alone(bench: Bench) -> Result<String> {
    send(&bench, vec![entry("a", "good")?, entry("b", "\u{1}")?]).await
}

async fn delay_of_an_entry_is_checked(bench: Bench) -> Result<String> {
    let mut late = entry("b", "late")?;
    late.delay_seconds = Some(99_999);
    send(&bench, vec![entry("a", "good")?, late]).await
}

async fn unknown_receipt_fails_its_change(bench: Bench) -> Result<String> {
    let url = bench.standard(&[]).await?;
    let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id("a");
    let entry = entry.receipt_handle("garbage").visibility_timeout(1);
    let change = bench.client.change_message_visibility_batch();
    let change = change.queue_url(url).entries(entry.build()?);
    Ok(failures(&change.send().await?.failed))
}

async fn unknown_receipt_fails_its_deletion(bench: Bench) -> Result<String> {
    let url = bench.standard(&[]).await?;
    let entry = DeleteMessageBatchRequestEntry::builder().id("a");
    let entry = entry.receipt_handle("garbage").build()?;
    let delete = bench.client.delete_message_batch().queue_url(url);
    Ok(failures(&delete.entries(entry).send().await?.failed))
}

async fn empty_batch_is_refused(bench: Bench) -> Result<String> {
    send(&bench, Vec::new()).await
}

async fn eleven_entries_are_refused(bench: Bench) -> Result<String> {
    let entries = (0..11).map(|index| entry(&index.to_string(), "x"));
    send(&bench, entries.collect::<Result<_>>()?).await
}

async fn equal_ids_are_refused(bench: Bench) -> Result<String> {
    send(&bench, vec![entry("a", "x")?, entry("a", "y")?]).await
}

async fn id_with_a_space_is_refused(bench: Bench) -> Result<String> {
    send(&bench, vec![entry("a b", "x")?]).await
}

async fn long_batch_is_refused(bench: Bench) -> Result<String> {
    let half = "x".repeat(512 * 1024 + 1);
    send(&bench, vec![entry("a", &half)?, entry("b", &half)?]).await
}
