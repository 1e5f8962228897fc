//! From events to metrics: atomics, and no lock.

use std::{
    cell::OnceCell,
    num::{NonZeroU32, NonZeroU64},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use relayhouse_core::{
    Delivery, Entity, Error, Event, Instant, Observer, Operation, QueueName, Settlement, Source,
    Timestamp,
};

use super::{
    Core,
    definition::{breaker, call_index, error_index, handler_index, operation_index},
    roll::{Entry, Name, Roll},
    series::Writer,
    table::Metric,
};

/// Keeps the metrics of what it is told, for the queues of one messaging system.
#[derive(Debug)]
pub(super) struct Counting {
    pub(super) core: Arc<Core>,
    pub(super) system: &'static str,
}

impl Observer for Counting {
    fn observe(&self, now: Instant, events: &[Event<'_>]) {
        let mut desk = Desk {
            core: &self.core,
            system: self.system,
            now,
            wall: OnceCell::new(),
            last: None,
        };
        for event in events {
            desk.note(event);
        }
    }
}

/// What the events of one call share.
struct Desk<'a> {
    core: &'a Core,
    system: &'static str,
    now: Instant,
    /// The time of day, read once if it is asked for.
    wall: OnceCell<Timestamp>,
    /// The source of the last event: the next one is mostly about the same.
    last: Option<(*const Source, At<'a>)>,
}

/// Is one thing that metrics are kept for, and what this thread writes its series by.
#[derive(Clone, Copy)]
struct At<'a> {
    entry: &'a Entry,
    series: Writer<'a>,
}

impl<'a> Desk<'a> {
    fn note(&mut self, event: &Event<'_>) {
        match event {
            Event::Received { source, delivery } => self.received(source, delivery),
            Event::Started {
                source, lease_left, ..
            } => self.started(source, *lease_left),
            Event::Handled {
                source,
                took,
                lease_left,
                result,
                ..
            } => self.handled(source, *took, *lease_left, result.err()),
            Event::Settled {
                source,
                delivery,
                settlement,
                result,
                ..
            } => self.settled(source, delivery, settlement, result.err()),
            Event::Load {
                source,
                before,
                now,
            } => {
                let series = self.source(source).series;
                series.shift(Metric::Running, before.running, now.running);
                series.shift(
                    Metric::RunningBytes,
                    before.running_bytes,
                    now.running_bytes,
                );
                series.shift(Metric::Waiting, before.waiting, now.waiting);
                series.shift(
                    Metric::WaitingBytes,
                    before.waiting_bytes,
                    now.waiting_bytes,
                );
                series.shift(Metric::Permits, before.permits, now.permits);
            }
            Event::Drawn { took } => self.process().record(Metric::Drawing, nanos(*took)),
            Event::Sent {
                queue,
                bytes,
                result,
                ..
            } => self.sent(queue, *bytes, result.err()),
            other => self.call(other),
        }
    }

    /// Notes what is told of whole calls.
    fn call(&mut self, event: &Event<'_>) {
        match *event {
            Event::SendCall {
                queue,
                messages,
                messages_max,
                took,
                error,
            } => {
                let entry = self.queue(queue);
                ended(entry, Operation::Send, took, error);
                filled(entry, Operation::Send, messages, messages_max);
            }
            Event::Intake {
                source,
                asked,
                received,
                took,
                error,
            } => self.intake(source, asked, received, took, error),
            Event::SettleCall {
                source,
                messages,
                messages_max,
                took,
                error,
            } => {
                let entry = self.source(source);
                ended(entry, Operation::Settle, took, error);
                filled(entry, Operation::Settle, messages, messages_max);
            }
            Event::ExtendCall {
                source,
                messages,
                messages_max,
                took,
                error,
            } => {
                let entry = self.source(source);
                ended(entry, Operation::Extend, took, error);
                filled(entry, Operation::Extend, messages, messages_max);
            }
            Event::Called {
                operation,
                messages,
                requests,
                cost,
            } => {
                let (series, variant) = (self.process(), operation_index(operation));
                series.add_of(Metric::Requests, variant, requests);
                series.add_of(Metric::RequestMessages, variant, messages);
                series.add_of(Metric::Cost, variant, cost.unwrap_or(0));
            }
            Event::Gathered { requests, waited } => {
                let series = self.process();
                series.record(Metric::GatheredSize, u64::from(requests));
                series.record(Metric::GatheredWait, nanos(waited));
            }
            _ => self.rare(event),
        }
    }

    /// Notes what happens now and then.
    fn rare(&mut self, event: &Event<'_>) {
        match *event {
            Event::Extended { source, result, .. } => {
                let series = self.source(source).series;
                series.add_of(Metric::Extensions, variant(result.err()), 1);
            }
            Event::Retrying { error, .. } => {
                self.process()
                    .add_of(Metric::Retries, variant(Some(error)), 1);
            }
            Event::Stalled { source, .. } => self.source(source).series.add(Metric::Stalls, 1),
            Event::ReceivesDropped { source, receives } => {
                let series = self.source(source).series;
                series.add(Metric::ReceivesDropped, receives);
            }
            Event::Abandoned { source, messages } => {
                self.source(source).series.add(Metric::Abandoned, messages);
            }
            Event::SessionAccepted {
                source,
                took,
                result,
            } => {
                let entry = self.source(source);
                ended(entry, Operation::Session, took, result.err());
                if !matches!(result, Ok(false)) {
                    let variant = variant(result.err());
                    entry.series.add_of(Metric::SessionsAccepted, variant, 1);
                }
                if matches!(result, Ok(true)) {
                    entry.series.shift(Metric::Sessions, 0, 1);
                }
            }
            Event::SessionEnded { source, held } => {
                let series = self.source(source).series;
                series.shift(Metric::Sessions, 1, 0);
                series.add(Metric::SessionsEnded, 1);
                series.record(Metric::SessionDuration, nanos(held));
            }
            Event::Connected { endpoint } => {
                let entry = self.endpoint(endpoint);
                entry.series.add(Metric::Connects, 1);
                entry.series.shift(Metric::Connections, 0, 1);
                self.up(entry, Metric::Reconnection);
            }
            Event::ConnectFailed { endpoint, error } => {
                let entry = self.endpoint(endpoint);
                let variant = variant(Some(error));
                entry.series.add_of(Metric::ConnectFailures, variant, 1);
                self.down(entry);
            }
            Event::Disconnected { endpoint } => {
                let entry = self.endpoint(endpoint);
                entry.series.shift(Metric::Connections, 1, 0);
                self.down(entry);
            }
            Event::FailedOver { from, .. } => {
                self.endpoint(from).series.add(Metric::Failovers, 1);
            }
            Event::NotForwarded { queue, .. } => {
                self.queue(queue).series.add(Metric::NotForwarded, 1);
            }
            _ => self.changed(event),
        }
    }

    /// Notes what breakers and limits let through from now on.
    fn changed(&self, event: &Event<'_>) {
        let set = |name, metric, level| self.named(name).entry.series.set(metric, level);
        match *event {
            Event::BreakerOpened { name, .. } => {
                let named = self.named(name);
                named.entry.series.set(Metric::BreakerState, breaker::OPEN);
                named.series.add(Metric::BreakerOpened, 1);
            }
            Event::BreakerHalfOpened { name } => {
                set(name, Metric::BreakerState, breaker::HALF_OPEN);
            }
            Event::BreakerClosed { name } => set(name, Metric::BreakerState, breaker::CLOSED),
            Event::LimitChanged { name, limit, .. } => set(name, Metric::Limit, u64::from(limit)),
            _ => self.of_process(event),
        }
    }

    fn of_process(&self, event: &Event<'_>) {
        let series = self.process();
        match *event {
            Event::Encoded { took, result } => {
                series.record(Metric::Encoding, nanos(took));
                self.coded(result.err());
            }
            Event::Decoded { took, result } => {
                series.record(Metric::Decoding, nanos(took));
                self.coded(result.err());
            }
            Event::Deduplicated { .. } => series.add(Metric::Deduplicated, 1),
            Event::DedupNotNoted { .. } => series.add(Metric::DedupFailures, 1),
            Event::BlobNotFetched { .. } | Event::BlobLeft { .. } => {
                series.add(Metric::BlobFailures, 1);
            }
            Event::KeysNotRead { .. } => series.add(Metric::KeyFailures, 1),
            Event::PlainTextAccepted { .. } => series.add(Metric::PlainText, 1),
            _ => {}
        }
    }

    fn coded(&self, error: Option<&Error>) {
        if error.is_some() {
            let series = self.process();
            series.add_of(Metric::CodecFailures, variant(error), 1);
        }
    }

    fn sent(&self, queue: &QueueName, bytes: u64, error: Option<&Error>) {
        let series = self.queue(queue).series;
        series.add_of(Metric::SentMessages, variant(error), 1);
        if error.is_none() {
            series.add(Metric::SentBytes, bytes);
        }
    }

    fn intake(
        &mut self,
        source: &Source,
        asked: u32,
        received: u32,
        took: Duration,
        error: Option<&Error>,
    ) {
        let entry = self.source(source);
        ended(entry, Operation::Receive, took, error);
        entry.series.add(Metric::Polls, 1);
        if error.is_some() {
            self.down(entry);
            return;
        }
        self.up(entry, Metric::Recovery);
        if received == 0 {
            entry.series.add(Metric::EmptyPolls, 1);
        } else {
            filled(entry, Operation::Receive, received, NonZeroU32::new(asked));
        }
    }

    fn received(&mut self, source: &Source, delivery: &Delivery) {
        let wait = self.wall().since(delivery.enqueued_at);
        let series = self.source(source).series;
        series.add(Metric::ConsumedMessages, 1);
        series.add(Metric::ReceivedBytes, delivery.message.size());
        series.record(Metric::Wait, nanos(wait));
        if 1 < delivery.attempt {
            series.add(Metric::RedeliveredMessages, 1);
        }
    }

    fn started(&mut self, source: &Source, lease_left: Option<Duration>) {
        let series = self.source(source).series;
        series.add(Metric::StartedMessages, 1);
        if let Some(left) = lease_left {
            series.record(Metric::LeaseAtStart, nanos(left));
        }
    }

    fn handled(
        &mut self,
        source: &Source,
        took: Duration,
        lease_left: Option<Duration>,
        error: Option<&Error>,
    ) {
        let series = self.source(source).series;
        let kind = error.map(Error::kind);
        series.record_of(Metric::ProcessDuration, handler_index(kind), nanos(took));
        if let Some(left) = lease_left {
            series.record(Metric::LeaseAtSettle, nanos(left));
        }
        if error.is_some() {
            series.add_of(Metric::HandlerFailures, variant(error), 1);
        }
    }

    fn settled(
        &mut self,
        source: &Source,
        delivery: &Delivery,
        settlement: &Settlement,
        error: Option<&Error>,
    ) {
        let entry = self.source(source);
        if error.is_some() {
            entry
                .series
                .add_of(Metric::SettleFailures, variant(error), 1);
            return;
        }
        let (variant, is_end) = match settlement {
            Settlement::Ack | Settlement::Forward(_) => (0, true),
            Settlement::Release { .. } => (1, false),
            Settlement::DeadLetter(_) => (2, true),
            _ => (3, false),
        };
        entry.series.add_of(Metric::SettledMessages, variant, 1);
        if is_end {
            let life = self.wall().since(delivery.enqueued_at);
            entry.series.record(Metric::Life, nanos(life));
        }
    }

    /// Notes that `entry` cannot be reached, if that is new.
    fn down(&self, at: At<'_>) {
        let since = self.now.as_nanos().saturating_add(1);
        let _ = at
            .entry
            .down_since
            .compare_exchange(0, since, Relaxed, Relaxed);
    }

    /// Notes that `entry` can be reached, and for how long it could not, if it could not.
    fn up(&self, at: At<'_>, metric: Metric) {
        if at.entry.down_since.load(Relaxed) != 0 {
            let since = at.entry.down_since.swap(0, Relaxed);
            if let Some(since) = since.checked_sub(1) {
                let took = self.now.as_nanos().saturating_sub(since);
                at.series.record(metric, took);
            }
        }
    }

    fn wall(&self) -> Timestamp {
        *self.wall.get_or_init(|| self.core.clock.wall())
    }

    fn process(&self) -> Writer<'a> {
        self.core.process.writer()
    }

    fn source(&mut self, source: &Source) -> At<'a> {
        if let Some((last, entry)) = self.last
            && std::ptr::eq(last, source)
        {
            return entry;
        }
        let entry = self.find(&self.core.queues, name_of(source, self.system));
        self.last = Some((source, entry));
        entry
    }

    fn queue(&self, queue: &QueueName) -> At<'a> {
        self.find(&self.core.queues, plain(queue.as_str(), self.system))
    }

    fn named(&self, name: &str) -> At<'a> {
        self.find(&self.core.named, plain(name, ""))
    }

    fn endpoint(&self, name: &str) -> At<'a> {
        self.find(&self.core.endpoints, plain(name, ""))
    }

    fn find(&self, roll: &'a Roll, name: Name<'_>) -> At<'a> {
        let entry = roll.find(name).unwrap_or_else(|| {
            self.process().add(Metric::SeriesRefused, 1);
            roll.other()
        });
        let series = entry.series.writer();
        At { entry, series }
    }
}

