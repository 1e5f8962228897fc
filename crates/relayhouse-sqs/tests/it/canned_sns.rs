//! A client of SNS whose requests never leave, beside that of SQS.

use std::{
    collections::BTreeMap,
    fmt::{self, Debug},
    sync::{Arc, Mutex},
};

use aws_sdk_sns::{
    Client,
    config::{BehaviorVersion, Region},
};
use aws_smithy_runtime_api::client::{
    http::HttpConnectorFuture, orchestrator::HttpRequest, result::ConnectorError,
};

use crate::nowhere::{self, response};

pub(crate) const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:events";

/// The parameters of a request.
pub(crate) type Params = BTreeMap<String, String>;

/// Is what a request is answered with.
#[derive(Clone, Debug)]
pub(crate) enum SnsAnswer {
    /// What is in the result, as XML.
    Result(String),
    Refused {
        status: u16,
        code: &'static str,
    },
    /// The connection breaks after the request left.
    Broken,
}

type Script = dyn FnMut(&str, &Params) -> SnsAnswer + Send;

/// Answers requests, and keeps them.
#[derive(Clone)]
pub(crate) struct CannedSns {
    script: Arc<Mutex<Script>>,
    requests: Arc<Mutex<Vec<Params>>>,
}

impl Debug for CannedSns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CannedSns")
    }
}

impl CannedSns {
    /// Answers each action as `script` says.
    pub(crate) fn new(script: impl FnMut(&str, &Params) -> SnsAnswer + Send + 'static) -> Self {
        Self {
            script: Arc::new(Mutex::new(script)),
            requests: Arc::default(),
        }
    }

    pub(crate) fn client(&self) -> Client {
        let canned = self.clone();
        let config = aws_sdk_sns::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("eu-west-1"))
            .credentials_provider(nowhere::credentials())
            .http_client(nowhere::http(move |request| canned.answer(request)));
        Client::from_conf(config.build())
    }

    /// Returns the parameters of the requests of `action`.
    pub(crate) fn requests(&self, action: &str) -> Vec<Params> {
        let requests = self.requests.lock().unwrap();
        let of = requests.iter().filter(|it| it["Action"] == action);
        of.cloned().collect()
    }

    fn answer(&self, request: &HttpRequest) -> HttpConnectorFuture {
        let body = request.body().bytes().unwrap();
        let params: Params = url::form_urlencoded::parse(body).into_owned().collect();
        let action = params["Action"].clone();
        let answer = (self.script.lock().unwrap())(&action, &params);
        self.requests.lock().unwrap().push(params);
        HttpConnectorFuture::ready(match answer {
            SnsAnswer::Result(inner) => Ok(response(
                200,
                format!(
                    "<{action}Response><{action}Result>{inner}</{action}Result></{action}Response>"
                ),
            )),
            SnsAnswer::Refused { status, code } => {
                let error = format!("<Type>Sender</Type><Code>{code}</Code><Message>no</Message>");
                let error = format!("<ErrorResponse><Error>{error}</Error></ErrorResponse>");
                Ok(response(status, error))
            }
            SnsAnswer::Broken => Err(ConnectorError::io("connection reset by peer".into())),
        })
    }
}

/// Returns the ids of the entries of a batch, in their order.
pub(crate) fn ids(params: &Params) -> Vec<String> {
    let id = |number: usize| {
        let key = format!("PublishBatchRequestEntries.member.{number}.Id");
        params.get(&key).cloned()
    };
    (1..).map_while(id).collect()
}

/// Returns what the entry of a batch that stands at `place` says of `key`.
pub(crate) fn of_entry<'a>(params: &'a Params, place: usize, key: &str) -> Option<&'a str> {
    let number = place + 1;
    let key = format!("PublishBatchRequestEntries.member.{number}.{key}");
    params.get(&key).map(String::as_str)
}

/// Takes all entries of a batch.
pub(crate) fn publish_all(params: &Params) -> SnsAnswer {
    let taken = ids(params).into_iter().map(|id| taken(&id));
    let taken: String = taken.collect();
    SnsAnswer::Result(format!("<Successful>{taken}</Successful><Failed/>"))
}

/// Returns what SNS says of an entry that it took.
pub(crate) fn taken(id: &str) -> String {
    format!("<member><Id>{id}</Id><MessageId>sns-{id}</MessageId></member>")
}
