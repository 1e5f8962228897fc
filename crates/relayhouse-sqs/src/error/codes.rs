//! The one table from SQS's codes to kinds.

use std::time::Duration;

use aws_sdk_sqs::Error as SqsError;
use relayhouse_core::{ErrorKind, Retry};

/// How long SQS refuses a second purge, or a new queue of a deleted queue's name.
pub(super) const MINUTE: Retry = Retry::After(Duration::from_secs(60));

/// Says what one code of SQS means.
pub(super) type Row = (&'static str, ErrorKind, Retry);

/// What SQS's codes mean, without their prefix `AWS.SimpleQueueService.`.
pub(super) const CODES: &[Row] = &[
    ("AccessDenied", ErrorKind::Unauthorized, Retry::Permanent),
    (
        "AccessDeniedException",
        ErrorKind::Unauthorized,
        Retry::Permanent,
    ),
    (
        "BatchRequestTooLong",
        ErrorKind::MessageTooLarge,
        Retry::Permanent,
    ),
    ("ExpiredToken", ErrorKind::Unauthorized, Retry::Temporary),
    (
        "ExpiredTokenException",
        ErrorKind::Unauthorized,
        Retry::Temporary,
    ),
    (
        "IncompleteSignature",
        ErrorKind::Unauthorized,
        Retry::Permanent,
    ),
    ("InternalError", ErrorKind::Unexpected, Retry::Temporary),
    ("InternalFailure", ErrorKind::Unexpected, Retry::Temporary),
    (
        "InternalServerError",
        ErrorKind::Unexpected,
        Retry::Temporary,
    ),
    ("InvalidAddress", ErrorKind::ConfigInvalid, Retry::Permanent),
    (
        "InvalidAttributeName",
        ErrorKind::ConfigInvalid,
        Retry::Permanent,
    ),
    (
        "InvalidAttributeValue",
        ErrorKind::ConfigInvalid,
        Retry::Permanent,
    ),
    (
        "InvalidClientTokenId",
        ErrorKind::Unauthorized,
        Retry::Permanent,
    ),
    ("InvalidIdFormat", ErrorKind::LeaseLost, Retry::Permanent),
    (
        "InvalidMessageContents",
        ErrorKind::MessageInvalid,
        Retry::Permanent,
    ),
    (
        "InvalidParameterValue",
        ErrorKind::MessageInvalid,
        Retry::Permanent,
    ),
    ("InvalidSecurity", ErrorKind::Unauthorized, Retry::Permanent),
    (
        "InvalidSignatureException",
        ErrorKind::Unauthorized,
        Retry::Permanent,
    ),
    ("KmsAccessDenied", ErrorKind::Unauthorized, Retry::Permanent),
    ("KmsDisabled", ErrorKind::Unauthorized, Retry::Permanent),
    (
        "KmsInvalidKeyUsage",
        ErrorKind::Unauthorized,
        Retry::Permanent,
    ),
    ("KmsInvalidState", ErrorKind::Unauthorized, Retry::Temporary),
    ("KmsNotFound", ErrorKind::Unauthorized, Retry::Permanent),
    (
        "KmsOptInRequired",
        ErrorKind::Unauthorized,
        Retry::Permanent,
    ),
    ("KmsThrottled", ErrorKind::Throttled, Retry::Temporary),
    ("MessageNotInflight", ErrorKind::LeaseLost, Retry::Permanent),
    (
        "MissingAuthenticationToken",
        ErrorKind::Unauthorized,
        Retry::Permanent,
    ),
    (
        "MissingParameter",
        ErrorKind::MessageInvalid,
        Retry::Permanent,
    ),
    (
        "NonExistentQueue",
        ErrorKind::QueueNotFound,
        Retry::Permanent,
    ),
    ("OptInRequired", ErrorKind::Unauthorized, Retry::Permanent),
    ("OverLimit", ErrorKind::Full, Retry::Temporary),
    ("PurgeQueueInProgress", ErrorKind::Throttled, MINUTE),
    (
        "QueueAlreadyExists",
        ErrorKind::QueueConflict,
        Retry::Permanent,
    ),
    ("QueueDeletedRecently", ErrorKind::QueueConflict, MINUTE),
    (
        "QueueDoesNotExist",
        ErrorKind::QueueNotFound,
        Retry::Permanent,
    ),
    (
        "QueueNameExists",
        ErrorKind::QueueConflict,
        Retry::Permanent,
    ),
    (
        "ReceiptHandleIsInvalid",
        ErrorKind::LeaseLost,
        Retry::Permanent,
    ),
    ("RequestExpired", ErrorKind::Unauthorized, Retry::Temporary),
    (
        "RequestLimitExceeded",
        ErrorKind::Throttled,
        Retry::Temporary,
    ),
    ("RequestThrottled", ErrorKind::Throttled, Retry::Temporary),
    (
        "RequestTimeTooSkewed",
        ErrorKind::Unauthorized,
        Retry::Permanent,
    ),
    (
        "ResourceNotFoundException",
        ErrorKind::QueueNotFound,
        Retry::Permanent,
    ),
    // Status 503: SQS sheds load before it takes a request, and asks to come back later. What it took
    // and then failed at is an internal error.
    ("ServiceUnavailable", ErrorKind::Throttled, Retry::Temporary),
    (
        "ServiceUnavailableException",
        ErrorKind::Throttled,
        Retry::Temporary,
    ),
    (
        "SignatureDoesNotMatch",
        ErrorKind::Unauthorized,
        Retry::Permanent,
    ),
    ("SlowDown", ErrorKind::Throttled, Retry::Temporary),
    ("Throttling", ErrorKind::Throttled, Retry::Temporary),
    (
        "ThrottlingException",
        ErrorKind::Throttled,
        Retry::Temporary,
    ),
    (
        "TooManyRequestsException",
        ErrorKind::Throttled,
        Retry::Temporary,
    ),
    (
        "UnrecognizedClientException",
        ErrorKind::Unauthorized,
        Retry::Permanent,
    ),
    (
        "UnsupportedOperation",
        ErrorKind::Unsupported,
        Retry::Permanent,
    ),
];

/// Returns the code of a typed variant, so that the table need not trust what the wire calls it.
pub(super) const fn typed_code(error: &SqsError) -> Option<&'static str> {
    Some(match error {
        SqsError::BatchRequestTooLong(_) => "BatchRequestTooLong",
        SqsError::InvalidAddress(_) => "InvalidAddress",
        SqsError::InvalidAttributeName(_) => "InvalidAttributeName",
        SqsError::InvalidAttributeValue(_) => "InvalidAttributeValue",
        SqsError::InvalidMessageContents(_) => "InvalidMessageContents",
        SqsError::InvalidSecurity(_) => "InvalidSecurity",
        SqsError::KmsAccessDenied(_) => "KmsAccessDenied",
        SqsError::KmsDisabled(_) => "KmsDisabled",
        SqsError::KmsInvalidKeyUsage(_) => "KmsInvalidKeyUsage",
        SqsError::KmsInvalidState(_) => "KmsInvalidState",
        SqsError::KmsNotFound(_) => "KmsNotFound",
        SqsError::KmsOptInRequired(_) => "KmsOptInRequired",
        SqsError::KmsThrottled(_) => "KmsThrottled",
        SqsError::MessageNotInflight(_) => "MessageNotInflight",
        SqsError::OverLimit(_) => "OverLimit",
        SqsError::PurgeQueueInProgress(_) => "PurgeQueueInProgress",
        SqsError::QueueDeletedRecently(_) => "QueueDeletedRecently",
        SqsError::QueueDoesNotExist(_) => "QueueDoesNotExist",
        SqsError::QueueNameExists(_) => "QueueNameExists",
        SqsError::ReceiptHandleIsInvalid(_) => "ReceiptHandleIsInvalid",
        SqsError::RequestThrottled(_) => "RequestThrottled",
        SqsError::ResourceNotFoundException(_) => "ResourceNotFoundException",
        SqsError::UnsupportedOperation(_) => "UnsupportedOperation",
        _ => return None,
    })
}

pub(super) fn row_of(code: &str) -> Option<&'static Row> {
    let code = code.rsplit(['.', '#']).next().unwrap_or(code);
    CODES.iter().find(|(known, ..)| *known == code)
}
