//! What handlers do in the simulation: mostly well, sometimes not.

use std::{panic, sync::Arc, time::Duration};

use relayhouse_core::{Error, ErrorKind, MessageId, Result, Retry, Settlement, extract::Attempt};

use crate::{fault::Faults, ledger::Ledger};

/// The lease of the simulated queue.
pub(crate) const LEASE: Duration = Duration::from_secs(30);
/// The longest a lease is kept: a handler that hangs loses it.
pub(crate) const LEASE_TOTAL_MAX: Duration = Duration::from_secs(60);

/// Handles one message as chance says.
#[expect(clippy::panic, reason = "handlers panic, and the runtime must bear it")]
pub(crate) async fn handle(
    faults: Arc<Faults>,
    ledger: Arc<Ledger>,
    Attempt(attempt): Attempt,
    id: MessageId,
) -> Result<Settlement> {
    ledger.begun(&id);
    let clock = &faults.context.clock;
    if faults.context.random.chance(0.2) {
        let takes = faults.context.random.up_to(Duration::from_millis(20));
        clock.sleep_until(clock.now() + takes).await;
    }
    if faults.strikes(0.001) {
        clock
            .sleep_until(clock.now() + LEASE_TOTAL_MAX + LEASE)
            .await;
    }
    if faults.strikes(0.001) {
        panic::panic_any("a simulated panic");
    }
    if faults.strikes(0.03) {
        return Err(Error::new(ErrorKind::Handler, "a simulated failure"));
    }
    if faults.strikes(0.002) {
        let error = Error::new(ErrorKind::Handler, "a simulated rejection");
        return Err(error.retry(Retry::Permanent));
    }
    if attempt == 1 && faults.strikes(0.005) {
        return Ok(Settlement::Release {
            delay: Duration::from_secs(1),
        });
    }
    ledger.done(&id);
    Ok(Settlement::Ack)
}

/// Silences the panics that the simulation wants.
pub(crate) fn silence_panics() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let is_wanted = info.payload().downcast_ref::<&str>() == Some(&"a simulated panic");
        if !is_wanted {
            usual(info);
        }
    }));
}
