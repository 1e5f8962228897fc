//! What was changed, by whom and when, with what outcome.

use axum::extract::Request;
use relayhouse_core::Source;
use relayhouse_runtime::State;
use tracing::{info, warn};

use crate::{Principal, console::Shared, identify, serve::Peer};

/// So much of a path is noted.
const PATH_BYTES_MAX: usize = 64;

/// Is who makes a request, from where.
#[derive(Debug)]
pub(crate) struct Origin {
    who: String,
    peer: String,
    request_id: String,
}

impl Origin {
    pub(crate) fn of(request: &Request) -> Self {
        let extensions = request.extensions();
        let who = extensions.get().map_or("nobody", Principal::name);
        let peer = extensions.get().map(|Peer(address)| address.to_string());
        Self {
            who: who.to_owned(),
            peer: peer.unwrap_or_default(),
            request_id: identify::id_of(request.headers()).to_owned(),
        }
    }
}

/// Notes a change, or that it was asked for in vain.
pub(crate) fn changed(
    shared: &Shared,
    origin: &Origin,
    action: &str,
    source: &Source,
    state: State,
    is_done: bool,
) {
    info!(
        target: "relayhouse::audit",
        at = %shared.clock.wall(),
        who = origin.who,
        peer = origin.peer,
        request_id = origin.request_id,
        action,
        %source,
        outcome = if is_done { "done" } else { "not done" },
        state = state.as_str(),
        "change asked for"
    );
}

/// Notes that somebody who may not asked for a change.
pub(crate) fn refused(shared: &Shared, request: &Request) {
    let origin = Origin::of(request);
    let path = request.uri().path();
    warn!(
        target: "relayhouse::audit",
        at = %shared.clock.wall(),
        who = origin.who,
        peer = origin.peer,
        request_id = origin.request_id,
        action = path.get(..path.len().min(PATH_BYTES_MAX)),
        outcome = "refused",
        "change asked for by somebody who may not"
    );
}
