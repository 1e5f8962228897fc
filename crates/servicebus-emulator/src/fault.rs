//! Faults: what goes wrong, when, and how often.

use std::{error, fmt, sync::Arc, time::Duration};

use crate::{random::Random, shared::Shared};

/// What clients do, and what is done for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// A link to an entity is wanted.
    Attach,
    /// A client sends a message or a batch.
    Send,
    /// A client gets a message.
    Deliver,
    /// A client decides on a message by its link.
    Settle,
    /// A client asks something of an entity by a link.
    Request,
    /// A client asks something over HTTP.
    Http,
}

/// Something that goes wrong with an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The connection breaks off, and nothing is done; a message that is delivered is on its way.
    Cut,
    /// It takes so long by the emulator's clock before it is done, and others overtake it. Not for
    /// [`Operation::Deliver`].
    Delay(Duration),
    /// The link is detached, and nothing is done; a message that is delivered is on its way. Not
    /// for [`Operation::Request`] and [`Operation::Http`].
    Detach,
    /// It is done, and never answered. For [`Operation::Send`], [`Operation::Settle`],
    /// [`Operation::Request`] and [`Operation::Http`].
    DropAnswer,
    /// What is sent is kept twice, unless duplicates are detected. For [`Operation::Send`].
    Duplicate,
    /// The lock ends before its time: before it is settled, or once it is delivered. For
    /// [`Operation::Deliver`] and [`Operation::Settle`].
    LoseLock,
    /// It is refused, since the server is busy. Not for [`Operation::Deliver`].
    Throttle,
}

/// To which operations a fault happens.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Times {
    /// To the next so many.
    Next(u32),
    /// To all.
    Always,
    /// To this part of them, out of 1, drawn from the emulator's seed.
    Chance(f64),
}

/// A fault that cannot happen to an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnfitFault {
    /// The operation.
    pub operation: Operation,
    /// The fault.
    pub fault: Fault,
}

impl fmt::Display for UnfitFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, fault } = self;
        write!(
            f,
            "cannot inject fault: {fault:?} does not happen to {operation:?}"
        )
    }
}

impl error::Error for UnfitFault {}

impl Operation {
    const fn can_have(self, fault: Fault) -> bool {
        match fault {
            Fault::Cut => true,
            Fault::Delay(_) | Fault::Throttle => !matches!(self, Self::Deliver),
            Fault::Detach => !matches!(self, Self::Request | Self::Http),
            Fault::DropAnswer => {
                matches!(self, Self::Send | Self::Settle | Self::Request | Self::Http)
            }
            Fault::Duplicate => matches!(self, Self::Send),
            Fault::LoseLock => matches!(self, Self::Deliver | Self::Settle),
        }
    }
}

/// Changes what goes wrong, while the emulator runs. Its clones change the same.
#[derive(Clone, Debug)]
pub struct Faults {
    shared: Arc<Shared>,
}

impl Faults {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Lets a fault happen to an operation, besides those that it has already.
    ///
    /// # Errors
    ///
    /// Such a fault does not happen to such an operation.
    pub fn inject(
        &self,
        operation: Operation,
        fault: Fault,
        times: Times,
    ) -> Result<(), UnfitFault> {
        if !operation.can_have(fault) {
            return Err(UnfitFault { operation, fault });
        }
        let rule = Rule {
            operation,
            fault,
            times,
        };
        self.shared.state().rules.rules.push(rule);
        Ok(())
    }

    /// Takes back all faults that were injected.
    pub fn clear(&self) {
        self.shared.state().rules.rules.clear();
    }
}

/// The faults that were injected.
#[derive(Debug)]
pub(crate) struct Rules {
    rules: Vec<Rule>,
    random: Random,
}

#[derive(Debug)]
struct Rule {
    operation: Operation,
    fault: Fault,
    times: Times,
}

/// What goes wrong with one operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Drawn {
    pub(crate) is_cut: bool,
    pub(crate) is_detached: bool,
    pub(crate) is_throttled: bool,
    pub(crate) drops_answer: bool,
    pub(crate) is_doubled: bool,
    pub(crate) loses_lock: bool,
    pub(crate) delay: Duration,
}

impl Rules {
    pub(crate) const fn new(seed: u64) -> Self {
        Self {
            rules: Vec::new(),
            random: Random::new(seed),
        }
    }

    /// Draws what happens to the next operation of a kind.
    pub(crate) fn draw(&mut self, operation: Operation) -> Drawn {
        let mut drawn = Drawn::default();
        for rule in self.rules.iter_mut().filter(|it| it.operation == operation) {
            let happens = match &mut rule.times {
                Times::Next(0) => false,
                Times::Next(count) => {
                    *count -= 1;
                    true
                }
                Times::Always => true,
                Times::Chance(chance) => self.random.chance(*chance),
            };
            if happens {
                drawn.add(rule.fault);
            }
        }
        self.rules.retain(|rule| rule.times != Times::Next(0));
        drawn
    }
}

impl Drawn {
    fn add(&mut self, fault: Fault) {
        match fault {
            Fault::Cut => self.is_cut = true,
            Fault::Delay(delay) => self.delay += delay,
            Fault::Detach => self.is_detached = true,
            Fault::DropAnswer => self.drops_answer = true,
            Fault::Duplicate => self.is_doubled = true,
            Fault::LoseLock => self.loses_lock = true,
            Fault::Throttle => self.is_throttled = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_happen_as_often_as_they_are_to() {
        let mut rules = Rules::new(7);
        for (fault, times) in [
            (Fault::Cut, Times::Next(2)),
            (Fault::Throttle, Times::Always),
            (Fault::LoseLock, Times::Chance(0.25)),
        ] {
            let operation = Operation::Settle;
            rules.rules.push(Rule {
                operation,
                fault,
                times,
            });
        }
        let drawn = (0..1_000)
            .map(|_| rules.draw(Operation::Settle))
            .collect::<Vec<_>>();
        assert_eq!(drawn.iter().filter(|it| it.is_cut).count(), 2);
        assert!(drawn.iter().all(|it| it.is_throttled));
        let lost = drawn.iter().filter(|it| it.loses_lock).count();
        assert!((200..300).contains(&lost), "{lost} of 1,000");
        assert_eq!(rules.draw(Operation::Send), Drawn::default());
    }
}
