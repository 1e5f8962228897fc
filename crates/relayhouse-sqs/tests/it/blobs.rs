//! Blobs in S3: what it may answer, and what it may not.

use std::{
    fmt::{self, Debug},
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_sdk_s3::{
    Client,
    config::{BehaviorVersion, Region},
};
use aws_smithy_runtime_api::client::{http::HttpConnectorFuture, orchestrator::HttpRequest};
use futures_util::future::join;
use relayhouse_core::{
    Context, Error, ErrorKind, Outcome, SeededRandom, Timestamp,
    port::{BlobName, BlobStore, Fetching, Storing},
};
use relayhouse_sqs::S3Blobs;
use relayhouse_testkit::clock::ManualClock;

use crate::nowhere::{self, SECRETS};

const KEY: &str = "orders/0f3d9e65-7c1b-4e0a-9d6f-2b8a1c4e5f60";

type Script = dyn FnMut(&str, &str) -> Option<(u16, String)> + Send;

/// Answers by method and URI; `None` for no answer at all.
#[derive(Clone)]
struct CannedS3 {
    script: Arc<Mutex<Script>>,
    clock: ManualClock,
}

impl Debug for CannedS3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CannedS3")
    }
}

impl CannedS3 {
    fn new(script: impl FnMut(&str, &str) -> Option<(u16, String)> + Send + 'static) -> Self {
        Self {
            script: Arc::new(Mutex::new(script)),
            clock: ManualClock::new(Timestamp::from_micros(1_700_000_000_000_000)),
        }
    }

    fn store_at(&self, endpoint: Option<&str>) -> S3Blobs {
        let canned = self.clone();
        let mut config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("eu-west-1"))
            .credentials_provider(nowhere::credentials())
            .http_client(nowhere::http(move |request| canned.answer(request)));
        if let Some(endpoint) = endpoint {
            config = config.endpoint_url(endpoint);
        }
        let random = Arc::new(SeededRandom::new(7));
        let context = Context::new(Arc::new(self.clock.clone()), random);
        let client = Client::from_conf(config.build());
        S3Blobs::new(&client, "payloads", &context).prefix("orders/")
    }

    fn store(&self) -> S3Blobs {
        self.store_at(None)
    }

    fn answer(&self, request: &HttpRequest) -> HttpConnectorFuture {
        let answer = (self.script.lock().unwrap())(request.method(), request.uri());
        HttpConnectorFuture::new(async move {
            let Some((status, body)) = answer else {
                return std::future::pending().await;
            };
            Ok(nowhere::response(status, body))
        })
    }
}

fn name() -> BlobName {
    BlobName::parse("0f3d9e657c1b4e0a9d6f2b8a1c4e5f60").unwrap()
}

fn kind<T>(outcome: &Outcome<T>) -> Option<ErrorKind> {
    outcome.error().map(Error::kind)
}

fn refused(status: u16, code: &str) -> Option<(u16, String)> {
    let body = format!("<Error><Code>{code}</Code><Message>no</Message></Error>");
    Some((status, body))
}

#[tokio::test]
async fn blob_that_is_too_large_or_missing_fails_alone() {
    let s3 = CannedS3::new(|method, uri| match (method, uri.contains(KEY)) {
        ("GET", true) => Some((200, "four".to_owned())),
        _ => refused(404, "NoSuchKey"),
    });
    let missing = BlobName::parse("00000000000000000000000000000000").unwrap();
    for (bytes_max, expected) in [(4, None), (3, Some(ErrorKind::MessageTooLarge))] {
        let mut batch = [name(), missing].map(Fetching::new);
        s3.store().get(&mut batch, bytes_max).await.unwrap();
        let [here, missing] = &batch;
        assert_eq!(kind(&here.outcome), expected);
        assert_eq!(kind(&missing.outcome), Some(ErrorKind::BlobNotFound));
        let shown = missing.outcome.error().unwrap().to_string();
        assert!(
            shown.contains("00000000000000000000000000000000"),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn what_s3_does_not_answer_is_unknown_after_its_time() {
    let s3 = CannedS3::new(|_, _| None);
    let store = s3.store().call_timeout(Duration::from_secs(5));
    let mut batch = [Storing::new(name(), "blob".into())];
    let advance = async {
        tokio::task::yield_now().await;
        s3.clock.advance(Duration::from_secs(5));
    };
    let (put, ()) = join(store.put(&mut batch), advance).await;
    put.unwrap();
    assert_eq!(kind(&batch[0].outcome), Some(ErrorKind::OutcomeUnknown));
}

#[tokio::test]
async fn right_that_is_missing_and_overload_are_told_as_what_they_are() {
    for (status, code, expected) in [
        (403, "AccessDenied", ErrorKind::Unauthorized),
        (404, "NoSuchBucket", ErrorKind::ConfigInvalid),
        (503, "SlowDown", ErrorKind::Throttled),
        (500, "InternalError", ErrorKind::OutcomeUnknown),
    ] {
        let s3 = CannedS3::new(move |_, _| refused(status, code));
        let mut batch = [Storing::new(name(), "blob".into())];
        s3.store().put(&mut batch).await.unwrap();
        assert_eq!(kind(&batch[0].outcome), Some(expected), "{code}");
    }
}

#[tokio::test]
async fn nothing_leaves_in_plain_text_and_no_credentials_are_shown() {
    let s3 = CannedS3::new(|_, _| Some((200, String::new())));
    let store = s3.store_at(Some("http://192.0.2.1"));
    let mut batch = [Storing::new(name(), "blob".into())];
    store.put(&mut batch).await.unwrap();
    let error = batch[0].outcome.error().unwrap();
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    let mut allowed = [Storing::new(name(), "blob".into())];
    let open = store.clone().plain_text(true);
    open.put(&mut allowed).await.unwrap();
    assert_eq!(kind(&allowed[0].outcome), None);
    let shown = format!("{store:?} {error:?}");
    for secret in SECRETS {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[tokio::test]
async fn sweep_leaves_what_is_young_and_what_is_not_a_blob() {
    let deleted = Arc::<Mutex<Vec<String>>>::default();
    let seen = Arc::clone(&deleted);
    let s3 = CannedS3::new(move |method, uri| {
        if method == "DELETE" {
            seen.lock().unwrap().push(uri.to_owned());
            return Some((204, String::new()));
        }
        let young = KEY.replace("0f3d", "0f3e");
        let object = |key: &str, at: &str| {
            format!("<Contents><Key>{key}</Key><LastModified>{at}</LastModified></Contents>")
        };
        let old = "2023-11-14T20:00:00.000Z";
        let objects = [
            object(KEY, old),
            object(&young, "2023-11-14T22:13:00.000Z"),
            object("orders/report.csv", old),
        ];
        let objects = objects.concat();
        Some((
            200,
            format!("<ListBucketResult>{objects}</ListBucketResult>"),
        ))
    });
    let swept = s3.store().sweep(Duration::from_secs(3600)).await.unwrap();
    let deleted = deleted.lock().unwrap();
    assert_eq!((swept, deleted.len()), (1, 1));
    assert!(deleted[0].contains(KEY), "{deleted:?}");
}
