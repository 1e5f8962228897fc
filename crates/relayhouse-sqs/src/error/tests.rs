//! The table of errors, row by row.

use std::collections::BTreeSet;

use aws_sdk_sqs::{
    operation::send_message_batch::SendMessageBatchError,
    types::error::{QueueDoesNotExist, RequestThrottled},
};
use aws_smithy_runtime_api::{client::result::ConnectorError, http::StatusCode};
use aws_smithy_types::{body::SdkBody, error::ErrorMetadata};

use super::{
    codes::{CODES, MINUTE},
    *,
};

type Failure = SdkError<SendMessageBatchError, HttpResponse>;

fn response(status: u16) -> HttpResponse {
    HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::empty())
}

fn service(code: &str, text: &str, status: u16) -> Failure {
    let meta = ErrorMetadata::builder().code(code).message(text).build();
    Failure::service_error(SendMessageBatchError::generic(meta), response(status))
}

fn called(failure: Failure, operation: Operation) -> Error {
    of_call(failure, operation, Timestamp::default())
}

fn kind(code: &str, status: u16, operation: Operation) -> (ErrorKind, Retry) {
    let error = called(service(code, "x", status), operation);
    assert_eq!(error.attempted(), Some(operation));
    (error.kind(), error.retry_hint())
}

fn entry(code: &str, sender_fault: bool, operation: Operation) -> (ErrorKind, Retry) {
    let entry = BatchResultErrorEntry::builder().id("0").code(code);
    let entry = entry.sender_fault(sender_fault).build().unwrap();
    let error = of_entry(&entry, operation);
    (error.kind(), error.retry_hint())
}

#[test]
fn codes_are_sorted_and_unique() {
    let codes: Vec<_> = CODES.iter().map(|(code, ..)| *code).collect();
    let sorted: BTreeSet<_> = codes.iter().copied().collect();
    assert_eq!(codes, sorted.into_iter().collect::<Vec<_>>());
}

