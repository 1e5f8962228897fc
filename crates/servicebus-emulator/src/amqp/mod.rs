//! AMQP 1.0 without sockets: bytes in, bytes and events out.
