//! Every error of the adapter.

mod codes;
#[cfg(feature = "s3")]
mod s3;
#[cfg(feature = "sns")]
mod sns;

use std::{
    error::Error as StdError,
    time::{Duration, SystemTime},
};

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sqs::{
    Error as SqsError,
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    primitives::{DateTime, DateTimeFormat},
    types::BatchResultErrorEntry,
};
use hyper_util::client::legacy;
use relayhouse_core::{Error, ErrorKind, Operation, Retry, Text, Timestamp};

use self::codes::{Row, row_of, typed_code};
#[cfg(feature = "sns")]
pub(crate) use self::sns::of_sns_entry;
use crate::{config::HAS_TOPICS, link::PlainText};

/// The most characters of SQS's own text that an error shows.
const TEXT_CHARS_MAX: usize = 240;

/// How far our clock may be from that of SQS before a refused signature is blamed on it: as far as
/// the SDK lets it be before it corrects the time by which it signs.
const SKEW_MAX: Duration = Duration::from_secs(4 * 60);

const ENDED: &str = "the lease of the delivery has ended";

/// Is what a service says when a call fails.
trait Told: ProvideErrorMetadata + StdError + Send + Sync + 'static {
    /// The name of the service.
    const SERVICE: &'static str;

    /// What its codes mean that are not in the table that every service of AWS shares.
    const OWN_CODES: &'static [Row];

    /// Returns the code of a typed variant, so that the table need not trust what the wire calls it.
    fn typed_code(&self) -> Option<&'static str>;

    /// Returns what `code` means, if that is known.
    fn row_of(code: &str) -> Option<&'static Row> {
        let own = Self::OWN_CODES.iter().find(|(known, ..)| *known == code);
        own.or_else(|| row_of(code))
    }
}

impl Told for SqsError {
    const SERVICE: &'static str = "SQS";

    const OWN_CODES: &'static [Row] = &[];

    fn typed_code(&self) -> Option<&'static str> {
        typed_code(self)
    }
}

/// Turns the failure of a whole call, of which our clock says that it is `now`, into an error.
pub(crate) fn of_call<E>(
    error: SdkError<E, HttpResponse>,
    operation: Operation,
    now: Timestamp,
) -> Error
where
    E: Into<SqsError> + StdError + Send + Sync + 'static,
{
    of_failure(error.map_service_error(E::into), operation, now)
}

/// Turns the failure of a call of SNS into an error, as [`of_call`] does.
#[cfg(feature = "sns")]
pub(crate) fn of_sns_call<E>(
    error: SdkError<E, HttpResponse>,
    operation: Operation,
    now: Timestamp,
) -> Error
where
    E: Into<aws_sdk_sns::Error> + StdError + Send + Sync + 'static,
{
    of_failure(error.map_service_error(E::into), operation, now)
}

/// Turns the failure of a call of S3 into an error, as [`of_call`] does.
#[cfg(feature = "s3")]
pub(crate) fn of_s3_call<E>(
    error: SdkError<E, HttpResponse>,
    operation: Operation,
    now: Timestamp,
) -> Error
where
    E: Into<aws_sdk_s3::Error> + StdError + Send + Sync + 'static,
{
    of_failure(error.map_service_error(E::into), operation, now)
}

fn of_failure<E: Told>(
    error: SdkError<E, HttpResponse>,
    operation: Operation,
    now: Timestamp,
) -> Error {
    match error {
        SdkError::ServiceError(context) => {
            let response = context.raw();
            let status = response.status().as_u16();
            let is_skewed = skew(response, now).is_some_and(|skew| SKEW_MAX < skew);
            let error = context.into_err();
            if is_skewed && error.code().is_some_and(is_of_signature) {
                return wrong_time(E::SERVICE, operation);
            }
            of_service(&error, status, operation)
        }
        SdkError::ConstructionFailure(_) => of_source(&error, E::SERVICE, operation)
            .unwrap_or_else(|| Error::new(ErrorKind::ConfigInvalid, "the request cannot be built")),
        SdkError::TimeoutError(_) => unanswered(E::SERVICE),
        SdkError::DispatchFailure(ref failure) => {
            let is_timeout = failure.is_timeout();
            of_source(&error, E::SERVICE, operation).unwrap_or_else(|| match is_timeout {
                // The one time limit that is left to the SDK is that of connecting.
                true => Error::new(ErrorKind::Timeout, "the connection was not made in time"),
                false => broken(E::SERVICE),
            })
        }
        _ => Error::new(
            ErrorKind::OutcomeUnknown,
            format!(
                "the answer cannot be read: it is cut off or not from {}",
                E::SERVICE
            ),
        ),
    }
    .operation(operation)
}

