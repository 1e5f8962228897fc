//! Feeds the target `amqp_value`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| relayhouse_fuzz::run("amqp_value", input));
