//! Blobs in a bucket of Amazon S3, with the keys of AWS's Extended Client.

use std::{
    error::Error as StdError,
    fmt::{self, Debug},
    future::Future,
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use aws_sdk_s3::{
    Client,
    config::{
        SharedInterceptor, StalledStreamProtectionConfig, http::HttpResponse, retry::RetryConfig,
        timeout::TimeoutConfig,
    },
    error::SdkError,
    primitives::ByteStream,
};
use bytes::{Bytes, BytesMut};
use futures_util::{
    future::{Either, select},
    stream::{self, StreamExt},
};
use relayhouse_core::{
    Clock, Context, Error, ErrorKind, Operation, Outcome, Result, Timestamp,
    port::{BlobName, BlobStore, Deleting, Fetching, Storing},
};

use crate::{
    error,
    link::{SdkTime, StaysHere},
    payload::Payloads,
};

/// How many calls of one batch are under way at a time.
const CALLS_AT_ONCE: usize = 8;

/// The most objects that one sweep looks at: S3 lists 1000 on a page.
const PAGES_MAX: usize = 10_000;

const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Keeps blobs in a bucket of Amazon S3.
///
/// The key of a blob is a UUID, behind a prefix if there is one, as AWS's Extended Client makes
/// them. Such clients find what is put here, and the other way round, where
/// [`payload_bucket`](crate::Config::payload_bucket) names the bucket: see
/// [large bodies](crate#large-bodies).
///
/// The age of a blob counts by S3's time of it, which is in whole seconds. A sweep lists the keys
/// behind the prefix and removes those that are UUIDs and nothing else; a lifecycle rule of the bucket
/// does so for less.
///
/// ```no_run
/// use std::sync::Arc;
///
/// use relayhouse_core::port::BlobStore;
/// use relayhouse_sqs::S3Blobs;
///
/// # fn store(client: &aws_sdk_s3::Client) -> std::io::Result<Arc<dyn BlobStore>> {
/// let context = relayhouse_time::context()?;
/// let store = S3Blobs::new(client, "payloads", &context).prefix("orders/");
/// # Ok(Arc::new(store))
/// # }
/// ```
#[derive(Clone)]
pub struct S3Blobs {
    /// As it was given.
    given: Client,
    client: Client,
    payloads: Payloads,
    clock: Arc<dyn Clock>,
    call_timeout: Duration,
}

impl S3Blobs {
    /// Keeps blobs in `bucket`, through `client`, whose retries and time limits are turned off: who
    /// calls retries, and every call has a limit of its own.
    ///
    /// Requests in plain text (`http://`) go to this machine alone, unless
    /// [`plain_text`](Self::plain_text) is set.
    #[must_use]
    pub fn new(client: &Client, bucket: impl Into<String>, context: &Context) -> Self {
        let clock = Arc::clone(&context.clock);
        Self {
            given: client.clone(),
            client: tame(client, &clock, false),
            payloads: Payloads {
                bucket: bucket.into(),
                prefix: String::new(),
            },
            clock,
            call_timeout: CALL_TIMEOUT,
        }
    }

    /// Sets what keys start with; nothing.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.payloads.prefix = prefix.into();
        self
    }

    /// Sets whether requests may leave this machine in plain text, signature and blobs included; they
    /// may not.
    #[must_use]
    pub fn plain_text(mut self, plain_text: bool) -> Self {
        self.client = tame(&self.given, &self.clock, plain_text);
        self
    }

    /// Sets how long the call for one blob may take; 30 s.
    #[must_use]
    pub const fn call_timeout(mut self, call_timeout: Duration) -> Self {
        self.call_timeout = call_timeout;
        self
    }

    async fn put_one(&self, name: BlobName, bytes: Bytes) -> Result<()> {
        let request = self.client.put_object();
        let request = request
            .bucket(&self.payloads.bucket)
            .key(self.payloads.key(name))
            .body(ByteStream::from(bytes));
        self.bounded(Operation::Send, Box::pin(request.send()))
            .await
            .map(drop)
    }

    async fn get_one(&self, name: BlobName, bytes_max: u64) -> Result<Bytes> {
        let request = self.client.get_object();
        let request = request
            .bucket(&self.payloads.bucket)
            .key(self.payloads.key(name));
        let whole = Box::pin(async {
            let answer = self.told(Operation::Receive, Box::pin(request.send()).await)?;
            let length = answer
                .content_length()
                .and_then(|it| u64::try_from(it).ok());
            if length.is_some_and(|length| bytes_max < length) {
                return Err(too_large(name, bytes_max));
            }
            read(answer.body, name, bytes_max).await
        });
        let fetched = self.in_time(Operation::Receive, whole).await?;
        fetched.map_err(|error| match error.kind() {
            ErrorKind::BlobNotFound => missing(name),
            _ => error,
        })
    }

    async fn delete_one(&self, name: BlobName) -> Result<()> {
        self.delete_key(self.payloads.key(name), Operation::Settle)
            .await
    }

    async fn delete_key(&self, key: String, operation: Operation) -> Result<()> {
        let request = self.client.delete_object();
        let request = request.bucket(&self.payloads.bucket).key(key);
        self.bounded(operation, Box::pin(request.send()))
            .await
            .map(drop)
    }

    async fn bounded<T, E>(
        &self,
        operation: Operation,
        request: impl Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send + Unpin,
    ) -> Result<T>
    where
        E: Into<aws_sdk_s3::Error> + StdError + Send + Sync + 'static,
    {
        let answer = self.in_time(operation, request).await?;
        self.told(operation, answer)
    }

    async fn in_time<T>(
        &self,
        operation: Operation,
        work: impl Future<Output = T> + Send + Unpin,
    ) -> Result<T> {
        let deadline = self.clock.sleep_until(self.clock.now() + self.call_timeout);
        match select(work, deadline).await {
            Either::Left((answer, _)) => Ok(answer),
            Either::Right(_) => Err(error::unanswered("S3").operation(operation)),
        }
    }

    fn told<T, E>(
        &self,
        operation: Operation,
        answer: Result<T, SdkError<E, HttpResponse>>,
    ) -> Result<T>
    where
        E: Into<aws_sdk_s3::Error> + StdError + Send + Sync + 'static,
    {
        answer.map_err(|failure| error::of_s3_call(failure, operation, self.clock.wall()))
    }

    /// Returns the keys of blobs on one page of a list that are older than `age`, and where the next
    /// page starts.
    async fn old(
        &self,
        age: Duration,
        after: Option<String>,
    ) -> Result<(Vec<String>, Option<String>)> {
        let request = self.client.list_objects_v2();
        let request = request
            .bucket(&self.payloads.bucket)
            .prefix(&self.payloads.prefix)
            .set_continuation_token(after);
        let page = self
            .bounded(Operation::Admin, Box::pin(request.send()))
            .await?;
        let now = self.clock.wall();
        let is_old = |object: &&aws_sdk_s3::types::Object| {
            let stored = object.last_modified().copied();
            let stored = stored.and_then(|it| SystemTime::try_from(it).ok());
            stored.is_some_and(|it| age < now.since(Timestamp::from(it)))
        };
        let old = page.contents().iter().filter(is_old);
        let keys = old.filter_map(|object| object.key());
        let keys = keys.filter(|key| self.payloads.name(key).is_some());
        let keys = keys.map(str::to_owned).collect();
        Ok((keys, page.next_continuation_token))
    }
}

