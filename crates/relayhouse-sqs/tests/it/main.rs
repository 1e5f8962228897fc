//! Tests of the adapter against canned answers, where each byte of SQS is ours to choose.
#![cfg(test)]

mod admin;
mod canned;
mod credentials;
mod hop;
mod open;
mod receive;
mod redrive;
mod secret;
mod send;
mod settle;
mod shards;
mod turns;
