//! Questions and answers over a pair of links: tokens, and the management node of an entity.

use fe2o3_amqp::{
    connection::ConnectionHandle,
    link::{CreditMode, Receiver, Sender},
    session::{Session, SessionHandle},
};
use fe2o3_amqp_types::{
    messaging::{
        AmqpValue, ApplicationProperties, Body, Message, MessageId, Properties, Source, Target,
    },
    primitives::{OrderedMap, SimpleValue, Value},
};
use relayhouse_core::{Error, ErrorKind, Operation, Result};

use super::fault;
use crate::error;

/// The answers that may be under way: questions go one after the other, and some may be late.
const CREDIT: u32 = 16;

/// Is one question.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) properties: OrderedMap<String, SimpleValue>,
    pub(crate) body: Value,
}

/// Is the answer to one question.
#[derive(Debug)]
pub(crate) struct Reply {
    status: i32,
    description: Option<String>,
    condition: Option<String>,
    pub(crate) body: Value,
}

/// Asks one node.
#[derive(Debug)]
pub(crate) struct Rpc {
    sender: Sender,
    receiver: Receiver,
    session: SessionHandle<()>,
    reply_to: String,
    count: u64,
}

impl Rpc {
    /// Attaches both links to `node`; `name` is theirs alone.
    pub(crate) async fn open(
        connection: &mut ConnectionHandle<()>,
        node: &str,
        name: &str,
    ) -> Result<Self> {
        let mut session = Session::begin(connection).await.map_err(fault::of_begin)?;
        let sender = Sender::builder()
            .name(format!("{name}-questions"))
            .source(Source::builder().address(name).build())
            .target(Target::builder().address(node).build())
            .attach(&mut session)
            .await
            .map_err(fault::of_sender_attach)?;
        let receiver = Receiver::builder()
            .name(format!("{name}-answers"))
            .source(Source::builder().address(node).build())
            .target(Target::builder().address(name).build())
            .credit_mode(CreditMode::Auto(CREDIT))
            .auto_accept(true)
            .attach(&mut session)
            .await
            .map_err(fault::of_receiver_attach)?;
        Ok(Self {
            sender,
            receiver,
            session,
            reply_to: name.to_owned(),
            count: 0,
        })
    }

    /// Returns true if nothing can be asked any more.
    pub(crate) fn is_over(&self) -> bool {
        self.session.is_ended()
    }

    /// Asks `question`, and waits for its answer. One at a time; after a future that was dropped
    /// its answer is passed over.
    pub(crate) async fn ask(&mut self, question: Question, operation: Operation) -> Result<Reply> {
        self.count += 1;
        let id = format!("{}-{}", self.reply_to, self.count);
        let message = Message::builder()
            .properties(Properties {
                message_id: Some(MessageId::String(id.clone())),
                reply_to: Some(self.reply_to.clone()),
                ..Properties::default()
            })
            .application_properties(ApplicationProperties(question.properties))
            .body(AmqpValue(question.body))
            .build();
        let sent = self.sender.send(message).await;
        sent.map_err(|error| fault::of_send(error, true).operation(operation))?;
        loop {
            let answer = self.receiver.recv::<Body<Value>>().await;
            let answer = answer.map_err(|error| fault::of_recv(error, operation))?;
            let message = answer.into_message();
            let is_ours = message
                .properties
                .as_ref()
                .is_some_and(|it| it.correlation_id == Some(MessageId::String(id.clone())));
            if is_ours {
                return Ok(read(message));
            }
        }
    }

    /// Ends both links.
    pub(crate) async fn close(mut self) {
        // A link that ended already has nothing left to end.
        let _ = self.session.end().await;
    }
}

fn read(message: Message<Body<Value>>) -> Reply {
    let properties = message.application_properties;
    let properties = properties.map_or_else(OrderedMap::new, |ApplicationProperties(it)| it);
    let find = |names: [&str; 2]| {
        let is_it = |name: &String| names.contains(&name.as_str());
        properties
            .iter()
            .find_map(|(name, value)| is_it(name).then_some(value))
    };
    let text = |names| match find(names) {
        Some(SimpleValue::String(text)) => Some(text.clone()),
        Some(SimpleValue::Symbol(symbol)) => Some(symbol.0.clone()),
        _ => None,
    };
    let status = match find(["status-code", "statusCode"]) {
        Some(SimpleValue::Int(status)) => *status,
        _ => 0,
    };
    Reply {
        status,
        description: text(["status-description", "statusDescription"]),
        condition: text(["error-condition", "errorCondition"]),
        body: match message.body {
            Body::Value(value) => value.0,
            _ => Value::Null,
        },
    }
}

impl Reply {
    /// Returns the body of an answer that says yes.
    pub(crate) fn done(self, operation: Operation) -> Result<Value> {
        if (200..300).contains(&self.status) {
            return Ok(self.body);
        }
        Err(self.refusal(operation))
    }

    fn refusal(self, operation: Operation) -> Error {
        if let Some(condition) = &self.condition {
            return error::of_condition(condition, self.description.as_deref(), operation);
        }
        let status = self.status;
        let kind = match status {
            401 | 403 => ErrorKind::Unauthorized,
            404 => ErrorKind::QueueNotFound,
            410 => ErrorKind::LeaseLost,
            503 => ErrorKind::Throttled,
            _ => ErrorKind::Unexpected,
        };
        let text = format!("the broker answers with status {status}");
        Error::new(kind, text).operation(operation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: i32, condition: Option<&str>) -> Reply {
        Reply {
            status,
            description: None,
            condition: condition.map(str::to_owned),
            body: Value::Null,
        }
    }

    #[test]
    fn a_refusal_is_told_by_its_condition_before_its_status() {
        let kind = |status, condition| {
            let error = reply(status, condition)
                .done(Operation::Extend)
                .unwrap_err();
            assert_eq!(error.attempted(), Some(Operation::Extend));
            error.kind()
        };
        let lost = Some(error::MESSAGE_LOCK_LOST);
        assert_eq!(kind(410, lost), ErrorKind::LeaseLost);
        assert_eq!(kind(410, None), ErrorKind::LeaseLost);
        assert_eq!(kind(401, None), ErrorKind::Unauthorized);
        assert_eq!(
            kind(404, Some("amqp:internal-error")),
            ErrorKind::OutcomeUnknown
        );
        assert_eq!(kind(0, None), ErrorKind::Unexpected);
        assert!(reply(202, None).done(Operation::Open).is_ok());
    }

    #[test]
    fn answers_are_read_in_both_spellings() {
        for (status, condition) in [
            ("status-code", "error-condition"),
            ("statusCode", "errorCondition"),
        ] {
            let mut properties = OrderedMap::new();
            properties.insert(status.to_owned(), SimpleValue::Int(410));
            let lost = SimpleValue::Symbol(error::MESSAGE_LOCK_LOST.into());
            properties.insert(condition.to_owned(), lost);
            let message = Message::builder()
                .application_properties(ApplicationProperties(properties))
                .body(Body::Value(AmqpValue(Value::Bool(true))))
                .build();
            let reply = read(message);
            assert_eq!(reply.status, 410);
            assert_eq!(reply.condition.as_deref(), Some(error::MESSAGE_LOCK_LOST));
            assert_eq!(reply.body, Value::Bool(true));
        }
    }
}
