//! Large bodies in S3: the blob store, and what goes to and comes from AWS's Extended Client.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use aws_config::BehaviorVersion;
use aws_sdk_s3::Client;
use bytes::Bytes;
use relayhouse_core::{
    Context, ErrorKind, Message, Sending, Settlement, Settling, Source,
    port::{
        BlobName, BlobStore, Deleting, Fetching, Provider, ReceiveRequest, Receiver, Sender,
        Storing,
    },
};
use relayhouse_middleware::claim_check::{ClaimCheckConfig, ClaimReceiver, ClaimSender, Cleanup};
use relayhouse_sqs::{S3Blobs, Sqs};
use serde_json::{Value, json};

/// What the keys of blobs start with here, since the Python client takes no prefix: nothing.
const PREFIX: &str = "";

/// How long a receive waits.
const WAIT: Duration = Duration::from_secs(10);

/// Is a queue, and a bucket for what is too large for it.
#[derive(Debug)]
pub struct Payloads {
    context: Context,
    client: Client,
    queue: Source,
    bucket: String,
}

impl Payloads {
    /// Names both; the bucket is there.
    ///
    /// # Errors
    ///
    /// Returns an error if the system gives no randomness, or the queue's name is none.
    pub async fn new(queue: &str, bucket: &str) -> Result<Self> {
        let http = aws_smithy_http_client::Builder::new();
        let shared = aws_config::defaults(BehaviorVersion::v2026_01_12());
        let shared = shared.http_client(http.build_http()).load().await;
        let config = aws_sdk_s3::config::Builder::from(&shared).force_path_style(true);
        Ok(Self {
            context: relayhouse_time::context()?,
            client: Client::from_conf(config.build()),
            queue: queue.parse()?,
            bucket: bucket.to_owned(),
        })
    }

    fn store(&self) -> S3Blobs {
        S3Blobs::new(&self.client, &self.bucket, &self.context).prefix(PREFIX)
    }

    fn provider(&self) -> Result<Sqs> {
        let builder = Sqs::builder(self.context.clone());
        Ok(builder.payloads(&self.bucket, PREFIX).build()?)
    }

    fn config() -> ClaimCheckConfig {
        ClaimCheckConfig {
            cleanup: Cleanup::Acked,
            without_digest: true,
            ..ClaimCheckConfig::default()
        }
    }

    /// Sends a message with a body of `bytes`.
    ///
    /// # Errors
    ///
    /// Returns what the services say.
    pub async fn send(&self, bytes: usize) -> Result<Value> {
        let relayhouse_core::Entity::Queue(name) = &self.queue.entity else {
            anyhow::bail!("{} is no queue", self.queue);
        };
        let inner = self.provider()?.sender(name).await?;
        let store = Arc::new(self.store());
        let sender = ClaimSender::new(inner, store, Self::config(), &self.context);
        let message = Message::new("ü".repeat(bytes / 2)).header("tenant", "acme");
        let mut batch = [Sending::new(message)];
        let call = sender.send(&mut batch).await;
        let [item] = batch;
        item.outcome.settle(&call)?;
        Ok(json!({ "sent": bytes }))
    }

    /// Receives one message, acks it, and tells of it.
    ///
    /// # Errors
    ///
    /// Returns what the services say.
    pub async fn receive(&self) -> Result<Value> {
        let provider = self.provider()?;
        let inner = provider.receiver(&self.queue, Default::default()).await?;
        let store = Arc::new(self.store());
        let receiver = ClaimReceiver::new(inner, store, Self::config(), &self.context);
        let mut batch = Vec::new();
        let request = ReceiveRequest::ONE.wait(WAIT);
        receiver.receive(request, &mut batch).await?;
        let delivery = batch.pop().context("nothing came")?;
        let message = delivery.message.clone();
        let mut batch = [Settling::new(delivery, Settlement::Ack)];
        let call = receiver.settle(&mut batch).await;
        let [item] = batch;
        item.outcome.settle(&call)?;
        Ok(json!({
            "body": String::from_utf8_lossy(&message.body),
            "tenant": message.headers().text("tenant"),
            "size": message.headers().text("ExtendedPayloadSize"),
        }))
    }

    /// Goes through what a blob store owes: any bytes come back, a name gets new ones, what is absent
    /// or too large fails alone, and a sweep takes what is old.
    ///
    /// # Errors
    ///
    /// Returns the first rule that it breaks.
    pub async fn keep(&self) -> Result<Value> {
        let store = self.store();
        let [one, two, absent] = [(); 3].map(|()| BlobName::draw(&*self.context.random));
        let every_byte = Bytes::from_iter((0..=255).cycle().take(1 << 20));
        let mut batch = [
            Storing::new(one, "old".into()),
            Storing::new(two, every_byte.clone()),
        ];
        store.put(&mut batch).await?;
        ensure!(batch.iter().all(|it| it.outcome.is_done()), "{batch:?}");
        store.put(&mut [Storing::new(one, "new".into())]).await?;
        let got = get(&store, [one, absent, two], 1 << 20).await?;
        let missing = Err(ErrorKind::BlobNotFound);
        ensure!(got == [Ok("new".into()), missing.clone(), Ok(every_byte)]);
        let got = get(&store, [one, two], (1 << 20) - 1).await?;
        ensure!(
            got == [Ok("new".into()), Err(ErrorKind::MessageTooLarge)],
            "too large"
        );
        let mut batch = [one, absent].map(Deleting::new);
        store.delete(&mut batch).await?;
        ensure!(batch.iter().all(|it| it.outcome.is_done()), "{batch:?}");
        ensure!(get(&store, [one], 9).await? == [missing], "deleted");
        ensure!(
            store.sweep(Duration::from_secs(3600)).await? == 0,
            "nothing is old"
        );
        let put = self.client.put_object().bucket(&self.bucket);
        put.key("of somebody else").send().await?;
        let clock = &self.context.clock;
        clock
            .sleep_until(clock.now() + Duration::from_secs(2))
            .await;
        let swept = store.sweep(Duration::ZERO).await?;
        ensure!(swept == 1, "{swept} were swept");
        let nowhere = S3Blobs::new(&self.client, "relayhouse-missing", &self.context);
        let mut batch = [Storing::new(one, "x".into())];
        nowhere.put(&mut batch).await?;
        let kind = batch[0].outcome.error().map(relayhouse_core::Error::kind);
        ensure!(kind == Some(ErrorKind::ConfigInvalid), "{kind:?}");
        Ok(json!({ "kept": true }))
    }
}

async fn get<const N: usize>(
    store: &S3Blobs,
    names: [BlobName; N],
    bytes_max: u64,
) -> Result<[Result<Bytes, ErrorKind>; N]> {
    let mut batch = names.map(Fetching::new);
    let call = store.get(&mut batch, bytes_max).await;
    Ok(batch.map(|item| item.outcome.settle(&call).map_err(|error| error.kind())))
}
