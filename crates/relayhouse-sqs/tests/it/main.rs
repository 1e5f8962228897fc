//! Tests of the adapter against canned answers, where each byte of SQS is ours to choose.
#![cfg(test)]

mod admin;
#[cfg(feature = "s3")]
mod blobs;
mod canned;
#[cfg(feature = "sns")]
mod canned_sns;
mod credentials;
mod hop;
mod nowhere;
mod open;
mod receive;
mod redrive;
mod secret;
mod send;
mod settle;
mod shards;
#[cfg(feature = "sns")]
mod topics;
mod turns;
