//! The service that compresses messages and restores deliveries.

use std::{
    io,
    sync::Arc,
    task::{Context, Poll},
};

use relayhouse_core::{Delivery, Error, ErrorKind, HeaderValue, Message, Result};
use tower_service::Service;

use super::{CompressionConfig, Encoding, press::Press};
use crate::{
    prepare::{Called, PreparedBatch},
    sync::{Mutex, lock},
};

const HEADER: &str = "content-encoding";

/// The encoding that changes nothing.
const IDENTITY: &[u8] = b"identity";

/// How many compressors are kept for the next bodies.
const PRESSES_MAX: usize = 16;

/// Compresses the bodies of messages, and restores those of deliveries.
///
/// Clones share their compressors.
#[derive(Clone, Debug)]
pub struct Compression<S> {
    inner: S,
    shared: Arc<Shared>,
}

/// What clones of a service share.
#[derive(Debug)]
pub(super) struct Shared {
    config: CompressionConfig,
    presses: Mutex<Vec<Press>>,
}

impl<S> Compression<S> {
    pub(super) const fn new(inner: S, shared: Arc<Shared>) -> Self {
        Self { inner, shared }
    }
}

impl<S: Service<Message, Error = Error>> Service<Message> for Compression<S> {
    type Response = S::Response;
    type Error = Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, message: Message) -> S::Future {
        self.inner.call(self.shared.compress(message))
    }
}

impl<S: Service<Delivery, Error = Error>> Service<Delivery> for Compression<S> {
    type Response = S::Response;
    type Error = Error;
    type Future = Called<S::Future, S::Response, ()>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, delivery: Delivery) -> Self::Future {
        let restored = self.shared.restore(delivery);
        Called::of(restored.map(|delivery| self.inner.call(delivery)))
    }
}

impl<S, T> Service<Vec<Delivery>> for Compression<S>
where
    S: Service<Vec<Delivery>, Response = Vec<Result<T>>, Error = Error>,
{
    type Response = Vec<Result<T>>;
    type Error = Error;
    type Future = PreparedBatch<S::Future, T>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, batch: Vec<Delivery>) -> Self::Future {
        let restore = |delivery| self.shared.restore(delivery).map_err(Err);
        let restored = batch.into_iter().map(restore).collect();
        PreparedBatch::call(restored, |batch| self.inner.call(batch))
    }
}

impl Shared {
    pub(super) const fn new(config: CompressionConfig) -> Self {
        Self {
            config,
            presses: Mutex::new(Vec::new()),
        }
    }

    /// Compresses the body, unless it is encoded already, would not get smaller, or would be
    /// refused where it is restored.
    fn compress(&self, mut message: Message) -> Message {
        let length = message.body.len() as u64;
        let fits = self.config.bytes_min <= length && length <= self.config.output_bytes_max.get();
        if !fits || message.headers().get(HEADER).is_some() {
            return message;
        }
        let name = self.config.encoding.name();
        let header_bytes = HEADER.len() + name.len();
        let Some(max) = message.body.len().checked_sub(header_bytes + 1) else {
            return message;
        };
        let Some(body) = self.press(&message.body, max) else {
            return message;
        };
        if self.config.output_max(body.len()) < length {
            return message;
        }
        message.body = body.into();
        message.header(HEADER, name)
    }

    fn press(&self, body: &[u8], max: usize) -> Option<Vec<u8>> {
        let kept = lock(&self.presses).pop();
        let CompressionConfig {
            encoding, effort, ..
        } = self.config;
        let mut press = match kept {
            Some(press) => press,
            None => encoding.press(effort).ok()?,
        };
        let output = press.compress(body, max);
        let mut presses = lock(&self.presses);
        if presses.len() < PRESSES_MAX {
            presses.push(press);
        }
        output
    }

    /// Restores the body of a delivery that says how it is encoded.
    fn restore(&self, mut delivery: Delivery) -> Result<Delivery> {
        let message = &mut delivery.message;
        let Some(value) = message.headers().get(HEADER) else {
            return Ok(delivery);
        };
        if !value.as_bytes().eq_ignore_ascii_case(IDENTITY) {
            let encoding = Encoding::named(value.as_bytes()).ok_or_else(|| unknown(value))?;
            let max = self.config.output_max(message.body.len());
            let body = encoding.restore(&message.body, max);
            let body = body.map_err(|error| damaged(encoding, error))?;
            if max < body.len() as u64 {
                return Err(bomb(message.body.len(), max));
            }
            message.body = body.into();
        }
        message.details_mut().headers.remove(HEADER);
        Ok(delivery)
    }
}

fn unknown(value: &HeaderValue) -> Error {
    const SHOWN_MAX: usize = 32;
    let name = String::from_utf8_lossy(value.as_bytes());
    let shown: String = name.chars().take(SHOWN_MAX).collect();
    let shown = shown.escape_debug();
    let known: Vec<&str> = Encoding::ALL.iter().map(|known| known.name()).collect();
    let known = known.join(", ");
    Error::new(
        ErrorKind::Codec,
        format!("body has the content-encoding \"{shown}\", known are: {known}"),
    )
}

fn damaged(encoding: Encoding, error: io::Error) -> Error {
    let text = format!("body cannot be restored from {}", encoding.name());
    Error::new(ErrorKind::Codec, text).with_source(error)
}

fn bomb(length: usize, max: u64) -> Error {
    let text =
        format!("body of {length} bytes is compressed from more than {max}, which is not allowed");
    Error::new(ErrorKind::MessageTooLarge, text)
}