/// Returns true for the failure of a call that SQS never saw, and counts nowhere.
pub(crate) fn never_left<E>(error: &SdkError<E, HttpResponse>) -> bool
where
    E: StdError + 'static,
{
    match error {
        SdkError::ConstructionFailure(_) => true,
        SdkError::DispatchFailure(failure) => {
            let cause = of_source(error, SqsError::SERVICE, Operation::Open);
            failure.is_timeout() || cause.is_some()
        }
        _ => false,
    }
}

/// Returns by how much our clock differs from that of SQS, if its answer tells the time.
fn skew(response: &HttpResponse, now: Timestamp) -> Option<Duration> {
    let date = response.headers().get("date")?;
    let date = DateTime::from_str(date, DateTimeFormat::HttpDate).ok()?;
    let theirs = SystemTime::try_from(date).ok()?.into();
    Some(now.since(theirs).max(Timestamp::since(theirs, now)))
}

/// Returns true for the codes of a signature that is wrong, or of a wrong time.
fn is_of_signature(code: &str) -> bool {
    matches!(
        code.rsplit(['.', '#']).next(),
        Some("InvalidSignatureException" | "RequestTimeTooSkewed" | "SignatureDoesNotMatch")
    )
}

/// Looks among the causes for one that shows that the request never left.
fn of_source(
    error: &(dyn StdError + 'static),
    service: &str,
    operation: Operation,
) -> Option<Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(cause) = error.downcast_ref() {
            return Some(no_credentials(cause, operation));
        }
        if error.is::<PlainText>() {
            return Some(plain_text());
        }
        let is_connect = error.downcast_ref().is_some_and(legacy::Error::is_connect);
        if is_connect {
            return Some(refused(service));
        }
        cause = error.source();
    }
    None
}

fn of_service<E: Told>(error: &E, status: u16, operation: Operation) -> Error {
    let typed = error.typed_code();
    let code = typed.or_else(|| error.code()).unwrap_or_default();
    let row = E::row_of(code);
    let changes = matches!(
        operation,
        Operation::Send | Operation::Settle | Operation::Extend
    );
    let is_internal = row.map_or(500 <= status, |(_, kind, retry)| {
        (*kind, *retry) == (ErrorKind::Unexpected, Retry::Temporary)
    });
    let (kind, retry) = match row {
        // SQS failed while it worked on the request, which it may have carried out. So may have what
        // answers in its place with a code that it does not have, such as a proxy with status 503.
        _ if is_internal && changes => (ErrorKind::OutcomeUnknown, Retry::Temporary),
        Some((_, kind, retry)) => (*kind, *retry),
        None => of_status(status),
    };
    let text = (code, error.message());
    with_text((kind, retry), text, E::SERVICE, operation)
}

const fn of_status(status: u16) -> (ErrorKind, Retry) {
    match status {
        401 | 403 => (ErrorKind::Unauthorized, Retry::Permanent),
        413 => (ErrorKind::MessageTooLarge, Retry::Permanent),
        429 | 503 => (ErrorKind::Throttled, Retry::Temporary),
        500.. => (ErrorKind::Unexpected, Retry::Temporary),
        _ => (ErrorKind::Unexpected, Retry::Permanent),
    }
}

/// Turns the failure of one entry of a batch into an error.
///
/// It is known whatever the code: SQS has worked on the batch to its end, and says of this entry
/// that it was not done. An internal error of a whole call says nothing of its entries.
pub(crate) fn of_entry(entry: &BatchResultErrorEntry, operation: Operation) -> Error {
    let (code, text) = (entry.code(), entry.message());
    of_failed_entry::<SqsError>(code, text, entry.sender_fault(), operation)
}

