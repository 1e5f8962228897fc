//! The answers: built once, but for the digests of what was sent and for the receipts, of which no
//! two are alike.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt::Write as _,
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
};

use anyhow::{Result, bail};
use bytes::Bytes;
use md5::{Digest, Md5};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::json;

use super::{ATTRIBUTE, BATCH, QUEUE, attribute, body};

/// The length of a receipt, of which the end is a number.
const HANDLE_BYTES: usize = 300;
const NUMBER_DIGITS: usize = 16;

/// What stands in a template where the number comes.
const NUMBER: &str = "################";

/// What SQS tells of a message on a standard queue, if it is asked for.
const SYSTEM: [(&str, &str); 4] = [
    ("ApproximateFirstReceiveTimestamp", "1700000000000"),
    ("ApproximateReceiveCount", "1"),
    ("SenderId", "AIDAIENQZJOLO23YVJ4VO"),
    ("SentTimestamp", "1700000000000"),
];

/// Answers requests.
#[derive(Debug)]
pub(super) struct Answers {
    queue_url: String,
    body: String,
    body_digest: String,
    /// A message by which attributes were asked for: one bit for each of `SYSTEM`, and one for the
    /// others.
    messages: Vec<Template>,
    next: AtomicU64,
}

/// Is a message with a place for a number.
#[derive(Debug)]
struct Template {
    text: String,
    place: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Batch<'a> {
    #[serde(borrow)]
    entries: Vec<Entry<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry<'a> {
    #[serde(default, borrow)]
    id: Cow<'a, str>,
    #[serde(default, borrow)]
    message_body: Cow<'a, str>,
    #[serde(default, borrow)]
    message_attributes: BTreeMap<&'a str, Attribute<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attribute<'a> {
    #[serde(borrow)]
    data_type: &'a str,
    #[serde(borrow)]
    string_value: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Receive<'a> {
    #[serde(default = "one")]
    max_number_of_messages: usize,
    #[serde(default, borrow)]
    message_system_attribute_names: Vec<&'a str>,
    message_attribute_names: Option<IgnoredAny>,
}

const fn one() -> usize {
    1
}

impl Answers {
    pub(super) fn new(address: SocketAddr) -> Self {
        let body = body();
        Self {
            queue_url: format!("http://{address}/000000000000/{QUEUE}"),
            body_digest: hex(&Md5::digest(&body)),
            messages: (0..1 << (SYSTEM.len() + 1)).map(Template::new).collect(),
            next: AtomicU64::new(0),
            body,
        }
    }

    /// Answers a send, and returns how many messages it had.
    pub(super) fn send(&self, operation: &str, request: &[u8]) -> Result<(Bytes, usize)> {
        if operation == "SendMessage" {
            let entry: Entry<'_> = serde_json::from_slice(request)?;
            return Ok((format!("{{{}}}", self.sent(&entry)).into(), 1));
        }
        let batch: Batch<'_> = serde_json::from_slice(request)?;
        let results = batch
            .entries
            .iter()
            .map(|entry| format!("{{\"Id\":\"{}\",{}}}", entry.id, self.sent(entry)));
        Ok((successful(results), batch.entries.len()))
    }

    fn sent(&self, entry: &Entry<'_>) -> String {
        let digest = match *entry.message_body == *self.body {
            true => Cow::from(&self.body_digest),
            false => hex(&Md5::digest(&*entry.message_body)).into(),
        };
        let mut text = format!(
            "\"MD5OfMessageBody\":\"{digest}\",\
             \"MessageId\":\"219f8380-5770-4cc2-8c3e-5c715e145f5e\""
        );
        if !entry.message_attributes.is_empty() {
            let digest = digest_attributes(&entry.message_attributes);
            // Writing to a string cannot fail.
            _ = write!(text, ",\"MD5OfMessageAttributes\":\"{digest}\"");
        }
        text
    }

    /// Answers a delete, or a change of visibility, and returns how many messages it had.
    pub(super) fn delete(&self, operation: &str, request: &[u8]) -> Result<(Bytes, usize)> {
        if operation == "DeleteMessage" {
            return Ok((Bytes::new(), 1));
        }
        let batch: Batch<'_> = serde_json::from_slice(request)?;
        let entries = batch.entries.iter();
        let results = entries.map(|entry| format!("{{\"Id\":\"{}\"}}", entry.id));
        Ok((successful(results), batch.entries.len()))
    }

