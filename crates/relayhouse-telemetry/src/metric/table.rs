//! The table of all metrics: instruments, exporters and documentation are made from it.

use super::definition::{Definition, Label, Scope, Unit};

const MILLI: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MILLI;

/// Of calls to a provider: the bounds of the conventions, from a millisecond, to 30 seconds.
const CALLS: &[u64] = &[
    MILLI,
    5 * MILLI,
    10 * MILLI,
    25 * MILLI,
    50 * MILLI,
    75 * MILLI,
    100 * MILLI,
    250 * MILLI,
    500 * MILLI,
    750 * MILLI,
    SECOND,
    2_500 * MILLI,
    5 * SECOND,
    7_500 * MILLI,
    10 * SECOND,
    20 * SECOND,
    30 * SECOND,
];

/// Of handlers and of whole lives of messages: the same, to 5 minutes.
const WORK: &[u64] = &[
    MILLI,
    5 * MILLI,
    10 * MILLI,
    25 * MILLI,
    50 * MILLI,
    75 * MILLI,
    100 * MILLI,
    250 * MILLI,
    500 * MILLI,
    750 * MILLI,
    SECOND,
    2_500 * MILLI,
    5 * SECOND,
    7_500 * MILLI,
    10 * SECOND,
    30 * SECOND,
    60 * SECOND,
    120 * SECOND,
    300 * SECOND,
];

/// Of leases and of what they have left.
const LEASES: &[u64] = &[
    100 * MILLI,
    500 * MILLI,
    SECOND,
    5 * SECOND,
    10 * SECOND,
    20 * SECOND,
    30 * SECOND,
    60 * SECOND,
    120 * SECOND,
    300 * SECOND,
];

/// Of sessions.
const SESSIONS: &[u64] = &[
    SECOND,
    5 * SECOND,
    10 * SECOND,
    30 * SECOND,
    60 * SECOND,
    300 * SECOND,
    900 * SECOND,
    1_800 * SECOND,
    3_600 * SECOND,
];

/// Of what happens within a handler's own time: from a microsecond to a tenth of a second.
const MOMENTS: &[u64] = &[
    1_000,
    5_000,
    10_000,
    50_000,
    100_000,
    500_000,
    MILLI,
    10 * MILLI,
    100 * MILLI,
];

/// Of messages in a call.
const SIZES: &[u64] = &[1, 2, 5, 10, 20, 50, 100, 500, 1_000];

/// Of how full a call is, in millionths.
const FILLS: &[u64] = &[
    100_000, 200_000, 300_000, 400_000, 500_000, 600_000, 700_000, 800_000, 900_000, 1_000_000,
];

const MESSAGES: Unit = Unit::Count("{message}");
const CALL: Unit = Unit::Count("{call}");

const fn counter(name: &'static str, unit: Unit, about: &'static str) -> Definition {
    Definition::counter(name, unit, about)
}

const fn gauge(name: &'static str, unit: Unit, about: &'static str) -> Definition {
    Definition::gauge(name, unit, about)
}

const fn seconds(name: &'static str, bounds: &'static [u64], about: &'static str) -> Definition {
    Definition::histogram(name, Unit::Seconds, bounds, about)
}

/// Makes the names of metrics and their table of one list.
macro_rules! metrics {
    ($($name:ident = $definition:expr;)*) => {
        /// Names a metric.
        #[expect(missing_docs, reason = "the definition of each says what it is")]
        #[non_exhaustive]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Metric {
            $($name),*
        }

        impl Metric {
            /// All metrics, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Returns what it is.
            #[must_use]
            pub const fn definition(self) -> &'static Definition {
                &TABLE[self as usize]
            }
        }

        static TABLE: [Definition; Metric::ALL.len()] = [$($definition),*];
    };
}

