//! What handlers take.

use relayhouse_core::{Delivery, FromDelivery, FromRef, Result};
use serde::de::DeserializeOwned;

use super::AvroCodec;
use crate::codec::Decoder;

/// Draws a value from an Avro body, by the codec in the state of the consumer.
///
/// The state is the [`AvroCodec`] of the type, or has one by [`FromRef`].
///
/// ```
/// use relayhouse_codec::avro::{Avro, AvroCodec, Schema};
///
/// // The state of the consumer.
/// let codec = AvroCodec::<i64>::new(Schema::parse(r#""long""#)?)?;
///
/// async fn handle(Avro(number): Avro<i64>) {
///     println!("{number}");
/// }
/// # let _ = (codec, handle);
/// # Ok::<(), relayhouse_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Avro<T>(pub T);

impl<S, T> FromDelivery<S> for Avro<T>
where
    T: DeserializeOwned,
    AvroCodec<T>: FromRef<S>,
{
    fn from_delivery(delivery: &Delivery, state: &S) -> Result<Self> {
        let codec = AvroCodec::from_ref(state);
        codec.decode_message(&delivery.message).map(Self)
    }
}
