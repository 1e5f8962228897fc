//! What is asked of an entity beside messages.

mod arguments;
mod messages;
mod rules;
mod sessions;

use bytes::{Bytes, BytesMut};
use serde_amqp::Value as Encoded;

use self::arguments::Arguments;
use super::{
    Client, condition,
    request::{Answer, Request},
};
use crate::{
    amqp::append,
    model::{self, Address, ErrorKind},
};

/// Why a request is refused.
#[derive(Debug)]
struct Refusal {
    status: i32,
    condition: String,
    description: String,
}

type Result<T> = std::result::Result<T, Refusal>;

impl From<model::Error> for Refusal {
    fn from(error: model::Error) -> Self {
        let told = condition::of(&error);
        Self {
            status: condition::status(error.kind()),
            condition: condition::name(&told.condition),
            description: error.message().to_owned(),
        }
    }
}

impl Refusal {
    fn argument(description: impl Into<Box<str>>) -> Self {
        model::Error::new(ErrorKind::Argument, description).into()
    }
}

/// What a request gets: an encoded body, or that there is nothing.
enum Found {
    Something(Bytes),
    Nothing,
}

impl Found {
    /// Finds what the library writes: scalars in lists, maps, and arrays of what is no text.
    fn of(body: &Encoded) -> Self {
        let mut bytes = BytesMut::new();
        append(&mut bytes, body);
        Self::Something(bytes.freeze())
    }
}

impl Client {
    /// Does what is asked of an entity.
    pub(super) fn manage(&mut self, address: &Address, request: &Request) -> Answer {
        match self.look_up(address, request) {
            Ok(Found::Something(body)) => Answer::ok(body),
            Ok(Found::Nothing) => Answer::bare(204, "No content"),
            Err(refusal) => Answer {
                condition: Some(refusal.condition),
                ..Answer::bare(refusal.status, refusal.description)
            },
        }
    }

    fn look_up(&mut self, address: &Address, request: &Request) -> Result<Found> {
        let operation = request.argument("operation").unwrap_or_default();
        let arguments = Arguments::of(&request.body)?;
        let name = operation
            .strip_prefix("com.microsoft:")
            .unwrap_or(operation);
        let body = match name {
            "renew-lock" => self.renew_lock(address, arguments),
            "peek-message" => return self.peek(address, arguments),
            "schedule-message" => self.schedule(address, arguments),
            "cancel-scheduled-message" => self.cancel(address, arguments),
            "receive-by-sequence-number" => return self.receive_deferred(address, arguments),
            "update-disposition" => self.update_disposition(address, arguments),
            "renew-session-lock" => self.renew_session(address, arguments),
            "get-session-state" => self.session_state(address, arguments),
            "set-session-state" => self.set_session_state(address, arguments),
            "add-rule" => self.add_rule(address, arguments),
            "remove-rule" => self.remove_rule(address, arguments),
            "enumerate-rules" => return self.list_rules(address, arguments),
            "get-message-sessions" => return self.list_sessions(address, arguments),
            _ => {
                let description = format!("there is no operation {operation:?} of entities");
                return Err(Refusal::argument(description));
            }
        };
        body.map(|body| Found::of(&body))
    }
}
