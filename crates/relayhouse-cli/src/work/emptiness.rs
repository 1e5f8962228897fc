//! When a queue is empty.

use std::time::Duration;

use relayhouse::{Error, ErrorKind, Queue, runtime::Running};

use super::{Backlog, backlog};

const LOOK_EVERY: Duration = Duration::from_millis(250);

/// A provider that counts approximately is asked less often, and has to say it several times.
const LOOK_EVERY_IF_APPROXIMATE: Duration = Duration::from_secs(1);
const LOOKS_IF_APPROXIMATE: u32 = 3;

/// Ends when nothing is on the queue but dead letters: nothing that is ready, nothing that anybody
/// has leased, nothing that is held back.
///
/// It counts what is on the queue only while nothing comes in, so that counting costs no work.
pub(super) async fn wait(queue: &Queue, running: &Running) -> Result<(), Error> {
    let clock = &*queue.context().clock;
    let mut received = running.report().received;
    let (mut looks, mut pause) = (0, LOOK_EVERY);
    loop {
        let now_received = running.report().received;
        if now_received != received {
            looks = 0;
        } else if let Some(left) = look(queue).await? {
            let looks_min = if left.is_approximate {
                pause = LOOK_EVERY_IF_APPROXIMATE;
                LOOKS_IF_APPROXIMATE
            } else {
                1
            };
            looks = if left.messages == 0 { looks + 1 } else { 0 };
            if looks_min <= looks {
                return Ok(());
            }
        }
        received = now_received;
        clock.sleep_until(clock.now() + pause).await;
    }
}

/// Counts what is left; `None` if that fails for a while.
async fn look(queue: &Queue) -> Result<Option<Backlog>, Error> {
    match backlog(queue).await {
        Ok(left) => Ok(Some(left)),
        Err(error) if error.is_temporary() => Ok(None),
        Err(error) => Err(explained(error)),
    }
}

fn explained(error: Error) -> Error {
    if error.kind() != ErrorKind::Unsupported {
        return error;
    }
    let text = "it cannot be seen whether the queue is empty, leave out --until-empty";
    Error::new(ErrorKind::Unsupported, text).with_source(error)
}
