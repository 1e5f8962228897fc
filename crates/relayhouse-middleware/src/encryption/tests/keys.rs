//! Keys that are missing, change, or are read again.

use super::*;

#[tokio::test(start_paused = true)]
async fn unknown_key_is_an_error_of_its_own_that_may_pass() {
    let sealed = seal(&layer(&["b"]).await, message()).await.unwrap();
    let error = open(&layer(&["a"]).await, sealed).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::KeyNotFound);
    assert_eq!(error.to_string(), "key \"b\" is not known");
    assert!(error.is_temporary());
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
