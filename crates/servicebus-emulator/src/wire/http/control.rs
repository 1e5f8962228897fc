//! What is asked of the emulator itself, which Service Bus does not have: to let its time pass,
//! and to let things go wrong.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    fault::{Fault, Faults, Operation, Times},
    model::parse_duration,
    rest::Response,
    shared::Shared,
};

/// What the paths of these requests begin with, in lower case. No entity has such a name.
pub(super) const PATH: &str = "$emulator/";

/// The body of a request that moves the clock.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Move {
    advance: String,
}

/// The body of a request that injects a fault.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Injection {
    operation: String,
    fault: String,
    /// How long a delay is.
    by: Option<String>,
    /// To how many operations it happens; to all if nothing is said.
    times: Option<u32>,
    /// To which part of them it happens.
    chance: Option<f64>,
}

/// Answers a request, of which `path` is what comes after [`PATH`].
pub(super) fn answer(shared: &Arc<Shared>, method: &str, path: &str, body: &Bytes) -> Response {
    let faults = Faults::new(Arc::clone(shared));
    let done = match (method, path) {
        ("POST", "clock") => advance(shared, body),
        ("POST", "faults") => inject(&faults, body),
        ("DELETE", "faults") => {
            faults.clear();
            Ok(())
        }
        _ => return Response::refusal(404, "The emulator has no such control."),
    };
    match done {
        Ok(()) => Response::done(200),
        Err(why) => Response::refusal(400, why),
    }
}

fn advance(shared: &Shared, body: &Bytes) -> Result<(), String> {
    let Move { advance } = read(body)?;
    shared.clock.advance(duration(&advance)?);
    // What is due by now is done before the request is answered.
    let now = shared.time();
    shared.state().model.catch_up(now);
    Ok(())
}

fn inject(faults: &Faults, body: &Bytes) -> Result<(), String> {
    let injection: Injection = read(body)?;
    let operation = operation(&injection.operation)?;
    let fault = fault(&injection.fault, injection.by.as_deref())?;
    let times = match (injection.times, injection.chance) {
        (Some(count), None) => Times::Next(count),
        (None, Some(chance)) => Times::Chance(chance),
        (None, None) => Times::Always,
        (Some(_), Some(_)) => return Err("There are times and a chance.".to_owned()),
    };
    let injected = faults.inject(operation, fault, times);
    injected.map_err(|error| error.to_string())
}

fn operation(name: &str) -> Result<Operation, String> {
    Ok(match name {
        "attach" => Operation::Attach,
        "send" => Operation::Send,
        "deliver" => Operation::Deliver,
        "settle" => Operation::Settle,
        "request" => Operation::Request,
        "http" => Operation::Http,
        _ => return Err(format!("There is no operation {name:?}.")),
    })
}

fn fault(name: &str, by: Option<&str>) -> Result<Fault, String> {
    Ok(match (name, by) {
        ("delay", Some(by)) => Fault::Delay(duration(by)?),
        ("cut", None) => Fault::Cut,
        ("detach", None) => Fault::Detach,
        ("drop-answer", None) => Fault::DropAnswer,
        ("duplicate", None) => Fault::Duplicate,
        ("lose-lock", None) => Fault::LoseLock,
        ("throttle", None) => Fault::Throttle,
        _ => return Err(format!("There is no fault {name:?} by {by:?}.")),
    })
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| format!("{text:?} is no duration such as \"PT1M30S\"."))
}

fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| format!("The body cannot be read: {error}."))
}
