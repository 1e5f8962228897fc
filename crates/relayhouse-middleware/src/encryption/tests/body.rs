//! Bodies on their way, altered and not.

use super::*;

#[tokio::test(start_paused = true)]
async fn encrypted_body_comes_out_as_it_went_in() {
    for suite in [Suite::Aes256Gcm, Suite::ChaCha20Poly1305] {
        let layer = builder(&["a"])
            .suite(suite)
            .build(&context())
            .await
            .unwrap();
        for body in ["", SECRET, &"x".repeat(100_000)] {
            let mut message = message();
            message.body = body.to_owned().into();
            let sealed = seal(&layer, message.clone()).await.unwrap();
            assert_eq!(open(&layer, sealed).await.unwrap(), message);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn routing_data_stays_readable_and_the_body_does_not() {
    let sealed = seal(&layer(&["a"]).await, message()).await.unwrap();
    let mut with_body = sealed.clone();
    with_body.body = SECRET.into();
    assert_eq!(with_body, message(), "all but the body is as it was");
    let is_readable = sealed.body.windows(6).any(|part| part == b"price ");
    assert!(!is_readable);
}

#[tokio::test(start_paused = true)]
async fn same_message_never_looks_the_same() {
    let layer = layer(&["a"]).await;
    let mut nonces = BTreeSet::new();
    for _ in 0..1_000 {
        let sealed = seal(&layer, Message::new("")).await.unwrap();
        let envelope = envelope::Envelope::read(&sealed.body).unwrap().unwrap();
        assert!(nonces.insert(envelope.head.nonce));
    }
}

#[tokio::test(start_paused = true)]
async fn each_altered_byte_is_found_out() {
    let layer = layer(&["a"]).await;
    let sealed = seal(&layer, message()).await.unwrap();
    for place in 0..sealed.body.len() {
        let mut body = sealed.body.to_vec();
        body[place] ^= 1;
        let mut message = sealed.clone();
        message.body = body.into();
        let (kind, _) = refused(&layer, message).await;
        // An altered head may be one of another message, which the tag then denies.
        let expected: &[ErrorKind] = match place {
            0..=3 => &[ErrorKind::NotEncrypted],
            4..=6 => &[ErrorKind::Unsupported, ErrorKind::Forged],
            7..=8 => &[ErrorKind::KeyNotFound, ErrorKind::Forged],
            _ => &[ErrorKind::Forged],
        };
        assert!(expected.contains(&kind), "byte {place}: {kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn altered_suite_does_not_decrypt() {
    let layer = layer(&["a"]).await;
    let mut sealed = seal(&layer, message()).await.unwrap();
    let mut body = sealed.body.to_vec();
    assert_eq!(body[5], 1);
    body[5] = 2;
    sealed.body = body.into();
    assert_eq!(refused(&layer, sealed).await, altered(ErrorKind::Forged));
}

#[tokio::test(start_paused = true)]
async fn unknown_version_is_an_error_of_its_own() {
    let layer = layer(&["a"]).await;
    let mut sealed = seal(&layer, message()).await.unwrap();
    let mut body = sealed.body.to_vec();
    body[4] = 2;
    sealed.body = body.into();
    let text = "envelope has the version 2, which is not known here";
    let expected = (ErrorKind::Unsupported, text.to_owned());
    assert_eq!(refused(&layer, sealed).await, expected);
}

#[tokio::test(start_paused = true)]
async fn another_purpose_is_refused() {
    let [orders, bills] = ["orders", "bills"].map(|it| builder(&["a"]).purpose(it));
    let orders = orders.build(&context()).await.unwrap();
    let bills = bills.build(&context()).await.unwrap();
    let sealed = seal(&orders, message()).await.unwrap();
    assert_eq!(refused(&bills, sealed).await, altered(ErrorKind::Forged));
}

#[tokio::test(start_paused = true)]
async fn wrong_key_of_the_right_name_is_refused() {
    let sealed = seal(&layer(&["a"]).await, message()).await.unwrap();
    let other = Key::new(KeyId::new("a").unwrap(), &[9; 32]);
    let other = EncryptionLayer::builder(Arc::new(KeyRing::new(other)));
    let other = other.build(&context()).await.unwrap();
    assert_eq!(refused(&other, sealed).await, altered(ErrorKind::Forged));
}

#[tokio::test(start_paused = true)]
async fn bad_deliveries_of_a_batch_leave_their_neighbours_alone() {
    let strict = builder(&["a"]).replay_window(Duration::from_secs(300));
    for layer in [layer(&["a"]).await, strict.build(&context()).await.unwrap()] {
        let good = seal(&layer, message()).await.unwrap();
        let forged = seal(&layer, message())
            .await
            .unwrap()
            .header("tenant", "other");
        let batch = [message(), good, forged, Message::new("plain")].map(arrived);
        let handler = service_fn(|batch: Vec<Delivery>| async move {
            assert!(batch.iter().all(|it| it.message.body == SECRET));
            let acks = batch.iter().map(|_| Ok(Settlement::Ack));
            Ok::<Vec<Result<Settlement>>, Error>(acks.collect())
        });
        let answers = layer.layer(handler).oneshot(batch.into()).await.unwrap();
        let kinds = answers
            .into_iter()
            .map(|it| it.map_err(|error| error.kind()));
        assert!(kinds.eq([
            Err(ErrorKind::NotEncrypted),
            Ok(Settlement::Ack),
            Err(ErrorKind::Forged),
            Err(ErrorKind::NotEncrypted),
        ]));
    }
}

proptest! {
    /// Whatever is sent comes out, and whatever else comes is refused without a panic.
    #[test]
    fn any_body_survives_and_no_other_is_taken_for_it(body: Vec<u8>, place: usize, other: u8) {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_time().build().unwrap();
        runtime.block_on(async {
            let layer = layer(&["a"]).await;
            let sealed = seal(&layer, Message::new(body.clone())).await.unwrap();
            assert_eq!(open(&layer, sealed.clone()).await.unwrap().body, body);
            let mut bytes = sealed.body.to_vec();
            let place = place % bytes.len();
            if bytes[place] != other {
                bytes[place] = other;
                assert!(open(&layer, Message::new(bytes)).await.is_err());
            }
        });
    }
}
