//! CloudEvents 1.0: values in an envelope that other systems understand.
//!
//! A [`CloudEvent`] has attributes (what happened, where, to what) and data, which a codec of this
//! crate encodes. Two modes put it into a message:
//!
//! - **structured**: all of it is one JSON body of the content type `application/cloudevents+json`.
//!   Data that is no JSON stands there as base64.
//! - **binary**: the data is the body, with its own content type, and each attribute is a header.
//!
//! What reads takes both, and tells them apart by the content type, as the specification says.
//!
//! # Headers
//!
//! In binary mode the bindings of the specification differ in how a header begins, and in whether
//! its value is percent-encoded; [`HeaderStyle`] names them. `ce-` is the default, as NATS, Pub/Sub
//! and HTTP have it. What reads takes every style.
//!
//! # What it checks
//!
//! `specversion` is `1.0`; `id`, `source` and `type` are there; names are lowercase letters and
//! digits; no value has a control character or a noncharacter; times are RFC 3339. An event that breaks a rule is a
//! permanent [`ErrorKind::Codec`](relayhouse_core::ErrorKind::Codec) that names the attribute, both
//! when it is written and when it is read. URIs are taken as they are.
//!
//! In binary mode every attribute is text: a number or a boolean comes back as
//! [`ExtensionValue::Text`]. Structured mode has no headers: Avro goes in it as a single object or
//! in Confluent's framing, which name the schema in the data.

mod attributes;
mod binary;
mod codec;
mod event;
mod structured;

pub use self::{
    binary::HeaderStyle,
    codec::CloudEventsCodec,
    event::{CloudEvent, ExtensionValue},
};

#[cfg(test)]
mod tests;
