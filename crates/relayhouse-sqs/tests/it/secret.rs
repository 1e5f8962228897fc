//! Credentials are never shown: not by `Debug`, and not by an error, whatever SQS says.

use std::error::Error as _;

use relayhouse_core::{
    Message, Sending,
    port::{Provider, ReceiverOptions},
};

use crate::{
    canned::{Answer, Canned, attributes, take_all},
    nowhere::SECRETS,
};

/// What SQS says to a wrong signature repeats the request.
const ECHO: &str = "The Canonical String for this request should have been \
    'POST\n/\n\nx-amz-security-token:TOKENCANARY' for AKIDCANARY with SECRETCANARY";

fn assert_silent(shown: &str) {
    for secret in SECRETS {
        assert!(!shown.contains(secret), "{secret} in: {shown}");
    }
}

#[tokio::test]
async fn debug_shows_no_credentials() {
    let canned = Canned::new(|operation, body| match operation {
        "GetQueueAttributes" => attributes(),
        _ => take_all(body),
    });
    assert_silent(&format!("{:?}", canned.builder()));
    let sqs = canned.sqs();
    let sender = sqs.sender(&"orders".parse().unwrap()).await.unwrap();
    let options = ReceiverOptions::default();
    let receiver = sqs
        .receiver(&"orders".parse().unwrap(), options)
        .await
        .unwrap();
    let admin = sqs.admin().unwrap();
    for pretty in [format!("{sqs:?}"), format!("{sqs:#?}")] {
        assert_silent(&pretty);
    }
    assert_silent(&format!("{sender:?} {receiver:?} {admin:?}"));
}

#[tokio::test]
async fn errors_show_no_credentials() {
    for (status, code) in [
        (403, "SignatureDoesNotMatch"),
        (403, "InvalidClientTokenId"),
        (403, "ExpiredToken"),
        (403, "Whatever"),
        (400, "MissingAuthenticationToken"),
    ] {
        let canned = Canned::new(move |_, _| Answer::Refused {
            status,
            code,
            text: ECHO,
        });
        let sender = canned
            .sqs()
            .sender(&"orders".parse().unwrap())
            .await
            .unwrap();
        let mut batch = [Sending::new(Message::new("x"))];
        sender.send(&mut batch).await.unwrap();
        let error = batch[0].outcome.error().unwrap();
        assert_silent(&format!("{error} {error:?} {error:#?}"));
        let mut cause = error.source();
        while let Some(error) = cause {
            assert_silent(&format!("{error} {error:?}"));
            cause = error.source();
        }
    }
}
