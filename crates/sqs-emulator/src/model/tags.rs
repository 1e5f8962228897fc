//! Tags of queues.

use super::{Call, Model};
use crate::api::{
    Code, Error, Result,
    queues::{Done, QueueUrl, TagList, TagQueue, Texts, UntagQueue},
};

const TAGS_MAX: usize = 50;
const KEY_LENGTH_MAX: usize = 128;
const VALUE_LENGTH_MAX: usize = 256;

impl Model {
    /// Adds tags to a queue, or replaces their values.
    pub(crate) fn tag(&mut self, call: &mut Call, tag: TagQueue) -> Result<Done> {
        let queue = self.reach(call, &tag.queue_url)?;
        if tag.tags.is_empty() {
            return Err(Error::missing("Tags"));
        }
        let mut tags = queue.tags.clone();
        tags.extend(tag.tags);
        check_tags(&tags)?;
        queue.tags = tags;
        Ok(Done {})
    }

    /// Removes tags from a queue; one that it has not is removed.
    pub(crate) fn untag(&mut self, call: &mut Call, untag: &UntagQueue) -> Result<Done> {
        let queue = self.reach(call, &untag.queue_url)?;
        if untag.tag_keys.is_empty() {
            return Err(Error::missing("TagKeys"));
        }
        for key in &untag.tag_keys {
            queue.tags.remove(key);
        }
        Ok(Done {})
    }

    /// Lists the tags of a queue.
    pub(crate) fn list_tags(&mut self, call: &mut Call, list: &QueueUrl) -> Result<TagList> {
        let queue = self.reach(call, &list.queue_url)?;
        let tags = queue.tags.clone();
        Ok(TagList { tags })
    }
}

/// Checks how many tags there are, and how long they are.
pub(super) fn check_tags(tags: &Texts) -> Result<()> {
    if TAGS_MAX < tags.len() {
        let message = format!("Too many tags added: a queue has at most {TAGS_MAX}.");
        return Err(Error::new(Code::InvalidParameterValue, message));
    }
    let is_short = |text: &str, max| text.chars().count() <= max;
    for (key, value) in tags {
        let is_valid = !key.is_empty()
            && !key.starts_with("aws:")
            && is_short(key, KEY_LENGTH_MAX)
            && is_short(value, VALUE_LENGTH_MAX);
        if !is_valid {
            let reason = "A key has 1 to 128 characters and no prefix aws:, a value at most 256.";
            return Err(Error::invalid("Tags", key, reason));
        }
    }
    Ok(())
}
