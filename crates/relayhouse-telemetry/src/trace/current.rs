//! Which trace the code that runs belongs to, for what it sends.

use std::{cell::Cell, mem::take};

use super::context::{TraceContext, Travelling};

thread_local! {
    /// What goes with the delivery whose handler is polled now.
    static CURRENT: Cell<Going> = const { Cell::new(Going::Nothing) };
}

/// Is what goes with a delivery while it is handled: small, since it is put in place and taken back
/// around each poll.
#[derive(Debug, Default)]
pub(crate) enum Going {
    #[default]
    Nothing,
    /// A trace that begins here and is not recorded. Its names are made of this number once
    /// somebody asks, which for most of them nobody does.
    Unrecorded(u64),
    Known(Box<Travelling>),
}

impl Going {
    /// Returns what travels on with what is sent.
    pub(crate) fn travelling(&self) -> Option<Travelling> {
        match self {
            Self::Nothing => None,
            Self::Unrecorded(number) => TraceContext::unrecorded(*number).map(Travelling::new),
            Self::Known(travelling) => Some((**travelling).clone()),
        }
    }

    fn is_sampled(&self) -> Option<bool> {
        match self {
            Self::Nothing => None,
            Self::Unrecorded(_) => Some(false),
            Self::Known(travelling) => Some(travelling.context.is_sampled),
        }
    }
}

impl From<Travelling> for Going {
    fn from(travelling: Travelling) -> Self {
        Self::Known(Box::new(travelling))
    }
}

/// Has what goes with a delivery current, until it is dropped.
#[derive(Debug)]
pub(crate) struct Entered<'a> {
    going: &'a mut Going,
    before: Going,
}

impl<'a> Entered<'a> {
    /// Makes `going` current; it is put back when this is dropped, and what was current before too.
    pub(crate) fn new(going: &'a mut Going) -> Self {
        let before = CURRENT.replace(take(going));
        Self { going, before }
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        *self.going = CURRENT.replace(take(&mut self.before));
    }
}

/// Returns what travels with the delivery whose handler is polled now.
pub(crate) fn current() -> Option<Travelling> {
    look(Going::travelling)
}

/// Says whether the delivery whose handler is polled now is sampled.
pub(crate) fn is_sampled() -> Option<bool> {
    look(Going::is_sampled)
}

fn look<T>(at: impl FnOnce(&Going) -> T) -> T {
    let going = CURRENT.take();
    let seen = at(&going);
    CURRENT.set(going);
    seen
}

#[cfg(test)]
mod tests {
    use super::{super::context::TraceContext, *};

    fn going(number: u64) -> Going {
        let context = TraceContext::new(1, number, true).expect("it is right");
        Travelling::new(context).into()
    }

    fn span() -> Option<u64> {
        current().map(|current| current.context.span_id)
    }

    #[test]
    fn what_was_current_comes_back() {
        let (mut outer, mut inner) = (going(1), going(2));
        {
            let _outer = Entered::new(&mut outer);
            assert_eq!(span(), Some(1));
            {
                let _inner = Entered::new(&mut inner);
                assert_eq!(span(), Some(2));
            }
            assert_eq!(span(), Some(1));
        }
        assert_eq!(span(), None);
        assert_eq!(inner.travelling().map(|it| it.context.span_id), Some(2));
    }

    #[test]
    fn trace_that_is_not_recorded_has_one_name_for_all_that_ask() {
        let mut going = Going::Unrecorded(7);
        let _entered = Entered::new(&mut going);
        let context = current().expect("it has a name").context;
        assert_eq!(current().map(|current| current.context), Some(context));
        assert_eq!(is_sampled(), Some(false));
        assert!(!context.is_sampled);
    }
}
