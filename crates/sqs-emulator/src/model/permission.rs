//! Permissions: statements of a queue's policy. They are kept and shown, and enforced by nobody.

use serde_json::{Map, Value, json};

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
const ACCOUNT_LENGTH: usize = 12;
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
        let (mut policy, mut statements) = read(queue.settings.policy.as_deref());
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
        queue.settings.policy = Some(write(&mut policy, statements, &arn));
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
        let (mut policy, mut statements) = read(queue.settings.policy.as_deref());
        let count = statements.len();
        statements.retain(|it| it["Sid"] != remove.label.as_str());
        if statements.len() == count {
            let reason = "can't find label on existing policy";
            return Err(Error::invalid("Label", &remove.label, reason));
        }
        let is_empty = statements.is_empty();
        queue.settings.policy = (!is_empty).then(|| write(&mut policy, statements, &arn));
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
    let is_account =
        |it: &String| it.len() == ACCOUNT_LENGTH && it.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(account) = add.accounts.iter().find(|it| !is_account(it)) {
        return Err(Error::invalid("PrincipalId", account, "Unable to verify."));
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

/// Reads a policy, and takes its statements out.
fn read(policy: Option<&str>) -> (Map<String, Value>, Vec<Value>) {
    let policy = policy.and_then(|text| serde_json::from_str(text).ok());
    let mut policy: Map<String, Value> = policy.unwrap_or_default();
    let statements = match policy.remove("Statement") {
        Some(Value::Array(statements)) => statements,
        Some(statement @ Value::Object(_)) => vec![statement],
        _ => Vec::new(),
    };
    (policy, statements)
}

/// Writes a policy, whose version and id stay what they were.
fn write(policy: &mut Map<String, Value>, statements: Vec<Value>, arn: &str) -> String {
    let mut set = |name: &str, value: Value| {
        policy.entry(name).or_insert(value);
    };
    set("Version", json!("2008-10-17"));
    set("Id", json!(format!("{arn}/SQSDefaultPolicy")));
    set("Statement", Value::Array(statements));
    Value::Object(policy.clone()).to_string()
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
