//! Receive: what is handed out, what dies instead, and what a long poll waits for.

use std::time::{Duration, SystemTime};

use tokio::sync::watch;

use super::{
    Call, Model,
    message::{Message, SYSTEM_NAMES, Wanted},
    names::QueueKey,
    next,
    queue::Queue,
    settings::unknown_name,
    shelf::{HandOut, State},
};
use crate::api::{
    Code, Error, Result,
    messages::{Message as View, Receive, Received},
};

const MESSAGES_MAX: i64 = 10;
const WAIT_MAX: i64 = 20;
const VISIBILITY_MAX: i64 = 43_200;

/// A receive that was checked.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    queue_url: String,
    max: usize,
    visibility: Option<Duration>,
    attempt: Option<String>,
    wanted: Wanted,
    /// When it ends with nothing; none, if it waits for nothing.
    pub(crate) deadline: Option<SystemTime>,
}

/// What a receive that found nothing waits for.
#[derive(Debug)]
pub(crate) struct Wait {
    /// Rings when there may be something; it ends when the queue is gone.
    pub(crate) bell: watch::Receiver<()>,
    /// When there is something to do without a ring.
    pub(crate) due: Option<SystemTime>,
}

/// What is to be handed out, and how.
#[derive(Clone, Copy, Debug)]
struct Take {
    max: usize,
    now: SystemTime,
    end: SystemTime,
    receives_max: Option<u64>,
}

impl Model {
    /// Checks a receive, which is then to be tried by [`receive`](Self::receive).
    pub(crate) fn start_receive(&mut self, call: &mut Call, receive: Receive) -> Result<Waiting> {
        let queue = self.reach(call, &receive.queue_url)?;
        let max = bounded(
            "MaxNumberOfMessages",
            receive.max_number_of_messages,
            1,
            MESSAGES_MAX,
        )?;
        let wait = bounded("WaitTimeSeconds", receive.wait_time_seconds, 0, WAIT_MAX)?;
        let wait = wait.map_or(queue.settings.wait, Duration::from_secs);
        let visibility = check_visibility(receive.visibility_timeout)?;
        let attempt = receive.receive_request_attempt_id;
        if let Some(id) = &attempt {
            super::contents::check_id("ReceiveRequestAttemptId", id)?;
            if !queue.is_fifo() {
                let reason =
                    "The request includes a parameter that is not valid for this queue type.";
                return Err(Error::invalid("ReceiveRequestAttemptId", id, reason));
            }
        }
        let mut system = receive.message_system_attribute_names;
        system.extend(receive.attribute_names);
        check_names(&system)?;
        Ok(Waiting {
            queue_url: receive.queue_url,
            max: usize::try_from(max.unwrap_or(1)).unwrap_or(1),
            visibility,
            attempt,
            wanted: Wanted {
                system,
                attributes: receive.message_attribute_names,
            },
            deadline: (wait != Duration::ZERO).then(|| call.now + wait),
        })
    }

    /// Hands out what there is; if there is nothing, says what to wait for.
    pub(crate) fn receive(
        &mut self,
        call: &mut Call,
        receive: &Waiting,
    ) -> Result<Result<Received, Wait>> {
        let key = QueueKey::of_url(&receive.queue_url)?;
        let in_flight_max = self.chaos.in_flight_max;
        let queue = self.reach(call, &receive.queue_url)?;
        if let Some(places) = replay(queue, receive, call.now) {
            return Ok(Ok(self.answer(&key, &places, receive, call)));
        }
        let free = in_flight_max.saturating_sub(queue.shelf.in_flight_count());
        let is_short = receive.deadline.is_none();
        if free == 0 && is_short && !queue.is_fifo() {
            let message = "Too many messages in flight for this queue.";
            return Err(Error::new(Code::OverLimit, message));
        }
        let take = Take {
            max: receive.max.min(free),
            now: call.now,
            end: call.now + receive.visibility.unwrap_or(queue.settings.visibility),
            receives_max: None,
        };
        let places = self.take(&key, take);
        if places.is_empty() {
            return Ok(Err(self.wait_for(call, receive)?));
        }
        if let (Some(id), Some(queue)) = (&receive.attempt, self.queues.get_mut(&key)) {
            queue.note_attempt(id, &places, call.now);
        }
        Ok(Ok(self.answer(&key, &places, receive, call)))
    }

    /// Hands messages out, and buries those that were received too often.
    fn take(&mut self, key: &QueueKey, take: Take) -> Vec<u64> {
        let redrive = self
            .queues
            .get(key)
            .and_then(|it| it.settings.redrive.clone());
        // A queue whose target is gone keeps its messages.
        let redrive = redrive.filter(|it| self.queues.contains_key(&it.target));
        let take = Take {
            receives_max: redrive.as_ref().map(|it| it.receives_max),
            ..take
        };
        let (mut places, mut dead) = (Vec::new(), Vec::new());
        let reordering = self.chaos.reordering;
        let (random, serial) = (&mut self.random, &mut self.serial);
        if let Some(queue) = self.queues.get_mut(key) {
            let mut pick = |end: usize| match reordering.min(end) {
                0 | 1 => 0,
                window => random.below(window),
            };
            queue.take(take, &mut pick, serial, &mut places, &mut dead);
        }
        if let Some(redrive) = redrive {
            self.bury(key, &redrive.target, dead, take.now);
        }
        places
    }

