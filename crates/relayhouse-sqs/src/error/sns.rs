//! What SNS's codes mean that are not those of SQS.

use aws_sdk_sns::{Error as SnsError, types::BatchResultErrorEntry};
use relayhouse_core::{Error, ErrorKind, Operation, Retry};

use super::{Told, codes::Row, of_failed_entry};

/// What SNS's codes mean; those that every service of AWS has are in the table of SQS.
const CODES: &[Row] = &[
    (
        "AuthorizationError",
        ErrorKind::Unauthorized,
        Retry::Permanent,
    ),
    (
        "AuthorizationErrorException",
        ErrorKind::Unauthorized,
        Retry::Permanent,
    ),
    (
        "ConcurrentAccess",
        ErrorKind::QueueConflict,
        Retry::Temporary,
    ),
    (
        "FilterPolicyLimitExceeded",
        ErrorKind::Full,
        Retry::Permanent,
    ),
    (
        "InvalidParameter",
        ErrorKind::MessageInvalid,
        Retry::Permanent,
    ),
    (
        "InvalidParameterException",
        ErrorKind::MessageInvalid,
        Retry::Permanent,
    ),
    ("KMSAccessDenied", ErrorKind::Unauthorized, Retry::Permanent),
    ("KMSDisabled", ErrorKind::Unauthorized, Retry::Permanent),
    ("KMSInvalidState", ErrorKind::Unauthorized, Retry::Temporary),
    ("KMSNotFound", ErrorKind::Unauthorized, Retry::Permanent),
    (
        "KMSOptInRequired",
        ErrorKind::Unauthorized,
        Retry::Permanent,
    ),
    ("KMSThrottling", ErrorKind::Throttled, Retry::Temporary),
    ("NotFound", ErrorKind::QueueNotFound, Retry::Permanent),
    (
        "NotFoundException",
        ErrorKind::QueueNotFound,
        Retry::Permanent,
    ),
    (
        "ParameterValueInvalid",
        ErrorKind::MessageInvalid,
        Retry::Permanent,
    ),
    (
        "ResourceNotFound",
        ErrorKind::QueueNotFound,
        Retry::Permanent,
    ),
    (
        "SubscriptionLimitExceeded",
        ErrorKind::Full,
        Retry::Permanent,
    ),
    ("Throttled", ErrorKind::Throttled, Retry::Temporary),
    ("TopicLimitExceeded", ErrorKind::Full, Retry::Permanent),
    (
        "ValidationException",
        ErrorKind::MessageInvalid,
        Retry::Permanent,
    ),
];

impl Told for SnsError {
    const SERVICE: &'static str = "SNS";

    const OWN_CODES: &'static [Row] = CODES;

    fn typed_code(&self) -> Option<&'static str> {
        None
    }
}

/// Turns the failure of one entry of a batch into an error, as [`of_entry`](super::of_entry) does.
pub(crate) fn of_sns_entry(entry: &BatchResultErrorEntry, operation: Operation) -> Error {
    let (code, text) = (entry.code(), entry.message());
    of_failed_entry::<SnsError>(code, text, entry.sender_fault(), operation)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use aws_sdk_sns::operation::publish_batch::PublishBatchError;
    use aws_sdk_sqs::{config::http::HttpResponse, error::SdkError};
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::{body::SdkBody, error::ErrorMetadata};
    use relayhouse_core::Timestamp;

    use super::{super::of_sns_call, *};

    fn called(code: &str, status: u16, operation: Operation) -> Error {
        let response = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::empty());
        let meta = ErrorMetadata::builder().code(code).message("x").build();
        let failure = SdkError::service_error(PublishBatchError::generic(meta), response);
        of_sns_call(failure, operation, Timestamp::default())
    }

    #[test]
    fn codes_are_sorted_and_unique() {
        let codes: Vec<_> = CODES.iter().map(|(code, ..)| *code).collect();
        let sorted: BTreeSet<_> = codes.iter().copied().collect();
        assert_eq!(codes, sorted.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn codes_mean_what_the_table_says() {
        for (code, status, kind, retry) in [
            ("NotFound", 404, ErrorKind::QueueNotFound, Retry::Permanent),
            (
                "AuthorizationError",
                403,
                ErrorKind::Unauthorized,
                Retry::Permanent,
            ),
            (
                "InvalidClientTokenId",
                403,
                ErrorKind::Unauthorized,
                Retry::Permanent,
            ),
            ("KMSThrottling", 400, ErrorKind::Throttled, Retry::Temporary),
            ("Throttling", 400, ErrorKind::Throttled, Retry::Temporary),
            (
                "InvalidParameter",
                400,
                ErrorKind::MessageInvalid,
                Retry::Permanent,
            ),
            (
                "BatchRequestTooLong",
                400,
                ErrorKind::MessageTooLarge,
                Retry::Permanent,
            ),
            (
                "InternalError",
                500,
                ErrorKind::OutcomeUnknown,
                Retry::Temporary,
            ),
            ("Unheard", 500, ErrorKind::OutcomeUnknown, Retry::Temporary),
            ("Unheard", 418, ErrorKind::Unexpected, Retry::Permanent),
        ] {
            let error = called(code, status, Operation::Send);
            assert_eq!((error.kind(), error.retry_hint()), (kind, retry), "{code}");
        }
        let error = called("InternalError", 500, Operation::Admin);
        assert_eq!(error.kind(), ErrorKind::Unexpected);
    }

    #[test]
    fn entry_that_failed_is_known() {
        let entry = BatchResultErrorEntry::builder().id("0");
        let entry = entry.code("InternalError").sender_fault(false);
        let error = of_sns_entry(&entry.build().unwrap(), Operation::Send);
        assert_eq!(error.kind(), ErrorKind::Unexpected);
        assert!(
            error.is_temporary() && error.to_string().contains("SNS"),
            "{error}"
        );
    }
}
