//! Queues of Amazon SQS, standard and FIFO, and topics of Amazon SNS, over the official SDK.
//!
//! It fills batches, answers for each message alone, counts leases by its own clock, keeps headers,
//! ids and dead letters, and shows what its calls cost. What SQS does not promise it declares, and
//! does not imitate.
//!
//! Start from [`Sqs::open`] with a URL, or from [`Sqs::builder`] with a client of your own.
//!
//! ```no_run
//! use relayhouse_core::{Address, Message, Sending, port::Provider};
//! use relayhouse_sqs::Sqs;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let address: Address = "sqs://eu-west-1/orders".parse()?;
//! let sqs = Sqs::open(&address, relayhouse_time::context()?)?;
//! let sender = sqs.sender(&"orders".parse()?).await?;
//! let mut batch = [Sending::new(Message::new("seven"))];
//! sender.send(&mut batch).await?;
//! assert!(batch[0].outcome.is_done());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # URL
//!
//! - `sqs://eu-west-1/orders` names region and queue; `sqs:///orders` leaves the region to AWS's
//!   environment.
//! - `sqs:https://sqs.eu-west-1.amazonaws.com/123456789012/orders` is the queue's own URL. A host
//!   that is not AWS's is also the endpoint: `sqs:http://localhost:9324/000000000000/orders`.
//! - `sqs:arn:aws:sqs:eu-west-1:123456789012:orders` is its ARN.
//!
//! - `sqs://eu-west-1/orders-{0..7}.fifo` is one queue made of eight: see
//!   [below](#several-queues-as-one). The other two forms take it as well.
//!
//! - `sqs://eu-west-1/events/subscriptions/audit` is a subscription of a topic, and
//!   `sqs:arn:aws:sns:eu-west-1:123456789012:events` is the ARN of a topic, which
//!   `/subscriptions/audit` may stand behind: see [below](#topics).
//!
//! Each with `/$deadletterqueue` behind it is the queue that its redrive policy names. The options
//! are the fields of [`Config`], as parameters (`?lease=5min&endpoint=http://localhost:9324`) and as
//! variables (`RELAYHOUSE_SQS_LEASE`). With the feature `config`, which is on by default, region,
//! credentials, profile and endpoint come from where every AWS program takes them:
//! `AWS_REGION`, `AWS_PROFILE`, `AWS_ENDPOINT_URL_SQS`, web identity, container and machine roles.
//! Credentials have no place in a URL, and are shown by no error and no `Debug`.
//!
//! An endpoint in plain text (`http://`) is for this machine: to another one requests go over TLS
//! alone, unless `plain_text=true`.
//!
//! A queue in another region than the client signs for is refused when it is opened. Queues are
//! never created unless `create=true`.
//!
//! ## Presets
//!
//! `preset=high_throughput`, `low_cost` and `low_latency` set options together, and options of
//! their own override them; [`Preset::config`] shows what they set. They go with the runtime's
//! presets of the same names, which decide what the adapter does not:
//!
//! | preset | the adapter | the runtime |
//! |---|---|---|
//! | `high_throughput` | leases of 5 minutes, 512 connections | 64 handlers, up to 8 polls at a time, each for 10 messages and of 20 seconds; after an empty one, one at a time |
//! | `low_cost` | leases of 15 minutes | one poll, one send and one settle at a time, and what comes up meanwhile fills the next |
//! | `low_latency` | leases of 30 seconds, connections that stay open | no prefetch, every send and settle leaves at once |
//!
//! # Delivery semantics
//!
//! - **At least once.** A standard queue may deliver a message twice, even after the ack, and in any
//!   order. A FIFO queue keeps the order within a group, and has one delivery of a message at a
//!   time.
//! - **Unknown outcomes.** When the connection breaks or SQS does not answer in time, what was sent
//!   or settled is `OutcomeUnknown`, for each item of that call. The SDK's own retries are off. On
//!   a FIFO queue a further send of the same message is safe for five minutes: its dedup id is the
//!   same. What follows a failed call in a long batch is not sent, so that it overtakes nothing.
//!   Within one call SQS may fail an entry and take a later one of the same group: sent again, the
//!   first comes after it. Later calls of the batch leave out its group.
//! - **Lease.** The visibility timeout: the queue's own, or the one asked for, in whole seconds. It
//!   is counted from the start of a receive that does not wait, and of one that does from its answer
//!   less the longest round trip of late; before one was measured it looks once without waiting.
//!   Extensions end 12 hours after the receive, whatever is asked: the new end tells.
//! - **Late settles.** SQS says yes to a delete whose lease has ended, and may do nothing. So a
//!   settle after the end is `LeaseLost` and not even asked for, and one whose answer comes after the
//!   end is `OutcomeUnknown`, as is a dead letter that was sent by then and not yet deleted. A
//!   delivery is settled by the receiver that it came from, once.
//! - **Release.** A visibility timeout of the delay, rounded up to a second. Of the 12 hours that a
//!   message can be invisible at a stretch, what its delivery took is gone: a delay beyond the rest
//!   is shortened to it.
//! - **Long delays** are refused, unless `long_delays=hop`: see [`LongDelays`].
//! - **Attempts** are SQS's count of receives, which standard queues call approximate. It is the
//!   fencing token of the lease as well.
//! - **Dead letters** go to the queue of the redrive policy: sent, confirmed, then deleted. If the
//!   delete fails the message is on both queues: a second try of the same delivery is dropped by a
//!   FIFO queue, a later delivery is not. One that fills SQS's limit goes with less of its
//!   description, or without an envelope. Without a redrive policy a dead letter fails and the
//!   message stays. What SQS moves by itself, at a receive on the source, has an envelope that tells
//!   the source, and as attempts the number that the policy allows; when it was moved SQS does not
//!   tell: the time is that of its first receive.
//! - **Redrive** is a move task of SQS, waited for; what it moves keeps its id. With a maximum or a
//!   filter, or on a dead-letter queue that several queues share, messages are sent back one receive at
//!   a time. [`Sqs::redrive`] takes a rate, a filter and somebody who is told how far it is.
//! - **Dedup.** The explicit dedup id, else one made of id and body; with `dedup_by_content` the
//!   queue's. SQS does not say that it dropped a message: the answer tells where this sender sent
//!   the first one.
//! - **Dropped futures.** A dropped receive may leave messages leased to nobody until their leases
//!   end. On a FIFO queue the next receive asks for the same answer again. A dropped send or settle
//!   is unknown.
//!
//! ## Several queues as one
//!
//! `orders-{0..7}.fifo` stands for `orders-0.fifo` to `orders-7.fifo`, up to 64 queues; as a
//! [`QueueName`](relayhouse_core::QueueName), which takes no braces, it is `orders-0..7.fifo`.
//!
//! - **A key** belongs to one queue for ever: the first eight bytes of the key's MD5, as a big-endian
//!   number, modulo the count of queues. Messages without a key go by the call, where the fewest went.
//! - **A receive** looks at the queues that had messages lately, in turn, and while there is one, once
//!   a second at the others. When it has seen all of them empty it waits for all at once, with a poll
//!   for each, and ends with the first that has messages; the polls of the others are dropped, and
//!   their connections with them. What SQS gives to one of those at that moment a FIFO queue gives
//!   again with the next receive; on a standard queue it comes again when its lease ends. Idle
//!   consumers cost three requests a minute for each queue.
//! - **A queue that fails** beside others that bring messages is told by a receive of its own: at once
//!   if it fails for good, else every 20 seconds at most.
//! - **A dedup id** holds within an ordering key. What counts is the sum of the queues, and what is
//!   done to one is done to each: create, delete, purge, redrive, and dead letters, of which each
//!   queue has its own.
//! - **Another number of queues** would send keys elsewhere. Creating records the number in the tag
//!   `relayhouse-shards` of the first queue, and whoever opens with another is refused until the queue
//!   is created with that number, which is refused while any of the queues has messages, dead letters
//!   aside. Reading the tag needs `sqs:ListQueueTags`, and writing it `sqs:TagQueue`. Where there is no
//!   tag, or it may not be read, fewer queues than before are noticed if the next one has messages, and
//!   more are not.
//!
//! ## Topics
//!
//! A topic is one of SNS, and a subscription of it a queue of SQS that SNS sends to. It takes the
//! feature `sns`, and a URL that names a topic or a subscription, or `topics=true`.
//!
//! ```no_run
//! # #[cfg(feature = "sns")]
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! use relayhouse_core::{Address, Message, Sending, port::Provider};
//! use relayhouse_sqs::Sqs;
//!
//! let address: Address = "sqs://eu-west-1/events/subscriptions/audit".parse()?;
//! let source = Sqs::source_of(&address)?;
//! let sqs = Sqs::open(&address, relayhouse_time::context()?)?;
//! if let Some(admin) = sqs.admin() {
//!     admin.create(&source.entity, &Default::default()).await?;
//! }
//! let audit = sqs.receiver(&source, Default::default()).await?;
//! let events = sqs.sender(&"events".parse()?).await?;
//! events.send(&mut [Sending::new(Message::new("seven"))]).await?;
//! # let _ = audit;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - **A name to send to** is that of a queue, else that of a topic, which is looked for in the list of
//!   topics. An ARN is taken as it is: with one, a producer needs no other right than `sns:Publish`.
//! - **A subscription** `audit` of the topic `events` is the queue `events-audit`, and of `events.fifo`
//!   it is `events-audit.fifo`; the name has at most 80 characters. A queue of another name that a topic
//!   sends to is received from as any other queue.
//! - **Creating** a subscription creates the topic as well, unless it is there, the queue with its
//!   dead-letter queue, the policy by which that topic alone may send to it, and the subscription with
//!   raw delivery. What is there and differs is refused and left as it is. Deleting it deletes the queue
//!   and leaves the topic; deleting a topic deletes its subscriptions.
//! - **Sending** fills calls of 10 messages and 256 KiB, with an answer for each message, as to a queue,
//!   and with raw delivery what arrives is what was sent, X-Ray's trace included, which travels as a
//!   header. SNS tells no MD5, holds no message back, and does not say that it dropped a duplicate.
//!   After a yes of SNS it is for SNS to reach the queues.
//! - **FIFO topics** keep the order within a group, and a dedup id for five minutes. Their subscriptions
//!   are FIFO queues.
//! - **Envelopes.** Without raw delivery SNS puts messages into an envelope of JSON. It is opened with
//!   `format=sns_envelope`, and never looked for without: see [`Format`].
//! - **Filters** of a subscription are set by [`Sqs::sns_client`](Sqs#method.sns_client), in the words of
//!   SNS.
//! - **Endpoint.** `sns_endpoint` and `AWS_ENDPOINT_URL_SNS` say where SNS is. Where `endpoint` alone
//!   says where SQS is, SNS is looked for there too, so that no test reaches AWS.
//! - **Cost.** Calls of SNS are not among those that [`Sqs::cost`] counts.
//!
//! All of it runs on LocalStack in the tests of this crate, and not on AWS so far; `sqs-emulator` has no
//! SNS.
//!
//! ## Large bodies
//!
//! A body that is too large for a queue goes to a bucket of S3 by the claim check of
//! `relayhouse-middleware`, whose store `S3Blobs` is, with the feature `s3`. With
//! `payload_bucket` (and `payload_prefix`, if keys have one) the message has the layout of AWS's Extended
//! Client for Java and Python: a body that says where the object is, and the attribute
//! `ExtendedPayloadSize`. So either side reads what the other wrote.
//!
//! - **What they wrote** comes as a claim without a digest, which the claim check fetches where
//!   `without_digest` allows it. A body that leads to another bucket, or to a key that is not the prefix
//!   and a UUID, is not delivered: it stays, as what is [no envelope](Format::SnsEnvelope) does.
//! - **What we wrote** they read as text: a body that is no UTF-8 is for us alone.
//! - **Removing** an object after the ack is `Cleanup::Acked` of the claim check. One that no message
//!   names any more is swept, or ends by a lifecycle rule of the bucket.
//!
//! # Mapping
//!
//! | relayhouse | SQS |
//! |---|---|
//! | body | message body, as it is where it is text that SQS takes, else base64, which is declared |
//! | header | attribute of type `String` or `Binary`; from the tenth on, and what SQS refuses (empty values, odd names), packed |
//! | header `X-Amzn-Trace-Id` | system attribute `AWSTraceHeader` |
//! | id, content type, correlation id, reply-to, priority, order of headers, envelope | attribute `relayhouse`, JSON |
//! | ordering key | message group id on FIFO queues, which need one; with `fair=true` on standard ones too; else packed |
//! | dedup id | message deduplication id; on standard queues refused |
//! | delay | `DelaySeconds`, rounded up; on FIFO queues refused |
//! | attempt | `ApproximateReceiveCount` |
//! | sequence | `SequenceNumber` less 10¹⁹, on FIFO queues |
//! | enqueued time | `SentTimestamp`, of the first send |
//!
//! A key or dedup id with characters that SQS refuses has a digest in its place, and is packed. A
//! message of another program has its message id as id, and its attributes as headers. The MD5 of
//! what SQS took is compared with what was sent, unless `verify=false`.
//!
//! # Limits
//!
//! 10 entries and 1 MiB a call, as SQS counts them: text of the body, and name, type and value of
//! each attribute. A larger batch goes in several calls, one after the other. A message of plain text
//! has room for 1 MiB less 1 KiB, base64 takes a third more. Waits of 20 seconds, delays of 15
//! minutes, leases of 12 hours, 120,000 messages in flight, dedup for 5 minutes. All of it is checked
//! before the call.
//!
//! A call that does not wait has 5 seconds, a receive its wait and 5 seconds more. At most 128 calls
//! are under way at a time, of which 96 may be long polls, on at most 256 connections, which later
//! ones use again. SQS counts messages approximately and tells neither bytes nor ages. A queue that is
//! created gets a dead-letter queue of its name with `-dead` behind it, whose messages stay for 14
//! days, and which is deleted with it. SQS's own purge takes leased messages too, works for up to 60
//! seconds, and is refused within 60 seconds of another one; where messages are leased, a purge here
//! deletes the
//! others one receive at a time. A queue that was deleted can be created again after 60 seconds.
//! There are no sessions, priorities, expiry or transactions. A peek is refused unless
//! `peek=receive`, which receives and releases: see [`Peek`].
//!
//! ## Cost
//!
//! [`Sqs::cost`] counts calls, how full they were, and empty receives, and estimates what a million
//! messages cost at a price you give. With `price=0.40`, for a million requests, `stats` tell the
//! estimate as well, and an [`Observer`](relayhouse_core::Observer) hears of each call
//! ([`Event::Called`](relayhouse_core::Event::Called)). Full batches cost a tenth of single calls: three requests for
//! ten small messages. Each started 64 KiB of a send counts as a request. A consumer that waits 20
//! seconds makes three requests a minute while it is idle.
//!
//! ## Rights
//!
//! | who | actions |
//! |---|---|
//! | producer | `sqs:SendMessage`, `sqs:GetQueueUrl` |
//! | consumer | `sqs:ReceiveMessage`, `sqs:DeleteMessage`, `sqs:ChangeMessageVisibility`, `sqs:GetQueueUrl`, `sqs:GetQueueAttributes`; to dead-letter also `sqs:GetQueueUrl` and `sqs:SendMessage` on the dead-letter queue |
//! | redrive | `sqs:StartMessageMoveTask`, `sqs:ListMessageMoveTasks`, `sqs:ListDeadLetterSourceQueues`, `sqs:GetQueueUrl`, `sqs:GetQueueAttributes`, and on the dead-letter queue `sqs:ReceiveMessage`, `sqs:DeleteMessage` and `sqs:ChangeMessageVisibility`, on the source `sqs:SendMessage` |
//! | administration | also `sqs:CreateQueue`, `sqs:DeleteQueue`, `sqs:PurgeQueue`, `sqs:ListQueues` |
//! | several queues as one | also `sqs:ListQueueTags` on the first, `sqs:GetQueueUrl` and `sqs:GetQueueAttributes` on the next after the last, `sqs:TagQueue` to create |
//! | hops of long delays | consumers also `sqs:SendMessage` |
//! | producer of a topic | `sns:Publish`; by its name also `sns:ListTopics` and `sqs:GetQueueUrl` |
//! | large bodies | `s3:PutObject` to send, `s3:GetObject` to receive, `s3:DeleteObject` to remove, `s3:ListBucket` to sweep |
//! | administration of topics | also `sns:CreateTopic`, `sns:ListTopics`, `sns:Subscribe`, `sns:ListSubscriptionsByTopic`, `sns:GetSubscriptionAttributes`, `sns:Unsubscribe`, `sns:DeleteTopic`, `sns:ListSubscriptions`, `sqs:SetQueueAttributes` |
//!
//! With a key of one's own, producers need `kms:GenerateDataKey` and both need `kms:Decrypt`. A
//! consumer that may not read attributes asks for a lease of 30 seconds, and cannot dead-letter.
//!
//! The least policy of a producer has one statement:
//!
//! ```json
//! {
//!   "Version": "2012-10-17",
//!   "Statement": [
//!     {
//!       "Effect": "Allow",
//!       "Action": ["sqs:SendMessage", "sqs:GetQueueUrl"],
//!       "Resource": "arn:aws:sqs:eu-west-1:123456789012:orders"
//!     }
//!   ]
//! }
//! ```
//!
//! That of a consumer:
//!
//! ```json
//! {
//!   "Version": "2012-10-17",
//!   "Statement": [
//!     {
//!       "Effect": "Allow",
//!       "Action": [
//!         "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility",
//!         "sqs:GetQueueUrl", "sqs:GetQueueAttributes"
//!       ],
//!       "Resource": "arn:aws:sqs:eu-west-1:123456789012:orders"
//!     },
//!     {
//!       "Effect": "Allow",
//!       "Action": ["sqs:SendMessage", "sqs:GetQueueUrl"],
//!       "Resource": "arn:aws:sqs:eu-west-1:123456789012:orders-dead"
//!     }
//!   ]
//! }
//! ```
//!
//! And that of who sends dead letters back:
//!
//! ```json
//! {
//!   "Version": "2012-10-17",
//!   "Statement": [
//!     {
//!       "Effect": "Allow",
//!       "Action": ["sqs:SendMessage", "sqs:GetQueueUrl", "sqs:GetQueueAttributes"],
//!       "Resource": "arn:aws:sqs:eu-west-1:123456789012:orders"
//!     },
//!     {
//!       "Effect": "Allow",
//!       "Action": [
//!         "sqs:StartMessageMoveTask", "sqs:ListMessageMoveTasks",
//!         "sqs:ListDeadLetterSourceQueues", "sqs:ReceiveMessage", "sqs:DeleteMessage",
//!         "sqs:ChangeMessageVisibility", "sqs:GetQueueUrl", "sqs:GetQueueAttributes"
//!       ],
//!       "Resource": "arn:aws:sqs:eu-west-1:123456789012:orders-dead"
//!     }
//!   ]
//! }
//! ```
//!
//! ## Terraform
//!
//! ```hcl
//! resource "aws_sqs_queue" "orders_dead" {
//!   name                      = "orders-dead"
//!   message_retention_seconds = 1209600
//! }
//!
//! resource "aws_sqs_queue" "orders" {
//!   name                       = "orders"
//!   visibility_timeout_seconds = 300
//!   receive_wait_time_seconds  = 20
//!   redrive_policy = jsonencode({
//!     deadLetterTargetArn = aws_sqs_queue.orders_dead.arn
//!     maxReceiveCount     = 20
//!   })
//! }
//! ```
//!
//! ## `CloudFormation`
//!
//! ```yaml
//! Resources:
//!   OrdersDead:
//!     Type: AWS::SQS::Queue
//!     Properties:
//!       QueueName: orders-dead
//!       MessageRetentionPeriod: 1209600
//!   Orders:
//!     Type: AWS::SQS::Queue
//!     Properties:
//!       QueueName: orders
//!       VisibilityTimeout: 300
//!       ReceiveMessageWaitTimeSeconds: 20
//!       RedrivePolicy:
//!         deadLetterTargetArn: !GetAtt OrdersDead.Arn
//!         maxReceiveCount: 20
//! ```
//!
//! Let the redrive policy allow more receives than the consumer makes attempts: the consumer's dead
//! letters say why.
//!
//! # Escape hatch
//!
//! [`Sqs::client`] is the SDK's client, and [`SqsBuilder::client`] takes one of your own, with its
//! credentials, endpoint and connections.
//!
//! The SDK is [`SDK_VERSION`]; an older one than this crate is written for does not compile.
//!
//! # Features
//!
//! `config` reads AWS's environment; `ring` does TLS by rustls with ring; `default-https` does it as
//! the SDK does by default. The first two are on by default. Without TLS a client of your own, or an
//! endpoint with `http://`, is needed. `sns` brings topics, and `s3` the store of large bodies.

mod admin;
mod arn;
mod batch;
#[cfg(feature = "s3")]
mod blobs;
mod capability;
mod config;
mod convert;
mod cost;
mod error;
mod known;
mod lease;
mod link;
mod location;
mod pack;
mod payload;
mod preset;
mod price;
mod provider;
mod queue;
mod receiver;
mod redriving;
mod sdk;
mod sender;
mod settings;
mod shards;
mod subscription;
#[cfg(feature = "sns")]
mod topic;

#[cfg(feature = "s3")]
pub use self::blobs::S3Blobs;
pub use self::{
    admin::Progress,
    config::{Config, Format, LongDelays, Peek, SqsBuilder},
    cost::{Call, Cost},
    preset::Preset,
    price::Price,
    provider::Sqs,
    redriving::Redriving,
    sdk::SDK_VERSION,
};
