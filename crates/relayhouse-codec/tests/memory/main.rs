//! What bodies cost in memory: hostile ones little, and encoding into a reused buffer nothing.
//!
//! These tests count what the whole process allocates, and so are a program of their own, in which
//! they take turns.
#![cfg(test)]
#![cfg(all(
    feature = "avro",
    feature = "json",
    feature = "message-pack",
    feature = "protobuf"
))]

use std::{
    alloc::System,
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use bytes::BytesMut;
use relayhouse_codec::{
    Decoder, Encoder, JsonCodec, MessagePackCodec, ProtobufCodec,
    avro::{AvroCodec, Framing, Schema, SchemaId},
};
use relayhouse_core::ErrorKind;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

static TURN: Mutex<()> = Mutex::new(());

/// What the refusal of a body may allocate: 1 MiB.
const REFUSAL_BYTES_MAX: usize = 1 << 20;

/// How often a measurement is made: the runner of the tests may allocate beside it.
const ROUND_COUNT: usize = 5;

#[derive(Debug, Serialize, Deserialize)]
enum Chain {
    End,
    Link(Box<Chain>),
    List(Vec<Chain>),
}

#[derive(Clone, PartialEq, prost::Message, Serialize)]
struct Order {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(string, tag = "2")]
    note: String,
    #[prost(double, repeated, tag = "3")]
    totals: Vec<f64>,
}

/// Returns the least that `run` allocates, in bytes and in allocations.
fn allocated(mut run: impl FnMut()) -> (usize, usize) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let measure = |_| {
        let region = Region::new(ALLOCATOR);
        run();
        let change = region.change();
        (
            change.bytes_allocated,
            change.allocations + change.reallocations,
        )
    };
    (0..ROUND_COUNT).map(measure).min().unwrap_or_default()
}

fn refuses<T: DeserializeOwned>(codec: &impl Decoder<T>, body: &[u8]) {
    let (bytes, _) = allocated(|| {
        let refusal = codec.decode(body).map(drop).map_err(|error| error.kind());
        assert_eq!(refusal, Err(ErrorKind::Codec));
    });
    let start = &body[..body.len().min(8)];
    assert!(bytes < REFUSAL_BYTES_MAX, "{bytes} bytes for {start:x?}");
}

#[test]
fn message_pack_bombs_cost_little() {
    let codec = MessagePackCodec::new();
    let lengths = [
        &b"\xdd\xff\xff\xff\xff"[..],
        b"\xdf\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\xc9\xff\xff\xff\xff\x01",
    ];
    for body in lengths {
        refuses::<Vec<u64>>(&codec, body);
        refuses::<Vec<[u64; 32]>>(&codec, body);
        refuses::<BTreeMap<u64, u64>>(&codec, body);
        refuses::<String>(&codec, body);
        refuses::<serde_json::Value>(&codec, body);
        refuses::<Chain>(&codec, body);
    }
    // Each array says that all of the rest is in it.
    let mut nested = Vec::new();
    for left in (0..100_u8).rev() {
        nested.extend([0xdd, 0, 0, 1, left]);
    }
    nested.extend([0xc0; 400]);
    refuses::<serde_json::Value>(&codec, &nested);
    refuses::<Chain>(&codec, &nested);
    for body in [
        b"\x91".repeat(100_000),
        b"\x81\xa4Link".repeat(20_000),
        [&b"\xdd\0\0\x4e\x20"[..], &b"\x91\xa4Link".repeat(20_000)].concat(),
        b"\x81\xa4List\x91".repeat(20_000),
    ] {
        refuses::<Chain>(&codec, &body);
        refuses::<Vec<Chain>>(&codec, &body);
    }
    refuses::<serde_json::Value>(&codec, &b"\x91".repeat(100_000));
}

#[test]
fn json_bombs_cost_little() {
    let codec = JsonCodec::new();
    for body in [
        "[".repeat(100_000),
        "{\"Link\":".repeat(20_000),
        "[{\"a\":".repeat(20_000),
    ] {
        refuses::<Chain>(&codec, body.as_bytes());
        refuses::<serde_json::Value>(&codec, body.as_bytes());
    }
    // 1,048,577 items, of which none is kept.
    let items = format!("[{}1]", "1,".repeat(1 << 20));
    refuses::<serde_json::Value>(&codec, items.as_bytes());
    let text = format!("\"{}\"", "x".repeat((8 << 20) + 1));
    refuses::<String>(&codec, text.as_bytes());
}

