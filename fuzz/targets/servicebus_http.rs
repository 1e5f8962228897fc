//! Feeds the target `servicebus_http`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| relayhouse_fuzz::run("servicebus_http", input));
