//! What belongs to the message that is being handled, while its handler is polled.
//!
//! A layer around a handler enters a scope for the length of each poll, and a layer around a
//! producer reads it when the handler sends. It is kept in the thread, and so goes along into
//! whatever the handler awaits, but not into what it spawns.

use std::{
    cell::RefCell,
    fmt::{self, Debug},
    future::Future,
    mem::swap,
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;
use relayhouse_core::{Text, Timestamp};

thread_local! {
    static CURRENT: RefCell<Scope> = const { RefCell::new(Scope::NONE) };
}

/// Is what belongs to the message that is being handled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) correlation_id: Option<Text>,
    pub(crate) causation_id: Option<Text>,
    pub(crate) deadline: Option<Timestamp>,
}

pin_project! {
    /// Is a future that is polled in the scope of a message.
    pub struct Scoped<F> {
        #[pin]
        future: F,
        // None where it is the one around.
        scope: Option<Scope>,
    }
}

impl Scope {
    const NONE: Self = Self {
        correlation_id: None,
        causation_id: None,
        deadline: None,
    };

    pub(crate) fn current() -> Self {
        CURRENT.with_borrow(Clone::clone)
    }

    /// Makes a future in this scope, and polls it there.
    pub(crate) fn run<F>(mut self, make: impl FnOnce() -> F) -> Scoped<F> {
        let future = {
            let _entered = Entered::new(&mut self);
            make()
        };
        Scoped {
            future,
            scope: Some(self),
        }
    }

    /// Returns the scope around but with `deadline`, or none where that is the same, as it is for
    /// most messages.
    #[inline]
    pub(crate) fn until(deadline: Option<Timestamp>) -> Option<Self> {
        CURRENT.with_borrow(|current| {
            let is_another = current.deadline != deadline;
            is_another.then(|| Self {
                deadline,
                ..current.clone()
            })
        })
    }
}

impl<F> Scoped<F> {
    /// Polls `future` in the scope around.
    #[inline(always)]
    pub(crate) const fn around(future: F) -> Self {
        Self {
            future,
            scope: None,
        }
    }
}

/// Carries the scope of the message that is being handled into a future that is to be spawned.
///
/// What the future sends has then the correlation, the causation and the deadline that it would
/// have in the handler.
///
/// ```
/// use relayhouse_middleware::correlation::carry;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let task = tokio::spawn(carry(async {
///     // Sends of here belong to the message that is handled outside.
/// }));
/// task.await?;
/// # Ok::<_, tokio::task::JoinError>(())
/// # }).unwrap();
/// ```
pub fn carry<F: Future>(future: F) -> Scoped<F> {
    Scope::current().run(|| future)
}

/// Holds the scope around, and restores it when it is dropped, in a panic as well.
struct Entered<'a> {
    outer: &'a mut Scope,
}

impl<'a> Entered<'a> {
    /// Exchanges the scope around for `scope`.
    fn new(scope: &'a mut Scope) -> Self {
        CURRENT.with_borrow_mut(|current| swap(current, scope));
        Self { outer: scope }
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        CURRENT.with_borrow_mut(|current| swap(current, self.outer));
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = this.scope.as_mut().map(Entered::new);
        this.future.poll(context)
    }
}

impl<F> Debug for Scoped<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scoped")
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    fn named(name: &'static str) -> Scope {
        Scope {
            correlation_id: Some(name.into()),
            ..Scope::default()
        }
    }

    /// Two futures that take turns on one thread see each its own, and neither stays behind.
    #[tokio::test]
    async fn scopes_do_not_mix() {
        let see = |name: &'static str| {
            named(name).run(|| async move {
                for _ in 0..10 {
                    assert_eq!(Scope::current(), named(name));
                    tokio::task::yield_now().await;
                }
            })
        };
        tokio::join!(see("a"), see("b"), named("c").run(|| see("d")));
        assert_eq!(Scope::current(), Scope::NONE);
    }

    /// A deadline comes on top of the scope around, and no deadline takes one away.
    #[tokio::test]
    async fn deadline_is_all_that_changes() {
        let due = |micros| Some(Timestamp::from_micros(micros));
        let see = |deadline| {
            let seen = async move {
                tokio::task::yield_now().await;
                Scope {
                    deadline,
                    ..named("a")
                } == Scope::current()
            };
            match Scope::until(deadline) {
                Some(scope) => scope.run(|| seen),
                None => Scoped::around(seen),
            }
        };
        let outer = named("a").run(|| async move {
            let inner = Scope::until(due(7))
                .unwrap()
                .run(|| async move { see(due(8)).await && see(due(7)).await && see(None).await });
            see(None).await && inner.await
        });
        assert!(outer.await);
        assert_eq!(Scope::current(), Scope::NONE);
    }

    #[test]
    fn scope_ends_in_a_panic() {
        let panicked = catch_unwind(AssertUnwindSafe(|| named("a").run(|| panic!("stop"))));
        assert!(panicked.is_err());
        assert_eq!(Scope::current(), Scope::NONE);
    }
}
