//! What S3's codes mean that are not those of SQS.

use aws_sdk_s3::Error as S3Error;
use relayhouse_core::{ErrorKind, Retry};

use super::{Told, codes::Row};

/// What S3's codes mean; those that every service of AWS has are in the table of SQS.
const CODES: &[Row] = &[
    (
        "AllAccessDisabled",
        ErrorKind::Unauthorized,
        Retry::Permanent,
    ),
    (
        "EntityTooLarge",
        ErrorKind::MessageTooLarge,
        Retry::Permanent,
    ),
    (
        "InvalidAccessKeyId",
        ErrorKind::Unauthorized,
        Retry::Permanent,
    ),
    (
        "InvalidBucketName",
        ErrorKind::ConfigInvalid,
        Retry::Permanent,
    ),
    (
        "InvalidObjectState",
        ErrorKind::Unauthorized,
        Retry::Permanent,
    ),
    ("InvalidToken", ErrorKind::Unauthorized, Retry::Permanent),
    ("NoSuchBucket", ErrorKind::ConfigInvalid, Retry::Permanent),
    ("NoSuchKey", ErrorKind::BlobNotFound, Retry::Permanent),
    (
        "PermanentRedirect",
        ErrorKind::ConfigInvalid,
        Retry::Permanent,
    ),
    (
        "RequestTimeout",
        ErrorKind::OutcomeUnknown,
        Retry::Temporary,
    ),
];

impl Told for S3Error {
    const SERVICE: &'static str = "S3";

    const OWN_CODES: &'static [Row] = CODES;

    fn typed_code(&self) -> Option<&'static str> {
        match self {
            Self::NoSuchBucket(_) => Some("NoSuchBucket"),
            Self::NoSuchKey(_) => Some("NoSuchKey"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use aws_sdk_s3::operation::get_object::GetObjectError;
    use aws_sdk_sqs::{config::http::HttpResponse, error::SdkError};
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::{body::SdkBody, error::ErrorMetadata};
    use relayhouse_core::{Operation, Timestamp};

    use super::{super::of_s3_call, *};

    #[test]
    fn codes_are_sorted_and_unique() {
        let codes: Vec<_> = CODES.iter().map(|(code, ..)| *code).collect();
        let sorted: BTreeSet<_> = codes.iter().copied().collect();
        assert_eq!(codes, sorted.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn codes_mean_what_the_table_says() {
        for (code, status, kind, retry) in [
            ("NoSuchKey", 404, ErrorKind::BlobNotFound, Retry::Permanent),
            (
                "NoSuchBucket",
                404,
                ErrorKind::ConfigInvalid,
                Retry::Permanent,
            ),
            (
                "AccessDenied",
                403,
                ErrorKind::Unauthorized,
                Retry::Permanent,
            ),
            ("SlowDown", 503, ErrorKind::Throttled, Retry::Temporary),
            (
                "InternalError",
                500,
                ErrorKind::Unexpected,
                Retry::Temporary,
            ),
            ("Unheard", 418, ErrorKind::Unexpected, Retry::Permanent),
        ] {
            let response =
                HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::empty());
            let meta = ErrorMetadata::builder().code(code).message("x").build();
            let failure = SdkError::service_error(GetObjectError::generic(meta), response);
            let error = of_s3_call(failure, Operation::Receive, Timestamp::default());
            assert_eq!((error.kind(), error.retry_hint()), (kind, retry), "{code}");
        }
    }
}
