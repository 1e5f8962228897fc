//! The lease of a delivery: how long it is exclusive, and how to hear that it was lost.

use std::{
    fmt::Debug,
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll},
};

use crate::time::Instant;

/// Shows the exclusive hold that a consumer has on one delivery.
///
/// An adapter fills in the end and the token. A consumer that renews leases then makes it a
/// handle into its table: [`until`](Self::until) follows renewals, and [`lost`](Self::lost)
/// ends when the lease does. A clone is a handle of the same lease.
#[derive(Clone, Debug)]
pub struct Lease {
    until: Instant,
    token: u64,
    slot: LeaseSlot,
    table: Option<Arc<dyn LeaseTable>>,
}

/// Names a place in a lease table, and the generation of the lease that has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LeaseSlot {
    /// The place.
    pub index: u32,
    /// How many leases had the place before.
    pub generation: u32,
}

/// Keeps the leases of a consumer. The runtime implements it.
pub trait LeaseTable: Debug + Send + Sync {
    /// Returns the present end of the lease at `slot`; [`Instant::START`] if it was lost or
    /// settled.
    fn until(&self, slot: LeaseSlot) -> Instant;

    /// Is ready when the lease at `slot` was lost; stays pending while it is held, and for ever
    /// once it was settled.
    fn poll_lost(&self, slot: LeaseSlot, context: &mut Context<'_>) -> Poll<()>;
}

impl Lease {
    /// Makes a lease that ends at `until`.
    ///
    /// `token` grows with each delivery of a message.
    #[must_use]
    pub const fn new(until: Instant, token: u64) -> Self {
        Self {
            until,
            token,
            slot: LeaseSlot {
                index: 0,
                generation: 0,
            },
            table: None,
        }
    }

    /// Makes this lease a handle of what `table` keeps at `slot`.
    pub fn track(&mut self, table: Arc<dyn LeaseTable>, slot: LeaseSlot) {
        self.table = Some(table);
        self.slot = slot;
    }

    /// Returns the place in the table that keeps this lease.
    #[must_use]
    pub const fn slot(&self) -> LeaseSlot {
        self.slot
    }

    /// Returns the end of the lease, renewals included; [`Instant::NEVER`] if it has none.
    #[must_use]
    pub fn until(&self) -> Instant {
        self.table
            .as_ref()
            .map_or(self.until, |table| table.until(self.slot))
    }

    /// Returns the fencing token, which grows with each delivery of a message.
    ///
    /// Store it with what the handler writes, and refuse a write with a smaller one.
    #[must_use]
    pub const fn token(&self) -> u64 {
        self.token
    }

    /// Ends when the lease was lost before it was settled.
    ///
    /// Without a consumer that keeps the lease, and after a settle, it never ends.
    /// Dropping the future is free of consequence.
    pub async fn lost(&self) {
        poll_fn(|context| {
            self.table
                .as_ref()
                .map_or(Poll::Pending, |table| table.poll_lost(self.slot, context))
        })
        .await;
    }
}
