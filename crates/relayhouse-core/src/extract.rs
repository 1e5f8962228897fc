//! What handlers take and producers send: values drawn from a delivery, values made a message.

use bytes::Bytes;

use crate::{
    delivery::Delivery, error::Result, header::Headers, id::MessageId, lease::Lease,
    message::Message, text::Text, time::Timestamp,
};

/// Is drawn from a delivery, as an argument of a handler.
///
/// `S` is the state that the consumer was built with.
pub trait FromDelivery<S>: Sized {
    /// Draws the value.
    ///
    /// # Errors
    ///
    /// Returns why it cannot be drawn; the message is then not acked. A permanent error, such as
    /// a body that cannot be decoded, dead-letters it.
    fn from_delivery(delivery: &Delivery, state: &S) -> Result<Self>;
}

/// Becomes a message.
pub trait IntoMessage {
    /// Makes the message.
    ///
    /// # Errors
    ///
    /// Returns why the value cannot be encoded; nothing was sent then.
    fn into_message(self) -> Result<Message>;
}

/// Is a part of a state: the whole of it, or what an implementation picks.
pub trait FromRef<S> {
    /// Picks the part.
    fn from_ref(state: &S) -> Self;
}

impl<S: Clone> FromRef<S> for S {
    fn from_ref(state: &S) -> Self {
        state.clone()
    }
}

/// Draws a part of the consumer's state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State<T>(pub T);

/// Draws the attempt: 1 for the first delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attempt(pub u32);

/// Draws the ordering key, if the message has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderingKey(pub Option<Text>);

/// Draws when the message was first enqueued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnqueuedAt(pub Timestamp);

/// Draws until when the answer to a message is of use, if its header `deadline` says so.
///
/// The header holds a time as RFC 3339 has it; one that cannot be read counts as none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline(pub Option<Timestamp>);

impl Deadline {
    /// The name of the header.
    pub const HEADER: &'static str = "deadline";

    /// Reads the deadline of `message`.
    #[must_use]
    pub fn of(message: &Message) -> Self {
        let text = message.headers().text(Self::HEADER);
        Self(text.and_then(|text| text.parse().ok()))
    }
}

impl<S, T: FromRef<S>> FromDelivery<S> for State<T> {
    fn from_delivery(_: &Delivery, state: &S) -> Result<Self> {
        Ok(Self(T::from_ref(state)))
    }
}

macro_rules! draw {
    ($($name:ty: $delivery:ident => $value:expr;)*) => {$(
        impl<S> FromDelivery<S> for $name {
            fn from_delivery($delivery: &Delivery, _: &S) -> Result<Self> {
                Ok($value)
            }
        }
    )*};
}

draw! {
    Attempt: delivery => Self(delivery.attempt);
    Deadline: delivery => Self::of(&delivery.message);
    OrderingKey: delivery => Self(delivery.message.details().ordering_key.clone());
    EnqueuedAt: delivery => Self(delivery.enqueued_at);
    Bytes: delivery => delivery.message.body.clone();
    Delivery: delivery => delivery.clone();
    Headers: delivery => delivery.message.headers().clone();
    Lease: delivery => delivery.lease.clone();
    Message: delivery => delivery.message.clone();
    MessageId: delivery => delivery.id.clone();
}

impl IntoMessage for Message {
    fn into_message(self) -> Result<Message> {
        Ok(self)
    }
}

macro_rules! body {
    ($($body:ty)*) => {$(
        impl IntoMessage for $body {
            fn into_message(self) -> Result<Message> {
                Ok(Message::new(self))
            }
        }
    )*};
}

body!(Bytes Vec<u8> String &'static str &'static [u8]);
