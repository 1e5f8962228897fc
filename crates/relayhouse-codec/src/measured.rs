//! A codec that tells how long it takes.

use bytes::BytesMut;
use relayhouse_core::{Context, Event, Instant, Message, Result};

use crate::codec::{Decoder, Encoder, Format};

/// Tells the observer of a context how long each body takes to be encoded or decoded.
///
/// Without an observer the cost is one branch.
///
/// ```
/// use relayhouse_codec::{Decoder, Encoder, JsonCodec, Measured};
///
/// # fn measure(context: &relayhouse_core::Context) -> relayhouse_core::Result<()> {
/// let codec = Measured::new(JsonCodec::new(), context);
/// let message = codec.encode_message(&7)?;
/// let seven: u32 = codec.decode_message(&message)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Measured<C> {
    codec: C,
    context: Context,
}

impl<C> Measured<C> {
    /// Measures `codec` by the clock of `context`.
    #[must_use]
    pub fn new(codec: C, context: &Context) -> Self {
        Self {
            codec,
            context: context.clone(),
        }
    }

    /// Does `work`, and tells the observer, if there is one, what `event` makes of its beginning,
    /// its end and its result.
    fn told<T>(
        &self,
        work: impl FnOnce() -> Result<T>,
        event: impl for<'a> FnOnce(Instant, Instant, &'a Result<T>) -> Event<'a>,
    ) -> Result<T> {
        let Some(observer) = &self.context.observer else {
            return work();
        };
        let began = self.context.clock.now();
        let result = work();
        let ended = self.context.clock.now();
        observer.observe(ended, &[event(began, ended, &result)]);
        result
    }
}

impl<C: Format> Format for Measured<C> {
    fn content_type(&self) -> &'static str {
        self.codec.content_type()
    }

    fn accepts(&self, content_type: &str) -> bool {
        self.codec.accepts(content_type)
    }

    fn label(&self, message: Message) -> Message {
        self.codec.label(message)
    }
}

impl<T: ?Sized, C: Encoder<T>> Encoder<T> for Measured<C> {
    fn encode_into(&self, value: &T, body: &mut BytesMut) -> Result<()> {
        let before = body.len();
        let encode = || {
            self.codec.encode_into(value, body)?;
            Ok(body.len() - before)
        };
        let result = self.told(encode, |began, ended, result| Event::Encoded {
            took: ended.since(began),
            result: result.as_ref().map(|bytes| *bytes as u64),
        });
        result.map(drop)
    }
}

impl<T, C: Decoder<T>> Decoder<T> for Measured<C> {
    fn decode(&self, body: &[u8]) -> Result<T> {
        let bytes = body.len() as u64;
        self.told(
            || self.codec.decode(body),
            |began, ended, result| Event::Decoded {
                took: ended.since(began),
                result: result.as_ref().map(|_| bytes),
            },
        )
    }
}

#[cfg(feature = "json")]
#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use relayhouse_core::Observer;

    use super::*;
    use crate::JsonCodec;

    #[derive(Debug, Default)]
    struct Told(Mutex<Vec<String>>);

    impl Observer for Told {
        fn observe(&self, _: Instant, events: &[Event<'_>]) {
            let mut told = self.0.lock().unwrap();
            told.extend(events.iter().map(|event| match event {
                Event::Encoded { result, .. } => format!("encoded {:?}", result.ok()),
                Event::Decoded { result, .. } => format!("decoded {:?}", result.ok()),
                other => format!("{other:?}"),
            }));
        }
    }

    #[test]
    fn both_directions_are_told_with_their_bytes() {
        let told = Arc::new(Told::default());
        let context = relayhouse_time::context().unwrap();
        let context = context.observer(Arc::clone(&told) as _);
        let codec = Measured::new(JsonCodec::new(), &context);
        let message = codec.encode_message("seven").unwrap();
        let text: String = codec.decode_message(&message).unwrap();
        assert_eq!(text, "seven");
        assert!(Decoder::<u32>::decode(&codec, b"no").is_err());
        let told = told.0.lock().unwrap();
        assert_eq!(
            *told,
            ["encoded Some(7)", "decoded Some(7)", "decoded None"]
        );
    }
}
