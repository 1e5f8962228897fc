//! Which messages go wrong, and how: decided by the seed before the first one is sent.

use std::{collections::BTreeMap, time::Duration};

use relayhouse::{Random, SeededRandom};

/// With fewer messages only the consumer's death is played.
const MESSAGES_FOR_ALL: u32 = 20;
const FAIL_ONCE_SHARE: f64 = 0.04;
const FAIL_TWICE_SHARE: f64 = 0.01;
/// How long a handler takes at most; half of it on average.
const WORK_MAX: Duration = Duration::from_millis(6);

/// Says what happens to a message on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Its handler fails this often, and then succeeds.
    Fails(u32),
    /// Its handler always fails.
    FailsAlways,
    /// Its handler panics once.
    Panics,
    /// Its body is cut off.
    Poison,
    /// Its handler hangs the first time, until its consumer dies.
    Hangs,
}

/// Knows the role of each message.
#[derive(Debug)]
pub(crate) struct Plan {
    seed: u64,
    special: BTreeMap<u32, Role>,
}

impl Plan {
    pub(crate) fn new(messages: u32, seed: u64) -> Self {
        let random: &dyn Random = &SeededRandom::new(seed);
        let mut special = BTreeMap::from([(messages / 3, Role::Hangs)]);
        let roles = [
            Role::Panics,
            Role::Poison,
            Role::FailsAlways,
            Role::FailsAlways,
        ];
        let roles = if messages < MESSAGES_FOR_ALL {
            &[][..]
        } else {
            &roles
        };
        for role in roles {
            let mut index = below(random, messages);
            while special.contains_key(&index) {
                index = below(random, messages);
            }
            special.insert(index, *role);
        }
        Self { seed, special }
    }

    /// Returns the role of message `index`.
    pub(crate) fn role(&self, index: u32) -> Role {
        if let Some(role) = self.special.get(&index) {
            return *role;
        }
        let random = self.random(index);
        if random.chance(FAIL_ONCE_SHARE) {
            return Role::Fails(1);
        }
        Role::Fails(if random.chance(FAIL_TWICE_SHARE) {
            2
        } else {
            0
        })
    }

    /// Returns how long the handler of message `index` takes.
    pub(crate) fn work(&self, index: u32) -> Duration {
        self.random(!index).up_to(WORK_MAX)
    }

    /// Returns how long a handler takes on average.
    pub(crate) fn work_mean(&self) -> Duration {
        WORK_MAX / 2
    }

    fn random(&self, index: u32) -> Box<dyn Random> {
        Box::new(SeededRandom::new(self.seed ^ (u64::from(index) << 32)))
    }
}

fn below(random: &dyn Random, bound: u32) -> u32 {
    u32::try_from(random.below(bound.into())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_gives_the_same_roles() {
        let roles = |seed| {
            let plan = Plan::new(1000, seed);
            (0..1000).map(|index| plan.role(index)).collect::<Vec<_>>()
        };
        assert_eq!(roles(7), roles(7));
        assert_ne!(roles(7), roles(8));
        for role in [Role::Panics, Role::Poison, Role::Hangs, Role::FailsAlways] {
            assert!(roles(7).contains(&role));
        }
    }

    #[test]
    fn few_messages_have_the_death_alone() {
        for messages in 1..MESSAGES_FOR_ALL {
            let plan = Plan::new(messages, 7);
            assert_eq!(plan.special.len(), 1);
            assert_eq!(plan.role(messages / 3), Role::Hangs);
        }
    }
}
