//! HTTP: requests to calls, and results to answers.

mod answer;
mod credentials;
mod date;
mod dispatch;
mod poll;
mod server;

use std::{error, fmt, mem, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request, Response, body::Incoming, http::request::Parts};

pub(crate) use self::server::serve;
use crate::{
    api::{Code, Error, Result},
    fault::{Drawn, Refusal},
    model::Call,
    operation::Operation,
    record,
    shared::Shared,
};

/// A batch of 1 MiB whose every byte is escaped takes six times as much.
const BODY_BYTES_MAX: usize = 8 << 20;

/// The connection is to be closed without an answer.
#[derive(Clone, Copy, Debug)]
struct Dropped;

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("dropped without an answer")
    }
}

impl error::Error for Dropped {}

type Answer = Response<Full<Bytes>>;

/// Answers one request; SQS knows one path and one method.
async fn handle(shared: &Shared, request: Request<Incoming>) -> Result<Answer, Dropped> {
    let (parts, body) = request.into_parts();
    if parts.method != Method::POST {
        return Ok(answer::health());
    }
    let body = Limited::new(body, BODY_BYTES_MAX).collect().await;
    let body = body.map_err(|_| Dropped)?.to_bytes();
    let result = match operation_of(&parts) {
        Ok(operation) => call(shared, &parts, operation, &body).await?,
        Err(error) => Err(error),
    };
    let request_id = shared.state().rules.request_id();
    Ok(answer::of(result, &request_id, shared.clock.now()))
}

/// Reads the operation from the header `x-amz-target`.
fn operation_of(parts: &Parts) -> Result<Operation> {
    let target = parts.headers.get("x-amz-target");
    let target = target.and_then(|it| it.to_str().ok()).unwrap_or_default();
    let operation = target.strip_prefix("AmazonSQS.").and_then(Operation::named);
    operation.ok_or_else(|| {
        let message = format!("The action \"{target}\" is not valid for this endpoint.");
        Error::new(Code::UnknownOperation, message)
    })
}

/// Runs one call, with the faults that are drawn for it.
async fn call(
    shared: &Shared,
    parts: &Parts,
    operation: Operation,
    body: &[u8],
) -> Result<Result<Vec<u8>>, Dropped> {
    let access_key = credentials::access_key(&parts.headers);
    let mut drawn = begin(shared, operation, access_key);
    if drawn.delay != Duration::ZERO {
        let end = shared.clock.now() + drawn.delay;
        shared.clock.sleep_until(end).await;
    }
    let account = shared.accounts.of(access_key);
    let mut call = Call::new(shared.clock.now(), account.to_owned());
    call.failing = mem::take(&mut drawn.failing);
    if drawn.is_request_dropped {
        end(shared, operation, &call, None, false);
        return Err(Dropped);
    }
    let refused = drawn.refusal.map(Refusal::error);
    let refused =
        refused.or_else(|| credentials::skewed(&parts.headers, call.now, shared.skew_max));
    let result = match refused {
        Some(error) => Err(error),
        None => dispatch::run(shared, &mut call, operation, body).await,
    };
    let code = result.as_ref().err().map(|error| error.code);
    end(shared, operation, &call, code, !drawn.is_answer_dropped);
    if drawn.is_answer_dropped {
        return Err(Dropped);
    }
    Ok(result)
}

fn begin(shared: &Shared, operation: Operation, access_key: Option<&str>) -> Drawn {
    let mut state = shared.state();
    state.records.begin(operation);
    state.rules.draw(operation, access_key)
}

fn end(shared: &Shared, operation: Operation, call: &Call, code: Option<Code>, is_answered: bool) {
    let request = record::Request {
        at: shared.clock.now(),
        operation,
        queue: call.queue.clone(),
        messages: call.messages,
        error: code.map(Code::query),
        is_answered,
    };
    shared.state().records.end(request);
}
