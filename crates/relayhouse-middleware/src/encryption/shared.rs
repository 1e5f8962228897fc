//! What clones of the service share: how one message is encrypted, and how one is opened.

use std::sync::Arc;

use relayhouse_core::{
    Context, Delivery, Error, ErrorKind, Event, Message, Result, Text, port::DedupStore,
};

use super::{
    EncryptionConfig, PlainText,
    bound::bound,
    cipher::{Cipher, NONCE_BYTES},
    envelope::{Envelope, Head, NAMES_MAX},
    nonces::Nonces,
    ring::{Ciphers, Ring},
};
use crate::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: EncryptionConfig,
    pub(super) plain_text_accepted: AtomicU64,
    ring: Ring,
    nonces: Option<Nonces>,
    context: Context,
}

/// What became of a request at once.
pub(super) enum AtOnce<T, R> {
    /// It is prepared.
    Done(T),
    /// It takes a wait: here it is back.
    Later(R),
}

/// What was found in a body.
enum Opened {
    PlainText,
    Envelope {
        text: Vec<u8>,
        nonce: [u8; NONCE_BYTES],
    },
}

impl Shared {
    pub(super) fn new(
        config: EncryptionConfig,
        ring: Ring,
        store: Option<Arc<dyn DedupStore>>,
        context: Context,
    ) -> Self {
        let nonces = store.zip(config.replay_window);
        let nonces = nonces.map(|(store, window)| Nonces::new(store, window, config.skew));
        Self {
            config,
            plain_text_accepted: AtomicU64::new(0),
            ring,
            nonces,
            context,
        }
    }

    /// Encrypts `message` at once, or gives it back if keys are to be read before.
    pub(super) fn seal_now(&self, message: Message) -> AtOnce<Result<Message>, Message> {
        if self.ring.is_old() {
            return AtOnce::Later(message);
        }
        AtOnce::Done(self.seal(message))
    }

    /// Encrypts `message`, with the keys read again if they are old.
    pub(super) async fn seal_later(self: Arc<Self>, message: Message) -> Result<Message> {
        if self.ring.is_old() {
            self.ring.read().await;
        }
        self.seal(message)
    }

    /// Opens `batch` at once, or gives it back if that takes a wait: for keys, or for the store of
    /// nonces.
    pub(super) fn open_now(
        &self,
        batch: Vec<Delivery>,
    ) -> AtOnce<Vec<Result<Delivery>>, Vec<Delivery>> {
        if self.nonces.is_some() || self.ring.is_old() {
            return AtOnce::Later(batch);
        }
        let ciphers = self.ring.ciphers();
        let opened: Vec<_> = batch.iter().map(|it| self.open(&ciphers, it)).collect();
        if lacks_key(&opened) && self.ring.may_look_again() {
            return AtOnce::Later(batch);
        }
        let finish = |(delivery, opened): (_, Result<_>)| Ok(self.finish(delivery, opened?));
        AtOnce::Done(batch.into_iter().zip(opened).map(finish).collect())
    }

    /// Opens `batch`: with the keys read again if they are old or one is missing, and with the
    /// nonces noted.
    pub(super) async fn open_later(self: Arc<Self>, batch: Vec<Delivery>) -> Vec<Result<Delivery>> {
        if self.ring.is_old() {
            self.ring.read().await;
        }
        let open_all = || {
            let ciphers = self.ring.ciphers();
            let opened = batch.iter().map(|it| self.open(&ciphers, it));
            opened.collect::<Vec<_>>()
        };
        let mut opened = open_all();
        if lacks_key(&opened) {
            self.ring.read().await;
            opened = open_all();
        }
        let nonces = opened.iter().map(|opened| match opened {
            Ok(Opened::Envelope { nonce, .. }) => Some(*nonce),
            _ => None,
        });
        let nonces: Vec<_> = nonces.collect();
        let finish = |(delivery, opened): (_, Result<_>)| Ok(self.finish(delivery, opened?));
        let mut opened: Vec<_> = batch.into_iter().zip(opened).map(finish).collect();
        if let Some(book) = &self.nonces {
            let items = opened.iter_mut().zip(nonces);
            let items = items.filter_map(|(item, nonce)| Some((item, nonce?)));
            book.note(items.collect()).await;
        }
        opened
    }

    /// Opens one delivery, as [`open_now`](Self::open_now) does.
    pub(super) fn open_one_now(&self, delivery: Delivery) -> AtOnce<Result<Delivery>, Delivery> {
        if self.nonces.is_some() || self.ring.is_old() {
            return AtOnce::Later(delivery);
        }
        let opened = self.open(&self.ring.ciphers(), &delivery);
        if lacks_key(std::slice::from_ref(&opened)) && self.ring.may_look_again() {
            return AtOnce::Later(delivery);
        }
        AtOnce::Done(opened.map(|opened| self.finish(delivery, opened)))
    }

    /// Opens one delivery, as [`open_later`](Self::open_later) does.
    pub(super) async fn open_one_later(self: Arc<Self>, delivery: Delivery) -> Result<Delivery> {
        let mut opened = self.open_later(vec![delivery]).await;
        let missing = || Error::new(ErrorKind::Unexpected, "delivery was not opened");
        opened.pop().ok_or_else(missing)?
    }

