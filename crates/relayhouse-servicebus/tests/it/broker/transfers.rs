//! What is sent, asked of a node and settled.

use std::io::Result;

use fe2o3_amqp_types::{
    definitions::Role,
    messaging::{
        Accepted, AmqpValue, ApplicationProperties, Body, DeliveryState, Message, Outcome,
        Properties, Rejected,
        message::__private::{Deserializable, Serializable},
    },
    performatives::{Disposition, Transfer},
    primitives::{OrderedMap, SimpleValue, Symbol, Value},
    transaction::{Declared, TransactionalState},
};

use super::{LOCK_LOST, Verdict, links::COORDINATOR, made::condition, peer::Peer};

impl Peer {
    pub(super) async fn on_transfer(
        &mut self,
        channel: u16,
        transfer: &Transfer,
        payload: &[u8],
    ) -> Result<()> {
        let address = self.links[&(channel, transfer.handle.0)].address.clone();
        let id = transfer.delivery_id.unwrap();
        if address == COORDINATOR {
            let state = self.on_control(payload);
            return self.settle(channel, Role::Receiver, id, state).await;
        }
        let is_node = address.starts_with('$') || address.contains("/$management");
        let refusal = self.script.lock().unwrap().refusal.take_if(|_| !is_node);
        let state = match refusal {
            Some(name) => DeliveryState::Rejected(Rejected {
                error: Some(condition(name)),
            }),
            None => match &transfer.state {
                Some(DeliveryState::TransactionalState(part)) => {
                    DeliveryState::TransactionalState(TransactionalState {
                        outcome: Some(Outcome::Accepted(Accepted {})),
                        ..part.clone()
                    })
                }
                _ => DeliveryState::Accepted(Accepted {}),
            },
        };
        self.settle(channel, Role::Receiver, id, state).await?;
        if !is_node {
            let mut script = self.script.lock().unwrap();
            script.sent.push(payload.to_vec());
            script.formats.push(transfer.message_format.unwrap());
            return Ok(());
        }
        let answer = self.answer(&address, payload);
        let (_, handle) = *self
            .links
            .iter()
            .find(|((on, _), link)| *on == channel && link.is_sending)
            .unwrap()
            .0;
        self.transfer(channel, handle, vec![0], true, &answer).await
    }

    /// Begins a transaction, or ends one.
    fn on_control(&mut self, payload: &[u8]) -> DeliveryState {
        let message: Deserializable<Message<Body<Value>>> =
            serde_amqp::from_slice(payload).unwrap();
        let Body::Value(AmqpValue(Value::Described(control))) = message.0.body else {
            panic!("no control");
        };
        let Value::List(fields) = &control.value else {
            panic!("{control:?}");
        };
        match fields.get(1) {
            Some(Value::Bool(is_rollback)) => {
                let mut script = self.script.lock().unwrap();
                script.transactions.push(!is_rollback);
                DeliveryState::Accepted(Accepted {})
            }
            _ => DeliveryState::Declared(Declared {
                txn_id: vec![7].into(),
            }),
        }
    }

    fn answer(&mut self, address: &str, payload: &[u8]) -> Vec<u8> {
        let question: Deserializable<Message<Body<Value>>> =
            serde_amqp::from_slice(payload).unwrap();
        let mut script = self.script.lock().unwrap();
        let mut body = OrderedMap::new();
        let mut more = vec![];
        if address == "$cbs" {
            let Body::Value(AmqpValue(Value::String(token))) = question.0.body else {
                panic!("no token");
            };
            script.tokens.push(token);
            more.push(("status-code", SimpleValue::Int(202)));
        } else {
            let properties = question.0.application_properties.unwrap();
            if let Some(SimpleValue::String(operation)) = properties.0.get("operation") {
                script.asked.push(operation.clone());
            }
            match script.answers.pop_front().unwrap() {
                Ok(fields) => {
                    for (name, value) in fields {
                        body.insert(Value::String(name.to_owned()), value);
                    }
                    more.push(("statusCode", SimpleValue::Int(200)));
                }
                Err(name) => {
                    more.push(("statusCode", SimpleValue::Int(410)));
                    more.push(("errorCondition", SimpleValue::Symbol(Symbol::from(name))));
                }
            }
        }
        let more = more
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        let message = Message::builder()
            .properties(Properties {
                correlation_id: question.0.properties.unwrap().message_id,
                ..Properties::default()
            })
            .application_properties(ApplicationProperties(more.collect()))
            .body(AmqpValue(Value::Map(body)))
            .build();
        serde_amqp::to_vec(&Serializable(message)).unwrap()
    }

    pub(super) async fn on_disposition(
        &mut self,
        channel: u16,
        disposition: &Disposition,
    ) -> Result<bool> {
        if disposition.role == Role::Sender || disposition.settled {
            return Ok(false);
        }
        let asked = disposition.state.clone().unwrap();
        for id in disposition.first..=disposition.last.unwrap_or(disposition.first) {
            let verdict = {
                let mut script = self.script.lock().unwrap();
                script.settled.push(asked.clone());
                script.verdicts.pop_front().unwrap_or(Verdict::Agree)
            };
            let state = match (verdict, &asked) {
                // A rejection is confirmed bare.
                (Verdict::Agree, DeliveryState::Rejected(_)) => {
                    DeliveryState::Rejected(Rejected { error: None })
                }
                (Verdict::Agree, asked) => asked.clone(),
                (Verdict::LockLost, _) => DeliveryState::Rejected(Rejected {
                    error: Some(condition(LOCK_LOST)),
                }),
                (Verdict::Detach, _) => {
                    let forced = condition("amqp:link:detach-forced");
                    let key = *self.links.keys().find(|(on, _)| *on == channel).unwrap();
                    self.links.remove(&key);
                    self.detach(channel, key.1, Some(forced)).await?;
                    return Ok(false);
                }
                (Verdict::Cut, _) => return Ok(true),
            };
            self.settle(channel, Role::Sender, id, state).await?;
        }
        Ok(false)
    }
}
