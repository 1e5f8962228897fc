//! The ring of keys, which one call reads again while others use it.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use relayhouse_core::{
    Clock, Error, Instant, Message, Result,
    port::{Key, KeyId, KeyProvider, KeyRing},
};
use relayhouse_schedules::encryption::EncryptionLayer;
use relayhouse_testkit::clock::ManualClock;
use shuttle::future::{block_on, spawn, yield_now};
use tower::{Layer, ServiceExt, service_fn};

use crate::support::{SECOND, clock, context, delivery, explore, join, poll_and_drop};

const REFRESH: Duration = Duration::from_secs(60);

/// Hands out a key, takes a step for it, and watches who asks when.
#[derive(Debug)]
struct Keys {
    clock: ManualClock,
    ids: Mutex<Vec<&'static str>>,
    asking: AtomicU32,
    answered_at: Mutex<Vec<Instant>>,
}

impl Keys {
    fn new(clock: &ManualClock) -> Arc<Self> {
        Arc::new(Self {
            clock: clock.clone(),
            ids: Mutex::new(vec!["a"]),
            asking: AtomicU32::new(0),
            answered_at: Mutex::default(),
        })
    }

    /// Returns when the keys were read, if nobody was dropped while he read.
    fn answered_at(&self) -> Vec<Instant> {
        self.answered_at.lock().unwrap().clone()
    }
}

/// Is one question, until it is answered or dropped.
struct Asking<'a>(&'a AtomicU32);

impl<'a> Asking<'a> {
    fn begin(asking: &'a AtomicU32) -> Self {
        assert_eq!(
            asking.fetch_add(1, Ordering::Relaxed),
            0,
            "two ask at a time"
        );
        Self(asking)
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[async_trait]
impl KeyProvider for Keys {
    async fn keys(&self) -> Result<KeyRing> {
        let asking = Asking::begin(&self.asking);
        yield_now().await;
        let ids = self.ids.lock().unwrap().clone();
        let key = |id: &&'static str| Key::new(KeyId::new(*id).unwrap(), &[7; 32]);
        let (current, older) = ids.split_first().unwrap();
        let ring = KeyRing::new(key(current));
        let ring = older.iter().map(key).fold(ring, KeyRing::older);
        self.answered_at.lock().unwrap().push(self.clock.now());
        drop(asking);
        Ok(ring)
    }
}

fn layer(keys: &Arc<Keys>) -> EncryptionLayer {
    let provider = Arc::clone(keys) as Arc<dyn KeyProvider>;
    let builder = EncryptionLayer::builder(provider).refresh(REFRESH);
    block_on(builder.build(&context(&keys.clock))).unwrap()
}

async fn seal(layer: EncryptionLayer) -> Message {
    let service = service_fn(|message: Message| async move { Ok::<_, Error>(message) });
    layer
        .layer(service)
        .oneshot(Message::new("secret"))
        .await
        .unwrap()
}

/// Returns true if `message` was encrypted with the key `id`.
fn is_of(message: &Message, id: &str) -> bool {
    message.body.windows(id.len() + 1).any(|part| {
        let (length, name) = part.split_at(1);
        usize::from(length[0]) == id.len() && name == id.as_bytes()
    })
}

/// Old keys are read once, by one of those who want them; the others go on with what there is, and
/// whoever comes after that has the new ones.
#[test]
fn old_keys_are_read_by_one_call() {
    explore(|| {
        let clock = clock();
        let keys = Keys::new(&clock);
        let layer = layer(&keys);
        clock.advance(REFRESH);
        *keys.ids.lock().unwrap() = vec!["rotated", "a"];
        let callers = (0..3).map(|_| spawn(seal(layer.clone())));
        let sealed = join(callers.collect::<Vec<_>>());
        assert!(
            sealed
                .iter()
                .all(|it| is_of(it, "rotated") || is_of(it, "a"))
        );
        assert_eq!(keys.answered_at().len(), 2, "at the start, and once again");
        let after = join([spawn(seal(layer.clone()))]);
        assert!(is_of(&after[0], "rotated"));
        assert_eq!(keys.answered_at().len(), 2);
    });
}

/// A reading that is dropped is left to the next, and keeps nobody from it.
#[test]
fn reading_that_is_dropped_is_left_to_another() {
    explore(|| {
        let clock = clock();
        let keys = Keys::new(&clock);
        let layer = layer(&keys);
        clock.advance(REFRESH);
        *keys.ids.lock().unwrap() = vec!["rotated", "a"];
        let (one, other) = (layer.clone(), layer.clone());
        let dropped = spawn(async move { drop(poll_and_drop(seal(one)).await) });
        let whole = spawn(async move { drop(seal(other).await) });
        join([dropped, whole]);
        let after = join([spawn(seal(layer))]);
        assert!(is_of(&after[0], "rotated"));
    });
}

/// However many messages name a key that is not there, it is asked for once in a second.
#[test]
fn missing_key_is_asked_for_once_a_second() {
    explore(|| {
        let clock = clock();
        let keys = Keys::new(&clock);
        let ours = layer(&keys);
        let theirs = Keys::new(&clock);
        *theirs.ids.lock().unwrap() = vec!["theirs"];
        let sealed = join([spawn(seal(layer(&theirs)))]).remove(0);
        clock.advance(SECOND);
        let callers = (0..3).map(|_| {
            let (layer, message) = (ours.clone(), sealed.clone());
            let service = service_fn(|_| async { Ok::<_, Error>(()) });
            spawn(async move {
                let mut arrived = delivery("7", 1);
                arrived.message = message;
                drop(layer.layer(service).oneshot(arrived).await.unwrap_err());
            })
        });
        join(callers.collect::<Vec<_>>());
        assert_eq!(keys.answered_at().len(), 2, "at the start, and once again");
    });
}
