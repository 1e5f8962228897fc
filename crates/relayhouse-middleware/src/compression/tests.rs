//! Round trips, bounds, damage, and what is left alone.

use std::num::{NonZeroU32, NonZeroU64};

use proptest::{prelude::*, strategy::ValueTree};
use relayhouse_core::{Delivery, Error, ErrorKind, Instant, Message, Result, Settlement};
use tower::{Service, ServiceExt, service_fn};
use tower_layer::Layer;

use super::*;
use crate::testing::delivery;

fn layer(encoding: Encoding) -> CompressionLayer {
    CompressionLayer::new(encoding).bytes_min(16)
}

fn delivery_of(message: Message) -> Delivery {
    Delivery {
        message,
        ..delivery("7", 1, Instant::NEVER)
    }
}

/// Sends `message` through `layer`, and returns what left.
async fn sent(layer: &CompressionLayer, message: Message) -> Message {
    let service = service_fn(|message: Message| async move { Ok::<_, Error>(message) });
    layer.layer(service).oneshot(message).await.unwrap()
}

/// Brings `message` to a handler through `layer`, and returns what it got.
async fn received(layer: &CompressionLayer, message: Message) -> Result<Message> {
    let service = service_fn(|delivery: Delivery| async move { Ok::<_, Error>(delivery.message) });
    layer.layer(service).oneshot(delivery_of(message)).await
}

async fn kind(layer: &CompressionLayer, message: Message) -> (ErrorKind, String) {
    let error = received(layer, message).await.unwrap_err();
    assert!(error.is_permanent(), "{error}");
    (error.kind(), error.to_string())
}

#[tokio::test]
async fn body_and_headers_come_out_as_they_went_in() {
    for effort in [Effort::Low, Effort::Normal, Effort::High] {
        for encoding in Encoding::ALL {
            let layer = layer(*encoding).effort(effort);
            let message = Message::new("seven ".repeat(1_000)).header("tenant", "acme");
            let sent = sent(&layer, message.clone()).await;
            assert!(sent.body.len() < 200, "{} bytes", sent.body.len());
            assert_eq!(
                sent.headers().text("content-encoding"),
                Some(encoding.name())
            );
            let received = received(&layer, sent).await.unwrap();
            assert_eq!(received, message);
        }
    }
}

#[tokio::test]
async fn small_bodies_and_those_that_do_not_shrink_stay_as_they_are() {
    let random = proptest::collection::vec(any::<u8>(), 4096..=4096);
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let noise = random.new_tree(&mut runner).unwrap().current();
    for encoding in Encoding::ALL {
        let layer = layer(*encoding);
        for message in [Message::new("aaaaaaaaaaaaaaa"), Message::new(noise.clone())] {
            assert_eq!(sent(&layer, message.clone()).await, message);
        }
    }
}

#[tokio::test]
async fn encoded_body_is_not_encoded_again() {
    let message = Message::new("a".repeat(1_000)).header("content-encoding", "br");
    let layer = layer(Encoding::default());
    assert_eq!(sent(&layer, message.clone()).await, message);
}

#[tokio::test]
async fn plain_and_identity_bodies_pass() {
    let layer = layer(Encoding::default());
    let plain = Message::new("a".repeat(1_000));
    assert_eq!(received(&layer, plain.clone()).await.unwrap(), plain);
    let identity = plain.clone().header("content-encoding", "Identity");
    assert_eq!(received(&layer, identity).await.unwrap().body, plain.body);
}

#[tokio::test]
async fn bomb_is_refused_by_its_size_and_by_its_ratio() {
    let generous = NonZeroU32::MAX;
    let (small, large) = (1 << 20, 32 << 20);
    for encoding in Encoding::ALL {
        let bomb = layer(*encoding).ratio_max(generous);
        let bomb = sent(&bomb, Message::new(vec![0; large])).await;
        assert!(bomb.body.len() < large / 200);
        let by_ratio = kind(&layer(*encoding), bomb.clone()).await;
        let by_size = layer(*encoding).ratio_max(generous);
        let by_size = by_size.output_bytes_max(NonZeroU64::new(small).unwrap());
        let by_size = kind(&by_size, bomb.clone()).await;
        for (kind, text) in [by_ratio, by_size] {
            assert_eq!(kind, ErrorKind::MessageTooLarge);
            let start = format!("body of {} bytes is compressed from more", bomb.body.len());
            assert!(text.starts_with(&start), "{text}");
        }
    }
}