    /// Answers a receive with all that it asks for, and returns how many messages that is.
    pub(super) fn receive(&self, request: &[u8]) -> Result<(Bytes, usize)> {
        let receive: Receive<'_> = serde_json::from_slice(request)?;
        let names = receive.message_system_attribute_names;
        let bits = SYSTEM.iter().enumerate().map(|(bit, (name, _))| {
            let is_asked = names.iter().any(|asked| asked == name || *asked == "All");
            usize::from(is_asked) << bit
        });
        let others = usize::from(receive.message_attribute_names.is_some()) << SYSTEM.len();
        let template = &self.messages[bits.sum::<usize>() + others];
        let count = receive.max_number_of_messages.min(BATCH);
        let mut text = String::with_capacity(count * (template.text.len() + 1) + 32);
        text.push_str("{\"Messages\":[");
        for index in 0..count {
            text.push_str(if index == 0 { "" } else { "," });
            template.write(self.next.fetch_add(1, Ordering::Relaxed), &mut text);
        }
        text.push_str("]}");
        Ok((text.into(), count))
    }

    pub(super) fn other(&self, operation: &str) -> Result<Bytes> {
        let answer = match operation {
            "GetQueueUrl" => json!({ "QueueUrl": self.queue_url }),
            "GetQueueAttributes" => json!({ "Attributes": { "VisibilityTimeout": "300" } }),
            _ => bail!("{operation} has no answer"),
        };
        Ok(answer.to_string().into())
    }
}

impl Template {
    /// Makes the message that has the attributes of `bits`.
    fn new(bits: usize) -> Self {
        let system = SYSTEM.iter().enumerate();
        let system = system.filter(|(bit, _)| bits >> bit & 1 == 1);
        let system: BTreeMap<_, _> = system.map(|(_, (name, value))| (*name, *value)).collect();
        let body = body();
        let handle = "AQEB/".chars().cycle().take(HANDLE_BYTES - NUMBER_DIGITS);
        let mut message = json!({
            "Attributes": system,
            "MD5OfBody": hex(&Md5::digest(&body)),
            "Body": body,
            "MessageId": "219f8380-5770-4cc2-8c3e-5c715e145f5e",
            "ReceiptHandle": format!("{}{NUMBER}", handle.collect::<String>()),
        });
        if bits >> SYSTEM.len() & 1 == 1 {
            let value = attribute(0);
            let attribute = Attribute {
                data_type: "String",
                string_value: Cow::from(&value),
            };
            let digest = digest_attributes(&BTreeMap::from([(ATTRIBUTE, attribute)]));
            message["MD5OfMessageAttributes"] = digest.into();
            message["MessageAttributes"] =
                json!({ ATTRIBUTE: { "DataType": "String", "StringValue": value } });
        }
        let text = message.to_string();
        // The text was made with it.
        let place = text.find(NUMBER).unwrap_or_default();
        Self { text, place }
    }

    fn write(&self, number: u64, text: &mut String) {
        text.push_str(&self.text[..self.place]);
        // Writing to a string cannot fail.
        _ = write!(text, "{number:0NUMBER_DIGITS$x}");
        text.push_str(&self.text[self.place + NUMBER_DIGITS..]);
    }
}

fn successful(results: impl Iterator<Item = String>) -> Bytes {
    let results: Vec<_> = results.collect();
    format!("{{\"Failed\":[],\"Successful\":[{}]}}", results.join(",")).into()
}

/// Digests attributes of text as SQS does.
fn digest_attributes(attributes: &BTreeMap<&str, Attribute<'_>>) -> String {
    let mut digest = Md5::new();
    let mut part = |text: &str, mark: &[u8]| {
        digest.update(mark);
        digest.update(u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
        digest.update(text);
    };
    for (name, value) in attributes {
        part(name, &[]);
        part(value.data_type, &[]);
        part(&value.string_value, &[1]);
    }
    hex(&digest.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receipts_differ_and_have_their_length() {
        let answers = Answers::new(([127, 0, 0, 1], 1).into());
        let request = json!({
            "MaxNumberOfMessages": 2,
            "MessageSystemAttributeNames": ["All"],
            "MessageAttributeNames": ["All"],
        });
        let (answer, count) = answers.receive(request.to_string().as_bytes()).unwrap();
        let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
        let [one, other] = [0, 1].map(|index| &answer["Messages"][index]);
        assert_eq!(count, 2);
        assert_ne!(one["ReceiptHandle"], other["ReceiptHandle"]);
        assert_eq!(one["ReceiptHandle"].as_str().unwrap().len(), HANDLE_BYTES);
        assert_eq!(one["Attributes"].as_object().unwrap().len(), SYSTEM.len());
        assert_eq!(
            one["MessageAttributes"][ATTRIBUTE]["StringValue"],
            attribute(0)
        );
    }

    #[test]
    fn what_was_not_asked_for_does_not_come() {
        let answers = Answers::new(([127, 0, 0, 1], 1).into());
        let (answer, count) = answers.receive(b"{}").unwrap();
        let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(count, 1);
        assert_eq!(answer["Messages"][0].get("MessageAttributes"), None);
        assert_eq!(answer["Messages"][0]["Attributes"], json!({}));
    }
}
