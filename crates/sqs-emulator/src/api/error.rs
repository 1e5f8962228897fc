//! The errors of SQS, with their two names: the shape in the body and the code in the header.

use std::{borrow::Cow, fmt::Display, result};

/// A result whose error is one of SQS.
pub(crate) type Result<T, E = Error> = result::Result<T, E>;

/// The errors that SQS itself has.
const SQS: &str = "com.amazonaws.sqs";
/// The errors that all services share.
const COMMON: &str = "com.amazon.coral.service";

/// What kind of error it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    AccessDenied,
    BatchEntryIdsNotDistinct,
    BatchRequestTooLong,
    EmptyBatchRequest,
    ExpiredToken,
    InternalError,
    InvalidAddress,
    InvalidAttributeName,
    InvalidAttributeValue,
    InvalidBatchEntryId,
    InvalidMessageContents,
    InvalidParameterValue,
    InvalidSignature,
    MessageNotInflight,
    MissingParameter,
    OverLimit,
    PurgeQueueInProgress,
    QueueDeletedRecently,
    QueueDoesNotExist,
    QueueNameExists,
    ReceiptHandleIsInvalid,
    RequestThrottled,
    ResourceNotFound,
    Serialization,
    ServiceUnavailable,
    Throttling,
    TooManyEntriesInBatchRequest,
    UnknownOperation,
    UnsupportedOperation,
}

/// The names of one code, and the status of an answer with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Names {
    /// Where the shape is defined.
    space: &'static str,
    shape: &'static str,
    /// What the older protocol put before the name.
    prefix: &'static str,
    query: &'static str,
    status: u16,
}

impl Names {
    /// An error of SQS with one name, in both protocols.
    const fn plain(name: &'static str) -> Self {
        Self::of(SQS, name, name, 400)
    }

    /// An error of SQS that has a prefix in the older protocol.
    const fn prefixed(shape: &'static str, query: &'static str) -> Self {
        Self {
            prefix: "AWS.SimpleQueueService.",
            ..Self::of(SQS, shape, query, 400)
        }
    }

    const fn common(shape: &'static str, query: &'static str, status: u16) -> Self {
        Self::of(COMMON, shape, query, status)
    }

    const fn of(
        space: &'static str,
        shape: &'static str,
        query: &'static str,
        status: u16,
    ) -> Self {
        Self {
            space,
            shape,
            prefix: "",
            query,
            status,
        }
    }
}

impl Code {
    /// Returns what stands in `__type`.
    pub(crate) fn shape(self) -> String {
        let names = self.names();
        format!("{}#{}", names.space, names.shape)
    }

    /// Returns what stands in `x-amzn-query-error`, and in the entries of a batch.
    pub(crate) fn query(self) -> String {
        let names = self.names();
        format!("{}{}", names.prefix, names.query)
    }

    /// Returns the status of an answer with this error.
    pub(crate) fn status(self) -> u16 {
        self.names().status
    }

    /// Whether the caller is to blame, not the service.
    pub(crate) fn is_sender_fault(self) -> bool {
        self.status() < 500
    }

    fn names(self) -> Names {
        const MALFORMED: &str = "SerializationException";
        const SIGNATURE: &str = "InvalidSignatureException";
        const MISSING: &str = "MissingRequiredParameterException";
        let same = |name| Names::prefixed(name, name);
        match self {
            Self::AccessDenied => Names::common("AccessDeniedException", "AccessDenied", 403),
            Self::BatchEntryIdsNotDistinct => same("BatchEntryIdsNotDistinct"),
            Self::BatchRequestTooLong => same("BatchRequestTooLong"),
            Self::EmptyBatchRequest => same("EmptyBatchRequest"),
            Self::ExpiredToken => Names::common("ExpiredTokenException", "ExpiredToken", 403),
            Self::InternalError => Names::common("InternalFailure", "InternalError", 500),
            Self::InvalidAddress => Names::plain("InvalidAddress"),
            Self::InvalidAttributeName => Names::plain("InvalidAttributeName"),
            Self::InvalidAttributeValue => Names::plain("InvalidAttributeValue"),
            Self::InvalidBatchEntryId => same("InvalidBatchEntryId"),
            Self::InvalidMessageContents => Names::plain("InvalidMessageContents"),
            Self::InvalidParameterValue => Names::common(
                "InvalidParameterValueException",
                "InvalidParameterValue",
                400,
            ),
            Self::InvalidSignature => Names::common(SIGNATURE, SIGNATURE, 403),
            Self::MessageNotInflight => same("MessageNotInflight"),
            Self::MissingParameter => Names::common(MISSING, "MissingParameter", 400),
            Self::OverLimit => Names::plain("OverLimit"),
            Self::PurgeQueueInProgress => same("PurgeQueueInProgress"),
            Self::QueueDeletedRecently => same("QueueDeletedRecently"),
            Self::QueueDoesNotExist => Names::prefixed("QueueDoesNotExist", "NonExistentQueue"),
            Self::QueueNameExists => Names::of(SQS, "QueueNameExists", "QueueAlreadyExists", 400),
            Self::ReceiptHandleIsInvalid => Names::plain("ReceiptHandleIsInvalid"),
            Self::RequestThrottled => Names::plain("RequestThrottled"),
            Self::ResourceNotFound => Names::plain("ResourceNotFoundException"),
            Self::Serialization => Names::common(MALFORMED, "MalformedInput", 400),
            Self::ServiceUnavailable => {
                Names::common("ServiceUnavailableException", "ServiceUnavailable", 503)
            }
            Self::Throttling => Names::common("ThrottlingException", "ThrottlingException", 429),
            Self::TooManyEntriesInBatchRequest => same("TooManyEntriesInBatchRequest"),
            Self::UnknownOperation => {
                Names::common("UnknownOperationException", "InvalidAction", 400)
            }
            Self::UnsupportedOperation => same("UnsupportedOperation"),
        }
    }
}

/// What SQS answers instead of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Error {
    pub(crate) code: Code,
    pub(crate) message: Cow<'static, str>,
}

impl Error {
    pub(crate) fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// A parameter that must be there is not.
    pub(crate) fn missing(parameter: &str) -> Self {
        let message = format!("The request must contain the parameter {parameter}.");
        Self::new(Code::MissingParameter, message)
    }

    /// A parameter has a value that it must not have.
    pub(crate) fn invalid(parameter: &str, value: impl Display, reason: &str) -> Self {
        let message =
            format!("Value {value} for parameter {parameter} is invalid. Reason: {reason}");
        Self::new(Code::InvalidParameterValue, message)
    }
}
