//! Tests of the adapter against canned answers, where each byte of SQS is ours to choose.
#![cfg(test)]

mod admin;
mod canned;
mod open;
mod receive;
mod secret;
mod send;
mod settle;
