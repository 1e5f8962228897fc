//! What the layer promises, against somebody who may change every byte on the way.

use std::{
    collections::BTreeSet,
    num::NonZeroUsize,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use proptest::prelude::*;
use relayhouse_core::{
    Context, Delivery, Error, ErrorKind, Event, Instant, Message, Observer, Result, Settlement,
    Timestamp,
    config::Params,
    port::{DedupStore, Key, KeyId, KeyProvider, KeyRing},
};
use tower::{Layer, ServiceExt, service_fn};

use super::*;
use crate::{
    idempotency::MemoryDedup,
    testing::{context, delivery},
};

const SECRET: &str = "the price is 4711";

fn key(id: &str) -> Key {
    let byte = id.bytes().next().unwrap();
    Key::new(KeyId::new(id.to_owned()).unwrap(), &[byte; 32])
}

fn ring(ids: &[&str]) -> KeyRing {
    let (current, older) = ids.split_first().unwrap();
    let ring = KeyRing::new(key(current));
    older.iter().fold(ring, |ring, id| ring.older(key(id)))
}

fn builder(ids: &[&str]) -> EncryptionBuilder {
    EncryptionLayer::builder(Arc::new(ring(ids)))
}

async fn layer(ids: &[&str]) -> EncryptionLayer {
    builder(ids).build(&context()).await.unwrap()
}

fn message() -> Message {
    Message::new(SECRET)
        .id("order-7")
        .header("tenant", "acme")
        .header("digest", Bytes::from_static(b"\x00\x01"))
        .header("traceparent", "00-1")
        .content_type("text/plain")
        .ordering_key("customer-7")
        .correlation_id("exchange-7")
        .reply_to("answers")
}

async fn seal(layer: &EncryptionLayer, message: Message) -> Result<Message> {
    let service = service_fn(|message: Message| async move { Ok::<_, Error>(message) });
    layer.layer(service).oneshot(message).await
}

/// Makes what a provider hands out of `message`, at the time of its arrival.
fn arrived(message: Message) -> Delivery {
    let id = message.id.clone().unwrap_or_else(|| "given-7".into());
    Delivery {
        id,
        message,
        enqueued_at: Timestamp::from_micros(1),
        ..delivery("7", 1, Instant::NEVER)
    }
}

async fn open_delivery(layer: &EncryptionLayer, delivery: Delivery) -> Result<Message> {
    let service = service_fn(|delivery: Delivery| async move { Ok::<_, Error>(delivery.message) });
    layer.layer(service).oneshot(delivery).await
}

async fn open(layer: &EncryptionLayer, message: Message) -> Result<Message> {
    open_delivery(layer, arrived(message)).await
}

async fn refused(layer: &EncryptionLayer, message: Message) -> (ErrorKind, String) {
    let error = open(layer, message).await.unwrap_err();
    (error.kind(), error.to_string())
}

fn altered(kind: ErrorKind) -> (ErrorKind, String) {
    (kind, "body, or what is bound to it, was altered".to_owned())
}

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
async fn what_is_bound_cannot_be_changed_stripped_or_added() {
    let layer = layer(&["a"]).await;
    let sealed = seal(&layer, message()).await.unwrap();
    let changes: [fn(&mut Message); 11] = [
        |it| it.details_mut().headers.set("tenant", "other"),
        |it| drop(it.details_mut().headers.remove("tenant")),
        |it| it.details_mut().headers.set("digest", "\0\u{1}"),
        |it| drop(it.details_mut().headers.remove("digest")),
        |it| it.details_mut().headers.set("content-encoding", "gzip"),
        |it| it.details_mut().content_type = Some("text/html".into()),
        |it| it.details_mut().content_type = None,
        |it| it.details_mut().ordering_key = Some("customer-8".into()),
        |it| it.details_mut().correlation_id = None,
        |it| it.details_mut().reply_to = Some("elsewhere".into()),
        |it| it.id = Some("order-8".into()),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut changed = sealed.clone();
        change(&mut changed);
        let refused = refused(&layer, changed).await;
        assert_eq!(refused, altered(ErrorKind::Forged), "change {number}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_bound_may_change() {
    let layer = layer(&["a"]).await;
    let mut sealed = seal(&layer, message()).await.unwrap();
    sealed = sealed.header("traceparent", "00-2").header("hops", "2");
    sealed = sealed.ttl(Duration::from_secs(1)).dedup_id("other");
    let opened = open(&layer, sealed).await.unwrap();
    assert_eq!(opened.body, SECRET);
}

#[tokio::test(start_paused = true)]
async fn id_that_the_provider_gives_is_not_bound() {
    let layer = layer(&["a"]).await;
    let sealed = seal(&layer, Message::new(SECRET)).await.unwrap();
    assert_eq!(open(&layer, sealed).await.unwrap().body, SECRET);
}

#[tokio::test(start_paused = true)]
async fn stripped_envelope_is_never_plain_text() {
    let layer = layer(&["a"]).await;
    let mut sealed = seal(&layer, message()).await.unwrap();
    sealed.body = sealed.body.slice(1..);
    let plain = (
        ErrorKind::NotEncrypted,
        "body is plain text, and must be encrypted".to_owned(),
    );
    assert_eq!(refused(&layer, sealed).await, plain);
    assert_eq!(refused(&layer, message()).await, plain);
    assert_eq!(layer.gauges().plain_text_accepted, 0);
}

#[tokio::test(start_paused = true)]
async fn header_that_the_sender_does_not_bind_is_missed() {
    let lax = layer(&["a"]).await;
    let strict = builder(&["a"])
        .bound("tenant")
        .build(&context())
        .await
        .unwrap();
    let sealed = seal(&lax, Message::new(SECRET)).await.unwrap();
    let refused = refused(&strict, sealed.header("tenant", "acme")).await;
    let expected = (ErrorKind::Forged, "header tenant is not bound".to_owned());
    assert_eq!(refused, expected);
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
async fn unknown_key_is_an_error_of_its_own_that_may_pass() {
    let sealed = seal(&layer(&["b"]).await, message()).await.unwrap();
    let error = open(&layer(&["a"]).await, sealed).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::KeyNotFound);
    assert_eq!(error.to_string(), "key \"b\" is not known");
    assert!(error.is_temporary());
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
async fn old_keys_decrypt_until_they_are_removed() {
    let before = seal(&layer(&["a"]).await, message()).await.unwrap();
    let rotated = layer(&["b", "a"]).await;
    let after = seal(&rotated, message()).await.unwrap();
    for sealed in [&before, &after] {
        assert_eq!(open(&rotated, sealed.clone()).await.unwrap(), message());
    }
    let removed = layer(&["b"]).await;
    assert_eq!(refused(&removed, before).await.0, ErrorKind::KeyNotFound);
    assert_eq!(open(&removed, after).await.unwrap(), message());
}

/// Gives what a test puts in, and counts how often it is asked.
#[derive(Debug)]
struct Changing {
    keys: Mutex<(Result<KeyRing>, u32)>,
}

impl Changing {
    fn new(ids: &[&str]) -> Arc<Self> {
        let keys = Mutex::new((Ok(ring(ids)), 0));
        Arc::new(Self { keys })
    }

    fn set(&self, keys: Result<KeyRing>) {
        self.keys.lock().unwrap().0 = keys;
    }

    fn asked(&self) -> u32 {
        self.keys.lock().unwrap().1
    }
}

#[async_trait]
impl KeyProvider for Changing {
    async fn keys(&self) -> Result<KeyRing> {
        tokio::task::yield_now().await;
        let mut keys = self.keys.lock().unwrap();
        keys.1 += 1;
        keys.0.clone()
    }
}

/// Lets paused time pass.
async fn pass(context: &Context, time: Duration) {
    let clock = &context.clock;
    // Paused time jumps here at once.
    clock.sleep_until(clock.now() + time).await;
}

#[tokio::test(start_paused = true)]
async fn missing_key_is_looked_for_at_most_once_a_second() {
    let context = context();
    let keys = Changing::new(&["a"]);
    let sealed = seal(&layer(&["b"]).await, message()).await.unwrap();
    let layer = EncryptionLayer::builder(Arc::clone(&keys) as Arc<dyn KeyProvider>)
        .build(&context)
        .await
        .unwrap();
    keys.set(Ok(ring(&["a", "b"])));
    assert_eq!(
        refused(&layer, sealed.clone()).await.0,
        ErrorKind::KeyNotFound
    );
    assert_eq!(keys.asked(), 1, "the keys were read a moment ago");
    pass(&context, Duration::from_secs(1)).await;
    assert_eq!(open(&layer, sealed).await.unwrap(), message());
    assert_eq!(keys.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn old_keys_are_read_again_and_stay_if_that_fails() {
    let heard = Arc::new(Heard::default());
    let context = context().observer(Arc::clone(&heard) as Arc<dyn Observer>);
    let keys = Changing::new(&["a"]);
    let layer = EncryptionLayer::builder(Arc::clone(&keys) as Arc<dyn KeyProvider>)
        .build(&context)
        .await
        .unwrap();
    pass(&context, Duration::from_secs(60)).await;
    keys.set(Err(Error::new(ErrorKind::ConnectionFailed, "refused")));
    let sealed = seal(&layer, message()).await.unwrap();
    assert_eq!(keys.asked(), 2);
    assert_eq!(heard.take(), ["keys not read: refused"]);
    keys.set(Ok(ring(&["b"])));
    pass(&context, Duration::from_secs(59)).await;
    assert_eq!(open(&layer, sealed.clone()).await.unwrap(), message());
    pass(&context, Duration::from_secs(1)).await;
    assert_eq!(refused(&layer, sealed).await.0, ErrorKind::KeyNotFound);
    assert_eq!(keys.asked(), 3);
}

#[tokio::test(start_paused = true)]
async fn dropped_call_leaves_the_reading_to_the_next() {
    let context = context();
    let keys = Changing::new(&["a"]);
    let layer = EncryptionLayer::builder(Arc::clone(&keys) as Arc<dyn KeyProvider>)
        .build(&context)
        .await
        .unwrap();
    pass(&context, Duration::from_secs(60)).await;
    let dropped = crate::testing::poll_and_drop(seal(&layer, message()), 1).await;
    assert!(dropped.is_none());
    assert_eq!(keys.asked(), 1);
    seal(&layer, message()).await.unwrap();
    assert_eq!(keys.asked(), 2);
}

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

/// Writes down what it hears.
#[derive(Debug, Default)]
struct Heard(Mutex<Vec<String>>);

impl Heard {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Observer for Heard {
    fn observe(&self, _: Instant, events: &[Event<'_>]) {
        let heard = events.iter().map(|event| match event {
            Event::PlainTextAllowed => "plain text allowed".to_owned(),
            Event::PlainTextAccepted { id } => format!("plain text in {id}"),
            Event::KeysNotRead { error } => format!("keys not read: {error}"),
            other => format!("{other:?}"),
        });
        self.0.lock().unwrap().extend(heard);
    }
}

#[tokio::test(start_paused = true)]
async fn policy_on_plain_text_is_kept_and_told() {
    let allowed = "plain text allowed";
    for (policy, at_start, of_each) in [
        (PlainText::Reject, None, None),
        (PlainText::Accept, Some(allowed), None),
        (
            PlainText::Alert,
            Some(allowed),
            Some("plain text in order-7"),
        ),
    ] {
        let heard = Arc::new(Heard::default());
        let context = context().observer(Arc::clone(&heard) as Arc<dyn Observer>);
        let layer = builder(&["a"])
            .plain_text(policy)
            .build(&context)
            .await
            .unwrap();
        assert_eq!(heard.take().first().map(String::as_str), at_start);
        let accepts = policy != PlainText::Reject;
        assert_eq!(open(&layer, message()).await.is_ok(), accepts);
        assert_eq!(heard.take().first().map(String::as_str), of_each);
        let sealed = seal(&layer, message()).await.unwrap();
        assert_eq!(open(&layer, sealed).await.unwrap(), message());
        let gauges = EncryptionGauges {
            accepts_plain_text: accepts,
            plain_text_accepted: accepts.into(),
        };
        assert_eq!(layer.gauges(), gauges);
    }
}

#[tokio::test(start_paused = true)]
async fn envelope_is_no_plain_text_where_that_is_accepted() {
    let layer = builder(&["a"]).plain_text(PlainText::Accept);
    let layer = layer.build(&context()).await.unwrap();
    let forged = seal(&layer, message())
        .await
        .unwrap()
        .header("tenant", "other");
    assert_eq!(refused(&layer, forged).await, altered(ErrorKind::Forged));
}

#[tokio::test]
async fn directory_is_read_again_and_names_its_current_key() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
    let keys = KeyDirectory::new(directory.path());
    let error = keys.keys().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::KeyNotFound);
    write("2026-10.key", &"0a".repeat(32));
    write("2026-11.key", &format!("{}\n", "0b".repeat(32)));
    write("README", "no key");
    let ring = keys.keys().await.unwrap();
    assert_eq!(ring.current().id().as_str(), "2026-11");
    assert_eq!(ring.iter().count(), 2);
    write("current", "2026-10\n");
    let ring = keys.keys().await.unwrap();
    assert_eq!(ring.current().expose(), &[0x0a; 32]);
    write("current", "2026-12");
    assert_eq!(
        keys.keys().await.unwrap_err().kind(),
        ErrorKind::KeyNotFound
    );
}

#[tokio::test]
async fn wrong_files_of_a_directory_are_errors_that_tell_no_key() {
    let directory = tempfile::tempdir().unwrap();
    let keys = KeyDirectory::new(directory.path());
    for text in ["abc", &"0a".repeat(33), &"z".repeat(1000)] {
        std::fs::write(directory.path().join("a.key"), text).unwrap();
        let error = keys.keys().await.unwrap_err();
        assert!(!format!("{error:?}").contains(text), "{error:?}");
    }
    let absent = KeyDirectory::new(directory.path().join("absent"));
    let error = absent.keys().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::KeyNotFound);
    assert!(error.is_temporary());
}

#[test]
fn options_are_read_from_text() {
    let pairs = [
        ("suite", "chacha20_poly1305"),
        ("plain_text", "alert"),
        ("bound", "tenant, content-encoding"),
        ("unbound", ""),
        ("replay_window", "5min"),
    ];
    let config: EncryptionConfig = Params::from_pairs(pairs).unwrap().read().unwrap();
    assert_eq!(config.suite, Suite::ChaCha20Poly1305);
    assert_eq!(config.plain_text, PlainText::Alert);
    assert_eq!(config.bound, ["tenant", "content-encoding"]);
    assert!(config.unbound.is_empty());
    assert_eq!(config.replay_window, Some(EncryptionConfig::REPLAY_WINDOW));
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
