//! Connections: accepted, served, and ended when the emulator is.

use std::{future, sync::Arc, time::Duration};

use tokio::{net::TcpListener, select, task::JoinSet};
use tokio_rustls::TlsAcceptor;

use super::connection;
use crate::{
    clock::{Clock, MachineClock},
    rest::Site,
    shared::{Shared, clock_of},
};

/// Further clients wait until others have gone.
const CONNECTIONS_MAX: usize = 4_096;
/// How long clients have to close their connections at the end.
const GRACE: Duration = Duration::from_secs(1);

/// What is spoken at a port.
#[derive(Clone, Debug)]
pub(crate) enum Protocol {
    Amqp,
    /// The API of a namespace.
    Http(Arc<Site>),
}

/// Serves connections until the emulator is to end.
pub(crate) async fn serve(
    listener: TcpListener,
    protocol: Protocol,
    tls: Option<TlsAcceptor>,
    shared: Arc<Shared>,
) {
    let mut connections = JoinSet::new();
    let mut closing = shared.closing.subscribe();
    loop {
        select! {
            _ = closing.wait_for(|closing| *closing) => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => {
                // A client that went away before it was served is none of ours.
                if let Ok((stream, _)) = accepted {
                    let (protocol, tls) = (protocol.clone(), tls.clone());
                    let shared = Arc::clone(&shared);
                    connections.spawn(connection::serve(stream, protocol, tls, shared));
                }
            }
        }
    }
    drop(listener);
    end(connections).await;
}

/// Lets connections end, by the machine's clock: the other one may stand still.
async fn end(mut connections: JoinSet<()>) {
    let clock = MachineClock::new();
    let grace = clock.sleep_until(clock.now() + GRACE);
    let rest = async { while connections.join_next().await.is_some() {} };
    select! {
        () = rest => {}
        () = grace => {}
    }
    connections.shutdown().await;
}

/// Lets the model do what is due whether somebody asks or not, until the emulator is to end.
pub(crate) async fn keep_time(shared: Arc<Shared>) {
    let mut agenda = shared.state().model.agenda();
    let mut closing = shared.closing.subscribe();
    loop {
        let due = *agenda.borrow_and_update();
        let due = async {
            match due {
                Some(due) => shared.clock.sleep_until(clock_of(due)).await,
                None => future::pending().await,
            }
        };
        select! {
            _ = closing.wait_for(|closing| *closing) => return,
            changed = agenda.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            () = due => {
                let now = shared.time();
                shared.state().model.catch_up(now);
            }
        }
    }
}
