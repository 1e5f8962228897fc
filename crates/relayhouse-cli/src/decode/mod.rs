//! What bodies say, by their content types.

mod shown;

use std::{collections::HashMap, sync::Arc};

use relayhouse::{
    Clock, Error, ErrorKind, Message,
    codec::{
        BorrowDecoder, Format, JsonCodec, MessagePackCodec,
        avro::{AvroCodec, FixedSchemas, Framing, SchemaId, SchemaRegistry, SchemaStore},
    },
};
use serde_json::Value;

use self::shown::Shown;
use crate::{
    args::Decoding,
    exit::{Failure, chain},
    schema,
};

/// Says what bodies say.
#[derive(Debug)]
pub(crate) struct Decode {
    store: Arc<dyn SchemaStore>,
    /// The codecs of the schemas so far, each of which reads what it has written.
    avro: HashMap<(SchemaId, Framing), AvroCodec<Shown>>,
}

/// What a body says, or why that is not known.
pub(crate) type Decoded = Result<Value, String>;

impl Decode {
    /// Prepares for what was asked for; nothing if nothing was.
    pub(crate) fn of(args: &Decoding, clock: &Arc<dyn Clock>) -> Result<Option<Self>, Failure> {
        if !args.decode {
            return Ok(None);
        }
        let store: Arc<dyn SchemaStore> = match (&args.schema, &args.registry) {
            (Some(path), _) => schema::store(path)?,
            (None, Some(url)) => {
                let registry = SchemaRegistry::builder(url, Arc::clone(clock));
                Arc::new(registry.build()?)
            }
            (None, None) => Arc::new(FixedSchemas::new()),
        };
        let avro = HashMap::new();
        Ok(Some(Self { store, avro }))
    }

    /// Returns true if the content type of `message` is one that can be decoded.
    pub(crate) fn knows(message: &Message) -> bool {
        let content_type = message.details().content_type.as_deref();
        content_type.is_some_and(|it| {
            let is_plain = JsonCodec::new().accepts(it) || MessagePackCodec::new().accepts(it);
            is_plain || Framing::of(it).is_some()
        })
    }

    /// Decodes the body of `message`.
    pub(crate) async fn decode(&mut self, message: &Message) -> Decoded {
        let decoded = self.shown(message).await;
        decoded
            .map(|Shown(value)| value)
            .map_err(|error| chain(&error))
    }

    async fn shown(&mut self, message: &Message) -> Result<Shown, Error> {
        let Some(content_type) = message.details().content_type.as_deref() else {
            return Err(unknown(
                "message has no content type, and nothing is guessed",
            ));
        };
        let (json, message_pack) = (JsonCodec::new(), MessagePackCodec::new());
        if json.accepts(content_type) {
            return json.decode_message_borrowed(message);
        }
        if message_pack.accepts(content_type) {
            return message_pack.decode_message_borrowed(message);
        }
        match Framing::of(content_type) {
            Some(framing) => self.avro(framing, message).await,
            None => Err(unknown(
                "content type is none of JSON, MessagePack and Avro",
            )),
        }
    }

    async fn avro(&mut self, framing: Framing, message: &Message) -> Result<Shown, Error> {
        let Some(id) = framing.schema_of(message)? else {
            return Err(unknown("message names no schema"));
        };
        let codec = match self.avro.get(&(id, framing)) {
            Some(codec) => codec.clone(),
            None => {
                let schema = self.store.fetch(id).await?;
                let codec = AvroCodec::builder(schema).id(id).framing(framing).build()?;
                self.avro.insert((id, framing), codec.clone());
                codec
            }
        };
        codec.decode_message_borrowed(message)
    }
}

fn unknown(text: &'static str) -> Error {
    Error::new(ErrorKind::Codec, text)
}
