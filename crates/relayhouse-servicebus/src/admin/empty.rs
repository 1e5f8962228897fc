//! Purges: messages are received and acked until there are none.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use relayhouse_core::{
    ErrorKind, Operation, Outcome, Result, Settlement, Settling, Source,
    port::{Provider, ReceiveRequest, Receiver, ReceiverOptions},
};

use crate::{capability::RECEIVE_BATCH_MAX, provider::ServiceBus};

/// Removes what nobody has leased. What is held back or deferred stays, since a receive does not
/// bring it.
pub(super) async fn run(
    servicebus: &ServiceBus,
    source: &Source,
    requires_sessions: bool,
) -> Result<u64> {
    let purged = match requires_sessions {
        true => all_sessions(servicebus, source).await,
        false => {
            let receiver = servicebus
                .receiver(source, ReceiverOptions::default())
                .await?;
            all(&receiver).await
        }
    };
    purged.map_err(|error| error.at(Operation::Admin, source))
}

async fn all_sessions(servicebus: &ServiceBus, source: &Source) -> Result<u64> {
    let sessions = servicebus
        .sessions(source, ReceiverOptions::default())
        .await?;
    let mut count = 0;
    while let Some(session) = sessions.accept(None, Duration::ZERO).await? {
        let purged = emptied(&*session).await;
        session.close().await?;
        // One that brought nothing would be the next again.
        match purged? {
            0 => break,
            purged => count += purged,
        }
    }
    sessions.close().await?;
    Ok(count)
}

async fn all(receiver: &Arc<dyn Receiver>) -> Result<u64> {
    let purged = emptied(&**receiver).await;
    receiver.close().await?;
    purged
}

/// Acks what `receiver` brings until it brings nothing, and counts what the broker agreed to.
async fn emptied<R: Receiver + ?Sized>(receiver: &R) -> Result<u64> {
    let max = NonZeroU32::new(RECEIVE_BATCH_MAX).unwrap_or(NonZeroU32::MIN);
    let request = ReceiveRequest::up_to(max);
    let (mut count, mut deliveries) = (0, Vec::new());
    loop {
        receiver.receive(request, &mut deliveries).await?;
        if deliveries.is_empty() {
            return Ok(count);
        }
        let acks = deliveries
            .drain(..)
            .map(|it| Settling::new(it, Settlement::Ack));
        let mut batch: Vec<_> = acks.collect();
        receiver.settle(&mut batch).await?;
        for settling in batch {
            match settling.outcome {
                Outcome::Done(()) => count += 1,
                // It comes again.
                Outcome::Failed(error) if error.kind() == ErrorKind::LeaseLost => {}
                Outcome::Failed(error) => return Err(error),
                Outcome::Pending => return Err(crate::link::unknown()),
            }
        }
    }
}
