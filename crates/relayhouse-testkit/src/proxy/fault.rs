//! What a proxy does to connections, and where in the bytes.

use std::time::Duration;

/// Says what a proxy does with what passes through it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// It forwards everything.
    #[default]
    None,
    /// It takes connections and requests, and lets no answer through.
    Silent,
    /// It breaks all connections, and takes no new ones.
    Cut,
    /// It forwards everything, each piece up to this much later.
    Delay(Duration),
    /// It forwards a few bytes at a time, each time this much later.
    Slow(Duration),
    /// It does one connection harm, once, and forwards everything else.
    Once(Strike),
}

/// Says where and how a proxy does harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strike {
    /// Which way the bytes go.
    pub direction: Direction,
    /// How many bytes pass that way before it, over all connections since the fault was set.
    pub after: u64,
    /// What happens to the connection that the next byte is of.
    pub harm: Harm,
}

/// Says which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server.
    Requests,
    /// From the server to the client.
    Answers,
}

/// Says what happens to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// It is broken.
    Cut,
    /// Nothing passes this way any more, and neither side is told.
    HalfOpen,
    /// One bit of the next byte is another.
    Flip,
}

/// Counts the bytes that passed since a fault was set, over all connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// From clients to the server.
    pub requests: u64,
    /// From the server to clients.
    pub answers: u64,
    /// Whether the harm of [`Fault::Once`] was done.
    pub has_struck: bool,
}

impl Passed {
    /// Counts `count` further bytes. Returns how many of them pass before harm is done, and which.
    pub(super) fn add(
        &mut self,
        fault: Fault,
        direction: Direction,
        count: usize,
    ) -> Option<(usize, Harm)> {
        let passed = match direction {
            Direction::Requests => &mut self.requests,
            Direction::Answers => &mut self.answers,
        };
        let before = *passed;
        *passed += count as u64;
        let Fault::Once(strike) = fault else {
            return None;
        };
        let is_here = strike.direction == direction && !self.has_struck;
        let left = strike.after.checked_sub(before).filter(|_| is_here)?;
        let left = usize::try_from(left).ok().filter(|left| *left < count)?;
        self.has_struck = true;
        Some((left, strike.harm))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harm_is_done_once_at_its_byte_of_its_direction() {
        let fault = Fault::Once(Strike {
            direction: Direction::Answers,
            after: 7,
            harm: Harm::Flip,
        });
        let mut passed = Passed::default();
        assert_eq!(passed.add(fault, Direction::Requests, 100), None);
        assert_eq!(passed.add(fault, Direction::Answers, 7), None);
        let struck = passed.add(fault, Direction::Answers, 2);
        assert_eq!(struck, Some((0, Harm::Flip)));
        assert_eq!(passed.add(fault, Direction::Answers, 100), None);
        assert_eq!((passed.requests, passed.answers), (100, 109));
    }
}