metrics! {
    SentMessages = counter(
        "messaging.client.sent.messages", MESSAGES,
        "Messages whose send ended, failed ones included.",
    ).of(Scope::Queue).at("send").by(Label::Error);
    SentBytes = counter(
        "relayhouse.sent.bytes", Unit::Bytes,
        "Bytes of the messages that were sent: body, header keys and header values.",
    ).of(Scope::Queue);
    ConsumedMessages = counter(
        "messaging.client.consumed.messages", MESSAGES,
        "Deliveries that came in.",
    ).of(Scope::Queue).at("receive");
    ReceivedBytes = counter(
        "relayhouse.received.bytes", Unit::Bytes,
        "Bytes of the deliveries that came in.",
    ).of(Scope::Queue);
    RedeliveredMessages = counter(
        "relayhouse.redelivered.messages", MESSAGES,
        "Deliveries that came in and were not the first of their message.",
    ).of(Scope::Queue);
    StartedMessages = counter(
        "relayhouse.started.messages", MESSAGES,
        "Deliveries whose handler started; a half of a failed batch counts again.",
    ).of(Scope::Queue);
    SettledMessages = counter(
        "relayhouse.settled.messages", MESSAGES,
        "Deliveries that were settled: acked, released, dead-lettered.",
    ).of(Scope::Queue).by(Label::Settlement);
    SettleFailures = counter(
        "relayhouse.settle.failures", MESSAGES,
        "Deliveries that were not settled: `lease_lost` came too late, of `outcome_unknown` nobody can say.",
    ).of(Scope::Queue).by(Label::Error);
    HandlerFailures = counter(
        "relayhouse.handler.failures", MESSAGES,
        "Deliveries whose handler failed: an error, a panic, a timeout, or a body that cannot be decoded.",
    ).of(Scope::Queue).by(Label::Error);
    Errors = counter(
        "relayhouse.errors", Unit::Count("{error}"),
        "Calls to a provider that failed as a whole.",
    ).of(Scope::Queue).by(Label::Error);
    Retries = counter(
        "relayhouse.retries", Unit::Count("{retry}"),
        "Calls that failed and are tried again, by how they failed.",
    ).by(Label::Error);
    Extensions = counter(
        "relayhouse.lease.extensions", Unit::Count("{extension}"),
        "Extensions of leases that ended, failed ones included.",
    ).of(Scope::Queue).by(Label::Error);
    Deduplicated = counter(
        "relayhouse.deduplicated.messages", MESSAGES,
        "Deliveries that were acked without being handled, since their key was done.",
    );
    Stalls = counter(
        "relayhouse.handler.stalls", Unit::Count("{poll}"),
        "Polls of handlers that held their thread for longer than 100 ms.",
    ).of(Scope::Queue);
    ReceivesDropped = counter(
        "relayhouse.receives.dropped", CALL,
        "Receives that were dropped while they waited, which may leave messages leased to nobody.",
    ).of(Scope::Queue);
    Abandoned = counter(
        "relayhouse.abandoned.messages", MESSAGES,
        "Deliveries whose handlers were dropped at the end of a drain.",
    ).of(Scope::Queue);

    CallDuration = seconds(
        "messaging.client.operation.duration", CALLS,
        "How long calls to the provider took: `send`, `receive`, `settle`, `extend`, `accept`.",
    ).of(Scope::Queue).by(Label::OperationError);
    ProcessDuration = seconds(
        "messaging.process.duration", WORK,
        "How long handlers took.",
    ).of(Scope::Queue).at("process").by(Label::HandlerError);
    Wait = seconds(
        "relayhouse.wait.duration", WORK,
        "How long messages waited in the queue: from their first enqueue to this receive.",
    ).of(Scope::Queue);
    Life = seconds(
        "relayhouse.message.duration", WORK,
        "How long messages took from their first enqueue to their ack or dead letter.",
    ).of(Scope::Queue);
    LeaseAtStart = seconds(
        "relayhouse.lease.left.start", LEASES,
        "What was left of leases when handlers started.",
    ).of(Scope::Queue);
    LeaseAtSettle = seconds(
        "relayhouse.lease.left.settle", LEASES,
        "What was left of leases when handlers ended, and their settlements were put on their way.",
    ).of(Scope::Queue);
    Recovery = seconds(
        "relayhouse.recovery.duration", WORK,
        "How long sources could not be received from: from the first failed receive to the next that succeeded.",
    ).of(Scope::Queue);
    SessionDuration = seconds(
        "relayhouse.session.duration", SESSIONS,
        "How long sessions were held.",
    ).of(Scope::Queue);
    Drawing = seconds(
        "relayhouse.handler.draw.duration", MOMENTS,
        "How long it took to draw the arguments of handlers, decoding included, of one call in sixteen; its mean beside that of `messaging.process.duration` is the share of the codec.",
    );
    Encoding = seconds(
        "relayhouse.codec.encode.duration", MOMENTS,
        "How long codecs that are measured took to encode values.",
    );
    Decoding = seconds(
        "relayhouse.codec.decode.duration", MOMENTS,
        "How long codecs that are measured took to decode bodies.",
    );
    CodecFailures = counter(
        "relayhouse.codec.failures", Unit::Count("{error}"),
        "Values and bodies that codecs that are measured refused.",
    ).by(Label::Error);

    BatchSize = Definition::histogram(
        "relayhouse.batch.size", MESSAGES, SIZES,
        "Messages of a call.",
    ).of(Scope::Queue).by(Label::Operation);
    BatchFill = Definition::histogram(
        "relayhouse.batch.fill", Unit::Share, FILLS,
        "Messages of a call beside the most that it could have had.",
    ).of(Scope::Queue).by(Label::Operation);
    EmptyPolls = counter(
        "relayhouse.polls.empty", CALL,
        "Receives that brought nothing.",
    ).of(Scope::Queue);
    Polls = counter(
        "relayhouse.polls", CALL,
        "Receives that ended.",
    ).of(Scope::Queue);
    Requests = counter(
        "relayhouse.api.requests", Unit::Count("{request}"),
        "Requests that providers charge for.",
    ).by(Label::Operation);
    RequestMessages = counter(
        "relayhouse.api.messages", MESSAGES,
        "Messages that those requests took or brought.",
    ).by(Label::Operation);
    Cost = counter(
        "relayhouse.api.cost", Unit::Currency,
        "What those requests cost, where the price is known.",
    ).by(Label::Operation);
    GatheredSize = Definition::histogram(
        "relayhouse.gather.size", Unit::Count("{request}"), SIZES,
        "Requests in a batch of the layer that gathers them.",
    );
    GatheredWait = seconds(
        "relayhouse.gather.wait.duration", CALLS,
        "How long the first request of a batch waited for the others.",
    );

    Running = gauge(
        "relayhouse.inflight.messages", MESSAGES,
        "Deliveries whose handlers run.",
    ).of(Scope::Queue);
    RunningBytes = gauge(
        "relayhouse.inflight.bytes", Unit::Bytes,
        "Bytes of the deliveries whose handlers run.",
    ).of(Scope::Queue);
    Waiting = gauge(
        "relayhouse.buffered.messages", MESSAGES,
        "Deliveries that wait for a handler.",
    ).of(Scope::Queue);
    WaitingBytes = gauge(
        "relayhouse.buffered.bytes", Unit::Bytes,
        "Bytes of the deliveries that wait for a handler.",
    ).of(Scope::Queue);
    Permits = gauge(
        "relayhouse.permits", Unit::Count("{handler}"),
        "The most handlers at a time.",
    ).of(Scope::Queue);
    Sessions = gauge(
        "relayhouse.sessions", Unit::Count("{session}"),
        "Sessions that are held.",
    ).of(Scope::Queue);
    SessionsAccepted = counter(
        "relayhouse.sessions.accepted", Unit::Count("{session}"),
        "Accepts of sessions that ended with one, or failed.",
    ).of(Scope::Queue).by(Label::Error);
    SessionsEnded = counter(
        "relayhouse.sessions.ended", Unit::Count("{session}"),
        "Sessions that were given back.",
    ).of(Scope::Queue);
    Depth = gauge(
        "relayhouse.queue.messages", MESSAGES,
        "Messages of the queue, as the provider counts them; read by a `Poller`.",
    ).of(Scope::Queue).by(Label::State);
    OldestAge = gauge(
        "relayhouse.queue.oldest.age", Unit::Seconds,
        "The age of the oldest message of the queue, as the provider says; read by a `Poller`.",
    ).of(Scope::Queue);
    PollFailures = counter(
        "relayhouse.queue.poll.failures", Unit::Count("{error}"),
        "Readings of a `Poller` that failed.",
    ).of(Scope::Queue).by(Label::Error);

    BreakerState = gauge(
        "relayhouse.breaker.state", Unit::Count("{state}"),
        "0 while the breaker is closed, 1 while it is half open and tries its service with a few calls, 2 while it is open.",
    ).of(Scope::Named);
    BreakerOpened = counter(
        "relayhouse.breaker.opened", Unit::Count("{change}"),
        "How often the breaker opened.",
    ).of(Scope::Named);
    Limit = gauge(
        "relayhouse.limit", CALL,
        "The calls that may be in flight now, as the adaptive limit has found.",
    ).of(Scope::Named);
    Failovers = counter(
        "relayhouse.failovers", MESSAGES,
        "Messages that went to another endpoint after this one failed.",
    ).of(Scope::Endpoint);
    Connects = counter(
        "relayhouse.connects", Unit::Count("{connection}"),
        "Connections that were made.",
    ).of(Scope::Endpoint);
    ConnectFailures = counter(
        "relayhouse.connect.failures", Unit::Count("{connection}"),
        "Connections that could not be made.",
    ).of(Scope::Endpoint).by(Label::Error);
    Connections = gauge(
        "relayhouse.connections", Unit::Count("{connection}"),
        "Connections that are there.",
    ).of(Scope::Endpoint);
    Reconnection = seconds(
        "relayhouse.reconnect.duration", WORK,
        "How long there was no connection: from its end, or the first failure, to the next one.",
    ).of(Scope::Endpoint);
    NotForwarded = counter(
        "relayhouse.outbox.failures", MESSAGES,
        "Messages of an outbox that could not be forwarded at the time.",
    ).of(Scope::Queue);
    BlobFailures = counter(
        "relayhouse.blob.failures", Unit::Count("{blob}"),
        "Blobs that could not be fetched, or removed, at the time.",
    );
    DedupFailures = counter(
        "relayhouse.dedup.failures", Unit::Count("{key}"),
        "Keys that could not be noted as done, or as free again.",
    );
    KeyFailures = counter(
        "relayhouse.encryption.key.failures", Unit::Count("{error}"),
        "Readings of the keys of encryption that failed.",
    );
    PlainText = counter(
        "relayhouse.encryption.plain_text.messages", MESSAGES,
        "Messages in plain text that were accepted where messages are decrypted.",
    );

    CpuTime = counter(
        "process.cpu.time", Unit::Seconds,
        "Processor time that this process has used.",
    );
    CpuShare = gauge(
        "process.cpu.utilization", Unit::Share,
        "Processor time since the last reading beside what all processors had.",
    );
    Memory = gauge(
        "process.memory.usage", Unit::Bytes,
        "Memory of this process that is resident.",
    );
    MemoryShare = gauge(
        "process.memory.utilization", Unit::Share,
        "That, beside all memory of the machine or the limit of the control group.",
    );
    FileDescriptors = gauge(
        "process.unix.file_descriptor.count", Unit::Count("{file_descriptor}"),
        "Files that this process has open, sockets included.",
    );
    Sockets = gauge(
        "relayhouse.process.sockets", Unit::Count("{connection}"),
        "Sockets that this process has open.",
    );
    SeriesRefused = counter(
        "relayhouse.telemetry.series.refused", Unit::Count("{series}"),
        "Times that something came under the name `_other`, since the most names were known.",
    );
}