    fn seal(&self, mut message: Message) -> Result<Message> {
        let ciphers = self.ring.ciphers();
        let cipher = ciphers.current();
        let names = self.names(&message)?;
        let head = Head {
            suite: self.config.suite,
            id_is_bound: message.id.is_some(),
            key: cipher.id().as_str(),
            sealed_at: self.context.clock.wall(),
            nonce: draw_nonce()?,
            names,
        };
        let mut body = head.write(message.body.len());
        let text_at = body.len();
        let (id, details) = (message.id.as_ref(), message.details());
        let bound = bound(&body, &self.config.purpose, id, details, &head.names);
        body.extend_from_slice(&message.body);
        let text = &mut body[text_at..];
        let tag = cipher.encrypt(head.suite, &head.nonce, &bound, text);
        let too_large = |_| Error::new(ErrorKind::MessageTooLarge, "body is too large to encrypt");
        let tag = tag.map_err(too_large)?;
        body.extend(tag);
        message.body = body.into();
        Ok(message)
    }

    /// Lists the headers that are bound: those that are there, and those that are always bound.
    fn names<'a>(&'a self, message: &'a Message) -> Result<Vec<&'a str>> {
        let EncryptionConfig { bound, unbound, .. } = &self.config;
        let mut names: Vec<&str> = bound.iter().map(String::as_str).collect();
        for (name, _) in message.headers().iter() {
            let is_free = unbound.iter().any(|unbound| unbound == name);
            if !is_free && !names.contains(&name) {
                names.push(name);
            }
        }
        if NAMES_MAX < names.len() {
            let rule = format!("message has more than {NAMES_MAX} headers to bind");
            return Err(Error::new(ErrorKind::MessageInvalid, rule));
        }
        message.headers().check()?;
        Ok(names)
    }

    /// Opens one delivery, which stays as it is.
    fn open(&self, ciphers: &Ciphers, delivery: &Delivery) -> Result<Opened> {
        let Some(envelope) = Envelope::read(&delivery.message.body)? else {
            return match self.config.plain_text {
                PlainText::Reject => Err(not_encrypted()),
                PlainText::Accept | PlainText::Alert => Ok(Opened::PlainText),
            };
        };
        let head = &envelope.head;
        let cipher = ciphers
            .get(head.key)
            .ok_or_else(|| key_not_found(head.key))?;
        let text = self.decrypt(cipher, &envelope, delivery)?;
        if let Some(name) = self.not_bound(&head.names) {
            return Err(forged(format!("header {name} is not bound")));
        }
        if let Some(nonces) = &self.nonces {
            nonces.check_age(head.sealed_at, self.context.clock.wall())?;
        }
        let nonce = head.nonce;
        Ok(Opened::Envelope { text, nonce })
    }

    /// Puts what was found into the delivery.
    fn finish(&self, mut delivery: Delivery, opened: Opened) -> Delivery {
        match opened {
            Opened::Envelope { text, .. } => delivery.message.body = text.into(),
            Opened::PlainText => self.note_plain_text(&delivery),
        }
        delivery
    }

    fn decrypt(
        &self,
        cipher: &Cipher,
        envelope: &Envelope<'_>,
        delivery: &Delivery,
    ) -> Result<Vec<u8>> {
        let Envelope {
            head,
            head_bytes,
            text,
            tag,
        } = envelope;
        let id = head.id_is_bound.then_some(&delivery.id);
        let details = delivery.message.details();
        let bound = bound(head_bytes, &self.config.purpose, id, details, &head.names);
        let mut text = text.to_vec();
        let opened = cipher.decrypt(head.suite, &head.nonce, &bound, &mut text, tag);
        let altered = |_| forged("body, or what is bound to it, was altered".to_owned());
        opened.map(|()| text).map_err(altered)
    }

    /// Returns a header that must be bound and is not.
    fn not_bound(&self, names: &[&str]) -> Option<&str> {
        let bound = self.config.bound.iter().map(String::as_str);
        bound.into_iter().find(|name| !names.contains(name))
    }

    fn note_plain_text(&self, delivery: &Delivery) {
        self.plain_text_accepted.fetch_add(1, Ordering::Relaxed);
        let is_alert = self.config.plain_text == PlainText::Alert;
        if let Some(observer) = self.context.observer.as_ref().filter(|_| is_alert) {
            let now = self.context.clock.now();
            observer.observe(now, &[Event::PlainTextAccepted { id: &delivery.id }]);
        }
    }
}

fn lacks_key(opened: &[Result<Opened>]) -> bool {
    let errors = opened.iter().filter_map(|opened| opened.as_ref().err());
    errors
        .into_iter()
        .any(|error| error.kind() == ErrorKind::KeyNotFound)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a nonce must never come again, not even in a program that is run again with its seed"
)]
fn draw_nonce() -> Result<[u8; NONCE_BYTES]> {
    let mut nonce = [0; NONCE_BYTES];
    let no_chance = "the operating system has no randomness to give";
    getrandom::fill(&mut nonce)
        .map_err(|error| Error::new(ErrorKind::Unexpected, no_chance).with_source(error))?;
    Ok(nonce)
}

fn key_not_found(id: &str) -> Error {
    let id = id.escape_debug();
    let text: Text = format!("key \"{id}\" is not known").into();
    Error::new(ErrorKind::KeyNotFound, text)
}

fn not_encrypted() -> Error {
    let text = "body is plain text, and must be encrypted";
    Error::new(ErrorKind::NotEncrypted, text)
}

fn forged(text: String) -> Error {
    Error::new(ErrorKind::Forged, text)
}