#[derive(Debug, Serialize, Deserialize)]
struct List {
    next: Option<Box<List>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Tree {
    children: Vec<Tree>,
}

fn refuses_avro<T: DeserializeOwned>(schema: &str, body: &[u8]) {
    let schema = Schema::parse(schema).expect("the schema is one");
    let codec = AvroCodec::<T>::new(schema).expect("the schema can be read");
    refuses(&codec, body);
}

#[test]
fn avro_bombs_cost_little() {
    // 256 MiB are announced by five bytes, and 4 MiB by four.
    for length in [&b"\x80\x80\x80\x80\x02"[..], b"\x80\x80\x80\x04"] {
        refuses_avro::<String>(r#""bytes""#, length);
        refuses_avro::<String>(r#""string""#, length);
    }
    // 100 million items, 65,538 of them, and a million.
    for count in [
        &b"\x80\x84\xaf\x5f\0"[..],
        b"\x84\x80\x08\0",
        b"\x80\x89\x7a\0",
    ] {
        refuses_avro::<Vec<()>>(r#"{"type": "array", "items": "null"}"#, count);
        refuses_avro::<Vec<[u64; 32]>>(r#"{"type": "array", "items": "long"}"#, count);
        refuses_avro::<serde_json::Value>(r#"{"type": "map", "values": "string"}"#, count);
    }
    let list = r#"{"type": "record", "name": "List", "fields": [
        {"name": "next", "type": ["null", "List"]}]}"#;
    let tree = r#"{"type": "record", "name": "Tree", "fields": [
        {"name": "children", "type": {"type": "array", "items": "Tree"}}]}"#;
    let deep = b"\x02".repeat(100_000);
    refuses_avro::<List>(list, &deep);
    refuses_avro::<serde_json::Value>(list, &deep);
    refuses_avro::<Tree>(tree, &deep);
    refuses_avro::<serde_json::Value>(tree, &deep);
    // A million blocks of one item without a byte each.
    refuses_avro::<Vec<()>>(
        r#"{"type": "array", "items": "null"}"#,
        &b"\x02".repeat(1 << 20),
    );
}

#[test]
fn protobuf_bombs_cost_little() {
    let codec = ProtobufCodec::new();
    for body in [
        &b"\x12\xff\xff\xff\xff\x07"[..],
        b"\x1a\xff\xff\xff\xff\x07",
    ] {
        let (bytes, _) = allocated(|| assert!(Decoder::<Order>::decode(&codec, body).is_err()));
        assert!(bytes < REFUSAL_BYTES_MAX, "{bytes}");
    }
}

const ORDER: &str = r#"{"type": "record", "name": "Order", "fields": [
    {"name": "note", "type": "string"},
    {"name": "totals", "type": {"type": "array", "items": "double"}},
    {"name": "id", "type":
        {"type": "fixed", "name": "org.apache.avro.rust.u64", "size": 8}},
    {"name": "state", "type": ["null", "string"], "default": null}]}"#;

/// Makes a codec with this framing, by a schema with the fields in another order, and one more.
fn avro(framing: Framing) -> AvroCodec<Order> {
    let schema = Schema::parse(ORDER).expect("the schema is one");
    let codec = AvroCodec::builder(schema).framing(framing);
    let codec = match framing {
        Framing::Confluent => codec.id(SchemaId::Number(7)),
        Framing::Bare | Framing::SingleObject => codec,
    };
    codec.build().expect("the schema can be read")
}

fn allocates_nothing(codec: &impl Encoder<Order>) {
    let order = Order {
        id: u64::MAX,
        note: "größe".repeat(20),
        totals: vec![0.1, 1e300, -0.0],
    };
    let mut body = BytesMut::with_capacity(4096);
    let (bytes, count) = allocated(|| {
        body.clear();
        codec.encode_into(&order, &mut body).unwrap();
    });
    assert!(100 < body.len());
    assert_eq!((bytes, count), (0, 0));
}

#[test]
fn encoding_into_a_reused_buffer_allocates_nothing() {
    allocates_nothing(&JsonCodec::new());
    allocates_nothing(&MessagePackCodec::new());
    allocates_nothing(&MessagePackCodec::new().compact());
    allocates_nothing(&ProtobufCodec::new());
    for framing in [Framing::Bare, Framing::SingleObject, Framing::Confluent] {
        allocates_nothing(&avro(framing));
    }
}
