//! Azure Service Bus over AMQP 1.0, in process, with the clock and the faults under control.

pub mod amqp;
pub mod model;
