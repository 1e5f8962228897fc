//! Tests of services of values.

use std::{
    future::{Ready, ready},
    pin::pin,
    task::{Context, Poll, Waker},
};

use relayhouse_core::{Error, ErrorKind, Message, Result};
use tower_layer::Layer;
use tower_service::Service;

use super::*;
use crate::JsonCodec;

/// Answers with the message, once it is ready.
#[derive(Clone, Debug, Default)]
struct Echo {
    is_ready: bool,
}

impl Service<Message> for Echo {
    type Response = Message;
    type Error = Error;
    type Future = Ready<Result<Message>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        if std::mem::replace(&mut self.is_ready, true) {
            return Poll::Ready(Ok(()));
        }
        Poll::Pending
    }

    fn call(&mut self, message: Message) -> Self::Future {
        assert!(self.is_ready, "called before it was ready");
        ready(Ok(message))
    }
}

fn now<F: Future>(future: F) -> Poll<F::Output> {
    let context = &mut Context::from_waker(Waker::noop());
    pin!(future).poll(context)
}

#[test]
fn value_becomes_a_message_with_its_content_type() {
    let mut service = Echo { is_ready: true }.json();
    let Poll::Ready(Ok(message)) = now(service.call([1, 2])) else {
        panic!("no answer");
    };
    assert_eq!(message.body, "[1,2]");
    let content_type = message.details().content_type.as_deref();
    assert_eq!(content_type, Some("application/json"));
}

#[test]
fn readiness_is_that_of_the_inner_service() {
    let mut service = EncodingLayer::new(JsonCodec::new()).layer(Echo::default());
    let context = &mut Context::from_waker(Waker::noop());
    assert!(Service::<u8>::poll_ready(&mut service, context).is_pending());
    assert!(Service::<u8>::poll_ready(&mut service, context).is_ready());
    assert!(now(service.call(1_u8)).is_ready());
}

#[test]
fn value_that_cannot_be_encoded_is_not_sent() {
    let unfit = std::collections::BTreeMap::from([(Some([1]), 1)]);
    let mut service = Echo::default().json();
    // The inner service is not ready, and would panic.
    let Poll::Ready(Err(error)) = now(service.call(&unfit)) else {
        panic!("no error");
    };
    assert_eq!(error.kind(), ErrorKind::Codec);
    let Poll::Ready(Err(error)) = now(service.send(&unfit)) else {
        panic!("no error");
    };
    assert_eq!(error.kind(), ErrorKind::Codec);
}

#[test]
fn send_takes_references_and_waits_until_there_is_room() {
    let service = Echo::default().encoded_by(JsonCodec::new());
    assert!(now(service.send("text")).is_pending());
    let service = Echo { is_ready: true }.encoded_by(JsonCodec::new());
    let Poll::Ready(Ok(message)) = now(service.send("text")) else {
        panic!("no answer");
    };
    assert_eq!(message.body, "\"text\"");
}
