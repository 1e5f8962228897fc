//! What frames say.

use fe2o3_amqp_types::definitions::AmqpError;
use serde::de::DeserializeOwned;
use serde_amqp::from_slice;

use super::{
    check::value_bytes,
    error::{Failure, Result},
};

/// Reads the first value, and returns it with how many bytes it takes.
pub(super) fn first<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, usize)> {
    let count = value_bytes(bytes).map_err(|malformed| undecodable(malformed.to_string()))?;
    let value = from_slice(&bytes[..count]).map_err(|error| undecodable(error.to_string()))?;
    Ok((value, count))
}

fn undecodable(description: String) -> Failure {
    Failure::of_connection(AmqpError::DecodeError, description)
}