/// Code, status, operation, and what they mean.
type Expected = (&'static str, u16, Operation, (ErrorKind, Retry));

const EXPECTED: &[Expected] = &[
    (
        "QueueDoesNotExist",
        400,
        Operation::Send,
        (ErrorKind::QueueNotFound, Retry::Permanent),
    ),
    (
        "AWS.SimpleQueueService.NonExistentQueue",
        400,
        Operation::Receive,
        (ErrorKind::QueueNotFound, Retry::Permanent),
    ),
    (
        "com.amazonaws.sqs#QueueDoesNotExist",
        400,
        Operation::Admin,
        (ErrorKind::QueueNotFound, Retry::Permanent),
    ),
    (
        "QueueNameExists",
        400,
        Operation::Admin,
        (ErrorKind::QueueConflict, Retry::Permanent),
    ),
    (
        "PurgeQueueInProgress",
        403,
        Operation::Admin,
        (ErrorKind::Throttled, MINUTE),
    ),
    (
        "QueueDeletedRecently",
        400,
        Operation::Admin,
        (ErrorKind::QueueConflict, MINUTE),
    ),
    (
        "RequestThrottled",
        400,
        Operation::Send,
        (ErrorKind::Throttled, Retry::Temporary),
    ),
    (
        "ThrottlingException",
        400,
        Operation::Settle,
        (ErrorKind::Throttled, Retry::Temporary),
    ),
    (
        "ServiceUnavailable",
        503,
        Operation::Send,
        (ErrorKind::Throttled, Retry::Temporary),
    ),
    (
        "OverLimit",
        403,
        Operation::Receive,
        (ErrorKind::Full, Retry::Temporary),
    ),
    (
        "AccessDenied",
        403,
        Operation::Send,
        (ErrorKind::Unauthorized, Retry::Permanent),
    ),
    (
        "ExpiredToken",
        403,
        Operation::Send,
        (ErrorKind::Unauthorized, Retry::Temporary),
    ),
    (
        "SignatureDoesNotMatch",
        403,
        Operation::Send,
        (ErrorKind::Unauthorized, Retry::Permanent),
    ),
    (
        "BatchRequestTooLong",
        400,
        Operation::Send,
        (ErrorKind::MessageTooLarge, Retry::Permanent),
    ),
    (
        "InvalidMessageContents",
        400,
        Operation::Send,
        (ErrorKind::MessageInvalid, Retry::Permanent),
    ),
    (
        "ReceiptHandleIsInvalid",
        404,
        Operation::Settle,
        (ErrorKind::LeaseLost, Retry::Permanent),
    ),
    (
        "MessageNotInflight",
        400,
        Operation::Extend,
        (ErrorKind::LeaseLost, Retry::Permanent),
    ),
    (
        "InvalidParameterValue",
        400,
        Operation::Send,
        (ErrorKind::MessageInvalid, Retry::Permanent),
    ),
    (
        "InvalidParameterValue",
        400,
        Operation::Settle,
        (ErrorKind::LeaseLost, Retry::Permanent),
    ),
    (
        "InternalError",
        500,
        Operation::Receive,
        (ErrorKind::Unexpected, Retry::Temporary),
    ),
    (
        "InternalError",
        500,
        Operation::Send,
        (ErrorKind::OutcomeUnknown, Retry::Temporary),
    ),
    (
        "InternalFailure",
        500,
        Operation::Settle,
        (ErrorKind::OutcomeUnknown, Retry::Temporary),
    ),
    (
        "Nobody knows",
        500,
        Operation::Send,
        (ErrorKind::OutcomeUnknown, Retry::Temporary),
    ),
    (
        "Nobody knows",
        503,
        Operation::Send,
        (ErrorKind::OutcomeUnknown, Retry::Temporary),
    ),
    (
        "Nobody knows",
        503,
        Operation::Receive,
        (ErrorKind::Throttled, Retry::Temporary),
    ),
    (
        "Nobody knows",
        500,
        Operation::Admin,
        (ErrorKind::Unexpected, Retry::Temporary),
    ),
    (
        "Nobody knows",
        403,
        Operation::Send,
        (ErrorKind::Unauthorized, Retry::Permanent),
    ),
    (
        "Nobody knows",
        429,
        Operation::Send,
        (ErrorKind::Throttled, Retry::Temporary),
    ),
    (
        "Nobody knows",
        400,
        Operation::Send,
        (ErrorKind::Unexpected, Retry::Permanent),
    ),
];

#[test]
fn each_code_has_its_kind() {
    for (code, status, operation, expected) in EXPECTED {
        let found = kind(code, *status, *operation);
        assert_eq!(found, *expected, "{code} {status} {operation:?}");
    }
}

#[test]
fn entries_have_the_kinds_of_calls() {
    use ErrorKind as K;
    use Operation as O;
    use Retry as R;
    for (code, fault, operation, expected) in [
        (
            "InvalidMessageContents",
            true,
            O::Send,
            (K::MessageInvalid, R::Permanent),
        ),
        (
            "ReceiptHandleIsInvalid",
            true,
            O::Settle,
            (K::LeaseLost, R::Permanent),
        ),
        (
            "RequestThrottled",
            false,
            O::Send,
            (K::Throttled, R::Temporary),
        ),
        (
            "InternalError",
            false,
            O::Send,
            (K::Unexpected, R::Temporary),
        ),
        (
            "Nobody knows",
            true,
            O::Send,
            (K::MessageInvalid, R::Permanent),
        ),
        (
            "Nobody knows",
            false,
            O::Send,
            (K::Unexpected, R::Temporary),
        ),
    ] {
        assert_eq!(entry(code, fault, operation), expected, "{code} {fault}");
    }
}

#[test]
fn typed_variants_need_no_code() {
    let gone = QueueDoesNotExist::builder().message("gone").build();
    let failure = Failure::service_error(
        SendMessageBatchError::QueueDoesNotExist(gone),
        response(400),
    );
    let error = called(failure, Operation::Send);
    assert_eq!(error.kind(), ErrorKind::QueueNotFound);
    assert!(error.message().contains("QueueDoesNotExist"), "{error}");
    let slow = RequestThrottled::builder().build();
    let failure =
        Failure::service_error(SendMessageBatchError::RequestThrottled(slow), response(400));
    assert_eq!(
        called(failure, Operation::Send).kind(),
        ErrorKind::Throttled
    );
}

#[test]
fn what_happened_to_the_connection_decides_whether_the_outcome_is_known() {
    let io = || ConnectorError::io("broken pipe".into());
    let kind = |failure: Failure| called(failure, Operation::Send).kind();
    assert_eq!(
        kind(Failure::dispatch_failure(io())),
        ErrorKind::OutcomeUnknown
    );
    let slow = ConnectorError::timeout("connect".into());
    assert_eq!(kind(Failure::dispatch_failure(slow)), ErrorKind::Timeout);
    let none = CredentialsError::not_loaded("no profile");
    let none = ConnectorError::other(none.into(), None);
    assert_eq!(
        kind(Failure::dispatch_failure(none)),
        ErrorKind::Unauthorized
    );
    let cut = Failure::response_error("cut", response(200));
    assert_eq!(kind(cut), ErrorKind::OutcomeUnknown);
    assert_eq!(kind(Failure::timeout_error("x")), ErrorKind::OutcomeUnknown);
    assert_eq!(
        kind(Failure::construction_failure("x")),
        ErrorKind::ConfigInvalid
    );
}

#[test]
fn source_of_credentials_may_be_back_later() {
    let is_temporary = |cause: CredentialsError| {
        let failure = Failure::dispatch_failure(ConnectorError::other(cause.into(), None));
        let error = called(failure, Operation::Send);
        assert_eq!(error.kind(), ErrorKind::Unauthorized);
        error.is_temporary()
    };
    assert!(is_temporary(CredentialsError::provider_error("503")));
    let slow = CredentialsError::provider_timed_out(Duration::from_secs(5));
    assert!(is_temporary(slow));
    assert!(!is_temporary(CredentialsError::not_loaded("no profile")));
    let wrong = CredentialsError::invalid_configuration("a loop of roles");
    assert!(!is_temporary(wrong));
}

#[test]
fn refused_signature_is_blamed_on_a_clock_that_is_wrong() {
    // Tue, 14 Nov 2023 22:13:20 GMT.
    let theirs = Timestamp::from_micros(1_700_000_000_000_000);
    let minutes = |count: u64| Duration::from_secs(60 * count);
    let earlier = Timestamp::from_micros(theirs.as_micros() - 300_000_000);
    for (code, now, expected) in [
        (
            "InvalidSignatureException",
            theirs + minutes(5),
            Retry::Temporary,
        ),
        ("SignatureDoesNotMatch", earlier, Retry::Temporary),
        (
            "RequestTimeTooSkewed",
            theirs + minutes(5),
            Retry::Temporary,
        ),
        (
            "SignatureDoesNotMatch",
            theirs + minutes(3),
            Retry::Permanent,
        ),
        ("AccessDenied", theirs + minutes(5), Retry::Permanent),
    ] {
        let meta = ErrorMetadata::builder().code(code).build();
        let mut refused = response(403);
        let date = "Tue, 14 Nov 2023 22:13:20 GMT";
        refused.headers_mut().insert("date", date);
        let failure = Failure::service_error(SendMessageBatchError::generic(meta), refused);
        let error = of_call(failure, Operation::Send, now);
        assert_eq!(error.kind(), ErrorKind::Unauthorized, "{code}");
        assert_eq!(error.retry_hint(), expected, "{code}");
    }
}

#[test]
fn texts_that_repeat_the_request_are_not_shown() {
    let text = "The Canonical String should have been 'x-amz-security-token:CANARY'";
    for code in [
        "SignatureDoesNotMatch",
        "InvalidSignatureException",
        "Nobody knows",
    ] {
        let error = called(service(code, text, 403), Operation::Send);
        assert!(
            !format!("{error} {error:?}").contains("CANARY"),
            "{error:?}"
        );
    }
    let text = "The input receipt handle \"CANARY\" is not valid.";
    let error = called(
        service("ReceiptHandleIsInvalid", text, 400),
        Operation::Settle,
    );
    assert!(
        !format!("{error} {error:?}").contains("CANARY"),
        "{error:?}"
    );
    let text = "User x is not authorized to perform sqs:SendMessage";
    let error = called(service("AccessDenied", text, 403), Operation::Send);
    assert!(error.message().starts_with(text), "{error}");
}

#[test]
fn what_never_left_counts_nowhere() {
    let dispatch = |error| never_left(&Failure::dispatch_failure(error));
    assert!(dispatch(ConnectorError::timeout("connect".into())));
    let none = CredentialsError::not_loaded("no profile");
    assert!(dispatch(ConnectorError::other(none.into(), None)));
    assert!(never_left(&Failure::construction_failure("x")));
    assert!(!dispatch(ConnectorError::io("broken pipe".into())));
    assert!(!never_left(&Failure::timeout_error("x")));
    assert!(!never_left(&Failure::response_error("cut", response(200))));
    assert!(!never_left(&service("AccessDenied", "no", 403)));
}
