//! The ids of receives on FIFO queues, by which SQS repeats an answer that nobody heard.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use relayhouse_core::{Instant, Random};

/// How long SQS knows an id, less what a call may take.
const KNOWN: Duration = Duration::from_secs(4 * 60);

/// The most ids that wait to be used again.
const UNHEARD_MAX: usize = 64;

/// Keeps the ids of receives whose answers nobody heard.
#[derive(Debug, Default)]
pub(crate) struct Attempts(Mutex<Vec<Unheard>>);

#[derive(Debug)]
struct Unheard {
    id: String,
    since: Instant,
}

/// Is the id of one receive. Unless its answer is heard, the next receive uses it again.
#[derive(Debug)]
pub(crate) struct Attempt<'a> {
    attempts: &'a Attempts,
    unheard: Option<Unheard>,
}

impl Attempts {
    /// Takes an id whose answer nobody heard, or makes a new one.
    pub(crate) fn take(&self, random: &dyn Random, now: Instant) -> Attempt<'_> {
        let mut unheard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        unheard.retain(|it| now.since(it.since) < KNOWN);
        let again = unheard.pop();
        drop(unheard);
        let new = || Unheard {
            id: format!("{:016x}{:016x}", random.next_u64(), random.next_u64()),
            since: now,
        };
        Attempt {
            attempts: self,
            unheard: Some(again.unwrap_or_else(new)),
        }
    }
}

impl Attempt<'_> {
    pub(crate) fn id(&self) -> Option<String> {
        self.unheard.as_ref().map(|it| it.id.clone())
    }

    /// The answer was heard: the id is used up.
    pub(crate) fn heard(mut self) {
        self.unheard = None;
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let Some(unheard) = self.unheard.take() else {
            return;
        };
        let mut all = self.attempts.0.lock();
        let all = all.as_mut().unwrap_or_else(|poisoned| poisoned.get_mut());
        if all.len() < UNHEARD_MAX {
            all.push(unheard);
        }
    }
}

#[cfg(test)]
mod tests {
    use relayhouse_core::SeededRandom;

    use super::*;

    #[test]
    fn an_id_is_used_again_until_it_is_heard() {
        let (attempts, random) = (Attempts::default(), SeededRandom::new(7));
        let now = Instant::START;
        let first = attempts.take(&random, now).id();
        let again = attempts.take(&random, now);
        assert_eq!(again.id(), first);
        again.heard();
        assert_ne!(attempts.take(&random, now).id(), first);
    }

    #[test]
    fn an_id_that_sqs_may_have_forgotten_is_not_used_again() {
        let (attempts, random) = (Attempts::default(), SeededRandom::new(7));
        let first = attempts.take(&random, Instant::START).id();
        assert_ne!(attempts.take(&random, Instant::START + KNOWN).id(), first);
    }
}
