//! What frames say.

use bytes::Bytes;
use fe2o3_amqp_types::{definitions::AmqpError, performatives::Performative};
use serde::de::DeserializeOwned;
use serde_amqp::from_slice;

use super::{
    check::value_bytes,
    error::{Failure, Result},
};

/// Reads the performative at the front of a body, and returns it with the payload behind it.
pub(super) fn decode(body: &Bytes) -> Result<(Performative, Bytes)> {
    let (performative, count) = first(body)?;
    Ok((performative, body.slice(count..)))
}

/// Reads the first value, and returns it with how many bytes it takes.
pub(super) fn first<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, usize)> {
    let count = value_bytes(bytes).map_err(|malformed| undecodable(malformed.to_string()))?;
    let value = from_slice(&bytes[..count]).map_err(|error| undecodable(error.to_string()))?;
    Ok((value, count))
}

fn undecodable(description: String) -> Failure {
    Failure::of_connection(AmqpError::DecodeError, description)
}
