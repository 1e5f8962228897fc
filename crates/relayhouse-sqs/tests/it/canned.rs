//! A client whose requests never leave, and whose answers a test chooses.

use std::{
    fmt::{self, Debug},
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_credential_types::provider::ProvideCredentials;
use aws_sdk_sqs::{
    Client,
    config::{BehaviorVersion, Region, retry::RetryConfig},
};
use aws_smithy_runtime_api::client::{
    http::HttpConnectorFuture,
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
};
use relayhouse_core::{Clock, Context, SeededRandom, Timestamp};
use relayhouse_sqs::{Sqs, SqsBuilder};
use relayhouse_testkit::clock::ManualClock;
use serde_json::{Value, json};

use crate::nowhere;

pub(crate) const URL: &str = "https://sqs.eu-west-1.amazonaws.com/123456789012/orders";
/// Is what a request is answered with.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Json(Value),
    Refused {
        status: u16,
        code: &'static str,
        text: &'static str,
    },
    /// The connection breaks after the request left.
    Broken,
    /// No answer ever comes.
    Silent,
    /// The answer comes after this time.
    After(Duration, Value),
}

type Script = dyn FnMut(&str, &Value) -> Answer + Send;

/// Answers requests, and keeps them.
#[derive(Clone)]
pub(crate) struct Canned {
    script: Arc<Mutex<Script>>,
    requests: Arc<Mutex<Vec<(String, Value)>>>,
    has_queues: bool,
    pub(crate) clock: ManualClock,
}

impl Debug for Canned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Canned")
    }
}

impl Canned {
    /// Answers each operation as `script` says; opening a queue answers by itself.
    pub(crate) fn new(script: impl FnMut(&str, &Value) -> Answer + Send + 'static) -> Self {
        Self {
            script: Arc::new(Mutex::new(script)),
            requests: Arc::default(),
            has_queues: true,
            clock: ManualClock::new(Timestamp::from_micros(1_700_000_000_000_000)),
        }
    }

    /// Answers that there is no queue, whatever its name.
    #[cfg(feature = "sns")]
    pub(crate) const fn without_queues(mut self) -> Self {
        self.has_queues = false;
        self
    }

    pub(crate) fn builder(&self) -> SqsBuilder {
        Sqs::builder(self.context()).client(self.client())
    }

    pub(crate) fn context(&self) -> Context {
        let random = Arc::new(SeededRandom::new(7));
        Context::new(Arc::new(self.clock.clone()), random)
    }

    pub(crate) fn client(&self) -> Client {
        self.client_with(nowhere::credentials())
    }

    /// Signs with what `credentials` gives.
    pub(crate) fn client_with(&self, credentials: impl ProvideCredentials + 'static) -> Client {
        let canned = self.clone();
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("eu-west-1"))
            .credentials_provider(credentials)
            .retry_config(RetryConfig::standard())
            .http_client(nowhere::http(move |request| canned.answer(request)));
        Client::from_conf(config.build())
    }

    pub(crate) fn sqs(&self) -> Sqs {
        self.builder().build().unwrap()
    }

    /// Returns the bodies of the requests of `operation`.
    pub(crate) fn requests(&self, operation: &str) -> Vec<Value> {
        let requests = self.requests.lock().unwrap();
        let of = requests.iter().filter(|(name, _)| name == operation);
        of.map(|(_, body)| body.clone()).collect()
    }

    fn answer(&self, request: &HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap();
        let operation = target.strip_prefix("AmazonSQS.").unwrap().to_owned();
        let body: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        let answer = match operation.as_str() {
            "GetQueueUrl" if !self.has_queues => Answer::Refused {
                status: 400,
                code: "QueueDoesNotExist",
                text: "no such queue",
            },
            "GetQueueUrl" => {
                let name = body["QueueName"].as_str().unwrap();
                Answer::Json(json!({ "QueueUrl": URL.replace("orders", name) }))
            }
            _ => (self.script.lock().unwrap())(&operation, &body),
        };
        self.requests.lock().unwrap().push((operation, body));
        let clock = self.clock.clone();
        HttpConnectorFuture::new(async move {
            match answer {
                Answer::Json(value) => Ok(response(200, None, &value)),
                Answer::Refused { status, code, text } => {
                    let body =
                        json!({ "__type": format!("com.amazonaws.sqs#{code}"), "message": text });
                    Ok(response(status, Some(code), &body))
                }
                Answer::Broken => Err(ConnectorError::io("connection reset by peer".into())),
                Answer::Silent => std::future::pending().await,
                Answer::After(time, value) => {
                    clock.sleep_until(clock.now() + time).await;
                    Ok(response(200, None, &value))
                }
            }
        })
    }
}

fn response(status: u16, code: Option<&str>, body: &Value) -> HttpResponse {
    let mut response = nowhere::response(status, body.to_string());
    if let Some(code) = code {
        let headers = response.headers_mut();
        headers.insert("x-amzn-query-error", format!("{code};Sender"));
    }
    response
}

/// Returns an entry of a request as SQS answers it when it took it.
pub(crate) fn taken(entry: &Value) -> Value {
    use md5::{Digest, Md5};
    let body = entry["MessageBody"].as_str().unwrap_or_default();
    let digest = Md5::digest(body);
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    json!({
        "Id": entry["Id"],
        "MessageId": format!("sqs-{}", entry["Id"].as_str().unwrap()),
        "MD5OfMessageBody": digest,
    })
}

pub(crate) fn entries(body: &Value) -> &Vec<Value> {
    body["Entries"].as_array().unwrap()
}

/// Takes all entries of a batch.
pub(crate) fn take_all(body: &Value) -> Answer {
    let taken: Vec<_> = entries(body).iter().map(taken).collect();
    Answer::Json(json!({ "Successful": taken, "Failed": [] }))
}

/// Answers with the attributes of a queue.
pub(crate) fn attributes() -> Answer {
    let policy = json!({
        "deadLetterTargetArn": "arn:aws:sqs:eu-west-1:123456789012:orders-dead",
        "maxReceiveCount": "5",
    });
    Answer::Json(json!({ "Attributes": {
        "VisibilityTimeout": "30",
        "RedrivePolicy": policy.to_string(),
    }}))
}

/// Answers with one message for each body.
pub(crate) fn messages(bodies: &[&str]) -> Answer {
    let message = |body: &&str| {
        json!({
            "MessageId": format!("id-{body}"),
            "ReceiptHandle": format!("handle-{body}"),
            "Body": body,
            "Attributes": { "ApproximateReceiveCount": "1", "SentTimestamp": "1700000000000" },
        })
    };
    let messages: Vec<_> = bodies.iter().map(message).collect();
    Answer::Json(json!({ "Messages": messages }))
}
