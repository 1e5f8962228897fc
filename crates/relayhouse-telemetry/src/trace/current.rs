//! Which trace the code that runs belongs to, for what it sends.

use std::{cell::Cell, mem::take};

use super::context::{TraceContext, Travelling};

thread_local! {
    /// What goes with the delivery whose handler is polled now.
    static CURRENT: Cell<Now> = const { Cell::new(Now::Nothing) };
    /// That itself, if it is more than a number.
    static KNOWN: Cell<Option<Box<Travelling>>> = const { Cell::new(None) };
}

/// Says what goes with the delivery whose handler is polled now. It is copied around each poll, for
/// which [`Going`] would have to be moved and dropped.
#[derive(Clone, Copy, Debug)]
enum Now {
    Nothing,
    Unrecorded(u64),
    Known,
}

/// Is what goes with a delivery while it is handled.
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
            Self::Unrecorded(number) => unrecorded(*number),
            Self::Known(travelling) => Some((**travelling).clone()),
        }
    }
}

impl From<Travelling> for Going {
    fn from(travelling: Travelling) -> Self {
        Self::Known(Box::new(travelling))
    }
}

fn unrecorded(number: u64) -> Option<Travelling> {
    TraceContext::unrecorded(number).map(Travelling::new)
}

/// Has what goes with a delivery current, until it is dropped.
#[derive(Debug)]
pub(crate) struct Entered<'a> {
    before: Now,
    /// Taken back when this is dropped.
    _lent: Option<Lent<'a>>,
}

/// Is what was put in place of what else is known, and is taken back.
#[derive(Debug)]
struct Lent<'a> {
    going: &'a mut Going,
    before: Option<Box<Travelling>>,
}

impl<'a> Entered<'a> {
    /// Makes `going` current; it is put back when this is dropped, and what was current before too.
    #[inline]
    pub(crate) fn new(going: &'a mut Going) -> Self {
        let (now, lent) = match going {
            Going::Nothing => (Now::Nothing, None),
            Going::Unrecorded(number) => (Now::Unrecorded(*number), None),
            Going::Known(_) => (Now::Known, Some(Lent::new(going))),
        };
        Self {
            before: CURRENT.replace(now),
            _lent: lent,
        }
    }
}

impl Drop for Entered<'_> {
    #[inline]
    fn drop(&mut self) {
        CURRENT.set(self.before);
    }
}

impl<'a> Lent<'a> {
    fn new(going: &'a mut Going) -> Self {
        let known = match take(going) {
            Going::Known(known) => Some(known),
            _ => None,
        };
        Self {
            going,
            before: KNOWN.replace(known),
        }
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let known = KNOWN.replace(self.before.take());
        *self.going = known.map_or(Going::Nothing, Going::Known);
    }
}

/// Returns what travels with the delivery whose handler is polled now.
pub(crate) fn current() -> Option<Travelling> {
    match CURRENT.get() {
        Now::Nothing => None,
        Now::Unrecorded(number) => unrecorded(number),
        Now::Known => look(Travelling::clone),
    }
}

/// Says whether the delivery whose handler is polled now is sampled.
pub(crate) fn is_sampled() -> Option<bool> {
    match CURRENT.get() {
        Now::Nothing => None,
        Now::Unrecorded(_) => Some(false),
        Now::Known => look(|travelling| travelling.context.is_sampled),
    }
}

fn look<T>(at: impl FnOnce(&Travelling) -> T) -> Option<T> {
    let known = KNOWN.take();
    let seen = known.as_deref().map(at);
    KNOWN.set(known);
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
        assert_eq!(outer.travelling().map(|it| it.context.span_id), Some(1));
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

    #[test]
    fn what_is_not_recorded_hides_what_is_known_while_it_is_current() {
        let (mut outer, mut inner) = (going(1), Going::Unrecorded(7));
        let _outer = Entered::new(&mut outer);
        {
            let _inner = Entered::new(&mut inner);
            assert_eq!(is_sampled(), Some(false));
            let mut nothing = Going::Nothing;
            let _nothing = Entered::new(&mut nothing);
            assert_eq!((is_sampled(), span()), (None, None));
        }
        assert_eq!((is_sampled(), span()), (Some(true), Some(1)));
    }
}