fn tame(client: &Client, clock: &Arc<dyn Clock>, plain_text: bool) -> Client {
    let time = SdkTime(Arc::clone(clock));
    let timeouts = TimeoutConfig::disabled();
    let mut builder = client.config().to_builder();
    if !plain_text {
        builder.push_interceptor(SharedInterceptor::permanent(StaysHere::default()));
    }
    let builder = builder
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts)
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .sleep_impl(time.clone())
        .time_source(time);
    Client::from_conf(builder.build())
}

/// Reads a blob, of which no more is kept than is allowed.
async fn read(mut body: ByteStream, name: BlobName, bytes_max: u64) -> Result<Bytes> {
    let mut bytes = BytesMut::new();
    while let Some(part) = body.next().await {
        let part = part.map_err(|error| {
            let text = format!("blob {name} broke off while it was read");
            Error::new(ErrorKind::ConnectionFailed, text).with_source(error)
        })?;
        if bytes_max < (bytes.len() + part.len()) as u64 {
            return Err(too_large(name, bytes_max));
        }
        bytes.extend_from_slice(&part);
    }
    Ok(bytes.freeze())
}

fn missing(name: BlobName) -> Error {
    Error::new(ErrorKind::BlobNotFound, format!("blob {name} is not there"))
}

fn too_large(name: BlobName, bytes_max: u64) -> Error {
    let text = format!("blob {name} has more than {bytes_max} bytes");
    Error::new(ErrorKind::MessageTooLarge, text)
}

impl Debug for S3Blobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The client would show the access key.
        let Self {
            given: _,
            client: _,
            payloads,
            clock: _,
            call_timeout,
        } = self;
        f.debug_struct("S3Blobs")
            .field("payloads", payloads)
            .field("call_timeout", call_timeout)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl BlobStore for S3Blobs {
    async fn put(&self, batch: &mut [Storing]) -> Result<()> {
        let calls =
            stream::iter(batch.iter_mut()).for_each_concurrent(CALLS_AT_ONCE, |item| async {
                item.outcome = Outcome::from(self.put_one(item.name, item.bytes.clone()).await);
            });
        calls.await;
        Ok(())
    }

    async fn get(&self, batch: &mut [Fetching], bytes_max: u64) -> Result<()> {
        let calls =
            stream::iter(batch.iter_mut()).for_each_concurrent(CALLS_AT_ONCE, |item| async {
                item.outcome = Outcome::from(self.get_one(item.name, bytes_max).await);
            });
        calls.await;
        Ok(())
    }

    async fn delete(&self, batch: &mut [Deleting]) -> Result<()> {
        let calls =
            stream::iter(batch.iter_mut()).for_each_concurrent(CALLS_AT_ONCE, |item| async {
                item.outcome = Outcome::from(self.delete_one(item.name).await);
            });
        calls.await;
        Ok(())
    }

    async fn sweep(&self, age: Duration) -> Result<u64> {
        let (mut removed, mut next) = (0, None);
        for _ in 0..PAGES_MAX {
            let (keys, after) = self.old(age, next).await?;
            let deletes = keys
                .into_iter()
                .map(|key| self.delete_key(key, Operation::Admin));
            let mut deletes = stream::iter(deletes).buffer_unordered(CALLS_AT_ONCE);
            while let Some(deleted) = deletes.next().await {
                deleted?;
                removed += 1;
            }
            next = after;
            if next.is_none() {
                break;
            }
        }
        Ok(removed)
    }
}
