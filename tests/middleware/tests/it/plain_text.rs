//! Nothing is encrypted that nobody asked to encrypt.

use std::{fs, path::Path, sync::Arc};

use relayhouse_core::{
    Context, Delivery, Message,
    port::{Key, KeyId, KeyRing, Provider, ReceiveRequest, ReceiverOptions},
};
use relayhouse_local::Local;
use relayhouse_middleware::{encryption::EncryptionLayer, stack};
use relayhouse_runtime::Producer;
use tower::{Layer, Service, ServiceExt};

const TEXT: &str = "the price is 4711";

/// Opens the queue `orders` in `directory`.
fn producer(directory: &Path, context: &Context) -> (Arc<dyn Provider>, Producer) {
    let local = Local::builder(context.clone(), directory).build().unwrap();
    let local: Arc<dyn Provider> = Arc::new(local);
    let queue = "orders".parse().unwrap();
    let producer = Producer::of(Arc::clone(&local), queue, context.clone());
    (local, producer.build().unwrap())
}

/// Sends one message through what `layer` makes of a producer, and returns it as it came out of the
/// queue, and whether its text is in a file.
async fn sent<L, S>(layer: impl FnOnce(&Context) -> L) -> (Delivery, bool)
where
    L: Layer<Producer, Service = S>,
    S: Service<Message, Error: std::fmt::Debug>,
{
    let directory = tempfile::tempdir().unwrap();
    let context = relayhouse_time::context().unwrap();
    let (local, producer) = producer(directory.path(), &context);
    let producer = layer(&context).layer(producer);
    let message = Message::new(TEXT).header("tenant", "acme");
    assert!(producer.oneshot(message).await.is_ok());
    let source = "orders".parse().unwrap();
    let receiver = local.receiver(&source, ReceiverOptions::default());
    let receiver = receiver.await.unwrap();
    let mut deliveries = Vec::new();
    let receive = receiver.receive(ReceiveRequest::ONE, &mut deliveries);
    receive.await.unwrap();
    let is_in_a_file = holds(directory.path(), TEXT.as_bytes());
    local.close().await.unwrap();
    (deliveries.remove(0), is_in_a_file)
}

/// Returns true if a file of `directory` has `text` in it.
fn holds(directory: &Path, text: &[u8]) -> bool {
    fs::read_dir(directory).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, text);
        }
        let bytes = fs::read(path).unwrap();
        bytes.windows(text.len()).any(|part| part == text)
    })
}

/// Without a layer, and in the stack that we recommend, a body lies in the queue as it was sent, and
/// nothing is added that says otherwise; with the layer it does not.
#[tokio::test]
async fn body_is_encrypted_by_the_layer_alone() {
    let (bare, is_in_a_file) = sent(|_| tower::layer::util::Identity::new()).await;
    assert!(is_in_a_file);
    let (stacked, is_stacked_in_a_file) = sent(|it| stack::producer("broker", it)).await;
    assert!(is_stacked_in_a_file);
    for delivery in [bare, stacked] {
        assert_eq!(delivery.message.body, TEXT);
        assert_eq!(delivery.message.headers().iter().count(), 1);
        assert_eq!(delivery.message.headers().text("tenant"), Some("acme"));
    }

    let context = relayhouse_time::context().unwrap();
    let key = Key::new(KeyId::new("2026-11").unwrap(), &[7; 32]);
    let builder = EncryptionLayer::builder(Arc::new(KeyRing::new(key)));
    let layer = builder.build(&context).await.unwrap();
    let (encrypted, is_in_a_file) = sent(|_| layer).await;
    assert!(!is_in_a_file);
    assert_ne!(encrypted.message.body, TEXT);
}

/// Neither the middleware nor the facade has the layer unless its feature is named.
#[test]
fn no_default_feature_brings_encryption() {
    let manifests = [
        include_str!("../../../../crates/relayhouse-middleware/Cargo.toml"),
        include_str!("../../../../crates/relayhouse/Cargo.toml"),
    ];
    for manifest in manifests {
        assert!(
            manifest
                .lines()
                .any(|line| line.starts_with("encryption = "))
        );
        let default = manifest.lines().find(|line| line.starts_with("default = "));
        let default = default.unwrap_or_default();
        assert!(
            ["encryption", "full"]
                .iter()
                .all(|it| !default.contains(it))
        );
    }
}
