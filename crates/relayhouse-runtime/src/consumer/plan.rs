//! From a consumer that is built to one that runs: opened, checked, and its workers spawned.

use std::{
    num::NonZeroU32,
    sync::{Arc, Mutex},
};

use relayhouse_core::{
    Capabilities, Error, ErrorKind, Operation, Result,
    port::{Receiver, Sessions},
};

use super::{
    Running,
    builder::Setup,
    check::check,
    control::Control,
    mode::Mode,
    open::{Intake, Opened, Port, open},
    report::Counts,
    running::spawn_keeper,
    session::SessionWorker,
    shared::Shared,
    worker::Worker,
};
use crate::{lease::Keeper, ordering::Ordering};

/// A consumer that was opened and checked.
pub(super) struct Plan {
    opened: Opened,
    setup: Setup,
}

impl Plan {
    pub(super) async fn new(setup: Setup) -> Result<Self> {
        if let Some(error) = setup.wrong {
            return Err(error);
        }
        let opened = open(
            &setup.intake,
            setup.options,
            &setup.config,
            &*setup.context.clock,
        )
        .await?;
        check(
            &opened.source,
            &setup.config,
            &opened.capabilities,
            &opened.settings,
        )?;
        if setup.policy.is_some() && matches!(opened.port, Port::Sessions(_)) {
            let rule = "each session has its own order, which no dispatch policy can change";
            let error = Error::new(ErrorKind::Unsupported, rule);
            return Err(error.at(Operation::Open, &opened.source));
        }
        Ok(Self { opened, setup })
    }

    pub(super) fn spawn<M: Mode>(self, mode: &M) -> Running {
        let Self { opened, setup } = self;
        let provider = match (&setup.intake, &opened.port) {
            (Intake::Provider(provider, _), Port::Receiver(_)) => Some(provider),
            _ => None,
        };
        setup.outputs.bind(&opened.source, provider, &setup.context);
        let config = &setup.config;
        let dispatch = dispatch(&setup.ordering, &opened.capabilities);
        let is_shared =
            setup.policy.is_none() && dispatch.as_ref().is_none_or(Ordering::is_message);
        let concurrency = config.concurrency.get();
        let workers = if is_shared {
            config.workers.get().min(concurrency)
        } else {
            1
        };
        let seats = match &opened.port {
            Port::Receiver(_) => workers,
            Port::Sessions(_) => config.sessions_max.map_or(concurrency, NonZeroU32::get),
        };
        let shared = Arc::new(Shared {
            source: opened.source,
            context: setup.context,
            control: Control::new(seats as usize),
            counts: Counts::default(),
            workers: match &opened.port {
                Port::Receiver(_) => workers as usize,
                Port::Sessions(_) => 1,
            },
            dispatch,
            policy: setup.policy,
            config: setup.config,
            outputs: setup.outputs,
        });
        let mut running = Running {
            workers: Vec::new(),
            keepers: Vec::new(),
            port: opened.is_ours.then(|| opened.port.clone()),
            shared: Arc::clone(&shared),
        };
        match opened.port {
            Port::Receiver(receiver) => spawn_workers(&mut running, &receiver, mode, workers),
            Port::Sessions(sessions) => spawn_session_workers(&mut running, &sessions, mode, seats),
        }
        running
    }
}

/// Says how deliveries are dispatched by key. The message's own key means something only where
/// the provider keeps its order.
fn dispatch(ordering: &Ordering, capabilities: &Capabilities) -> Option<Ordering> {
    let means_something = !ordering.is_message() || capabilities.key_order.is_supported();
    means_something.then(|| ordering.clone())
}

fn spawn_workers<M: Mode>(
    running: &mut Running,
    receiver: &Arc<dyn Receiver>,
    mode: &M,
    workers: u32,
) {
    let shared = Arc::clone(&running.shared);
    let concurrency = shared.config.concurrency.get();
    let mut keeper = Keeper::new(Arc::clone(receiver), &shared.context, &shared.config);
    for seat in 0..workers {
        let leases = keeper.table();
        let extra = u32::from(seat < concurrency % workers);
        let share = (concurrency / workers + extra) as usize;
        let (shared, receiver) = (Arc::clone(&shared), Arc::clone(receiver));
        let worker = Worker::new(seat as usize, shared, receiver, leases, mode.clone(), share);
        running.spawn(worker.run());
    }
    running.keepers.push(spawn_keeper(&running.shared, keeper));
}

fn spawn_session_workers<M: Mode>(
    running: &mut Running,
    sessions: &Arc<dyn Sessions>,
    mode: &M,
    seats: u32,
) {
    for seat in 0..seats {
        let worker = SessionWorker {
            seat: seat as usize,
            shared: Arc::clone(&running.shared),
            sessions: Arc::clone(sessions),
            mode: Mutex::new(mode.clone()),
        };
        running.spawn(worker.run());
    }
}
