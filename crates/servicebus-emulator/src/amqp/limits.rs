//! What a peer may make a connection hold.

use std::time::Duration;

/// The bounds of a connection. Each is told to the peer where the protocol has a field for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest frame that is read, in bytes.
    pub frame_bytes_max: u32,
    /// The highest number of a channel.
    pub channel_max: u16,
    /// The highest number of a link in a session.
    pub handle_max: u32,
    /// How many links all sessions have together.
    pub links_max: usize,
    /// The largest message that is read where a link says nothing else, in bytes.
    pub message_bytes_max: u64,
    /// How many bytes all deliveries together hold that have begun and not ended.
    pub unfinished_bytes_max: usize,
    /// How many deliveries of a session a peer may leave unsettled.
    pub unsettled_max: usize,
    /// How many messages a peer may send on a link before they are answered.
    pub credit: u32,
    /// How many transfers a peer may send in a session before it hears from us.
    pub window: u32,
    /// How many bytes may wait to be written before no more deliveries are sent.
    pub output_bytes_max: usize,
    /// After how much silence a connection is closed.
    pub idle_time_out: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frame_bytes_max: 65_536,
            channel_max: 4_999,
            handle_max: 4_095,
            links_max: 16_384,
            message_bytes_max: 1 << 20,
            unfinished_bytes_max: 256 << 20,
            unsettled_max: 65_536,
            credit: 1_000,
            window: 5_000,
            output_bytes_max: 4 << 20,
            idle_time_out: Duration::from_secs(240),
        }
    }
}
