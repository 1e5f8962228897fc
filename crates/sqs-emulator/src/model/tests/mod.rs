//! The model by itself: one test for each rule, on a time that stands still until it is moved.

mod batches;
mod dead;
mod dedup;
mod fifo;
mod moves;
mod properties;
mod queues;
mod receive;
mod send;
mod settle;

use std::time::{Duration, UNIX_EPOCH};

use super::{Call, Model, Site};
use crate::api::{
    Code, Result,
    messages::{Message, Receive, Send, Sent, Settle},
    queues::{CreateQueue, GetAttributes, QueueUrl, SetAttributes},
};

/// A model, the time, and whoever calls.
struct World {
    model: Model,
    call: Call,
}

impl World {
    fn new() -> Self {
        let site = Site {
            region: "us-east-1".to_owned(),
            endpoint: "http://127.0.0.1:9324".to_owned(),
        };
        let now = UNIX_EPOCH + Duration::from_secs(1_767_225_600);
        Self {
            model: Model::new(site, 7),
            call: Call::new(now, "000000000000".to_owned()),
        }
    }

    fn pass(&mut self, seconds: u64) {
        self.call.now += Duration::from_secs(seconds);
    }

    fn create(&mut self, name: &str, attributes: &[(&str, &str)]) -> Result<String> {
        let create = CreateQueue {
            queue_name: name.to_owned(),
            attributes: texts(attributes),
            tags: texts(&[]),
        };
        let created = self.model.create_queue(&mut self.call, create)?;
        Ok(created.queue_url)
    }

    fn queue(&mut self, name: &str) -> String {
        self.create(name, &[]).unwrap()
    }

    fn fifo(&mut self, name: &str, attributes: &[(&str, &str)]) -> String {
        let attributes = [&[("FifoQueue", "true")], attributes].concat();
        self.create(name, &attributes).unwrap()
    }

    /// Creates a queue whose dead messages go to `target` after `receives` receives.
    fn source(&mut self, name: &str, target: &str, receives: u32) -> String {
        let policy = policy(target, receives);
        let mut attributes = vec![("RedrivePolicy", policy.as_str())];
        if name.ends_with(".fifo") {
            attributes.push(("FifoQueue", "true"));
        }
        self.create(name, &attributes).unwrap()
    }

    fn set(&mut self, url: &str, name: &str, value: &str) -> Result<()> {
        let set = SetAttributes {
            queue_url: url.to_owned(),
            attributes: texts(&[(name, value)]),
        };
        self.model.set_attributes(&mut self.call, &set).map(drop)
    }

    fn get(&mut self, url: &str, name: &str) -> String {
        let get = GetAttributes {
            queue_url: url.to_owned(),
            attribute_names: vec![name.to_owned()],
        };
        let list = self.model.get_attributes(&mut self.call, &get).unwrap();
        list.attributes.get(name).cloned().unwrap_or_default()
    }

    /// Returns how many messages are visible, in flight and delayed.
    fn counts(&mut self, url: &str) -> [String; 3] {
        [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ]
        .map(|name| self.get(url, name))
    }

    fn send(&mut self, send: Send) -> Result<Sent> {
        self.model.send(&mut self.call, send)
    }

    fn receive(&mut self, url: &str, max: i64) -> Vec<Message> {
        self.receive_by(Receive {
            max_number_of_messages: Some(max),
            ..receive(url)
        })
        .unwrap()
    }

    /// Receives without waiting.
    fn receive_by(&mut self, receive: Receive) -> Result<Vec<Message>> {
        let receive = self.model.start_receive(&mut self.call, receive)?;
        let received = self.model.receive(&mut self.call, &receive)?;
        Ok(received.map_or_else(|_| Vec::new(), |it| it.messages))
    }

    fn delete(&mut self, url: &str, message: &Message) -> Result<()> {
        let delete = settle(url, message);
        self.model.delete(&mut self.call, delete).map(drop)
    }

    fn change(&mut self, url: &str, message: &Message, seconds: i64) -> Result<()> {
        let change = Settle {
            visibility_timeout: Some(seconds),
            ..settle(url, message)
        };
        self.model
            .change_visibility(&mut self.call, change)
            .map(drop)
    }

    fn purge(&mut self, url: &str) -> Result<()> {
        self.model
            .purge_queue(&mut self.call, &by_url(url))
            .map(drop)
    }

    fn delete_queue(&mut self, url: &str) -> Result<()> {
        self.model
            .delete_queue(&mut self.call, &by_url(url))
            .map(drop)
    }
}

fn send(url: &str, body: &str) -> Send {
    Send {
        queue_url: url.to_owned(),
        message_body: body.to_owned(),
        ..Send::default()
    }
}

/// A send to a group, with the body as dedup id.
fn send_to(url: &str, group: &str, body: &str) -> Send {
    Send {
        message_group_id: Some(group.to_owned()),
        message_deduplication_id: Some(body.to_owned()),
        ..send(url, body)
    }
}

fn receive(url: &str) -> Receive {
    Receive {
        queue_url: url.to_owned(),
        message_system_attribute_names: vec!["All".to_owned()],
        message_attribute_names: vec!["All".to_owned()],
        ..Receive::default()
    }
}

fn settle(url: &str, message: &Message) -> Settle {
    Settle {
        queue_url: url.to_owned(),
        receipt_handle: message.receipt_handle.clone(),
        ..Settle::default()
    }
}

fn by_url(url: &str) -> QueueUrl {
    QueueUrl {
        queue_url: url.to_owned(),
    }
}

fn arn(name: &str) -> String {
    format!("arn:aws:sqs:us-east-1:000000000000:{name}")
}

fn policy(target: &str, receives: u32) -> String {
    let arn = arn(target);
    format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":{receives}}}"#)
}

fn texts(pairs: &[(&str, &str)]) -> crate::api::queues::Texts {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn bodies(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|it| it.body.as_str()).collect()
}

fn code<T>(result: Result<T>) -> Option<Code> {
    result.err().map(|error| error.code)
}
