//! How messages are encrypted, and which are accepted.

use std::{num::NonZeroU32, time::Duration};

use relayhouse_core::config::{duration, duration_option};
use serde::{Deserialize, Deserializer};

/// Configures encryption; readable from URL, environment and map through the same keys.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EncryptionConfig {
    /// How messages are encrypted; XAES-256-GCM. Every suite is decrypted.
    pub suite: Suite,
    /// What becomes of plain text; it is rejected.
    pub plain_text: PlainText,
    /// What both ends agree that the messages are for, such as the queue; empty. It is bound and
    /// not sent: an envelope that is carried to another purpose is refused.
    pub purpose: String,
    /// The headers that are bound even when they are absent; `content-encoding`. In text, names
    /// are separated by commas.
    #[serde(deserialize_with = "names")]
    pub bound: Vec<String>,
    /// The headers that are not bound, since others may change them on the way; `traceparent`,
    /// `tracestate` and `baggage`.
    #[serde(deserialize_with = "names")]
    pub unbound: Vec<String>,
    /// How old a message may be when it is decrypted, redeliveries included; there is no limit.
    /// With one, messages that were seen before are refused too.
    #[serde(deserialize_with = "duration_option")]
    pub replay_window: Option<Duration>,
    /// By how much the clocks of both ends may disagree; 30 s.
    #[serde(deserialize_with = "duration")]
    pub skew: Duration,
    /// The most nonces that are noted in memory, where no store is given; 1,000,000.
    pub nonces_max: NonZeroU32,
    /// The age at which keys are read again; 1 min.
    #[serde(deserialize_with = "duration")]
    pub refresh: Duration,
}

/// Names how messages are encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
pub enum Suite {
    /// XAES-256-GCM: AES-256-GCM with nonces of 192 bits; fast where the processor knows AES.
    #[default]
    #[serde(rename = "aes_256_gcm")]
    Aes256Gcm,
    /// XChaCha20-Poly1305: ChaCha20-Poly1305 with nonces of 192 bits; fast everywhere.
    #[serde(rename = "chacha20_poly1305")]
    ChaCha20Poly1305,
}

/// Says what becomes of plain text where messages are decrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlainText {
    /// It is refused.
    #[default]
    Reject,
    /// It is accepted and counted.
    Accept,
    /// It is accepted and counted, and each such message is an event.
    Alert,
}

impl EncryptionConfig {
    /// The replay window that is meant where none is named: 5 minutes.
    pub const REPLAY_WINDOW: Duration = Duration::from_secs(300);
}

impl Default for EncryptionConfig {
    fn default() -> Self {
        Self {
            suite: Suite::Aes256Gcm,
            plain_text: PlainText::Reject,
            purpose: String::new(),
            bound: vec!["content-encoding".to_owned()],
            unbound: ["traceparent", "tracestate", "baggage"]
                .map(str::to_owned)
                .into(),
            replay_window: None,
            skew: Duration::from_secs(30),
            nonces_max: const { NonZeroU32::new(1_000_000).unwrap() },
            refresh: Duration::from_secs(60),
        }
    }
}

/// Reads names that are separated by commas.
fn names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let names = text.split(',').map(str::trim);
    let names = names.filter(|name| !name.is_empty());
    Ok(names.map(str::to_owned).collect())
}
