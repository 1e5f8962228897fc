//! Requests and their answers.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use fe2o3_amqp_types::{
    definitions::{AmqpError, Error},
    messaging::{MessageId, Properties},
};
use serde_amqp::primitives::SymbolRef;

use super::{
    Client,
    compound::put_map,
    message::{entries_of, section_start},
    raw,
    role::{Node, Replies, Role},
    sections::{self, APPLICATION_PROPERTIES, PROPERTIES, Text, VALUE},
};
use crate::{
    amqp::{Delivered, LinkId, Shipment, append, error},
    fault::Drawn,
};

/// How many answers wait for credit on one link.
const REPLIES_WAITING_MAX: usize = 1_024;

/// What a client asks.
#[derive(Debug, Default)]
pub(super) struct Request {
    pub(super) properties: Properties,
    arguments: BTreeMap<Box<str>, Box<str>>,
    /// The value that is the body, as it came.
    pub(super) body: Bytes,
}

/// What it is answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: i32,
    pub(super) description: String,
    /// The condition of a refusal.
    pub(super) condition: Option<String>,
    /// The encoded value that is the body.
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn ok(body: Bytes) -> Self {
        Self {
            body,
            ..Self::bare(200, "OK")
        }
    }

    /// Answers without a body.
    pub(super) fn bare(status: i32, description: impl Into<String>) -> Self {
        Self {
            status,
            description: description.into(),
            condition: None,
            body: Bytes::from_static(&[raw::NULL]),
        }
    }
}

impl Client {
    /// Answers a request on the link that it names, or on any to the same node.
    pub(super) fn on_request(
        &mut self,
        node: &Node,
        delivered: &Delivered,
        drawn: Drawn,
    ) -> Result<(), Box<Error>> {
        let request = Request::read(&delivered.payload)
            .map_err(|description| Box::new(error(AmqpError::DecodeError, description)))?;
        let reply_to = request.properties.reply_to.as_deref();
        let Some(link) = self.reply_link(node, reply_to) else {
            let description = "there is no link on which the request could be answered";
            return Err(Box::new(error(AmqpError::NotFound, description)));
        };
        if let Some(Role::Replies(replies)) = self.roles.get(&link)
            && REPLIES_WAITING_MAX <= replies.waiting.len()
        {
            let description = format!("{REPLIES_WAITING_MAX} answers wait for credit");
            return Err(Box::new(error(
                AmqpError::ResourceLimitExceeded,
                description,
            )));
        }
        let answer = match node {
            Node::Cbs => self.on_token(&request),
            Node::Management(address) => self.manage(address, &request),
        };
        if drawn.drops_answer {
            return Ok(());
        }
        let payload = answer.encode(request.properties.message_id.clone());
        if let Some(Role::Replies(replies)) = self.roles.get_mut(&link) {
            replies.waiting.push_back(payload);
        }
        self.send_replies(link);
        Ok(())
    }

    fn reply_link(&self, node: &Node, reply_to: Option<&str>) -> Option<LinkId> {
        let links = self.roles.iter().filter_map(|(link, role)| match role {
            Role::Replies(replies) => Some((*link, replies)),
            _ => None,
        });
        let named =
            |replies: &Replies| reply_to.is_some() && replies.address.as_deref() == reply_to;
        let found = links.clone().find(|(_, replies)| named(replies));
        // Some clients name no link, or one that they do not have.
        let found = found.or_else(|| links.clone().find(|(_, replies)| replies.node == *node));
        found.map(|(link, _)| link)
    }

    /// Sends as many answers as the client takes.
    pub(super) fn send_replies(&mut self, link: LinkId) {
        while 0 < self.engine.credit(link) {
            let Some(Role::Replies(replies)) = self.roles.get_mut(&link) else {
                return;
            };
            let Some(payload) = replies.waiting.pop_front() else {
                break;
            };
            let shipment = Shipment {
                tag: Bytes::from_static(b"reply"),
                format: 0,
                // Some clients never decide on an answer.
                is_settled: true,
                payload,
            };
            self.engine.send(link, shipment);
        }
        self.engine.drained(link);
    }
}

impl Request {
    fn read(message: &Bytes) -> Result<Self, Text> {
        let mut request = Self::default();
        for section in sections::split(message)? {
            let value = &message[section.value.clone()];
            match section.code {
                PROPERTIES => request.properties = sections::read(&message[section.whole])?,
                APPLICATION_PROPERTIES => {
                    let texts = raw::entries(entries_of(value)?).filter_map(|(key, value)| {
                        Some((raw::text(key)?.into(), raw::text(value)?.into()))
                    });
                    request.arguments = texts.collect();
                }
                VALUE => request.body = message.slice(section.value),
                _ => {}
            }
        }
        Ok(request)
    }

    pub(super) fn argument(&self, name: &str) -> Option<&str> {
        self.arguments.get(name).map(|text| &**text)
    }
}

impl Answer {
    fn encode(self, correlation_id: Option<MessageId>) -> Bytes {
        let mut bytes = BytesMut::new();
        let properties = Properties {
            correlation_id,
            ..Properties::default()
        };
        append(&mut bytes, &properties);
        bytes.extend_from_slice(&section_start(APPLICATION_PROPERTIES));
        put_map(&mut bytes, |map| {
            // Clients read one spelling at one node and the other at another.
            for name in ["statusCode", "status-code"] {
                map.entry(name, &self.status);
            }
            for name in ["statusDescription", "status-description"] {
                map.entry(name, &self.description);
            }
            for name in ["errorCondition", "error-condition"] {
                if let Some(condition) = &self.condition {
                    map.entry(name, &SymbolRef(condition));
                }
            }
        });
        bytes.extend_from_slice(&section_start(VALUE));
        bytes.extend_from_slice(&self.body);
        bytes.freeze()
    }
}
