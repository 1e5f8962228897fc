//! The policy of a queue, which lets a topic send to it.

use relayhouse_core::Result;
use serde_json::{Value, json};

use crate::error;

const SOURCE: &str = "aws:SourceArn";

/// Returns the least policy by which `topic` may send to `queue`, both by their ARNs.
pub(super) fn least(topic: &str, queue: &str) -> String {
    let statement = json!({
        "Sid": "relayhouse",
        "Effect": "Allow",
        "Principal": { "Service": "sns.amazonaws.com" },
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": { "ArnEquals": { SOURCE: topic } },
    });
    json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
}

/// Returns true if `policy` names `topic` as one that may send, and false if there is none yet.
///
/// # Errors
///
/// Returns an error for a policy that somebody else has made, which is not ours to change.
pub(super) fn allows(policy: Option<&str>, topic: &str) -> Result<bool> {
    let Some(policy) = policy.filter(|it| !it.is_empty()) else {
        return Ok(false);
    };
    let policy: Value = serde_json::from_str(policy).unwrap_or_default();
    let statements = match &policy["Statement"] {
        Value::Array(statements) => statements.iter().collect(),
        one => vec![one],
    };
    match statements.into_iter().any(|it| lets(it, topic)) {
        true => Ok(true),
        false => Err(error::other_policy(topic)),
    }
}

/// Returns true if `statement` allows something to `topic`.
fn lets(statement: &Value, topic: &str) -> bool {
    let operators = statement["Condition"].as_object();
    let names = |operator: &Value| match &operator[SOURCE] {
        Value::Array(all) => all.iter().any(|it| it == topic),
        one => one == topic,
    };
    statement["Effect"] == "Allow" && operators.is_some_and(|it| it.values().any(names))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:events";
    const QUEUE: &str = "arn:aws:sqs:eu-west-1:123456789012:events-audit";

    #[test]
    fn least_policy_lets_its_topic_send_and_no_other() {
        let policy = least(TOPIC, QUEUE);
        assert!(allows(Some(&policy), TOPIC).unwrap());
        let error = allows(Some(&policy), &format!("{TOPIC}-2")).unwrap_err();
        assert_eq!(error.kind(), relayhouse_core::ErrorKind::QueueConflict);
        let policy: Value = serde_json::from_str(&policy).unwrap();
        let statement = &policy["Statement"][0];
        assert_eq!(statement["Action"], "sqs:SendMessage");
        assert_eq!(statement["Resource"], QUEUE);
        assert_eq!(statement["Condition"]["ArnEquals"][SOURCE], TOPIC);
    }

    #[test]
    fn queue_without_a_policy_has_yet_to_get_one() {
        assert!(!allows(None, TOPIC).unwrap());
        assert!(!allows(Some(""), TOPIC).unwrap());
    }

    #[test]
    fn policy_of_somebody_else_stays() {
        let one = json!({ "Statement": {
            "Effect": "Allow",
            "Condition": { "ArnLike": { SOURCE: [TOPIC, "arn:aws:s3:::files"] } },
        }});
        assert!(allows(Some(&one.to_string()), TOPIC).unwrap());
        for other in [
            "no JSON".to_owned(),
            json!({ "Statement": [] }).to_string(),
            one.to_string().replace("Allow", "Deny"),
        ] {
            assert!(allows(Some(&other), TOPIC).is_err(), "{other}");
        }
    }
}
