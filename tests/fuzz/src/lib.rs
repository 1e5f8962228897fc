//! Targets for a fuzzer: everything that reads bytes of others, with what must hold of any bytes.
//!
//! `cargo xtask fuzz` feeds them with inputs that it makes up. The inputs of `corpus` are run by
//! an ordinary test, on every change.

mod avro;
mod check;
mod envelope;
mod plain;
mod protobuf;
mod registry;
mod servicebus;
mod sketch;
mod source;

/// Is something that a fuzzer calls; it panics where something does not hold that must.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name, which its folder of inputs has as well.
    pub name: &'static str,
    /// Reads one input.
    pub run: fn(&[u8]),
}

/// The targets, in the order of the alphabet.
pub const TARGETS: &[Target] = &[
    target("amqp_connection", servicebus::connection),
    target("amqp_value", servicebus::value),
    target("avro_datum", avro::datum),
    target("avro_frame", avro::frame),
    target("avro_plan", avro::plan),
    target("avro_schema", avro::schema),
    target("cloud_events", envelope::cloud_events),
    target("json", plain::json),
    target("message_pack", plain::message_pack),
    target("protobuf", protobuf::protobuf),
    target("registry", registry::registry),
    target("servicebus_client", servicebus::client),
    target("servicebus_config", servicebus::config),
    target("servicebus_http", servicebus::http),
    target("servicebus_sql", servicebus::sql),
];

const fn target(name: &'static str, run: fn(&[u8])) -> Target {
    Target { name, run }
}

/// Runs the target of a name on one input.
///
/// # Panics
///
/// If there is no such target, or something does not hold that must.
#[expect(clippy::panic, reason = "a fuzzer is told by a panic")]
pub fn run(name: &str, input: &[u8]) {
    match TARGETS.iter().find(|target| target.name == name) {
        Some(target) => (target.run)(input),
        None => panic!("no target {name}"),
    }
}
