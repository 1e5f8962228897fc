//! Batches.

use super::*;
use crate::api::batches::Batch;

fn entry(id: &str, body: &str) -> Send {
    Send {
        id: id.to_owned(),
        message_body: body.to_owned(),
        ..Send::default()
    }
}

fn batch(url: &str, entries: Vec<Send>) -> Batch<Send> {
    Batch {
        queue_url: url.to_owned(),
        entries,
    }
}

#[test]
fn batch_is_refused_as_a_whole() {
    let mut world = World::new();
    let url = world.queue("q");
    let eleven = (0..11).map(|it| entry(&it.to_string(), "a")).collect();
    let long = "a".repeat(81);
    for (entries, expected) in [
        (vec![], Code::EmptyBatchRequest),
        (eleven, Code::TooManyEntriesInBatchRequest),
        (vec![entry("", "a")], Code::InvalidBatchEntryId),
        (vec![entry("a b", "a")], Code::InvalidBatchEntryId),
        (vec![entry(&long, "a")], Code::InvalidBatchEntryId),
        (
            vec![entry("x", "a"), entry("x", "b")],
            Code::BatchEntryIdsNotDistinct,
        ),
    ] {
        let refused = world
            .model
            .send_batch(&mut world.call, batch(&url, entries));
        assert_eq!(code(refused), Some(expected));
    }
    assert_eq!(world.counts(&url), ["0", "0", "0"]);
}

#[test]
fn entry_fails_by_itself() {
    let mut world = World::new();
    let url = world.queue("q");
    let mut late = entry("late", "a");
    late.delay_seconds = Some(901);
    let entries = vec![
        entry("good", "a"),
        entry("bad", "\0"),
        entry("none", ""),
        late,
    ];
    let result = world
        .model
        .send_batch(&mut world.call, batch(&url, entries));
    let result = result.unwrap();
    assert_eq!(result.successful.len(), 1);
    assert_eq!(result.successful[0].id, "good");
    let failed = result.failed.iter();
    let failed = failed
        .map(|it| (it.id.as_str(), it.code.as_str(), it.sender_fault))
        .collect::<Vec<_>>();
    assert_eq!(
        failed,
        [
            ("bad", "InvalidMessageContents", true),
            ("none", "MissingParameter", true),
            ("late", "InvalidParameterValue", true),
        ]
    );
    assert_eq!(world.counts(&url), ["1", "0", "0"]);
}

#[test]
fn entry_fails_on_demand_and_it_is_the_fault_of_the_service() {
    let mut world = World::new();
    let url = world.queue("q");
    world.call.failing = vec![1];
    let entries = vec![entry("a", "a"), entry("b", "b"), entry("c", "c")];
    let result = world
        .model
        .send_batch(&mut world.call, batch(&url, entries));
    let result = result.unwrap();
    assert_eq!(result.successful.len(), 2);
    assert_eq!(result.failed[0].id, "b");
    assert!(!result.failed[0].sender_fault);
}

#[test]
fn receipts_fail_one_by_one() {
    let mut world = World::new();
    let url = world.queue("q");
    world.send(send(&url, "a")).unwrap();
    world.send(send(&url, "b")).unwrap();
    let messages = world.receive(&url, 10);
    let entries = |seconds| {
        let receipts = [
            &messages[0].receipt_handle,
            "garbage",
            &messages[1].receipt_handle,
        ];
        let entries = receipts.iter().enumerate().map(|(index, receipt)| Settle {
            id: index.to_string(),
            receipt_handle: (*receipt).to_owned(),
            visibility_timeout: seconds,
            ..Settle::default()
        });
        Batch {
            queue_url: url.clone(),
            entries: entries.collect::<Vec<_>>(),
        }
    };
    let result = world
        .model
        .change_visibility_batch(&mut world.call, entries(Some(60)));
    let result = result.unwrap();
    assert_eq!(result.successful.len(), 2);
    assert_eq!(result.failed[0].code, "ReceiptHandleIsInvalid");
    world.pass(59);
    assert_eq!(world.counts(&url), ["0", "2", "0"]);
    let result = world
        .model
        .delete_batch(&mut world.call, entries(None))
        .unwrap();
    assert_eq!(result.successful.len(), 2);
    assert_eq!(result.failed[0].id, "1");
    assert!(result.failed[0].sender_fault);
    assert_eq!(world.counts(&url), ["0", "0", "0"]);
}
