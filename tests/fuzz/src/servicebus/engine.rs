//! The protocol without sockets.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use fe2o3_amqp_types::{
    definitions::Role,
    messaging::{Accepted, DeliveryState},
};
use serde_amqp::{Value, from_slice, to_vec};
use servicebus_emulator::amqp::{Acceptance, Connection, Event, Limits, Shipment, value_bytes};

use super::frames;
use crate::check;

/// How many messages one grant of credit gets.
const SHIPMENTS_MAX: usize = 4;

/// The longest that one side says to an input: it echoes what it was sent, some times over.
const OUTPUT_BYTES_MAX: usize = 1 << 20;

/// What is found well formed is decoded or refused; what holds no other values is written, and is
/// the same when it is read again.
pub(crate) fn value(input: &[u8]) {
    let Ok(count) = value_bytes(input) else {
        return;
    };
    assert!((1..=input.len()).contains(&count), "{count} bytes");
    let Ok(value) = from_slice::<Value>(&input[..count]) else {
        return;
    };
    if holds_others(&value) {
        return;
    }
    let written = check::expect(to_vec(&value), &value);
    assert_eq!(value_bytes(&written), Ok(written.len()), "{value:?}");
    assert_eq!(check::expect(from_slice::<Value>(&written), &value), value);
}

/// Returns true for what the emulator never lets `serde_amqp` 0.18 write, as it does not do it well:
/// it panics at a map with a time for a key, writes a byte for each null of an array, where AMQP has
/// none, and counts the characters of an array's texts instead of their bytes.
fn holds_others(value: &Value) -> bool {
    match value {
        Value::Array(_) | Value::List(_) | Value::Map(_) => true,
        Value::Described(described) => holds_others(&described.value),
        _ => false,
    }
}

/// The first byte says how much the client has said before the input, and in what pieces it comes.
pub(crate) fn connection(input: &[u8]) {
    let Some((first, rest)) = input.split_first() else {
        return;
    };
    let mut said = match first % 3 {
        0 => Vec::new(),
        1 => frames::begun(),
        _ => {
            let links = [
                frames::begun(),
                frames::attach(0, Role::Sender, "here"),
                frames::attach(1, Role::Receiver, "here"),
                frames::credit(1),
            ];
            links.concat()
        }
    };
    said.extend(rest);
    let mut server = Server::new();
    for piece in said.chunks(1 + usize::from(first / 3)) {
        server.receive(piece);
    }
    server.wait();
}

/// The side of the server, which agrees to everything.
struct Server {
    engine: Connection,
    now: SystemTime,
    output_bytes: usize,
}

impl Server {
    fn new() -> Self {
        Self {
            engine: Connection::new(Limits::default(), UNIX_EPOCH),
            now: UNIX_EPOCH,
            output_bytes: 0,
        }
    }

    fn receive(&mut self, piece: &[u8]) {
        self.engine.receive(self.now, piece);
        while let Some(event) = self.engine.next_event() {
            self.act(event);
        }
        self.output_bytes += self.engine.take_output(self.now).len();
        assert!(
            self.output_bytes <= OUTPUT_BYTES_MAX,
            "it talks without end"
        );
    }

    fn act(&mut self, event: Event) {
        let accepted = || DeliveryState::Accepted(Accepted {});
        match event {
            Event::Login(_) => self.engine.login(true),
            Event::Attached { link, .. } => self.engine.accept(link, Acceptance::default()),
            Event::Credit { link, .. } => {
                for _ in 0..SHIPMENTS_MAX.min(self.engine.credit(link) as usize) {
                    let shipment = Shipment {
                        tag: Bytes::from_static(b"tag"),
                        format: 0,
                        is_settled: false,
                        payload: Bytes::from_static(b"\x00\x53\x77\xa1\x02it"),
                    };
                    self.engine.send(link, shipment);
                }
                self.engine.drained(link);
            }
            Event::Delivered(it) if !it.is_settled => {
                self.engine.answer(it.link, it.delivery, accepted());
            }
            Event::Declare { link, delivery } | Event::Discharge { link, delivery, .. } => {
                self.engine.answer(link, delivery, accepted());
            }
            Event::Disposed(it) if !it.is_settled => {
                self.engine.settle(it.link, it.delivery, accepted());
            }
            _ => {}
        }
    }

    /// Lets all time pass that a silent client has.
    fn wait(&mut self) {
        while let Some(due) = self.engine.due() {
            self.now = self.now.max(due) + Duration::from_millis(1);
            self.engine.wake(self.now);
            let output = self.engine.take_output(self.now).len();
            self.output_bytes += output;
            assert!(
                self.output_bytes <= OUTPUT_BYTES_MAX,
                "it waits without end"
            );
        }
    }
}
