//! The whole path of a message: encoded, sent by a `Producer`, received by a `Consumer`, decoded.

use std::{hint::black_box, sync::Arc};

use anyhow::Result;
use bytes::Bytes;
use relayhouse_codec::{
    Decoder, Encoder, JsonCodec, MessagePackCodec, avro::Framing, to_bytes, to_message,
};
use relayhouse_core::Message;
use relayhouse_runtime::Producer;

use super::{
    measure::ensure_same,
    order::{self, Order, Orders},
    ours::{AVRO, COMPACT, JSON, NAMED, SINGLE, avro},
    peer::SERDE_JSON,
};
use crate::{
    clock::Mark,
    compare::{Contender, compare},
    report::{Table, Unit, rate},
    subject::World,
    workload::{Handled, Scale},
};

const ITEMS: i32 = 2;
const BATCH: usize = 100;

type Value = Order<String>;

pub(super) fn table(world: &World, scale: Scale) -> Result<Table> {
    let mut table = Table::new("The whole path of an order with 2 items, through a memory queue");
    SERDE_JSON.clone_into(&mut table.limit);
    let messages = scale.pick(50_000, 10_000);
    let contenders = vec![
        bare(world, messages)?,
        ours(world, messages, JSON, JsonCodec::new())?,
        ours(world, messages, NAMED, MessagePackCodec::new())?,
        ours(world, messages, COMPACT, MessagePackCodec::new().compact())?,
        ours(world, messages, AVRO, avro::<Orders>(Framing::Bare)?)?,
        ours(
            world,
            messages,
            SINGLE,
            avro::<Orders>(Framing::SingleObject)?,
        )?,
    ];
    let comparison = compare(scale.rounds(), contenders)?;
    for name in comparison.names() {
        if let Some(rate) = comparison.median(name, 0) {
            let line = table.push("whole path", name, rate, Unit::MessagesPerSecond);
            line.spread = comparison.spread(name, 0);
            line.ratio = comparison.ratio(name, SERDE_JSON, 0);
        }
    }
    Ok(table)
}

/// Encodes and decodes with `serde_json` by hand.
fn bare(world: &World, messages: usize) -> Result<Contender<'_>> {
    let value = order::order(ITEMS);
    let encode = move || Ok(Message::new(serde_json::to_vec(&value)?));
    let decode = |body: &Bytes| {
        let decoded = serde_json::from_slice::<Value>(body);
        drop(black_box(decoded));
    };
    Ok(contender(world, messages, SERDE_JSON, encode, decode))
}

fn ours<'a>(
    world: &'a World,
    messages: usize,
    name: &'static str,
    codec: impl Encoder<Value> + Decoder<Value> + Send + Sync + 'static,
) -> Result<Contender<'a>> {
    let value = order::order(ITEMS);
    ensure_same(name, &codec.decode(&to_bytes(&codec, &value)?)?, &value)?;
    let encoder = Arc::new(codec);
    let decoder = Arc::clone(&encoder);
    let encode = move || Ok(to_message(&*encoder, &value)?);
    let decode = move |body: &Bytes| drop(black_box(decoder.decode(body)));
    Ok(contender(world, messages, name, encode, decode))
}

fn contender<'a>(
    world: &'a World,
    messages: usize,
    name: &'static str,
    encode: impl Fn() -> Result<Message> + 'a,
    decode: impl Fn(&Bytes) + Clone + Send + Sync + 'static,
) -> Contender<'a> {
    Contender::new(name, move || {
        world.runtime.block_on(async {
            let queue = Handled::open(&world.context).await?;
            let producer = Producer::builder(queue.sender(), world.context.clone()).build()?;
            let start = Mark::now();
            for _ in 0..messages / BATCH {
                let batch: Result<Vec<_>> = (0..BATCH).map(|_| encode()).collect();
                for sent in producer.send_all(batch?).await {
                    sent?;
                }
            }
            let sent = start.elapsed();
            let drained = queue.drain(messages, 1, decode.clone()).await?;
            Ok(vec![rate(messages, sent + drained)])
        })
    })
}
