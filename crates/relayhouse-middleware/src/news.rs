//! Changes, told in the order in which they were made.

use std::collections::VecDeque;

use crate::sync::{Mutex, lock};

/// The most changes that wait for an observer; of more, the oldest are not told.
const UNTOLD_MAX: usize = 1_000;

/// Holds the changes of something that are still to be told.
///
/// They are told by one call at a time, with no lock held: who finds another telling leaves the
/// rest to that one. So what an observer hears last is how it is.
#[derive(Debug)]
pub(crate) struct News<T>(Mutex<Untold<T>>);

#[derive(Debug)]
struct Untold<T> {
    changes: VecDeque<T>,
    is_telling: bool,
}

/// Is the right to tell. Dropping it, in a panic of the observer as well, leaves it to the next.
struct Turn<'a, T>(&'a News<T>);

impl<T> News<T> {
    /// Adds a change. The caller still holds the lock of what has changed.
    pub(crate) fn add(&self, change: T) {
        let mut untold = lock(&self.0);
        if UNTOLD_MAX <= untold.changes.len() {
            untold.changes.pop_front();
        }
        untold.changes.push_back(change);
    }

    /// Tells all there is, in order, unless another call does so.
    pub(crate) fn tell(&self, tell: impl Fn(T)) {
        while let Some((change, turn)) = self.next() {
            tell(change);
            drop(turn);
        }
    }

    fn next(&self) -> Option<(T, Turn<'_, T>)> {
        let mut untold = lock(&self.0);
        if untold.is_telling {
            return None;
        }
        let change = untold.changes.pop_front()?;
        untold.is_telling = true;
        Some((change, Turn(self)))
    }
}

impl<T> Default for News<T> {
    fn default() -> Self {
        Self(Mutex::new(Untold {
            changes: VecDeque::new(),
            is_telling: false,
        }))
    }
}

impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        lock(&self.0.0).is_telling = false;
    }
}

#[cfg(test)]
mod tests {
    use std::{
        cell::RefCell,
        panic::{AssertUnwindSafe, catch_unwind},
    };

    use super::*;

    #[test]
    fn change_that_is_made_while_one_is_told_comes_after_it() {
        let (news, told) = (News::default(), RefCell::new(Vec::new()));
        news.add(1);
        news.tell(|change| {
            if change < 3 {
                news.add(change + 1);
                news.tell(|_| unreachable!("one tells at a time"));
            }
            told.borrow_mut().push(change);
        });
        assert_eq!(told.into_inner(), [1, 2, 3]);
    }

    #[test]
    fn observer_that_panics_leaves_the_rest_to_the_next() {
        let news = News::default();
        news.add(1);
        news.add(2);
        let panicked = catch_unwind(AssertUnwindSafe(|| news.tell(|_| panic!("stop"))));
        assert!(panicked.is_err());
        let told = RefCell::new(Vec::new());
        news.tell(|change| told.borrow_mut().push(change));
        assert_eq!(told.into_inner(), [2]);
    }

    #[test]
    fn oldest_changes_are_not_told_where_there_are_too_many() {
        let (news, told) = (News::default(), RefCell::new(Vec::new()));
        (0..=UNTOLD_MAX).for_each(|change| news.add(change));
        news.tell(|change| told.borrow_mut().push(change));
        assert!(told.into_inner().into_iter().eq(1..=UNTOLD_MAX));
    }
}
