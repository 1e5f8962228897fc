//! A choice of codecs at run time.

use relayhouse_codec::{
    CodecRegistry, Decoded, Json, JsonCodec, MessagePack, MessagePackCodec,
    avro::{AvroCodec, Schema},
    to_message,
};
use relayhouse_core::{
    Delivery, ErrorKind, FromDelivery, FromRef, Instant, IntoMessage, Lease, Message, MessageId,
    Previous, Receipt, Result, Timestamp,
};

fn delivery(message: Message) -> Delivery {
    Delivery {
        id: MessageId::from(7),
        message,
        receipt: Receipt::from_bytes([0; 16]),
        lease: Lease::new(Instant::NEVER, 1),
        attempt: 1,
        previous: Previous::None,
        sequence: None,
        enqueued_at: Timestamp::default(),
        envelope: None,
    }
}

/// A codec of lists of numbers.
fn avro<T>() -> AvroCodec<T> {
    let schema = Schema::parse(r#"{"type": "array", "items": "int"}"#).unwrap();
    AvroCodec::new(schema).unwrap()
}

fn all() -> CodecRegistry {
    CodecRegistry::new()
        .codec(JsonCodec::new())
        .codec(MessagePackCodec::new())
        .codec(avro::<Vec<u8>>())
}

fn draw(message: Message, codecs: &CodecRegistry) -> Result<Decoded<Vec<u8>>> {
    Decoded::from_delivery(&delivery(message), codecs)
}

#[test]
fn content_type_chooses_the_codec() {
    for message in [
        Json([1, 2]).into_message().unwrap(),
        MessagePack([1, 2]).into_message().unwrap(),
        Message::new("[1,2]").content_type("application/vnd.api+json; v=1"),
        Message::new(&b"\x92\x01\x02"[..]).content_type("application/x-msgpack"),
        to_message(&avro(), &[1, 2]).unwrap(),
        to_message(&avro(), &[1, 2])
            .unwrap()
            .content_type("application/vnd.numbers+avro"),
        all().encode("avro/binary", &[1, 2]).unwrap(),
    ] {
        assert_eq!(draw(message, &all()).unwrap(), Decoded(vec![1, 2]));
    }
}

#[test]
fn what_is_not_allowed_is_refused_by_name() {
    let only_json = CodecRegistry::new().codec(JsonCodec::new());
    let message = MessagePack([1, 2]).into_message().unwrap();
    let error = draw(message, &only_json).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Codec);
    assert!(error.is_permanent());
    assert_eq!(
        error.to_string(),
        "content type is application/vnd.msgpack, expected application/json"
    );
    let message = Message::new("x").content_type("text/plain");
    assert_eq!(
        draw(message.clone(), &all()).unwrap_err().to_string(),
        "content type is text/plain, expected application/json or application/vnd.msgpack or \
         avro/binary"
    );
    let error = draw(message, &CodecRegistry::new()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "content type is text/plain, expected none"
    );
    assert!(all().encode("text/plain", &1).is_err());
}

#[test]
fn nothing_is_guessed_without_a_content_type() {
    let message = || Message::new("[1,2]");
    let error = draw(message(), &all()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Codec);
    assert!(error.to_string().contains("no content type"), "{error}");
    let codecs = all().unlabelled(JsonCodec::new());
    assert_eq!(draw(message(), &codecs).unwrap(), Decoded(vec![1, 2]));
}

/// The codec knows no type here, and its errors pass through ones that keep only a text.
#[test]
fn what_is_wrong_keeps_its_place_in_avro() {
    let body = |body: &'static [u8]| {
        let mut message = to_message(&avro(), &[1, 2]).unwrap();
        message.body = body.into();
        draw(message, &all()).unwrap_err().to_string()
    };
    assert_eq!(
        body(b"\x04\x02\xff\xff\xff\xff\xff\xff\x00"),
        "Avro datum does not decode at byte 9, value[1]: an int has more than 32 bits"
    );
    // What a type says of a value may quote it, and is left out.
    assert_eq!(
        body(b"\x04\x02\x80\x08\x00"),
        "Avro datum does not decode at byte 4, value[1]: value is refused by the type"
    );
}

#[test]
fn registry_may_be_a_part_of_the_state() {
    struct App {
        codecs: CodecRegistry,
    }
    impl FromRef<App> for CodecRegistry {
        fn from_ref(app: &App) -> Self {
            app.codecs.clone()
        }
    }
    let app = App { codecs: all() };
    let message = Json([1, 2]).into_message().unwrap();
    let drawn: Decoded<[u8; 2]> = Decoded::from_delivery(&delivery(message), &app).unwrap();
    assert_eq!(drawn, Decoded([1, 2]));
}

#[test]
fn values_borrow_from_the_message() {
    for message in [
        Json(["a"]).into_message().unwrap(),
        MessagePack(["a"]).into_message().unwrap(),
    ] {
        let texts: Vec<&str> = all().decode(&message).unwrap();
        assert!(message.body.as_ptr_range().contains(&texts[0].as_ptr()));
    }
}
