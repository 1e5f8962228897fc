//! What an oracle checks when handlers start and end, and when consumers do.

use relayhouse_core::Instant;

use super::{
    Extensions, HandlerEnd, Leases, Oracle, Order,
    table::{Hold, HoldId, Id, SendState},
};

impl Oracle {
    pub(super) fn check_bounds(&mut self) {
        for (what, count, max) in [
            ("handlers", self.handlers, self.rules.handlers_max),
            ("deliveries", self.in_flight, self.rules.in_flight_max),
            (
                "bytes",
                self.in_flight_bytes,
                self.rules.in_flight_bytes_max,
            ),
        ] {
            if max.is_some_and(|max| max < count) {
                let text = || format!("{count} {what} at a time");
                self.verdict.breach(|it| &mut it.bounds, text);
            }
        }
    }

    pub(super) fn started(&mut self, now: Instant, hold_id: HoldId) {
        self.verdict.started += 1;
        self.handlers += 1;
        self.check_bounds();
        let Some(hold) = self.table.holds.get_mut(&hold_id) else {
            return;
        };
        hold.is_running = true;
        let (id, key, left) = (hold.id, hold.key, hold.until.since(now));
        let attempt = hold.attempt;
        let attempts_max = self.rules.attempts_max;
        if attempts_max.is_some_and(|max| max.get() < attempt) {
            let text = || format!("a handler of {id:?} started on attempt {attempt}");
            self.verdict.breach(|it| &mut it.dead_letters, text);
        }
        if self.is_shut_down {
            let text = || format!("a handler of {id:?} started after the shutdown");
            self.verdict.breach(|it| &mut it.drain, text);
        }
        let is_late = left < self.rules.start_margin || left.is_zero();
        if is_late && self.rules.extensions == Extensions::Told {
            let text = || format!("a handler of {id:?} started with {left:?} of its lease left");
            self.verdict.breach(|it| &mut it.late_starts, text);
        }
        if let Some(key) = key.filter(|_| self.rules.order == Order::Key) {
            self.check_order(now, id, key);
            self.table.running.insert(key, hold_id);
        }
    }

    fn check_order(&mut self, now: Instant, id: Id, key: u64) {
        let other = self.table.running.get(&key);
        let other = other.and_then(|other| self.table.holds.get(other));
        let skew = self.rules.skew;
        let may_end_early = self.rules.leases == Leases::MayEndEarly;
        let holds = |it: &Hold| now + skew < it.until && !(may_end_early && it.is_superseded);
        if let Some(other) = other.filter(|it| it.is_running && holds(it)) {
            let text = format!("a handler of {id:?} started beside one of {:?}", other.id);
            self.verdict.breach(|it| &mut it.order, || text);
        }
        let waiting = self.table.unfinished.get(&(key, id.producer));
        let first = waiting.and_then(|waiting| waiting.first().copied());
        let Some(sequence) = first.filter(|first| *first < id.sequence) else {
            return;
        };
        let earlier = Id { sequence, ..id };
        let earlier = self.table.live.get(&earlier);
        if earlier.is_some_and(|live| live.send == SendState::Done && !live.is_unsure) {
            let text = || format!("a handler of {id:?} started before one of {sequence} had ended");
            self.verdict.breach(|it| &mut it.order, text);
        }
    }

    pub(super) fn handled(&mut self, now: Instant, hold_id: HoldId, end: HandlerEnd) {
        self.handlers = self.handlers.saturating_sub(1);
        let Some(hold) = self.table.holds.get_mut(&hold_id) else {
            return;
        };
        hold.is_running = false;
        hold.is_decided = now < hold.until;
        let (id, key) = (hold.id, hold.key);
        if let Some(key) = key.filter(|key| self.table.running.get(key) == Some(&hold_id)) {
            self.table.running.remove(&key);
        }
        if end == HandlerEnd::Failure {
            return;
        }
        if let Some(live) = self.table.live.get_mut(&id) {
            live.successes += 1;
            self.verdict.duplicates += u64::from(live.successes == 2);
        }
        if let Some(key) = key {
            self.table.passed(key, id);
        }
    }

    /// Gives every open delivery up: whether it was settled is not known.
    pub(super) fn crashed(&mut self, now: Instant) {
        (self.handlers, self.in_flight, self.in_flight_bytes) = (0, 0, 0);
        self.table.running.clear();
        for hold in self.table.holds.values_mut() {
            hold.is_superseded = false;
            hold.is_running = false;
            if hold.ended.is_none() && hold.until <= now {
                hold.ended = Some(now);
            }
        }
    }

    pub(super) fn shut_down(&mut self, now: Instant, abandoned: u64) {
        self.is_shut_down = true;
        let holds = self.table.holds.values();
        let open = holds.filter(|hold| hold.ended.is_none() && now < hold.until);
        let open = open.count() as u64;
        if abandoned < open {
            let text = || format!("the shutdown left {open} deliveries, and told of {abandoned}");
            self.verdict.breach(|it| &mut it.drain, text);
        }
    }
}