fn of_failed_entry<E: Told>(
    code: &str,
    text: Option<&str>,
    is_sender_fault: bool,
    operation: Operation,
) -> Error {
    let fallback = if is_sender_fault {
        (ErrorKind::MessageInvalid, Retry::Permanent)
    } else {
        (ErrorKind::Unexpected, Retry::Temporary)
    };
    let row = E::row_of(code).map(|(_, kind, retry)| (*kind, *retry));
    with_text(row.unwrap_or(fallback), (code, text), E::SERVICE, operation)
}

fn with_text(
    (kind, retry): (ErrorKind, Retry),
    (code, text): (&str, Option<&str>),
    service: &str,
    operation: Operation,
) -> Error {
    // What is wrong with a handle that SQS gave, and nobody changed, is its age.
    let is_settle = matches!(operation, Operation::Settle | Operation::Extend);
    if kind == ErrorKind::LeaseLost || (is_settle && kind == ErrorKind::MessageInvalid) {
        return lease_lost(operation);
    }
    let code = code.rsplit(['.', '#']).next().unwrap_or(code);
    // SQS repeats the signed request, session token included, where the signature is wrong.
    let is_denied = code.starts_with("AccessDenied");
    let is_shown = kind != ErrorKind::Unauthorized || is_denied;
    let text = match text.filter(|text| is_shown && !text.is_empty()) {
        Some(text) => text.chars().take(TEXT_CHARS_MAX).collect(),
        None if is_denied => "the caller has no right to it".to_owned(),
        None if kind == ErrorKind::Unauthorized => "the credentials are not accepted".to_owned(),
        None => format!("{service} refused it"),
    };
    let text = if code.is_empty() {
        text
    } else {
        format!("{text} ({code})")
    };
    Error::new(kind, text).retry(retry).operation(operation)
}

/// The call was given up while the service may have worked on it.
pub(crate) fn unanswered(service: &str) -> Error {
    let text = format!("{service} did not answer in time");
    Error::new(ErrorKind::OutcomeUnknown, text)
}

fn broken(service: &str) -> Error {
    let text = format!("the connection broke before {service} answered");
    Error::new(ErrorKind::OutcomeUnknown, text)
}

fn refused(service: &str) -> Error {
    Error::new(
        ErrorKind::ConnectionFailed,
        format!("{service} cannot be reached"),
    )
}

fn plain_text() -> Error {
    invalid("the endpoint is another machine, and its URL is not https: allow it by plain_text")
}

/// What gives credentials may be out of reach for now, or have none to give.
fn no_credentials(cause: &CredentialsError, operation: Operation) -> Error {
    let retry = match cause {
        CredentialsError::ProviderError(_) | CredentialsError::ProviderTimedOut(_) => {
            Retry::Temporary
        }
        _ => Retry::Permanent,
    };
    let text = "no credentials could be loaded from AWS_ACCESS_KEY_ID, AWS_PROFILE or a role";
    let error = Error::new(ErrorKind::Unauthorized, text);
    error.retry(retry).operation(operation)
}

/// The SDK has learned the time from the answer, and signs the next call by it.
fn wrong_time(service: &str, operation: Operation) -> Error {
    let text = format!(
        "the clock of this machine is too far from that of {service}: signatures are refused"
    );
    let error = Error::new(ErrorKind::Unauthorized, text);
    error.retry(Retry::Temporary).operation(operation)
}

/// As many calls were under way as may be, until the call had to be given up. It never left.
pub(crate) fn no_connection(operation: Operation) -> Error {
    let text = "no connection was free in time: let there be more by connections_max";
    Error::new(ErrorKind::Timeout, text).operation(operation)
}

pub(crate) fn missing_answer(operation: Operation) -> Error {
    Error::new(
        ErrorKind::OutcomeUnknown,
        "the provider gave no answer for this item",
    )
    .operation(operation)
}

