//! What counts as a failure, for layers that learn from how calls end.

use relayhouse_core::{Error, ErrorKind, Result, Sent, Settlement};

/// Says what the end of a call tells about the service that was called.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The service works.
    Success,
    /// The service does not work now; it may later.
    Failure,
    /// The call says nothing about the service: the message was at fault.
    Neutral,
}

/// Judges how calls end. Every `Fn(&Result<T>) -> Verdict` does.
pub trait Classify<T> {
    /// Judges one call.
    fn verdict(&self, result: &Result<T>) -> Verdict;
}

impl<T, F: Fn(&Result<T>) -> Verdict> Classify<T> for F {
    fn verdict(&self, result: &Result<T>) -> Verdict {
        self(result)
    }
}

/// Is what a call answers that ended without an error.
pub trait Success {
    /// Returns true if what was asked for was done.
    fn is_success(&self) -> bool;
}

impl Success for Sent {
    fn is_success(&self) -> bool {
        true
    }
}

impl Success for Settlement {
    fn is_success(&self) -> bool {
        Self::is_success(self)
    }
}

impl<T: Success> Success for Vec<Result<T>> {
    fn is_success(&self) -> bool {
        let is_success = |item: &Result<T>| item.as_ref().is_ok_and(Success::is_success);
        self.iter().all(is_success)
    }
}

/// Judges by the retry hint: an error that may pass is a failure of the service, a permanent one is
/// the message's own.
///
/// A handler that released or dead-lettered its message decided so, which is neutral. A panic and
/// wrong credentials are failures, whatever their hint.
pub fn standard<T: Success>(result: &Result<T>) -> Verdict {
    match result {
        Ok(answer) if answer.is_success() => Verdict::Success,
        Err(error) if is_of_the_service(error) => Verdict::Failure,
        Ok(_) | Err(_) => Verdict::Neutral,
    }
}

/// Judges as [`standard`] does: what a layer learns by, unless it is given another judge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standard;

impl<T: Success> Classify<T> for Standard {
    fn verdict(&self, result: &Result<T>) -> Verdict {
        standard(result)
    }
}

fn is_of_the_service(error: &Error) -> bool {
    let is_always = matches!(
        error.kind(),
        ErrorKind::Panicked | ErrorKind::Unauthorized | ErrorKind::Closed
    );
    is_always || !error.is_permanent()
}

#[cfg(test)]
mod tests {
    use relayhouse_core::Retry;

    use super::*;

    fn failed(kind: ErrorKind) -> Result<Settlement> {
        Err(Error::new(kind, "failed"))
    }

    #[test]
    fn what_may_pass_is_a_failure_of_the_service() {
        assert_eq!(standard(&Ok(Settlement::Ack)), Verdict::Success);
        assert_eq!(standard(&Ok(Settlement::RELEASE)), Verdict::Neutral);
        assert_eq!(standard(&failed(ErrorKind::Throttled)), Verdict::Failure);
        assert_eq!(standard(&failed(ErrorKind::Codec)), Verdict::Neutral);
        assert_eq!(standard(&failed(ErrorKind::Unauthorized)), Verdict::Failure);
        let exhausted = Error::new(ErrorKind::Timeout, "late").retry(Retry::Exhausted);
        let exhausted: Result<Settlement> = Err(exhausted);
        assert_eq!(standard(&exhausted), Verdict::Failure);
    }

    #[test]
    fn batch_succeeds_if_each_item_does() {
        assert!(vec![Ok(Settlement::Ack), Ok(Settlement::Ack)].is_success());
        assert!(!vec![Ok(Settlement::Ack), failed(ErrorKind::Handler)].is_success());
    }
}
