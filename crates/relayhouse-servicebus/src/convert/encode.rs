//! Messages become bytes: those of a batch, and those that the management node takes.
//!
//! The client library can do this as well, but that was the largest part of what a batch cost.

use relayhouse_core::HeaderValue;

use super::{
    names,
    packet::{Packet, Property, key_of},
};

/// What most messages take beside body and application properties.
const REST_BYTES: usize = 192;

/// What most application properties take beside the texts of headers.
const PROPERTY_BYTES: usize = 16;

/// The descriptors of the sections.
const HEADER: u8 = 0x70;
const MESSAGE_ANNOTATIONS: u8 = 0x72;
const PROPERTIES: u8 = 0x73;
const APPLICATION_PROPERTIES: u8 = 0x74;
const DATA: u8 = 0x75;

/// The constructors of AMQP 1.0, part 1.6.
const NULL: u8 = 0x40;
const TRUE: u8 = 0x41;
const FALSE: u8 = 0x42;
const SMALL_ULONG: u8 = 0x53;
const UBYTE: u8 = 0x50;
const UINT: u8 = 0x70;
const LONG: u8 = 0x81;
const TIMESTAMP: u8 = 0x83;
const LIST: u8 = 0xd0;
const MAP: u8 = 0xd1;

/// The constructors of one kind of bytes, with a length of one byte and of four.
const BINARY: [u8; 2] = [0xa0, 0xb0];
const STRING: [u8; 2] = [0xa1, 0xb1];
const SYMBOL: [u8; 2] = [0xa3, 0xb3];

impl Packet {
    /// Encodes the whole message.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let properties = self.more.len() + self.headers.len();
        let texts = self.headers.size() + PROPERTY_BYTES * properties;
        let bytes = REST_BYTES + self.body.len() + texts;
        let mut encoder = Encoder(Vec::with_capacity(bytes));
        encoder.header(self);
        encoder.annotations(self);
        encoder.properties(self);
        encoder.more(self);
        encoder.section(DATA);
        encoder.bytes(BINARY, &self.body);
        encoder.0
    }
}

/// Holds what has been written.
struct Encoder(Vec<u8>);

impl Encoder {
    fn header(&mut self, packet: &Packet) {
        self.section(HEADER);
        self.counted(LIST, 5, |encoder| {
            encoder.0.extend([TRUE, UBYTE, packet.level]);
            encoder.optional(packet.ttl, Self::uint);
            encoder.0.push(FALSE);
            encoder.uint(0);
        });
    }

    fn annotations(&mut self, packet: &Packet) {
        let Some(time) = packet.scheduled_time else {
            return;
        };
        self.section(MESSAGE_ANNOTATIONS);
        self.counted(MAP, 2, |encoder| {
            encoder.bytes(SYMBOL, names::SCHEDULED_TIME.as_bytes());
            encoder.timestamp(time);
        });
    }

    fn properties(&mut self, packet: &Packet) {
        self.section(PROPERTIES);
        let text = |encoder: &mut Self, text: &str| encoder.bytes(STRING, text.as_bytes());
        self.counted(LIST, 11, |encoder| {
            text(encoder, &packet.message_id);
            // The user, whom the message is to, and its subject.
            encoder.0.extend([NULL; 3]);
            encoder.optional(packet.reply_to.as_deref(), text);
            encoder.optional(packet.correlation_id.as_deref(), text);
            let content_type = packet.content_type.as_deref();
            encoder.optional(content_type, |encoder, symbol| {
                encoder.bytes(SYMBOL, symbol.as_bytes());
            });
            // The encoding of the content.
            encoder.0.push(NULL);
            encoder.optional(packet.expiry_time, Self::timestamp);
            encoder.optional(packet.creation_time, Self::timestamp);
            encoder.optional(packet.group_id.as_deref(), text);
        });
    }

    fn more(&mut self, packet: &Packet) {
        let properties = packet.more.len() + packet.headers.len();
        if properties == 0 {
            return;
        }
        self.section(APPLICATION_PROPERTIES);
        self.counted(MAP, 2 * properties, |encoder| {
            for (name, value) in &packet.more {
                encoder.bytes(STRING, name.as_bytes());
                encoder.property(value);
            }
            for (key, value) in packet.headers.iter() {
                encoder.bytes(STRING, key_of(key).as_bytes());
                encoder.header_value(value);
            }
        });
    }

    fn property(&mut self, property: &Property) {
        match property {
            Property::Text(text) => self.bytes(STRING, text.as_bytes()),
            Property::Ubyte(number) => self.0.extend([UBYTE, *number]),
            Property::Uint(number) => self.uint(*number),
            Property::Long(number) => self.number(LONG, number.to_be_bytes()),
        }
    }

    fn header_value(&mut self, value: &HeaderValue) {
        let constructors = match value {
            HeaderValue::Text(_) => STRING,
            _ => BINARY,
        };
        self.bytes(constructors, value.as_bytes());
    }

    /// Begins a section.
    fn section(&mut self, descriptor: u8) {
        self.0.extend([0, SMALL_ULONG, descriptor]);
    }

    /// Writes a list or a map of so many values, which `write` writes.
    fn counted(&mut self, constructor: u8, values: usize, write: impl FnOnce(&mut Self)) {
        self.0.push(constructor);
        let start = self.0.len();
        self.0.extend([0; 4]);
        self.0.extend(length(values));
        write(self);
        let bytes = length(self.0.len() - start - 4);
        self.0[start..start + 4].copy_from_slice(&bytes);
    }

    fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        match value {
            Some(value) => write(self, value),
            None => self.0.push(NULL),
        }
    }

    fn uint(&mut self, number: u32) {
        self.number(UINT, number.to_be_bytes());
    }

    fn timestamp(&mut self, millis: i64) {
        self.number(TIMESTAMP, millis.to_be_bytes());
    }

    fn number<const BYTES: usize>(&mut self, constructor: u8, bytes: [u8; BYTES]) {
        self.0.push(constructor);
        self.0.extend(bytes);
    }

    /// Writes bytes with their length before them.
    fn bytes(&mut self, [short, long]: [u8; 2], bytes: &[u8]) {
        match u8::try_from(bytes.len()) {
            Ok(count) => self.0.extend([short, count]),
            Err(_) => self.number(long, length(bytes.len())),
        }
        self.0.extend_from_slice(bytes);
    }
}

/// Encodes a length. No message is as long as four bytes can count.
fn length(bytes: usize) -> [u8; 4] {
    u32::try_from(bytes).unwrap_or(u32::MAX).to_be_bytes()
}
