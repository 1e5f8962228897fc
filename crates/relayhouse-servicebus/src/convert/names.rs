//! The names of annotations and properties.

/// What the names of our own properties start with.
pub(super) const OURS: &str = "relayhouse-";

/// What stands before a header whose own name starts as ours do.
pub(super) const HEADER: &str = "relayhouse-header-";

/// The id of a message whose place the dedup id has.
pub(super) const ID: &str = "relayhouse-id";

/// The dedup id of a message that was sent again to come later, and that the broker is not to drop.
pub(super) const DEDUP_ID: &str = "relayhouse-dedup-id";

/// How often a message had been delivered when it was sent again to come later.
pub(super) const ATTEMPTS: &str = "relayhouse-attempts";

/// When a message was first enqueued that was sent again to come later, in microseconds since 1970.
pub(crate) const FIRST_ENQUEUED: &str = "relayhouse-first-enqueued";

/// The content type, where it has characters that no symbol has.
pub(super) const CONTENT_TYPE: &str = "relayhouse-content-type";

/// The priority, which the broker does not keep.
pub(super) const PRIORITY: &str = "relayhouse-priority";

/// Why a message was dead-lettered.
pub(crate) const DEAD_LETTER_REASON: &str = "DeadLetterReason";

/// What happened, for a person to read.
pub(crate) const DEAD_LETTER_DESCRIPTION: &str = "DeadLetterErrorDescription";

/// How often a message had been delivered when it was dead-lettered.
pub(crate) const DEAD_LETTER_ATTEMPTS: &str = "relayhouse-dead-letter-attempts";

/// What failures of the same cause have in common, in hexadecimal digits.
pub(crate) const DEAD_LETTER_FINGERPRINT: &str = "relayhouse-dead-letter-fingerprint";

/// When a message was dead-lettered, in microseconds since 1970.
pub(crate) const DEAD_LETTER_TIME: &str = "relayhouse-dead-letter-time";

pub(super) const SCHEDULED_TIME: &str = "x-opt-scheduled-enqueue-time";
pub(super) const SEQUENCE_NUMBER: &str = "x-opt-sequence-number";
pub(super) const ENQUEUED_TIME: &str = "x-opt-enqueued-time";
pub(super) const LOCKED_UNTIL: &str = "x-opt-locked-until";
pub(super) const DEAD_LETTER_SOURCE: &str = "x-opt-deadletter-source";
