//! Which trace the code that runs belongs to, for what it sends.

use std::{cell::RefCell, mem::swap};

use super::context::Travelling;

thread_local! {
    /// What travels with the delivery whose handler is polled now.
    static CURRENT: RefCell<Option<Travelling>> = const { RefCell::new(None) };
}

/// Has what travels with a delivery current, until it is dropped.
#[derive(Debug)]
pub(crate) struct Entered<'a>(&'a mut Option<Travelling>);

impl<'a> Entered<'a> {
    /// Makes `travelling` current, and puts what was there in its place.
    pub(crate) fn new(travelling: &'a mut Option<Travelling>) -> Self {
        CURRENT.with_borrow_mut(|current| swap(current, travelling));
        Self(travelling)
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        CURRENT.with_borrow_mut(|current| swap(current, self.0));
    }
}

/// Returns what travels with the delivery whose handler is polled now.
pub(crate) fn current() -> Option<Travelling> {
    CURRENT.with_borrow(Clone::clone)
}

#[cfg(test)]
mod tests {
    use super::{super::context::TraceContext, *};

    fn travelling(number: u64) -> Option<Travelling> {
        TraceContext::new(1, number, true).map(Travelling::new)
    }

    fn span() -> Option<u64> {
        current().map(|current| current.context.span_id)
    }

    #[test]
    fn what_was_current_comes_back() {
        let (mut outer, mut inner) = (travelling(1), travelling(2));
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
        assert_eq!(inner.map(|it| it.context.span_id), Some(2));
    }
}
