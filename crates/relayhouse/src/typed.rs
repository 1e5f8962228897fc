//! A producer that sends values instead of messages.

use std::future::poll_fn;

use relayhouse_codec::{Encoder, to_message};
use relayhouse_core::{Error, Message, Result, Sent};
use tower_service::Service;

/// Sends values by a codec, through a producer or any stack of layers around one.
///
/// ```
/// use relayhouse::prelude::*;
///
/// # #[tokio::main]
/// # async fn main() -> Result<()> {
/// let orders = relayhouse::open("memory://orders").await?.producer().json();
/// orders.send(&[1, 2, 3]).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Encoding<P, C> {
    producer: P,
    codec: C,
}

impl<P, C> Encoding<P, C> {
    /// Makes the message of `value`, to add what a body cannot say, such as an ordering key.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Codec`](crate::ErrorKind::Codec) or
    /// [`ErrorKind::MessageTooLarge`](crate::ErrorKind::MessageTooLarge) if `value` cannot be
    /// encoded.
    pub fn message<T: ?Sized>(&self, value: &T) -> Result<Message>
    where
        C: Encoder<T>,
    {
        to_message(&self.codec, value)
    }

    /// Returns the producer.
    pub const fn producer(&self) -> &P {
        &self.producer
    }
}

impl<P, C> Encoding<P, C>
where
    P: Service<Message, Response = Sent, Error = Error> + Clone,
{
    /// Encodes `value` and sends it.
    ///
    /// Dropping the future costs what it costs with the producer.
    ///
    /// # Errors
    ///
    /// Returns what [`message`](Self::message) returns, when nothing was sent, or what the
    /// producer returns.
    pub async fn send<T: ?Sized>(&self, value: &T) -> Result<Sent>
    where
        C: Encoder<T>,
    {
        let message = self.message(value)?;
        let mut producer = self.producer.clone();
        poll_fn(|context| producer.poll_ready(context)).await?;
        producer.call(message).await
    }
}

/// Makes a producer, or a stack of layers around one, send values.
pub trait EncodingExt: Service<Message, Response = Sent, Error = Error> + Clone {
    /// Sends values as JSON.
    #[cfg(feature = "json")]
    fn json(self) -> Encoding<Self, relayhouse_codec::JsonCodec> {
        self.encoding(relayhouse_codec::JsonCodec::new())
    }

    /// Sends values by `codec`.
    fn encoding<C>(self, codec: C) -> Encoding<Self, C> {
        Encoding {
            producer: self,
            codec,
        }
    }
}

impl<P: Service<Message, Response = Sent, Error = Error> + Clone> EncodingExt for P {}
