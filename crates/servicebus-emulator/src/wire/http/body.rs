//! The body of a request, which is read within bounds.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use tokio::select;

use crate::{
    clock::{Clock, MachineClock},
    rest::Response,
};

/// The largest body, in bytes: a batch of 1 MiB takes more, as it is written in JSON.
const BODY_BYTES_MAX: usize = 4 << 20;
/// How long a body may take, by the machine's clock.
const BODY_TIME_MAX: Duration = Duration::from_secs(60);

/// Reads a body; one that is too large or too slow is answered for.
pub(super) async fn read(body: Incoming) -> Result<Bytes, Response> {
    let clock = MachineClock::new();
    let late = clock.sleep_until(clock.now() + BODY_TIME_MAX);
    let read = select! {
        read = Limited::new(body, BODY_BYTES_MAX).collect() => read,
        () = late => return Err(Response::refusal(408, "The body takes too long.")),
    };
    match read {
        Ok(read) => Ok(read.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            let detail = format!("The body has more than {BODY_BYTES_MAX} bytes.");
            Err(Response::refusal(413, detail))
        }
        Err(error) => Err(Response::refusal(400, format!("No body: {error}."))),
    }
}
