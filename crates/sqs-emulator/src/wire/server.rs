//! Connections: accepted, served, and ended when the emulator is.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    pin, select,
    task::JoinSet,
};

use super::handle;
use crate::{
    clock::{Clock, MachineClock},
    shared::Shared,
};

/// Further clients wait until others have gone.
const CONNECTIONS_MAX: usize = 4_096;
/// How long a request that is half sent or half answered has at the end.
const GRACE: Duration = Duration::from_secs(1);

/// Serves connections until the emulator is to end.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    let mut closing = shared.closing.subscribe();
    loop {
        select! {
            _ = closing.wait_for(|closing| *closing) => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => {
                // A client that went away before it was served is none of ours.
                if let Ok((stream, _)) = accepted {
                    shared.connections.fetch_add(1, Ordering::Relaxed);
                    connections.spawn(connection(stream, Arc::clone(&shared)));
                }
            }
        }
    }
    drop(listener);
    end(connections).await;
}

/// Lets open requests end, by the machine's clock: the other one may stand still.
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

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    // Without it, it is only slower.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| handle(&shared, request));
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    pin!(connection);
    let mut closing = shared.closing.subscribe();
    let is_served = select! {
        // What a connection ends with is the client's to know.
        _ = connection.as_mut() => true,
        _ = closing.wait_for(|closing| *closing) => false,
    };
    if !is_served {
        connection.as_mut().graceful_shutdown();
        let _ = connection.await;
    }
}
