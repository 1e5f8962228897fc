//! Administration: what SQS has not, and what is built from receives.

use std::num::NonZeroU32;

use relayhouse_core::{ErrorKind, Source, Support, port::Provider};
use relayhouse_sqs::Peek;
use serde_json::json;

use crate::canned::{Answer, Canned, attributes, entries, messages};

const TEN: NonZeroU32 = NonZeroU32::new(10).unwrap();

fn canned() -> Canned {
    let mut receives = 0;
    Canned::new(move |operation, body| match operation {
        "GetQueueAttributes" => attributes(),
        "ReceiveMessage" => {
            receives += 1;
            messages(if receives == 1 { &["a", "b"] } else { &[] })
        }
        _ => {
            let done = entries(body)
                .iter()
                .map(|entry| json!({ "Id": entry["Id"] }));
            Answer::Json(json!({ "Successful": done.collect::<Vec<_>>(), "Failed": [] }))
        }
    })
}

#[tokio::test]
async fn a_peek_is_refused_unless_it_may_receive() {
    let (canned, source): (_, Source) = (canned(), "orders".parse().unwrap());
    let sqs = canned.sqs();
    assert_eq!(sqs.capabilities().peek, Support::Unsupported);
    let refused = sqs
        .admin()
        .unwrap()
        .peek(&source, 0, TEN)
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    assert!(canned.requests("ReceiveMessage").is_empty());
}

#[tokio::test]
async fn a_peek_that_may_receive_releases_what_it_shows() {
    let (canned, source): (_, Source) = (canned(), "orders".parse().unwrap());
    let sqs = canned.builder().peek(Peek::Receive).build().unwrap();
    assert_eq!(sqs.capabilities().peek, Support::Emulated);
    let shown = sqs.admin().unwrap().peek(&source, 0, TEN).await.unwrap();
    let bodies: Vec<_> = shown.iter().map(|it| &it.message.body[..]).collect();
    assert_eq!(bodies, [b"a", b"b"]);
    let released = &canned.requests("ChangeMessageVisibilityBatch")[0];
    for (entry, handle) in entries(released).iter().zip(["handle-a", "handle-b"]) {
        assert_eq!(entry["ReceiptHandle"], handle);
        assert_eq!(entry["VisibilityTimeout"], 0);
    }
}
