//! Live updates: what the figures are, when they change.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::State,
    response::{IntoResponse, Response, Sse, sse::Event},
};
use futures_util::stream;
use http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::{error, stats};
use crate::{console::Shared, serve::Closing};

/// What changes by itself is looked at this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// After as many looks without news a comment shows that the stream is alive.
const LOOKS_QUIET_MAX: u32 = 15;

/// Is one stream of updates.
struct Updates {
    shared: Arc<Shared>,
    changes: watch::Receiver<()>,
    closing: Option<Closing>,
    last: Option<stats::Stats>,
    _permit: OwnedSemaphorePermit,
}

pub(super) async fn events(
    State(shared): State<Arc<Shared>>,
    closing: Option<Extension<Closing>>,
) -> Response {
    let Ok(permit) = Arc::clone(&shared.streams).try_acquire_owned() else {
        return error(
            StatusCode::SERVICE_UNAVAILABLE,
            "there are too many streams",
        );
    };
    let updates = Updates {
        changes: shared.changes.subscribe(),
        closing: closing.map(|Extension(closing)| closing),
        shared,
        last: None,
        _permit: permit,
    };
    let stream = stream::unfold(updates, async |mut updates| {
        let event = updates.next().await?;
        Some((Ok::<_, Infallible>(event), updates))
    });
    Sse::new(stream).into_response()
}

impl Updates {
    /// Returns the next event; `None` when the server ends.
    async fn next(&mut self) -> Option<Event> {
        let mut quiet = 0;
        loop {
            if self.last.is_some() && !self.wait().await {
                return None;
            }
            let now = stats::read(&self.shared).await;
            if self.last.as_ref() != Some(&now) {
                let text = serde_json::to_string(&now).ok()?;
                self.last = Some(now);
                return Some(Event::default().event("stats").data(text));
            }
            quiet += 1;
            if LOOKS_QUIET_MAX <= quiet {
                return Some(Event::default().comment("quiet"));
            }
        }
    }

    /// Waits for a change, or until it is time to look; returns false when the server ends.
    async fn wait(&mut self) -> bool {
        let clock = &self.shared.clock;
        let closing = async {
            match &mut self.closing {
                Some(closing) => closing.wait().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = closing => false,
            _ = self.changes.changed() => true,
            () = clock.sleep_until(clock.now() + LOOK_EVERY) => true,
        }
    }
}
