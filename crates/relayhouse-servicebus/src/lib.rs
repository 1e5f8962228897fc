//! Queues, topics and subscriptions of Azure Service Bus, over AMQP 1.0.
//!
//! It sends, receives by peek-lock and settles by what the broker answers. Queues and
//! subscriptions are administered by the management API over HTTP; [`ServiceBus::management`] has
//! what the port for administration does not know: topics, and all that an entity can be set to.
//!
//! Start from [`ServiceBus::open`] with a URL, or from [`ServiceBus::builder`].
//!
//! ```no_run
//! use relayhouse_core::{Address, Message, Sending, port::Provider};
//! use relayhouse_servicebus::ServiceBus;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let address: Address = "servicebus:///orders".parse()?;
//! let servicebus = ServiceBus::open(&address, relayhouse_time::context()?)?;
//! let sender = servicebus.sender(&"orders".parse()?).await?;
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
//! - `servicebus://contoso/orders` is the queue or topic `orders` of
//!   `contoso.servicebus.windows.net`; `servicebus:///orders` leaves the namespace to the
//!   connection string.
//! - `servicebus://contoso/events/subscriptions/audit` is a subscription.
//!
//! Each with `/$deadletterqueue` behind it is its dead-letter queue. The options are the fields of
//! [`Config`], as parameters (`?call_timeout=5s`) and as variables
//! (`RELAYHOUSE_SERVICEBUS_CONNECTION_STRING`). A connection string with
//! `UseDevelopmentEmulator=true` is spoken to in plain text, at any port; to another machine that
//! needs `plain_text=true`. Who has no key gives tokens by a [`TokenProvider`],
//! or has Entra ID give them.
//!
//! With the feature `entra`, `identity=managed` asks for the tokens of the machine's managed
//! identity, `workload` for those of a Kubernetes workload, `cli` for those of whoever is logged in
//! by `az login`, and `client_secret` and `client_certificate` for those of a client; `tenant_id`,
//! `client_id`, `client_secret` and `client_certificate_file` say which. `EntraTokens` takes any
//! other credential of `azure_identity`. Its calls go through the same proxy and trust the same
//! authorities, and are not retried here.
//!
//! The management API is at port 443 of the namespace, and for emulators at port 5300, in plain
//! text; `admin_endpoint=https://host:port` says otherwise.
//!
//! TLS trusts the authorities of the machine, and those of `ca_file`. Networks that let nothing but
//! HTTPS pass are gone through by `transport=websockets` (feature `websockets`, which is on), and
//! proxies by `proxy=http://user:password@host:port`, which opens a tunnel for each connection and
//! is set by no other variable than `RELAYHOUSE_SERVICEBUS_PROXY`.
//!
//! ## Presets
//!
//! `preset=high_throughput`, `low_latency` and `sessions` set options together, and options of their
//! own override them; [`Preset::config`] shows what they set. What the adapter does not decide,
//! [`Preset::consumer`] says in the words of the runtime's options, as which
//! `preset.consumer().params()?.read()` reads them:
//!
//! | preset | the adapter | the runtime |
//! |---|---|---|
//! | `high_throughput` | calls may take 30 seconds | 32 handlers, 50 messages that wait for them, locks renewed for up to 10 minutes |
//! | `low_latency` | calls are given up after 2 seconds | 4 handlers, 1 message that waits, locks renewed for up to 10 minutes |
//! | `sessions` | as it is by default | 32 sessions at a time, each held for up to 10 minutes while others wait |
//!
//! A session holds nothing back, so its consumer needs a failure policy whose `delay_max` is zero as
//! well.
//!
//! # Delivery semantics
//!
//! - **At least once**, by peek-lock.
//! - **Settlements** are done when the broker says so. A lock that it has given up is `LeaseLost`,
//!   and what it did not answer, because the link or the connection ended, is `OutcomeUnknown`.
//! - **Lease.** The lock of the entity; extensions renew it for the length that the entity sets,
//!   whatever is asked: the new end tells. It is the broker's time, as far as the clocks agree.
//! - **Link loss.** Locks end with the link they came over. Its deliveries are lost at once, and
//!   none is settled on another link. The next receive or send attaches anew; after a failure it
//!   waits, 100 milliseconds at first and 10 seconds at most, or as long as a busy broker asks.
//!   Tokens are renewed 5 minutes before they end, as long as a link is in use.
//! - **Credit.** The broker is asked for as many messages as a receive asks for. What comes after
//!   its end waits for the next receive, so a receive that is dropped loses nothing; a second after
//!   the last one it goes back, and the broker is asked for nothing more.
//! - **Sessions.** An entity that requires them is received by
//!   [`sessions`](relayhouse_core::port::Provider::sessions) alone: the next one that is free and
//!   has messages, or one by its name. The lock is that of the session, and ends with its link.
//!   A session that somebody else holds is asked for twice a second.
//! - **Sends.** Messages of a call that stand together and have one ordering key leave as one
//!   batch, as large as the broker says. If it refuses a batch for one of its messages, they are
//!   sent one by one. One that is held back has the sequence number by which it is cancelled.
//! - **Transactions** are around one entity: what is settled there and sent, to it or through it to
//!   another, is done as one. They take up to 100 messages.
//! - **Release** counts as a delivery and comes back at once. With a delay, the broker acks the
//!   message and holds a copy back, as one; the copy has the id, the attempts and the time of the
//!   first, another sequence number, and a count of its own towards the limit of deliveries. It is
//!   refused in sessions, subscriptions and dead-letter queues, and needs a tier with transactions.
//! - **Attempts** are the broker's count of deliveries, and those before a release with a delay.
//! - **Dead letters** go to the entity's own dead-letter queue, with reason and description.
//! - **Dedup.** The dedup id is sent as message id, by which the broker compares; the message's own
//!   id goes beside it.
//!
//! - **Administration.** Creating a queue that is there and fits changes nothing; a subscription is
//!   created with its topic. The broker counts what is leased among what is ready. A purge receives
//!   and acks, so what is held back or deferred stays. A redrive sends each dead letter again and
//!   then acks it; a subscription's would go to all subscriptions of the topic, and are refused.
//!
//! # Mapping
//!
//! | relayhouse | Service Bus |
//! |---|---|
//! | body | data section |
//! | header | application property, text or bytes |
//! | id | message id; with a dedup id, property `relayhouse-id` |
//! | dedup id | message id |
//! | ordering key | session id |
//! | content type, correlation id, reply-to | the properties of these names |
//! | delay | scheduled enqueue time |
//! | time to live | TTL and absolute expiry |
//! | priority | property `relayhouse-priority`, which nobody sorts by |
//! | attempt | delivery count and one, and property `relayhouse-attempts` |
//! | sequence | sequence number |
//!
//! # Limits
//!
//! A message has at most what the broker says when a sender is attached, less 8 KiB for what stands
//! beside body and headers: 248 KiB, and more where a queue of the Premium tier is set to it. An id
//! has at most 128 characters, a sender 64 sends at a time, and a connection 65,536 deliveries that
//! wait to be settled. Each link has an AMQP session to itself while it lasts, of which the broker
//! allows as many as it says.
//!
//! The client library drops why a message of a transaction is refused. Partitioned entities take
//! messages of a transaction only if they have an ordering key.
//!
//! # Escape hatch
//!
//! What Service Bus can do and others cannot is on [`ServiceBus`] and [`ServiceBusReceiver`]:
//! messages set aside and fetched by number, changed headers, transfer dead-letter queues, rules.
//! The client library is not shown: it changes its interface too often.

mod admin;
mod browse;
mod capability;
mod config;
mod convert;
mod endpoint;
mod error;
mod hub;
mod link;
mod net;
mod opened;
mod preset;
mod provider;
mod receiver;
mod rule;
mod sender;
mod session;
mod token;
mod transaction;

#[cfg(feature = "entra")]
pub use self::token::entra::EntraTokens;
pub use self::{
    admin::{EntityProperties, EntityStatus, Management},
    capability::{QUEUE_CAPABILITIES, SESSION_CAPABILITIES},
    config::{Config, Identity, ServiceBusBuilder, Transport},
    endpoint::{Access, ConnectionString, Endpoint},
    preset::{ConsumerOptions, Preset, SessionOptions},
    provider::ServiceBus,
    receiver::{DEFERRED_MAX, ServiceBusReceiver},
    rule::{Correlation, Rule, RuleFilter},
    token::{LIFETIME, Token, TokenKind, TokenProvider},
};
