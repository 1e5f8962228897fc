//! The sender's task: carries on calls that did not end at once, and makes those of what waits.

use std::{future::Future, pin::Pin, sync::Arc};

use futures_util::stream::{FuturesUnordered, StreamExt};
use relayhouse_core::Text;

use super::{
    call::{Call, Called},
    lane::{Packed, Waiter},
    outlet::{Opened, Outlet},
};
use crate::sync::lock;

/// Is the task of one outlet. It ends when the outlet is closed and everything is answered.
pub(super) struct Task {
    outlet: Arc<Outlet>,
    opened: Opened,
}

impl Task {
    pub(super) fn new(outlet: Arc<Outlet>, opened: Opened) -> Self {
        Self { outlet, opened }
    }

    pub(super) async fn run(self) {
        let mut calls = FuturesUnordered::new();
        loop {
            self.begin_calls(&mut calls);
            if calls.is_empty() && self.is_over() {
                return;
            }
            tokio::select! {
                biased;
                Some((called, waiters, keys)) = calls.next(), if !calls.is_empty() => {
                    self.end(called, waiters, &keys);
                }
                () = self.outlet.wake.notified() => {}
            }
        }
    }

    fn begin_calls(&self, calls: &mut FuturesUnordered<Flight>) {
        let handed_over = std::mem::take(&mut lock(&self.outlet.state).handed_over);
        for (call, waiters, keys) in handed_over {
            calls.push(fly(call, waiters, keys));
        }
        while let Some(packed) = self.pack() {
            drop(packed.room);
            let call = self.outlet.call(&self.opened, packed.batch);
            calls.push(fly(call, packed.waiters, packed.keys));
        }
    }

    fn pack(&self) -> Option<Packed> {
        lock(&self.outlet.state).lane.pack(&self.opened.packing)
    }

    fn is_over(&self) -> bool {
        let state = lock(&self.outlet.state);
        state.is_closed && state.handed_over.is_empty() && state.lane.is_idle()
    }

    fn end(&self, called: Called, waiters: Vec<Waiter>, keys: &[Text]) {
        let state = lock(&self.outlet.state);
        self.outlet.end_call(state, keys, &self.opened);
        for (answer, waiter) in self.outlet.answer(called).into_iter().zip(waiters) {
            // The caller may have stopped to listen.
            let _ = waiter.send(answer);
        }
    }
}

/// Is a call in flight with who hears of it and the keys it holds.
type Flight = Pin<Box<dyn Future<Output = (Called, Vec<Waiter>, Vec<Text>)> + Send>>;

fn fly(call: Call, waiters: Vec<Waiter>, keys: Vec<Text>) -> Flight {
    Box::pin(async move { (call.await, waiters, keys) })
}
