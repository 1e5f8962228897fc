//! The answering side: a handler's reply to a request.

use relayhouse_core::{Message, Settlement, Text};

/// Answers `request` with `answer`: it is sent to where the request wants its answers, and then the
/// request is acked. A request that wants none is acked, and the answer dropped.
///
/// The consumer must have an output of that name, or all queues of a provider by
/// [`outputs_of`](crate::ConsumerBuilder::outputs_of).
///
/// ```
/// use relayhouse_core::{Message, Settlement};
/// use relayhouse_runtime::reply;
///
/// async fn answer(request: Message) -> Settlement {
///     let total = request.body.len();
///     reply(&request, Message::new(format!("{total} bytes")))
/// }
/// ```
#[must_use]
pub fn reply(request: &Message, mut answer: Message) -> Settlement {
    let Some(queue) = request.details().reply_to.clone() else {
        return Settlement::Ack;
    };
    let id = || request.id.as_ref().map(|id| Text::from(id.to_string()));
    let correlation_id = request.details().correlation_id.clone().or_else(id);
    answer.details_mut().correlation_id = correlation_id;
    Settlement::forward(queue, answer)
}
