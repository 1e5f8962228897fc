//! Queues: their life, attributes, tags and permissions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Text by name: the attributes of a queue, or its tags.
pub(crate) type Texts = BTreeMap<String, String>;

/// Creates a queue, or finds the one with that name and these attributes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct CreateQueue {
    pub(crate) queue_name: String,
    pub(crate) attributes: Texts,
    /// The one field of SQS that begins with a small letter.
    #[serde(rename = "tags")]
    pub(crate) tags: Texts,
}

/// Asks for the URL of a queue.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct GetQueueUrl {
    pub(crate) queue_name: String,
    #[serde(rename = "QueueOwnerAWSAccountId")]
    pub(crate) owner: Option<String>,
}

/// Names a queue: all that several operations ask, and what two answer.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct QueueUrl {
    pub(crate) queue_url: String,
}

/// Asks for attributes of a queue.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct GetAttributes {
    pub(crate) queue_url: String,
    pub(crate) attribute_names: Vec<String>,
}

/// The attributes asked for.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AttributeList {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) attributes: BTreeMap<&'static str, String>,
}

/// Sets attributes of a queue.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct SetAttributes {
    pub(crate) queue_url: String,
    pub(crate) attributes: Texts,
}

/// Lists queues.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ListQueues {
    pub(crate) queue_name_prefix: String,
    pub(crate) max_results: Option<i64>,
    pub(crate) next_token: Option<String>,
}

/// One page of queues.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct QueueList {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) queue_urls: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_token: Option<String>,
}

/// Lists the queues whose dead messages go to a queue.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ListSources {
    pub(crate) queue_url: String,
    pub(crate) max_results: Option<i64>,
    pub(crate) next_token: Option<String>,
}

/// One page of such queues.
#[derive(Debug, Serialize)]
pub(crate) struct SourceList {
    #[serde(rename = "queueUrls")]
    pub(crate) queue_urls: Vec<String>,
    #[serde(rename = "NextToken", skip_serializing_if = "Option::is_none")]
    pub(crate) next_token: Option<String>,
}

/// Adds tags, or replaces their values.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct TagQueue {
    pub(crate) queue_url: String,
    pub(crate) tags: Texts,
}

/// Removes tags.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct UntagQueue {
    pub(crate) queue_url: String,
    pub(crate) tag_keys: Vec<String>,
}

/// The tags of a queue.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct TagList {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tags: Texts,
}

/// Adds a statement to the policy of a queue.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct AddPermission {
    pub(crate) queue_url: String,
    pub(crate) label: String,
    #[serde(rename = "AWSAccountIds")]
    pub(crate) accounts: Vec<String>,
    pub(crate) actions: Vec<String>,
}

/// Removes a statement from the policy of a queue.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct RemovePermission {
    pub(crate) queue_url: String,
    pub(crate) label: String,
}

/// An answer that says nothing but that it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Done {}
