//! Receives, which may wait for messages.

use std::future;

use tokio::select;

use crate::{
    api::{
        Result,
        messages::{Receive, Received},
    },
    model::{Call, Wait, Waiting},
    shared::Shared,
};

/// Receives messages, and waits for them if there are none and the caller or the queue wants it.
///
/// It looks again when the bell rings and when something is due, and at no other time. A caller
/// that goes away while it waits takes nothing with it.
pub(super) async fn receive(
    shared: &Shared,
    call: &mut Call,
    receive: Receive,
) -> Result<Received> {
    let receive = shared.state().model.start_receive(call, receive)?;
    loop {
        call.now = shared.clock.now();
        let result = shared.state().model.receive(call, &receive)?;
        let wait = match result {
            Ok(received) => return Ok(received),
            Err(wait) => wait,
        };
        let is_over = receive.deadline.is_none_or(|deadline| deadline <= call.now);
        if is_over || *shared.closing.borrow() {
            return Ok(Received {
                messages: Vec::new(),
            });
        }
        look_again(shared, &receive, wait).await;
    }
}

async fn look_again(shared: &Shared, receive: &Waiting, mut wait: Wait) {
    let mut closing = shared.closing.subscribe();
    let at = wait.due.into_iter().chain(receive.deadline).min();
    let due = async {
        match at {
            Some(at) => shared.clock.sleep_until(at).await,
            None => future::pending().await,
        }
    };
    // Each of these only says that it is time to look; an error, that the sender is gone.
    select! {
        _ = wait.bell.changed() => {}
        _ = closing.wait_for(|closing| *closing) => {}
        () = due => {}
    }
}
