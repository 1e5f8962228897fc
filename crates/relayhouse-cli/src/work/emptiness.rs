//! When a queue is empty.

use std::time::Duration;

use relayhouse::{Error, ErrorKind, Queue, runtime::Running};

use super::backlog;

const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Ends when nothing is on the queue but dead letters: nothing that is ready, nothing that anybody
/// has leased, nothing that is held back.
///
/// It counts what is on the queue only while nothing comes in, so that counting costs no work.
pub(super) async fn wait(queue: &Queue, running: &Running) -> Result<(), Error> {
    let clock = &*queue.context().clock;
    let mut received = running.report().received;
    loop {
        let now_received = running.report().received;
        if now_received == received {
            match backlog(queue).await {
                Ok(0) => return Ok(()),
                Err(error) if !error.is_temporary() => return Err(explained(error)),
                _ => {}
            }
        }
        received = now_received;
        clock.sleep_until(clock.now() + LOOK_EVERY).await;
    }
}

fn explained(error: Error) -> Error {
    if error.kind() != ErrorKind::Unsupported {
        return error;
    }
    let text = "it cannot be seen whether the queue is empty, leave out --until-empty";
    Error::new(ErrorKind::Unsupported, text).with_source(error)
}
