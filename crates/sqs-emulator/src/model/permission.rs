//! Permissions: statements of a queue's policy. They are kept and shown, and enforced by nobody.

use serde_json::{Value, json};

use super::{
    Call, Model,
    names::{QueueKey, is_word},
};
use crate::api::{
    Code, Error, Result,
    queues::{AddPermission, Done, RemovePermission},
};

const LABEL_LENGTH_MAX: usize = 80;
const ACTIONS_MAX: usize = 7;
const STATEMENTS_MAX: usize = 20;
const ACTIONS: [&str; 8] = [
    "*",
    "ChangeMessageVisibility",
    "DeleteMessage",
    "GetQueueAttributes",
    "GetQueueUrl",
    "PurgeQueue",
    "ReceiveMessage",
    "SendMessage",
];

impl Model {
    /// Adds a statement to the policy of a queue.
    pub(crate) fn add_permission(&mut self, call: &mut Call, add: &AddPermission) -> Result<Done> {
        let arn = self.arn(&QueueKey::of_url(&add.queue_url)?);
        let queue = self.reach(call, &add.queue_url)?;
        check(add)?;
        let mut statements = statements(queue.settings.policy.as_deref());
        if statements.iter().any(|it| it["Sid"] == add.label.as_str()) {
            let reason = "Already exists.";
            return Err(Error::invalid("Label", &add.label, reason));
        }
        if STATEMENTS_MAX <= statements.len() {
            let message = format!("{STATEMENTS_MAX} statements are allowed in a policy.");
            return Err(Error::new(Code::OverLimit, message));
        }
        let principals = add.accounts.iter();
        let principals = principals.map(|account| format!("arn:aws:iam::{account}:root"));
        let actions = add.actions.iter().map(|action| format!("SQS:{action}"));
        statements.push(json!({
            "Sid": add.label,
            "Effect": "Allow",
            "Principal": {"AWS": one_or_all(principals.collect())},
            "Action": one_or_all(actions.collect()),
            "Resource": arn,
        }));
        queue.settings.policy = Some(policy(&arn, &statements));
        queue.modified = call.now;
        Ok(Done {})
    }

    /// Removes a statement from the policy of a queue.
    pub(crate) fn remove_permission(
        &mut self,
        call: &mut Call,
        remove: &RemovePermission,
    ) -> Result<Done> {
        let arn = self.arn(&QueueKey::of_url(&remove.queue_url)?);
        let queue = self.reach(call, &remove.queue_url)?;
        let mut statements = statements(queue.settings.policy.as_deref());
        let count = statements.len();
        statements.retain(|it| it["Sid"] != remove.label.as_str());
        if statements.len() == count {
            let reason = "can't find label on existing policy";
            return Err(Error::invalid("Label", &remove.label, reason));
        }
        queue.settings.policy = (!statements.is_empty()).then(|| policy(&arn, &statements));
        queue.modified = call.now;
        Ok(Done {})
    }
}

fn check(add: &AddPermission) -> Result<()> {
    if add.accounts.is_empty() {
        return Err(Error::missing("AWSAccountIds"));
    }
    if add.actions.is_empty() {
        return Err(Error::missing("Actions"));
    }
    if !is_word(&add.label) || LABEL_LENGTH_MAX < add.label.len() {
        let reason = "Can only include alphanumeric characters, hyphens, or underscores. \
                      1 to 80 in length";
        return Err(Error::invalid("Label", &add.label, reason));
    }
    if ACTIONS_MAX < add.actions.len() {
        let message = format!("{ACTIONS_MAX} actions are allowed in a statement.");
        return Err(Error::new(Code::OverLimit, message));
    }
    let is_known = |action: &&String| !ACTIONS.contains(&action.as_str());
    if let Some(action) = add.actions.iter().find(is_known) {
        let reason = "Please refer to the appropriate WSDL for a list of valid actions.";
        return Err(Error::invalid("ActionName", action, reason));
    }
    Ok(())
}

/// Reads the statements of a policy.
fn statements(policy: Option<&str>) -> Vec<Value> {
    let policy = policy.and_then(|text| serde_json::from_str::<Value>(text).ok());
    match policy.map(|mut policy| policy["Statement"].take()) {
        Some(Value::Array(statements)) => statements,
        Some(statement @ Value::Object(_)) => vec![statement],
        _ => Vec::new(),
    }
}

fn policy(arn: &str, statements: &[Value]) -> String {
    let id = format!("{arn}/SQSDefaultPolicy");
    json!({"Version": "2008-10-17", "Id": id, "Statement": statements}).to_string()
}

/// Writes a list of one as the one, as AWS does.
fn one_or_all(mut texts: Vec<String>) -> Value {
    match texts.pop() {
        Some(text) if texts.is_empty() => Value::String(text),
        Some(text) => {
            texts.push(text);
            json!(texts)
        }
        None => Value::Null,
    }
}