/// Returns what names `source` of `system`.
pub(super) fn name_of<'a>(source: &'a Source, system: &'static str) -> Name<'a> {
    let (name, subscription) = match &source.entity {
        Entity::Queue(name) => (name.as_str(), None),
        Entity::Subscription { topic, name } => (topic.as_str(), Some(name.as_str())),
    };
    Name {
        system,
        name,
        subscription,
        dead_letter: source.dead_letter,
    }
}

const fn plain<'a>(name: &'a str, system: &'static str) -> Name<'a> {
    Name {
        system,
        name,
        subscription: None,
        dead_letter: false,
    }
}

/// Notes the end of a call to the provider.
fn ended(entry: At<'_>, operation: Operation, took: Duration, error: Option<&Error>) {
    let variant = call_index(operation, error.map(Error::kind));
    let series = entry.series;
    series.record_of(Metric::CallDuration, variant, nanos(took));
    if let Some(error) = error {
        series.add_of(Metric::Errors, error_index(error.kind()), 1);
    }
}

/// Notes how many messages a call had, and how many it could have had.
fn filled(entry: At<'_>, operation: Operation, messages: u32, messages_max: Option<NonZeroU32>) {
    let variant = operation_index(operation);
    let series = entry.series;
    series.record_of(Metric::BatchSize, variant, u64::from(messages));
    if let Some(max) = messages_max {
        let fill = u64::from(messages) * 1_000_000 / NonZeroU64::from(max);
        series.record_of(Metric::BatchFill, variant, fill);
    }
}

fn variant(error: Option<&Error>) -> usize {
    error.map_or(0, |error| error_index(error.kind()))
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
