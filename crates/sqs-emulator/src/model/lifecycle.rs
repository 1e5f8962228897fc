//! The life of a queue: create, find, set, look at, purge, delete.

use std::{collections::BTreeMap, time::Duration};

use super::{
    Call, Model,
    message::milliseconds,
    names::{QueueKey, check_name},
    next, no_such_queue,
    queue::Queue,
    settings::{self, Settings, unknown_name},
    tags::check_tags,
};
use crate::api::{
    Code, Error, Result,
    queues::{
        AttributeList, CreateQueue, Done, GetAttributes, GetQueueUrl, QueueUrl, SetAttributes,
        Texts,
    },
};

/// How long a name rests after its queue was deleted, and a queue after it was purged.
const REST: Duration = Duration::from_secs(60);

/// The attributes that nobody sets.
const READ_ONLY: [&str; 6] = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
];

impl Model {
    /// Creates a queue; one that is there with the same attributes is found.
    pub(crate) fn create_queue(
        &mut self,
        call: &mut Call,
        create: CreateQueue,
    ) -> Result<QueueUrl> {
        let is_fifo = match create.attributes.get("FifoQueue").map(String::as_str) {
            None => false,
            Some("true") => true,
            // A standard queue is one that says nothing.
            Some(_) => return Err(unknown_name("FifoQueue")),
        };
        check_name(&create.queue_name, is_fifo)?;
        check_tags(&create.tags)?;
        let settings = Settings::new(is_fifo).with(&create.attributes)?;
        let key = QueueKey::new(&call.account, &create.queue_name);
        call.queue = Some(create.queue_name);
        let queue_url = self.url(&key);
        // A task of a queue that was deleted fails, and does not go on with the one of its name.
        self.run_moves(call.now);
        if let Some(queue) = self.queues.get(&key) {
            check_same(&queue.settings, &settings, &create.attributes)?;
            return Ok(QueueUrl { queue_url });
        }
        self.deleted.retain(|_, at| call.now < *at + REST);
        if self.deleted.contains_key(&key) {
            return Err(Error::new(
                Code::QueueDeletedRecently,
                "You must wait 60 seconds after deleting a queue before you can create another \
                 with the same name.",
            ));
        }
        self.check_redrive(&key, &settings)?;
        let number = next(&mut self.serial);
        let queue = Queue::new(number, settings, create.tags, call.now);
        self.queues.insert(key, queue);
        Ok(QueueUrl { queue_url })
    }

    /// Deletes a queue with all its messages.
    pub(crate) fn delete_queue(&mut self, call: &mut Call, delete: &QueueUrl) -> Result<Done> {
        self.reach(call, &delete.queue_url)?;
        let key = QueueKey::of_url(&delete.queue_url)?;
        self.queues.remove(&key);
        self.deleted.insert(key, call.now);
        Ok(Done {})
    }

    /// Finds the URL of a queue by its name.
    pub(crate) fn get_queue_url(&mut self, call: &mut Call, get: GetQueueUrl) -> Result<QueueUrl> {
        if get.queue_name.is_empty() {
            return Err(Error::missing("QueueName"));
        }
        let owner = get.owner.unwrap_or_else(|| call.account.clone());
        let key = QueueKey::new(&owner, &get.queue_name);
        let is_there = self.queues.contains_key(&key);
        call.queue = Some(get.queue_name);
        let queue_url = self.url(&key);
        is_there
            .then_some(QueueUrl { queue_url })
            .ok_or_else(no_such_queue)
    }

    /// Removes all messages of a queue, those in flight included.
    pub(crate) fn purge_queue(&mut self, call: &mut Call, purge: &QueueUrl) -> Result<Done> {
        let queue = self.reach(call, &purge.queue_url)?;
        if queue.purged.is_some_and(|at| call.now < at + REST) {
            let name = call.queue.as_deref().unwrap_or_default();
            let message =
                format!("Only one PurgeQueue operation on {name} is allowed every 60 seconds.");
            return Err(Error::new(Code::PurgeQueueInProgress, message));
        }
        queue.purged = Some(call.now);
        queue.shelf.clear();
        Ok(Done {})
    }

    /// Sets attributes of a queue, all or none.
    pub(crate) fn set_attributes(&mut self, call: &mut Call, set: &SetAttributes) -> Result<Done> {
        if set.attributes.is_empty() {
            return Err(Error::missing("Attribute.Name"));
        }
        let settings = self
            .reach(call, &set.queue_url)?
            .settings
            .with(&set.attributes)?;
        let key = QueueKey::of_url(&set.queue_url)?;
        if set.attributes.contains_key("RedrivePolicy") {
            self.check_redrive(&key, &settings)?;
        }
        let queue = self.reach(call, &set.queue_url)?;
        if queue.is_fifo() && queue.settings.delay != settings.delay {
            // Only a FIFO queue applies a new delay to what is there.
            queue.shelf.delay_again(settings.delay);
        }
        queue.settings = settings;
        queue.modified = call.now;
        queue.catch_up(call.now);
        queue.ring();
        Ok(Done {})
    }

    /// Returns the attributes of a queue that are asked for.
    pub(crate) fn get_attributes(
        &mut self,
        call: &mut Call,
        get: &GetAttributes,
    ) -> Result<AttributeList> {
        let key = QueueKey::of_url(&get.queue_url)?;
        let arn = self.arn(&key);
        let queue = self.reach(call, &get.queue_url)?;
        let names = settings::NAMES.into_iter().chain(READ_ONLY);
        let is_wanted = |name: &str| get.attribute_names.iter().any(|it| it == name);
        if let Some(name) = get.attribute_names.iter().find(|name| !is_known(name)) {
            return Err(unknown_name(name));
        }
        let wanted = names.filter(|name| is_wanted(name) || is_wanted("All"));
        let attributes = wanted.filter_map(|name| Some((name, queue.attribute(name, &arn)?)));
        Ok(AttributeList {
            attributes: attributes.collect::<BTreeMap<_, _>>(),
        })
    }
}

impl Queue {
    fn attribute(&self, name: &str, arn: &str) -> Option<String> {
        let seconds = |time| (milliseconds(time) / 1000).to_string();
        let value = match name {
            "ApproximateNumberOfMessages" => self.shelf.visible_count().to_string(),
            "ApproximateNumberOfMessagesDelayed" => self.shelf.delayed_count().to_string(),
            "ApproximateNumberOfMessagesNotVisible" => self.shelf.in_flight_count().to_string(),
            "CreatedTimestamp" => seconds(self.created),
            "LastModifiedTimestamp" => seconds(self.modified),
            "QueueArn" => arn.to_owned(),
            _ => return self.settings.get(name).flatten(),
        };
        Some(value)
    }
}

fn is_known(name: &str) -> bool {
    name == "All" || settings::NAMES.contains(&name) || READ_ONLY.contains(&name)
}

/// Checks that a queue has the attributes with which it is to be created again.
fn check_same(old: &Settings, new: &Settings, given: &Texts) -> Result<()> {
    match given.keys().find(|name| old.get(name) != new.get(name)) {
        None => Ok(()),
        Some(name) => {
            let message = format!(
                "A queue already exists with the same name and a different value for attribute \
                 {name}"
            );
            Err(Error::new(Code::QueueNameExists, message))
        }
    }
}
