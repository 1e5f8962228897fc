//! Messages that are too old, or were seen before.

use super::*;

#[tokio::test(start_paused = true)]
async fn message_that_is_too_old_or_from_the_future_is_refused() {
    let context = context();
    let layer = builder(&["a"]).replay_window(Duration::from_secs(300));
    let layer = layer.build(&context).await.unwrap();
    let sealed = seal(&layer, message()).await.unwrap();
    pass(&context, Duration::from_secs(330)).await;
    open(&layer, sealed.clone()).await.unwrap();
    pass(&context, Duration::from_secs(1)).await;
    let error = open(&layer, sealed).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Replayed);
    assert_eq!(
        error.to_string(),
        "message is 331s old, at most 300s is allowed"
    );
    assert!(error.is_permanent());

    let ahead = seal(&layer, message()).await.unwrap();
    let behind = builder(&["a"]).replay_window(Duration::from_secs(300));
    let behind = behind.build(&crate::testing::context()).await.unwrap();
    let (kind, text) = refused(&behind, ahead).await;
    assert_eq!(kind, ErrorKind::Replayed);
    assert_eq!(text, "message is from 331s ahead of this clock");
}

#[tokio::test(start_paused = true)]
async fn copy_of_a_message_is_refused_and_a_redelivery_is_not() {
    let layer = builder(&["a"]).replay_window(Duration::from_secs(300));
    let layer = layer.build(&context()).await.unwrap();
    let first = arrived(seal(&layer, message()).await.unwrap());
    let again = Delivery {
        attempt: 2,
        ..first.clone()
    };
    let copy = Delivery {
        enqueued_at: Timestamp::from_micros(2),
        ..first.clone()
    };
    open_delivery(&layer, first).await.unwrap();
    let error = open_delivery(&layer, copy).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Replayed);
    assert_eq!(error.to_string(), "message was seen before");
    assert_eq!(open_delivery(&layer, again).await.unwrap(), message());
}

#[tokio::test(start_paused = true)]
async fn shared_store_turns_the_window_on_and_a_full_one_lets_messages_wait() {
    let context = context();
    let store: Arc<dyn DedupStore> = Arc::new(MemoryDedup::new(NonZeroUsize::MIN, &context));
    let [one, other] = [(); 2].map(|()| builder(&["a"]).nonces(Arc::clone(&store)));
    let (one, other) = (
        one.build(&context).await.unwrap(),
        other.build(&context).await.unwrap(),
    );
    let first = arrived(seal(&one, message()).await.unwrap());
    let copy = Delivery {
        enqueued_at: Timestamp::from_micros(2),
        ..first.clone()
    };
    open_delivery(&one, first).await.unwrap();
    let error = open_delivery(&other, copy).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Replayed);
    let next = seal(&one, message()).await.unwrap();
    let error = open(&other, next).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full);
    assert!(error.is_temporary());
}

/// The longest of windows is borne, and ends in no panic.
#[tokio::test(start_paused = true)]
async fn window_without_an_end_is_borne() {
    let layer = builder(&["a"]).replay_window(Duration::MAX);
    let layer = layer.skew(Duration::MAX).build(&context()).await.unwrap();
    let sealed = seal(&layer, message()).await.unwrap();
    assert_eq!(open(&layer, sealed).await.unwrap(), message());
}
