//! The keys as they were read last, and when they are read again.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use relayhouse_core::{
    Clock, Event, Instant, Observer, Result,
    port::{Context, KeyProvider, KeyRing},
};

use super::cipher::Cipher;
use crate::sync::{
    RwLock,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

/// How long after a reading the next one may come, whatever keys are named.
const READ_AGAIN_MIN: Duration = Duration::from_secs(1);

/// Reads keys from their provider, and keeps them.
#[derive(Debug)]
pub(super) struct Ring {
    provider: Arc<dyn KeyProvider>,
    clock: Arc<dyn Clock>,
    observer: Option<Arc<dyn Observer>>,
    refresh: Duration,
    ciphers: RwLock<Arc<Ciphers>>,
    /// When the last reading ended, well or not, in nanoseconds of the clock.
    read_at: AtomicU64,
    is_reading: AtomicBool,
}

/// The keys of one reading.
#[derive(Debug)]
pub(super) struct Ciphers {
    current: Cipher,
    older: Vec<Cipher>,
}

/// The right to read, which one call has at a time.
struct Turn<'a>(&'a Ring);

impl Ring {
    pub(super) async fn open(
        provider: Arc<dyn KeyProvider>,
        refresh: Duration,
        context: &Context,
    ) -> Result<Self> {
        let ciphers = Ciphers::of(&provider.keys().await?);
        Ok(Self {
            provider,
            refresh,
            ciphers: RwLock::new(Arc::new(ciphers)),
            read_at: AtomicU64::new(context.clock.now().as_nanos()),
            is_reading: AtomicBool::new(false),
            clock: Arc::clone(&context.clock),
            observer: context.observer.clone(),
        })
    }

    pub(super) fn ciphers(&self) -> Arc<Ciphers> {
        let ciphers = self.ciphers.read();
        Arc::clone(&ciphers.unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns true if this call should read the keys again, since they are old.
    pub(super) fn is_old(&self) -> bool {
        self.refresh <= self.age() && !self.is_reading.load(Ordering::Relaxed)
    }

    /// Returns true if reading the keys again may find one that is not there.
    pub(super) fn may_look_again(&self) -> bool {
        READ_AGAIN_MIN <= self.age()
    }

    fn age(&self) -> Duration {
        let read_at = Instant::from_nanos(self.read_at.load(Ordering::Relaxed));
        self.clock.now().since(read_at)
    }

    /// Reads the keys again, unless another call does or has just done so. If the provider fails,
    /// the keys stay as they are.
    pub(super) async fn read(&self) {
        let Some(_turn) = Turn::take(self) else {
            return;
        };
        // Asked with the turn in hand: another may have read them since this call wanted to.
        if !self.may_look_again() {
            return;
        }
        let keys = self.provider.keys().await;
        let now = self.clock.now();
        match keys {
            Ok(keys) => {
                let ciphers = Arc::new(Ciphers::of(&keys));
                let held = self.ciphers.write();
                *held.unwrap_or_else(PoisonError::into_inner) = ciphers;
            }
            Err(error) => {
                if let Some(observer) = &self.observer {
                    observer.observe(now, &[Event::KeysNotRead { error: &error }]);
                }
            }
        }
        self.read_at.store(now.as_nanos(), Ordering::Relaxed);
    }
}

impl Ciphers {
    fn of(keys: &KeyRing) -> Self {
        Self {
            current: Cipher::new(keys.current()),
            older: keys.iter().skip(1).map(Cipher::new).collect(),
        }
    }

    /// Returns the one that encrypts.
    pub(super) const fn current(&self) -> &Cipher {
        &self.current
    }

    pub(super) fn get(&self, id: &str) -> Option<&Cipher> {
        let mut all = std::iter::once(&self.current).chain(&self.older);
        all.find(|cipher| cipher.id().as_str() == id)
    }
}

impl<'a> Turn<'a> {
    fn take(ring: &'a Ring) -> Option<Self> {
        let was_reading = ring.is_reading.swap(true, Ordering::Acquire);
        // One that is not taken must not be made either: dropping it would end the turn of another.
        (!was_reading).then(|| Self(ring))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.is_reading.store(false, Ordering::Release);
    }
}
