//! Feeds the target `servicebus_client`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| relayhouse_fuzz::run("servicebus_client", input));