#[tokio::test]
async fn what_would_be_refused_is_not_sent() {
    for encoding in Encoding::ALL {
        let layer = layer(*encoding);
        let zeros = Message::new(vec![0; 32 << 20]);
        let sent = sent(&layer, zeros.clone()).await;
        let received = received(&layer, sent).await.unwrap();
        assert!(received.body == zeros.body, "as it was sent");
    }
}

#[tokio::test]
async fn damaged_and_unknown_bodies_are_errors() {
    for encoding in Encoding::ALL {
        let layer = layer(*encoding);
        let whole = sent(&layer, Message::new("seven ".repeat(1_000))).await;
        let mut cut = whole.clone();
        cut.body.truncate(whole.body.len() / 2);
        let mut longer = whole.clone();
        longer.body = [&whole.body[..], b"more"].concat().into();
        let noise = Message::new("seven").header("content-encoding", encoding.name());
        for message in [cut, longer, noise] {
            let (kind, text) = kind(&layer, message).await;
            assert_eq!(kind, ErrorKind::Codec);
            assert_eq!(
                text,
                format!("body cannot be restored from {}", encoding.name())
            );
        }
        let unknown = Message::new("seven").header("content-encoding", "br\u{7}");
        let (kind, text) = kind(&layer, unknown).await;
        assert_eq!(kind, ErrorKind::Codec);
        assert!(text.starts_with("body has the content-encoding \"br\\u{7}\", known are: "));
    }
}

#[tokio::test]
async fn bad_delivery_of_a_batch_leaves_its_neighbours_alone() {
    let layer = layer(Encoding::default());
    let good = sent(&layer, Message::new("seven ".repeat(100))).await;
    let bad = Message::new("seven").header("content-encoding", "br");
    let handler = service_fn(|batch: Vec<Delivery>| async move {
        assert!(batch.iter().all(|it| it.message.body.len() == 600));
        Ok::<Vec<Result<Settlement>>, Error>(batch.iter().map(|_| Ok(Settlement::Ack)).collect())
    });
    let mut service = layer.layer(handler);
    let batch = [&good, &bad, &good].map(|message| delivery_of(message.clone()));
    let answers = service.call(batch.into()).await.unwrap();
    let kinds = answers
        .into_iter()
        .map(|answer| answer.map_err(|error| error.kind()));
    let expected = [
        Ok(Settlement::Ack),
        Err(ErrorKind::Codec),
        Ok(Settlement::Ack),
    ];
    assert!(kinds.eq(expected));
}

#[tokio::test]
async fn batch_of_bad_deliveries_does_not_reach_the_handler() {
    let handler = service_fn(|batch: Vec<Delivery>| async move {
        assert!(!batch.is_empty());
        Ok::<Vec<Result<Settlement>>, Error>(Vec::new())
    });
    let mut service = layer(Encoding::default()).layer(handler);
    let bad = Message::new("seven").header("content-encoding", "br");
    let answers = service.call(vec![delivery_of(bad)]).await.unwrap();
    assert!(answers.len() == 1 && answers[0].is_err());
}

#[test]
fn options_are_read_from_text() {
    let pairs = [
        ("encoding", Encoding::default().name()),
        ("effort", "high"),
        ("output_bytes_max", "1MiB"),
    ];
    let params = relayhouse_core::config::Params::from_pairs(pairs).unwrap();
    let config: CompressionConfig = params.read().unwrap();
    assert_eq!(config.effort, Effort::High);
    assert_eq!(config.output_bytes_max.get(), 1 << 20);
    assert_eq!(config.bytes_min, 1 << 10);
}

proptest! {
    /// Whatever goes in comes out, and no bytes of an attacker make a panic.
    #[test]
    fn any_body_survives(body: Vec<u8>, repeat in 1_usize..50) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            for encoding in Encoding::ALL {
                let layer = layer(*encoding);
                let message = Message::new(body.repeat(repeat));
                let sent = sent(&layer, message.clone()).await;
                assert_eq!(received(&layer, sent).await.unwrap().body, message.body);
                let hostile = Message::new(body.clone());
                let hostile = hostile.header("content-encoding", encoding.name());
                drop(received(&layer, hostile).await);
            }
        });
    }
}