/// The lease ended between the request and its answer: SQS says yes to late deletes and may do
/// nothing.
pub(crate) fn late(operation: Operation) -> Error {
    Error::new(
        ErrorKind::OutcomeUnknown,
        "the lease of the delivery ended before SQS answered",
    )
    .operation(operation)
}

/// The delivery was sent on, and its lease ended before it could be deleted: it is there twice.
pub(crate) fn sent_late() -> Error {
    Error::new(
        ErrorKind::OutcomeUnknown,
        "the lease of the delivery ended after it was sent on, and before it was deleted",
    )
    .operation(Operation::Settle)
}

pub(crate) fn lease_lost(operation: Operation) -> Error {
    Error::new(ErrorKind::LeaseLost, ENDED).operation(operation)
}

pub(crate) fn changed(what: &'static str) -> Error {
    Error::new(
        ErrorKind::Corrupt,
        format!("the MD5 of the {what} that SQS took is not that of the one sent"),
    )
    .operation(Operation::Send)
}

pub(crate) fn closed(operation: Operation) -> Error {
    Error::new(ErrorKind::Closed, "it was closed").operation(operation)
}

pub(crate) fn not_found(queue: impl Into<Text>, operation: Operation) -> Error {
    Error::new(ErrorKind::QueueNotFound, "it does not exist")
        .operation(operation)
        .queue(queue)
}

/// The queue of a subscription has a policy that somebody else has made.
#[cfg(feature = "sns")]
pub(crate) fn other_policy(topic: &str) -> Error {
    let text = format!("its policy does not let {topic} send, and is left as it is");
    Error::new(ErrorKind::QueueConflict, text).operation(Operation::Admin)
}

/// The queue of a subscription gets messages in another way than they are read here.
#[cfg(feature = "sns")]
pub(crate) fn other_delivery(is_raw: bool) -> Error {
    let text = match is_raw {
        true => "the subscription has raw delivery already, and format=sns_envelope was asked for",
        false => "the subscription is there without raw delivery: read it by format=sns_envelope",
    };
    Error::new(ErrorKind::QueueConflict, text).operation(Operation::Admin)
}

pub(crate) fn other_region(theirs: &str, ours: &str) -> Error {
    invalid(format!(
        "queue is in region {theirs}, and the client signs for {ours}"
    ))
    .operation(Operation::Open)
}

pub(crate) fn no_topics(queue: impl Into<Text>) -> Error {
    let what = match HAS_TOPICS {
        true => "there are no topics, unless topics=true",
        false => "there are no topics: this build leaves them out, the feature `sns` brings them",
    };
    unsupported(queue, Operation::Open, what)
}

/// What was asked for needs a feature that this build does not have.
pub(crate) fn left_out(what: &str) -> Error {
    invalid(format!(
        "{what}: this build leaves topics out, the feature `sns` brings them"
    ))
}

pub(crate) fn unsupported(
    queue: impl Into<Text>,
    operation: Operation,
    what: &'static str,
) -> Error {
    Error::new(ErrorKind::Unsupported, what)
        .operation(operation)
        .queue(queue)
}

pub(crate) fn message(rule: impl Into<Text>) -> Error {
    Error::new(ErrorKind::MessageInvalid, rule).operation(Operation::Send)
}

pub(crate) fn no_dedup() -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "message has a dedup id, which this queue does not support",
    )
    .operation(Operation::Send)
}

pub(crate) fn too_large(size: u64, max: u64) -> Error {
    Error::new(
        ErrorKind::MessageTooLarge,
        format!("message has {size} bytes as SQS counts them, at most {max} are allowed"),
    )
    .operation(Operation::Send)
}

pub(crate) fn too_long(operation: Operation, asked: Duration, max: Duration) -> Error {
    Error::new(
        ErrorKind::MessageInvalid,
        format!("{asked:?} is too long, at most {max:?} is allowed"),
    )
    .operation(operation)
}

pub(crate) fn user(what: &str) -> Error {
    invalid(format!(
        "{what} has a user name or password: credentials come from AWS's environment or a client"
    ))
}

pub(crate) fn invalid(text: impl Into<Text>) -> Error {
    Error::new(ErrorKind::ConfigInvalid, text)
}

#[cfg(test)]
mod tests;
