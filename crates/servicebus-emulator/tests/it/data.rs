//! What outlasts an emulator, as clients see it.

use std::io;

use servicebus_emulator::{
    Builder, DataError, DataErrorKind, ServiceBusEmulator,
    model::{Config, Path, QueueSettings},
};
use tempfile::TempDir;

use crate::client::{Client, builder, data, kept, receive, send};

fn on(directory: &TempDir) -> Builder {
    builder().data(directory.path())
}

fn kind(error: &io::Error) -> Option<DataErrorKind> {
    let error = error.get_ref()?.downcast_ref::<DataError>()?;
    Some(error.kind())
}

#[tokio::test]
async fn messages_are_there_when_it_starts_again() {
    let directory = TempDir::new().unwrap();
    let emulator = on(&directory).start().await.unwrap();
    let mut client = Client::connect(&emulator).await;
    let mut sender = client.sender("orders").await;
    for body in [b"one", b"two"] {
        send(&mut sender, body).await;
    }
    let mut receiver = client.receiver("orders").await;
    let received = receive(&mut receiver).await;
    receiver.accept(&received).await.unwrap();
    client.close().await;
    emulator.close().await;

    let emulator = on(&directory).start().await.unwrap();
    let mut client = Client::connect(&emulator).await;
    let mut receiver = client.receiver("orders").await;
    let received = receive(&mut receiver).await;
    assert_eq!(data(&received), b"two");
    receiver.accept(&received).await.unwrap();
    client.close().await;
    emulator.close().await;
    let emulator = on(&directory).start().await.unwrap();
    assert_eq!(kept(&emulator, "orders"), []);
    emulator.close().await;
}

#[tokio::test]
async fn directory_that_is_in_use_is_refused() {
    let directory = TempDir::new().unwrap();
    let emulator = on(&directory).start().await.unwrap();
    let error = on(&directory).start().await.unwrap_err();
    assert_eq!(kind(&error), Some(DataErrorKind::InUse));
    emulator.close().await;
    on(&directory).start().await.unwrap().close().await;
}

#[tokio::test]
async fn settings_that_are_given_are_those_of_what_was_kept() {
    let directory = TempDir::new().unwrap();
    let json = |count: u32, rule: &str| {
        let text = format!(
            r#"{{"UserConfig": {{"Namespaces": [{{"Name": "n",
                "Queues": [{{"Name": "q", "Properties": {{"MaxDeliveryCount": {count}}}}}],
                "Topics": [{{"Name": "t", "Subscriptions": [{{"Name": "s", "Rules": [
                    {{"Name": "{rule}", "Properties": {{"FilterType": "Sql",
                        "SqlFilter": {{"SqlExpression": "a = 1"}}}}}}]}}]}}]}}]}}}}"#
        );
        Config::parse(&text).unwrap()
    };
    let emulator = ServiceBusEmulator::builder().data(directory.path());
    let emulator = emulator.config(json(3, "old")).start().await.unwrap();
    let (q, s) = (Path::new("q"), Path::of_subscription("t", "s"));
    emulator.with_model(|model, now| {
        let extra = QueueSettings::default();
        model.create_queue(now, &Path::new("extra"), extra).unwrap();
    });
    emulator.close().await;
    let emulator = ServiceBusEmulator::builder().data(directory.path());
    let emulator = emulator.config(json(5, "new")).start().await.unwrap();
    emulator.with_model(|model, now| {
        let settings = model.queue_settings(&q).unwrap();
        assert_eq!(settings.outlet.delivery_count_max, 5);
        assert!(model.queue_settings(&Path::new("extra")).is_ok());
        let rules = model.rules(now, &s, 0, 10).unwrap();
        let names = rules.iter().map(|rule| &*rule.name).collect::<Vec<_>>();
        assert_eq!(names, ["new"]);
    });
    emulator.close().await;
}
