//! An extractor that decodes by the content type of the delivery.

use relayhouse_core::{Delivery, FromDelivery, FromRef, Result};
use serde::de::DeserializeOwned;

use crate::registry::CodecRegistry;

/// Draws a value from a body of any format that the [`CodecRegistry`] in the state of the consumer
/// allows.
///
/// The content type of the delivery chooses the codec. A delivery with a content type that is not
/// allowed is refused, and so is one without, unless the registry has a codec for such.
///
/// ```
/// use relayhouse_codec::{CodecRegistry, Decoded, JsonCodec};
///
/// // The state of the consumer, or a part of it by `FromRef`.
/// let codecs = CodecRegistry::new().codec(JsonCodec::new());
///
/// async fn handle(Decoded(numbers): Decoded<Vec<u64>>) {
///     println!("{numbers:?}");
/// }
/// # let _ = (codecs, handle);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decoded<T>(pub T);

impl<S, T> FromDelivery<S> for Decoded<T>
where
    T: DeserializeOwned,
    CodecRegistry: FromRef<S>,
{
    fn from_delivery(delivery: &Delivery, state: &S) -> Result<Self> {
        CodecRegistry::from_ref(state)
            .decode(&delivery.message)
            .map(Self)
    }
}
