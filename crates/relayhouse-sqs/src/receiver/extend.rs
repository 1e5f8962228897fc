//! Extends leases, up to 12 hours from the receive.

use std::time::Duration;

use relayhouse_core::{ErrorKind, Extending, Instant, Operation, Outcome};

use super::SqsReceiver;
use crate::{batch, convert::whole_seconds, error, lease::Held};

impl SqsReceiver {
    pub(super) async fn extend_all(&self, batch: &mut [Extending], by: Duration) {
        let now = self.link.now();
        let (mut changes, mut places, mut ends) = (Vec::new(), Vec::new(), Vec::new());
        for (place, item) in batch.iter_mut().enumerate() {
            let held = self.leases.get(&item.receipt);
            let handle = item.receipt.as_text();
            let (Some(held), Some(handle)) = (held.filter(|held| now < held.until), handle) else {
                let lost = error::lease_lost(Operation::Extend);
                item.outcome = Outcome::Failed(self.queue.at(lost, Operation::Extend));
                continue;
            };
            let Some(seconds) = seconds_until(held, now, by) else {
                // Nothing is left of the 12 hours.
                item.outcome = Outcome::Done(held.until);
                continue;
            };
            changes.push((
                handle.to_owned(),
                i32::try_from(seconds).unwrap_or(i32::MAX),
            ));
            let end = now + Duration::from_secs(seconds);
            // One that gets shorter does so with the request, whether or not its answer comes.
            self.leases.extend(&item.receipt, held.until.min(end));
            places.push(place);
            ends.push((held.until, end));
        }
        let answers = batch::change(&self.link, &self.queue, &changes, Operation::Extend).await;
        let answered = self.link.now();
        for ((place, (before, end)), answer) in places.into_iter().zip(ends).zip(answers) {
            let item = &mut batch[place];
            let answer = match answer {
                // Somebody else may have got the message in between.
                Ok(()) if before <= answered => Err(error::late(Operation::Extend)),
                answer => answer,
            };
            match &answer {
                Ok(()) => self.leases.extend(&item.receipt, end),
                Err(error) if error.kind() == ErrorKind::OutcomeUnknown => {}
                Err(_) if end < before => self.leases.extend(&item.receipt, before),
                Err(_) => {}
            }
            let answer = answer.map(|()| end);
            let answer = answer.map_err(|error| self.queue.at(error, Operation::Extend));
            item.outcome = answer.into();
        }
    }
}

/// Returns for how many seconds from `now` the lease can be extended, at most `by` rounded up;
/// `None` if for no whole second. Zero would release the message.
fn seconds_until(held: Held, now: Instant, by: Duration) -> Option<u64> {
    let seconds = whole_seconds(by).max(1);
    let seconds = seconds.min(held.last().since(now).as_secs());
    (0 < seconds).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extension_ends_twelve_hours_after_the_receive() {
        let since = Instant::START;
        let held = Held {
            until: since,
            since,
        };
        let after = |seconds| since + Duration::from_secs(seconds);
        let minute = Duration::from_secs(60);
        assert_eq!(seconds_until(held, since, minute), Some(60));
        assert_eq!(seconds_until(held, after(43_150), minute), Some(50));
        assert_eq!(seconds_until(held, after(43_200), minute), None);
        assert_eq!(seconds_until(held, since, Duration::ZERO), Some(1));
    }
}
