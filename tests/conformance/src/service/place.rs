//! What the runs ask of a service, whichever adapter it is for.

use relayhouse_core::Result;
use relayhouse_testkit::Harness;

/// Is a service, with names that nobody else uses.
pub trait Place {
    /// Lists the kinds of queues, by the names of the targets that play them under a clock that
    /// jumps.
    fn kinds(&self) -> &'static [&'static str];

    /// Makes a harness for queues of one kind. It needs tokio's time.
    fn harness(&self, kind: &'static str) -> Box<dyn Harness>;

    /// Names a queue that is not there yet, by its URL, for each kind that all commands can use.
    ///
    /// # Errors
    ///
    /// Returns an error if the name is none for a queue.
    fn urls(&self) -> Result<Vec<(&'static str, String)>>;
}
