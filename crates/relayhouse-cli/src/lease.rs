//! The lease that commands ask for.

use std::time::Duration;

use relayhouse::{Error, ErrorKind};

/// What is asked for where nobody says otherwise.
const USUAL: Duration = Duration::from_secs(30);

/// Opens with the lease that somebody wants. If nobody wants one it is the usual one, or that of the
/// queue where none can be asked for.
pub(crate) async fn with_lease<T>(
    wanted: Option<Duration>,
    open: impl AsyncFn(Option<Duration>) -> Result<T, Error>,
) -> Result<T, Error> {
    let opened = open(Some(wanted.unwrap_or(USUAL))).await;
    match opened {
        Err(error) if wanted.is_none() && error.kind() == ErrorKind::Unsupported => {
            open(None).await
        }
        opened => opened,
    }
}
