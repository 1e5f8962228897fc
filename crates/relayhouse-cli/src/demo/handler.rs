//! The handler of the demonstration, and the panic that it shows.

use std::{
    future::pending,
    panic::{self, PanicHookInfo, panic_any},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use relayhouse::{
    Clock, Error, ErrorKind, Headers,
    codec::Json,
    extract::{Attempt, State},
};
use tokio::sync::Notify;

use super::{
    data::Record,
    plan::{Plan, Role},
};

pub(crate) const INDEX_HEADER: &str = "index";

/// Holds what the handler needs.
#[derive(Clone, Debug)]
pub(crate) struct Shop {
    pub(crate) plan: Arc<Plan>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Told when a handler hangs.
    pub(crate) hanging: Arc<Notify>,
    has_panicked: Arc<AtomicBool>,
}

impl Shop {
    pub(crate) fn new(plan: Plan, clock: &Arc<dyn Clock>) -> Self {
        Self {
            plan: Arc::new(plan),
            clock: Arc::clone(clock),
            hanging: Arc::default(),
            has_panicked: Arc::default(),
        }
    }

    /// Takes note that a handler of another process has panicked: none shall here.
    pub(crate) fn has_panicked_elsewhere(&self) {
        self.has_panicked.store(true, Ordering::Relaxed);
    }
}

/// Handles one record as its role says.
#[expect(clippy::panic, reason = "the demonstration shows what a panic does")]
pub(crate) async fn handle(
    Json(record): Json<Record>,
    Attempt(attempt): Attempt,
    headers: Headers,
    State(shop): State<Shop>,
) -> Result<(), Error> {
    let index = headers
        .text(INDEX_HEADER)
        .and_then(|index| index.parse().ok());
    let index = index.ok_or_else(|| failure("the index is missing"))?;
    shop.clock
        .sleep_until(shop.clock.now() + shop.plan.work(index))
        .await;
    match shop.plan.role(index) {
        Role::Fails(times) if attempt <= times => Err(failure("the warehouse does not answer")),
        Role::FailsAlways => Err(failure("the address does not exist")),
        Role::Panics if !shop.has_panicked.swap(true, Ordering::Relaxed) => panic_any(Shown),
        Role::Hangs if attempt == 1 => {
            shop.hanging.notify_one();
            pending().await
        }
        _ => record.check(),
    }
}

fn failure(text: &'static str) -> Error {
    Error::new(ErrorKind::Handler, text)
}

/// Is what the demonstration panics with.
struct Shown;

type Hook = dyn Fn(&PanicHookInfo<'_>) + Send + Sync;

/// Keeps the demonstration's own panic off the display, until it is dropped.
pub(crate) struct Hushed(Arc<Hook>);

impl Hushed {
    pub(crate) fn new() -> Self {
        let before: Arc<Hook> = panic::take_hook().into();
        let hook = Arc::clone(&before);
        panic::set_hook(Box::new(move |info| {
            if !info.payload().is::<Shown>() {
                hook(info);
            }
        }));
        Self(before)
    }
}

impl Drop for Hushed {
    fn drop(&mut self) {
        if thread::panicking() {
            return;
        }
        let before = Arc::clone(&self.0);
        panic::set_hook(Box::new(move |info| before(info)));
    }
}
