//! What the broker writes, as far as it is always the same.

use fe2o3_amqp_types::{
    definitions::{Error, ErrorCondition, Handle},
    messaging::{
        Data, Header, Message, MessageAnnotations, annotations::OwnedKey,
        message::__private::Serializable,
    },
    performatives::{Begin, Flow, Open},
    primitives::{OrderedMap, Symbol, Value},
};

pub(super) fn condition(name: &str) -> Error {
    let condition: ErrorCondition =
        serde_amqp::from_value(Value::Symbol(Symbol::from(name))).unwrap();
    Error::new(condition, None, None)
}

pub(super) fn opened() -> Open {
    Open {
        container_id: "broker".to_owned(),
        hostname: None,
        max_frame_size: 65_536.into(),
        channel_max: 255.into(),
        idle_time_out: None,
        outgoing_locales: None,
        incoming_locales: None,
        offered_capabilities: None,
        desired_capabilities: None,
        properties: None,
    }
}

pub(super) fn begun(channel: u16) -> Begin {
    Begin {
        remote_channel: Some(channel),
        next_outgoing_id: 0,
        incoming_window: 5000,
        outgoing_window: 5000,
        handle_max: Handle(255),
        offered_capabilities: None,
        desired_capabilities: None,
        properties: None,
    }
}

pub(super) fn flow() -> Flow {
    Flow {
        next_incoming_id: Some(0),
        incoming_window: 5000,
        next_outgoing_id: 0,
        outgoing_window: 5000,
        handle: None,
        delivery_count: None,
        link_credit: None,
        available: None,
        drain: false,
        echo: false,
        properties: None,
    }
}

pub(super) fn delivery(body: &'static str, sequence: u8) -> Vec<u8> {
    let mut annotations = OrderedMap::new();
    let number = Value::Long(i64::from(sequence));
    annotations.insert(OwnedKey::from("x-opt-sequence-number"), number);
    let message = Message::builder()
        .header(Header::default())
        .message_annotations(MessageAnnotations(annotations))
        .body(Data(body.as_bytes().to_vec().into()))
        .build();
    serde_amqp::to_vec(&Serializable(message)).unwrap()
}
