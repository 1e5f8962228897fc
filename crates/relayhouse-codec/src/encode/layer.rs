//! The layer.

use tower_layer::Layer;

use super::Encoding;

/// Makes a service of messages one of values, in a stack of layers.
///
/// ```
/// use relayhouse_codec::{EncodingLayer, JsonCodec};
/// use tower_layer::Layer;
///
/// let layer = EncodingLayer::new(JsonCodec::new());
/// # struct Producer;
/// let encoding = layer.layer(Producer);
/// # let _ = encoding;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct EncodingLayer<C> {
    codec: C,
}

impl<C> EncodingLayer<C> {
    /// Makes a layer that encodes by `codec`.
    #[must_use]
    pub const fn new(codec: C) -> Self {
        Self { codec }
    }
}

impl<S, C: Clone> Layer<S> for EncodingLayer<C> {
    type Service = Encoding<S, C>;

    fn layer(&self, inner: S) -> Encoding<S, C> {
        Encoding::new(inner, self.codec.clone())
    }
}
