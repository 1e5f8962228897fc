//! Tests that drive the built program, as a shell would, and its commands in one process.
#![cfg(test)]

mod admin;
mod bench;
#[cfg(all(unix, feature = "servicebus", feature = "sqs"))]
mod bench_cloud;
#[cfg(all(unix, feature = "sqs"))]
mod cloud;
mod demo;
#[cfg(unix)]
mod desk;
#[cfg(unix)]
mod dlq;
#[cfg(all(unix, feature = "servicebus", feature = "sqs"))]
mod dlq_cloud;
mod dlq_many;
mod dlq_memory;
#[cfg(all(unix, feature = "sqs"))]
mod doctor;
#[cfg(unix)]
mod emulator;
#[cfg(all(unix, feature = "servicebus"))]
mod emulator_data;
#[cfg(unix)]
mod exec;
mod flaky;
mod flawed;
mod house;
#[cfg(unix)]
mod http;
mod input;
#[cfg(unix)]
mod local;
#[cfg(all(unix, feature = "servicebus", feature = "sqs"))]
mod night;
mod peek;
mod program;
mod receive;
#[cfg(unix)]
mod remove;
#[cfg(all(unix, feature = "servicebus", feature = "sqs"))]
mod schedule;
mod schema;
mod send;
#[cfg(unix)]
mod settings;
#[cfg(unix)]
mod signal;
#[cfg(all(unix, feature = "sqs"))]
mod sqs;
#[cfg(all(unix, feature = "sqs"))]
mod sqs_errors;
#[cfg(unix)]
mod stop;
mod tail;
#[cfg(all(unix, feature = "servicebus", feature = "sqs"))]
mod tail_cloud;
#[cfg(unix)]
mod terminal;
#[cfg(all(unix, feature = "servicebus", feature = "sqs"))]
mod transfer;
mod usage;
#[cfg(unix)]
mod work;
mod wrapped;
