//! Amazon SQS by URL, with a client that was given: the emulator, in this process.

use std::sync::Arc;

use aws_sdk_sqs::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region},
};
use relayhouse::{Context, ErrorKind, Opened, Registry, sqs::Sqs, time};
use sqs_emulator::SqsEmulator;

/// Makes a registry that opens `sqs:` URLs at `emulator`.
pub(crate) fn registry(emulator: &SqsEmulator, context: Context) -> Registry {
    let http = aws_smithy_http_client::Builder::new().build_http();
    let config = Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(emulator.endpoint())
        .http_client(http);
    let client = Client::from_conf(config.build());
    Registry::with_context(context).with("sqs", move |address, context| {
        let client = client.clone();
        async move {
            let source = Sqs::source_of(&address)?;
            let provider = Arc::new(Sqs::open_with(&address, context, client)?);
            Ok(Opened { provider, source })
        }
    })
}

#[tokio::test]
async fn given_client_is_the_one_that_is_used() {
    let emulator = SqsEmulator::builder().start().await.unwrap();
    let registry = registry(&emulator, time::context().unwrap());
    let queue = registry.open("sqs://us-east-1/orders?create=true").await;
    let queue = queue.unwrap();
    queue.producer().send("an order").await.unwrap();
    let stats = queue.admin().unwrap().stats(queue.source()).await.unwrap();
    assert_eq!(stats.ready, 1);
    queue.close().await.unwrap();

    let error = registry.open("sqs://eu-west-1/orders").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    emulator.close().await;
}

#[tokio::test]
async fn wrong_urls_are_refused_before_anything_is_read() {
    for (url, text) in [
        ("sqs://eu-west-1", "sqs://region/queue"),
        ("sqs://eu-west-1/a.b", "must have"),
        ("sqs://eu-west-1/orders?leese=1s", "option leese"),
    ] {
        let error = relayhouse::open(url).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
        assert!(error.to_string().contains(text), "{error}");
    }
}
