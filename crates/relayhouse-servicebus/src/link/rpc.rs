//! Questions and answers over a pair of links: tokens, and the management node of an entity.

use std::time::Duration;

use fe2o3_amqp::link::{CreditMode, Receiver, SendError, Sender};
use fe2o3_amqp_types::{
    messaging::{
        AmqpValue, ApplicationProperties, Body, Message, MessageId, Outcome, Properties, Rejected,
        Source, Target,
    },
    primitives::{OrderedMap, SimpleValue, Value},
};
use futures_util::future::BoxFuture;
use relayhouse_core::{Error, ErrorKind, Operation, Result};

use super::{fault, seat::Seat};
use crate::{convert::Payload, error};

/// The answers that may be under way.
const CREDIT: u32 = 64;

/// The property that names the link that a question is about.
const LINK: &str = "associated-link-name";

/// The property that says how many milliseconds the broker may take.
const TIMEOUT: &str = "com.microsoft:server-timeout";

/// Is one question.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) properties: OrderedMap<String, SimpleValue>,
    pub(crate) body: Value,
}

impl Question {
    /// Asks for `operation` of the entity, with the fields of its body.
    pub(crate) fn new<const N: usize>(operation: &str, fields: [(&str, Value); N]) -> Self {
        let mut properties = OrderedMap::new();
        let operation = SimpleValue::String(format!("com.microsoft:{operation}"));
        properties.insert("operation".to_owned(), operation);
        Self {
            properties,
            body: map(fields),
        }
    }

    /// Adds a field to the body.
    pub(crate) fn with(mut self, name: &str, value: Value) -> Self {
        if let Value::Map(fields) = &mut self.body {
            fields.insert(Value::String(name.to_owned()), value);
        }
        self
    }

    /// Names the link that it is about.
    pub(crate) fn about(mut self, link: &str) -> Self {
        let link = SimpleValue::String(link.to_owned());
        self.properties.insert(LINK.to_owned(), link);
        self
    }

    /// Tells the broker how long it may take.
    pub(super) fn within(mut self, limit: Duration) -> Self {
        let millis = u32::try_from(limit.as_millis()).unwrap_or(u32::MAX);
        let millis = SimpleValue::Uint(millis);
        self.properties.insert(TIMEOUT.to_owned(), millis);
        self
    }
}

/// Makes a map of names.
pub(crate) fn map<'a>(fields: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    let fields = fields.into_iter();
    let fields = fields.map(|(name, value)| (Value::String(name.to_owned()), value));
    Value::Map(fields.collect())
}

/// Returns the field `name` of a map.
pub(crate) fn field<'a>(body: &'a Value, name: &str) -> Option<&'a Value> {
    let Value::Map(map) = body else {
        return None;
    };
    let is_it = |key: &Value| matches!(key, Value::String(key) if key == name);
    map.iter()
        .find_map(|(key, value)| is_it(key).then_some(value))
}

/// Returns the items of the field `name` of a map, whichever kind of list it is.
pub(crate) fn items<'a>(body: &'a Value, name: &str) -> &'a [Value] {
    match field(body, name) {
        Some(Value::Array(items)) => items,
        Some(Value::List(items)) => items,
        _ => &[],
    }
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
    session: Seat,
    reply_to: String,
    count: u64,
}

/// Is what happened on the links to a node.
pub(super) enum Heard {
    /// A question was answered.
    Reply(u64, Reply),
    /// The links have ended.
    End(Error),
}

/// Ends when the broker has taken a question, or not.
pub(super) type Taken = BoxFuture<'static, (u64, Result<()>)>;

impl Rpc {
    /// Attaches both links to `node`; `name` is theirs alone.
    pub(crate) async fn open(mut session: Seat, node: &str, name: &str) -> Result<Self> {
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
        let (id, taken) = self.put(question, operation).await?;
        taken.await.1?;
        loop {
            match self.hear(operation).await {
                Heard::Reply(of, reply) if of == id => return Ok(reply),
                Heard::Reply(_, _) => {}
                Heard::End(error) => return Err(error),
            }
        }
    }

    /// Has `question` leave, and returns its number.
    pub(super) async fn put(
        &mut self,
        question: Question,
        operation: Operation,
    ) -> Result<(u64, Taken)> {
        self.count += 1;
        let id = self.count;
        let message = Message::builder()
            .properties(Properties {
                message_id: Some(MessageId::Ulong(id)),
                reply_to: Some(self.reply_to.clone()),
                ..Properties::default()
            })
            .application_properties(ApplicationProperties(question.properties))
            .body(AmqpValue(question.body))
            .build();
        let sent = self.sender.send_batchable(message).await;
        let taken = sent.map_err(|error| fault::of_send(error, false).operation(operation))?;
        let taken = async move { (id, of_taken(taken.await, operation)) };
        Ok((id, Box::pin(taken)))
    }

    /// Waits for the next answer. Dropping the future loses nothing.
    pub(super) async fn hear(&mut self, operation: Operation) -> Heard {
        loop {
            let answer = match self.receiver.recv::<Body<Value>>().await {
                Ok(answer) => answer,
                Err(error) => return Heard::End(fault::of_recv(error, operation)),
            };
            let format = *answer.message_format();
            let answer = match Payload::new(format, answer.into_message()).decoded() {
                Ok(answer) => answer,
                Err(error) => return Heard::End(fault::of_decode(error, operation)),
            };
            let id = answer.properties.as_ref();
            if let Some(MessageId::Ulong(id)) = id.and_then(|it| it.correlation_id.clone()) {
                return Heard::Reply(id, read(answer));
            }
        }
    }

    /// Ends both links.
    pub(crate) async fn close(self) {
        self.session.end().await;
    }
}

/// Says whether the broker took a question.
fn of_taken(outcome: Result<Outcome, SendError>, operation: Operation) -> Result<()> {
    let error = match outcome {
        Ok(Outcome::Rejected(Rejected { error: Some(error) })) => fault::of_amqp(&error, operation),
        Ok(Outcome::Accepted(_)) => return Ok(()),
        Ok(_) => Error::new(ErrorKind::Unexpected, "the broker refused a question"),
        Err(error) => fault::of_send(error, true),
    };
    Err(error.operation(operation))
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