    /// Puts dead messages into the queue of dead letters.
    fn bury(&mut self, from: &QueueKey, to: &QueueKey, dead: Vec<Message>, now: SystemTime) {
        let arn = self.arn(from);
        let Some(target) = self.queues.get_mut(to) else {
            return;
        };
        for mut message in dead {
            message.source = Some((from.clone(), arn.clone()));
            if target.is_fifo() {
                // Only a standard queue keeps the time at which a message was sent.
                message.sent = now;
            }
            let place = next(&mut self.serial);
            target.add(place, message, now, Duration::ZERO);
        }
    }

    fn answer(
        &self,
        key: &QueueKey,
        places: &[u64],
        receive: &Waiting,
        call: &mut Call,
    ) -> Received {
        let queue = self.queues.get(key);
        let views = places
            .iter()
            .filter_map(|place| queue?.view(*place, &receive.wanted));
        let messages = views.collect::<Vec<_>>();
        call.messages = messages.len();
        Received { messages }
    }

    fn wait_for(&mut self, call: &mut Call, receive: &Waiting) -> Result<Wait> {
        let moves = self.moves.next_due();
        let queue = self.reach(call, &receive.queue_url)?;
        Ok(Wait {
            bell: queue.listen(),
            due: queue.next_due().into_iter().chain(moves).min(),
        })
    }
}

impl Queue {
    /// Hands messages out into `places`; takes out those that were received too often.
    fn take(
        &mut self,
        take: Take,
        pick: &mut dyn FnMut(usize) -> usize,
        serial: &mut u64,
        places: &mut Vec<u64>,
        dead: &mut Vec<Message>,
    ) {
        while places.len() < take.max {
            let skip = if self.is_fifo() {
                0
            } else {
                pick(self.shelf.ready_count())
            };
            let Some(first) = self.shelf.ready(skip) else {
                return;
            };
            for place in self.shelf.run(first, take.max - places.len()) {
                let count = self.shelf.get(place).map(|it| it.message.receive_count);
                let is_dead = take.receives_max.is_some_and(|max| Some(max) <= count);
                if is_dead {
                    dead.extend(self.shelf.remove(place));
                } else {
                    let hand_out = HandOut {
                        number: next(serial),
                        at: take.now,
                        is_changed: false,
                    };
                    self.shelf.hand_out(place, hand_out, take.end);
                    places.push(place);
                }
            }
        }
    }

    fn note_attempt(&mut self, id: &str, places: &[u64], now: SystemTime) {
        let receipts = places.iter().filter_map(|place| self.receipt(*place));
        let messages = receipts.map(|receipt| (receipt.place, receipt.hand_out));
        self.attempts.insert(id.to_owned(), now, messages.collect());
    }

    fn view(&self, place: u64, wanted: &Wanted) -> Option<View> {
        let entry = self.shelf.get(place)?;
        let receipt = self.receipt(place)?.to_text();
        let sequence = self.sequence(place);
        Some(entry.message.view(receipt, sequence.as_deref(), wanted))
    }
}

/// Hands out again what the same attempt got before, and counts its visibility anew.
fn replay(queue: &mut Queue, receive: &Waiting, now: SystemTime) -> Option<Vec<u64>> {
    let id = receive.attempt.as_deref()?;
    let places = queue.attempts.replay(id, now, &queue.shelf)?;
    let end = now + receive.visibility.unwrap_or(queue.settings.visibility);
    for place in &places {
        queue.shelf.set(*place, State::InFlight(end));
    }
    Some(places)
}

/// Checks the visibility that a receive or a change asks for.
pub(super) fn check_visibility(seconds: Option<i64>) -> Result<Option<Duration>> {
    let seconds = bounded("VisibilityTimeout", seconds, 0, VISIBILITY_MAX)?;
    Ok(seconds.map(Duration::from_secs))
}

fn bounded(parameter: &str, value: Option<i64>, min: i64, max: i64) -> Result<Option<u64>> {
    match value {
        Some(value) if (min..=max).contains(&value) => Ok(Some(value.unsigned_abs())),
        Some(value) => {
            let reason = format!("Must be >= {min} and <= {max}, if provided.");
            Err(Error::invalid(parameter, value, &reason))
        }
        None => Ok(None),
    }
}

fn check_names(names: &[String]) -> Result<()> {
    let is_known = |name: &str| name == "All" || SYSTEM_NAMES.contains(&name);
    match names.iter().find(|name| !is_known(name)) {
        Some(name) => Err(unknown_name(name)),
        None => Ok(()),
    }
}
