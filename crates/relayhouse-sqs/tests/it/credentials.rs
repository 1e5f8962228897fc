//! Credentials that expire, and rights that are missing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use aws_credential_types::provider::{self, ProvideCredentials, future};
use aws_sdk_sqs::config::Credentials;
use relayhouse_core::{
    Clock, Delivery, ErrorKind, Extending, Message, Operation, Outcome, Sending, Settlement,
    Settling, Source,
    port::{Provider, ReceiveRequest, ReceiverOptions},
};
use relayhouse_testkit::clock::ManualClock;

use crate::canned::{Answer, Canned, attributes, messages, take_all};

/// Gives credentials for ten minutes, and counts how often it was asked.
#[derive(Clone, Debug)]
struct ForTenMinutes {
    clock: ManualClock,
    asked: Arc<AtomicUsize>,
}

impl ProvideCredentials for ForTenMinutes {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let number = self.asked.fetch_add(1, Ordering::SeqCst);
        let until = self.clock.wall() + Duration::from_secs(600);
        let credentials: provider::Result = Ok(Credentials::new(
            format!("AKID{number}"),
            "secret",
            None,
            Some(until.into()),
            "test",
        ));
        future::ProvideCredentials::ready(credentials)
    }
}

#[tokio::test]
async fn credentials_that_expire_are_asked_for_again() {
    let canned = Canned::new(|_, body| take_all(body));
    let provider = ForTenMinutes {
        clock: canned.clock.clone(),
        asked: Arc::default(),
    };
    let client = canned.client_with(provider.clone());
    let sqs = canned.builder().client(client).build().unwrap();
    let sender = sqs.sender(&"orders".parse().unwrap()).await.unwrap();
    for asked in [1, 1, 2, 3] {
        let mut batch = [Sending::new(Message::new("x"))];
        sender.send(&mut batch).await.unwrap();
        assert!(batch[0].outcome.is_done());
        assert_eq!(provider.asked.load(Ordering::SeqCst), asked);
        let by = if asked == 1 { 350 } else { 700 };
        canned.clock.advance(Duration::from_secs(by));
    }
}

/// What SQS says, and what it says nothing.
const TEXTS: [(&str, &str); 2] = [
    (
        "User: arn:aws:iam::1:user/x is not authorized to perform: sqs:it on resource: orders",
        "not authorized to perform: sqs:it",
    ),
    ("", "no right to it"),
];

#[tokio::test]
async fn a_missing_right_names_what_was_tried_and_where() {
    for (text, shown) in TEXTS {
        let canned = Canned::new(move |operation, _| match operation {
            "GetQueueAttributes" => attributes(),
            "ReceiveMessage" => messages(&["x"]),
            _ => Answer::Refused {
                status: 403,
                code: "AccessDenied",
                text,
            },
        });
        let sqs = canned.sqs();
        let sender = sqs.sender(&"orders".parse().unwrap()).await.unwrap();
        let mut batch = [Sending::new(Message::new("x"))];
        sender.send(&mut batch).await.unwrap();
        let send = batch[0].outcome.error().unwrap().clone();

        let source: Source = "orders".parse().unwrap();
        let options = ReceiverOptions::default();
        let receiver = sqs.receiver(&source, options).await.unwrap();
        let mut into: Vec<Delivery> = Vec::new();
        receiver
            .receive(ReceiveRequest::ONE, &mut into)
            .await
            .unwrap();
        let mut extends = [Extending::new(into[0].receipt.clone())];
        receiver
            .extend(&mut extends, Duration::from_secs(9))
            .await
            .unwrap();
        let extend = extends[0].outcome.error().unwrap().clone();
        let mut settles = [Settling::new(into.remove(0), Settlement::Ack)];
        receiver.settle(&mut settles).await.unwrap();
        let Outcome::Failed(settle) = settles[0].outcome.clone() else {
            panic!("it was settled");
        };
        let purge = sqs.admin().unwrap().purge(&source).await.unwrap_err();

        for (error, operation) in [
            (send, Operation::Send),
            (extend, Operation::Extend),
            (settle, Operation::Settle),
            (purge, Operation::Admin),
        ] {
            assert_eq!(error.kind(), ErrorKind::Unauthorized);
            assert_eq!(error.attempted(), Some(operation));
            let said = error.to_string();
            assert!(said.contains("orders") && said.contains(shown), "{said}");
        }
    }
}
