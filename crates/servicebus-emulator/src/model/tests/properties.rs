//! Properties: whatever is done with a queue, it does what a simple oracle says.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const LOCK: u64 = 10;
const DELIVERIES_MAX: u32 = 3;

/// What a test does with a queue.
#[derive(Clone, Copy, Debug)]
enum Step {
    Send { session: u8 },
    Receive { max: usize, session: u8 },
    Settle { index: usize, how: How },
    TakeDeferred { index: usize },
    Accept { session: Option<u8> },
    Close { session: u8 },
    Renew { index: usize, session: u8 },
    Pass { seconds: u64 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Complete,
    Abandon,
    Defer,
    DeadLetter,
    Release,
}

fn how() -> impl Strategy<Value = How> {
    prop_oneof![
        3 => Just(How::Complete),
        2 => Just(How::Abandon),
        1 => Just(How::Defer),
        1 => Just(How::DeadLetter),
        1 => Just(How::Release),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let session = 0..3_u8;
    prop_oneof![
        4 => session.clone().prop_map(|session| Step::Send { session }),
        4 => (1..5_usize, session.clone()).prop_map(|(max, session)| Step::Receive { max, session }),
        5 => (any::<usize>(), how()).prop_map(|(index, how)| Step::Settle { index, how }),
        1 => any::<usize>().prop_map(|index| Step::TakeDeferred { index }),
        2 => prop::option::of(session.clone()).prop_map(|session| Step::Accept { session }),
        1 => session.clone().prop_map(|session| Step::Close { session }),
        1 => (any::<usize>(), session).prop_map(|(index, session)| Step::Renew { index, session }),
        2 => (1..8_u64).prop_map(|seconds| Step::Pass { seconds }),
    ]
}

/// Where the oracle thinks a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Ready,
    Deferred,
    Dead,
}

#[derive(Clone, Debug)]
struct Item {
    session: u8,
    place: Place,
    /// When its lock ends, and by which token; in a session, the lock is that of the session.
    held: Option<(u64, Uuid)>,
    count: u32,
}

/// What a queue owes, by the numbers of its messages.
#[derive(Debug, Default)]
struct Oracle {
    items: BTreeMap<u64, Item>,
    sessions: BTreeMap<u8, (u64, SessionKey)>,
    now: u64,
}

impl Oracle {
    /// Ends what is over by now.
    fn pass(&mut self, seconds: u64) {
        self.now += seconds;
        let now = self.now;
        let over = |until: u64| until <= now;
        self.sessions.retain(|_, (until, _)| !over(*until));
        for item in self.items.values_mut() {
            if item.held.is_some_and(|(until, _)| over(until)) {
                item.come_back(true);
            }
        }
    }

    /// Returns the messages that a receive is to hand out.
    fn next(&self, max: usize, session: Option<u8>) -> Vec<u64> {
        let ready = self.items.iter().filter(|(_, item)| {
            let is_of_session = session.is_none_or(|session| item.session == session);
            item.place == Place::Ready && item.held.is_none() && is_of_session
        });
        ready.map(|(number, _)| *number).take(max).collect()
    }

    fn held(&self, token: Uuid) -> Option<u64> {
        let mut items = self.items.iter();
        let found = items.find(|(_, item)| item.held.is_some_and(|(_, it)| it == token));
        found.map(|(number, _)| *number)
    }

    fn take(&mut self, deliveries: &[Delivery]) {
        let until = self.now + LOCK;
        for delivery in deliveries {
            let item = self.items.get_mut(&delivery.message.sequence).unwrap();
            assert!(item.held.is_none(), "two hold a message");
            assert_eq!(item.count, delivery.message.delivery_count);
            let session_end = self.sessions.get(&item.session).map(|(end, _)| *end);
            item.held = Some((session_end.unwrap_or(until), token(delivery)));
        }
    }

    fn settle(&mut self, number: u64, how: How) {
        if how == How::Complete {
            self.items.remove(&number);
            return;
        }
        let item = self.items.get_mut(&number).unwrap();
        match how {
            How::Abandon => item.come_back(true),
            How::Release => item.come_back(false),
            How::Defer => {
                item.held = None;
                item.place = Place::Deferred;
            }
            How::DeadLetter => {
                item.held = None;
                item.place = Place::Dead;
            }
            How::Complete => {}
        }
    }

    fn counts(&self) -> Counts {
        let count = |place| {
            let items = self.items.values();
            items.filter(|item| item.place == place).count()
        };
        Counts {
            active: count(Place::Ready),
            deferred: count(Place::Deferred),
            dead_letter: count(Place::Dead),
            ..Counts::default()
        }
    }
}

impl Item {
    fn come_back(&mut self, is_counted: bool) {
        self.held = None;
        self.count += u32::from(is_counted);
        if DELIVERIES_MAX <= self.count {
            self.place = Place::Dead;
        }
    }
}

fn settlement(how: How) -> Settlement {
    match how {
        How::Complete => Settlement::Complete,
        How::Abandon => abandon(),
        How::Defer => defer(),
        How::DeadLetter => dead_letter("x"),
        How::Release => Settlement::Release,
    }
}

/// A queue and its oracle, and the locks that somebody has or had.
struct Pair {
    world: World,
    oracle: Oracle,
    tokens: Vec<Uuid>,
    /// How many numbers the queue has given; the dead get new ones.
    sent: u64,
    has_sessions: bool,
    /// From the body of a message to the number that the oracle knows.
    numbers: BTreeMap<u64, u64>,
}

impl Pair {
    fn new(has_sessions: bool) -> Self {
        let world = World::with_queue(|it| {
            it.outlet.requires_session = has_sessions;
            it.outlet.lock_duration = Duration::from_secs(LOCK);
            it.outlet.delivery_count_max = DELIVERIES_MAX;
        });
        Self {
            world,
            oracle: Oracle::default(),
            tokens: Vec::new(),
            sent: 0,
            has_sessions,
            numbers: BTreeMap::new(),
        }
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Send { session } => self.send(session),
            Step::Receive { max, session } => self.receive(max, session),
            Step::Settle { index, how } => self.settle(index, how),
            Step::TakeDeferred { index } => self.take_deferred(index),
            Step::Accept { session } if self.has_sessions => self.accept(session),
            Step::Close { session } => self.close(session),
            Step::Renew { index, session } => self.renew(index, session),
            Step::Pass { seconds } => {
                self.world.pass(seconds);
                self.oracle.pass(seconds);
            }
            Step::Accept { .. } => {}
        }
        assert_eq!(self.world.counts("q"), self.oracle.counts());
    }

    fn send(&mut self, session: u8) {
        self.sent += 1;
        let contents = Contents {
            session_id: self.has_sessions.then(|| session.to_string().into()),
            ..Contents::of_body(self.sent.to_string())
        };
        self.world.send("q", contents).unwrap();
        let number = self.world.peek("q").last().unwrap().message.sequence;
        let item = Item {
            session,
            place: Place::Ready,
            held: None,
            count: 0,
        };
        self.oracle.items.insert(number, item);
        self.numbers.insert(self.sent, number);
    }

    fn receive(&mut self, max: usize, session: u8) {
        let key = self
            .oracle
            .sessions
            .get(&session)
            .map(|(_, key)| key.clone());
        if self.has_sessions && key.is_none() {
            return;
        }
        let key = key.filter(|_| self.has_sessions);
        let expected = self.oracle.next(max, key.as_ref().map(|_| session));
        let deliveries = self
            .world
            .try_receive("q", max, Mode::PeekLock, key.as_ref())
            .unwrap();
        self.note(&expected, &deliveries);
    }

    fn take_deferred(&mut self, index: usize) {
        let items = self.oracle.items.iter();
        let deferred = items
            .filter(|(_, item)| item.place == Place::Deferred && item.held.is_none())
            .map(|(number, item)| (*number, item.session))
            .collect::<Vec<_>>();
        let Some((number, session)) = deferred.get(index % deferred.len().max(1)).copied() else {
            return;
        };
        let key = self
            .oracle
            .sessions
            .get(&session)
            .map(|(_, key)| key.clone());
        if self.has_sessions && key.is_none() {
            return;
        }
        let receive = Receive {
            max: 1,
            mode: Mode::PeekLock,
            session: key.as_ref(),
        };
        let (now, at) = (self.world.now, address("q"));
        let taken = self
            .world
            .model
            .receive_deferred(now, &at, &[number], receive);
        self.note(&[number], &taken.unwrap());
    }

    fn note(&mut self, expected: &[u64], deliveries: &[Delivery]) {
        let numbers = deliveries.iter().map(|it| it.message.sequence);
        assert_eq!(numbers.collect::<Vec<_>>(), expected);
        self.tokens.extend(deliveries.iter().map(token));
        self.oracle.take(deliveries);
    }

    fn settle(&mut self, index: usize, how: How) {
        let Some(token) = self.tokens.get(index % self.tokens.len().max(1)).copied() else {
            return;
        };
        let held = self.oracle.held(token);
        let (call, at) = (self.world.call(), address("q"));
        let settled = self.world.model.settle(call, &at, token, settlement(how));
        assert_eq!(settled.is_ok(), held.is_some(), "the oracle says who holds");
        if let Some(number) = held {
            self.oracle.settle(number, how);
        }
    }

    fn accept(&mut self, session: Option<u8>) {
        let id = session.map(|it| it.to_string());
        let accepted = self.world.accept("q", id.as_deref());
        let is_held = session.is_some_and(|it| self.oracle.sessions.contains_key(&it));
        if is_held {
            assert_eq!(kind(accepted), Some(ErrorKind::SessionCannotBeLocked));
            return;
        }
        let is_free = |session: u8| {
            let has_messages = !self.oracle.next(1, Some(session)).is_empty();
            has_messages && !self.oracle.sessions.contains_key(&session)
        };
        let Some(accepted) = accepted.unwrap() else {
            assert!(!(0..3).any(is_free), "a session was free");
            return;
        };
        let found = accepted.key.id.parse::<u8>().unwrap();
        assert!(session.map_or_else(|| is_free(found), |it| it == found));
        let until = self.oracle.now + LOCK;
        self.oracle.sessions.insert(found, (until, accepted.key));
    }

    fn close(&mut self, session: u8) {
        let Some((_, key)) = self.oracle.sessions.remove(&session) else {
            return;
        };
        let (now, at) = (self.world.now, address("q"));
        self.world.model.close_session(now, &at, &key).unwrap();
        for item in self.oracle.items.values_mut() {
            if item.session == session && item.held.is_some() {
                item.come_back(false);
            }
        }
    }

    fn renew(&mut self, index: usize, session: u8) {
        let (now, at) = (self.world.now, address("q"));
        let until = self.oracle.now + LOCK;
        if self.has_sessions {
            if let Some((end, key)) = self.oracle.sessions.get_mut(&session) {
                self.world.model.renew_session(now, &at, key).unwrap();
                *end = until;
                let items = self.oracle.items.values_mut();
                for item in items.filter(|item| item.session == session) {
                    item.held = item.held.map(|(_, token)| (until, token));
                }
            }
            return;
        }
        let Some(token) = self.tokens.get(index % self.tokens.len().max(1)).copied() else {
            return;
        };
        let held = self.oracle.held(token);
        let renewed = self.world.model.renew(now, &at, &[token]);
        assert_eq!(renewed.is_ok(), held.is_some());
        if let Some(item) = held.and_then(|number| self.oracle.items.get_mut(&number)) {
            item.held = Some((until, token));
        }
    }

    /// Checks that each message that was not completed is somewhere, once.
    fn check_rest(&mut self) {
        let mut rest = BTreeSet::new();
        for at in ["q", "q/$DeadLetterQueue"] {
            for peeked in self.world.peek(at) {
                let body = body(&peeked.message).parse::<u64>().unwrap();
                assert!(rest.insert(self.numbers[&body]), "a message is there twice");
            }
        }
        let expected = self.oracle.items.keys().copied().collect::<BTreeSet<_>>();
        assert_eq!(rest, expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn queue_does_what_the_oracle_says(steps in prop::collection::vec(step(), 1..120)) {
        let mut pair = Pair::new(false);
        for step in steps {
            pair.run(step);
        }
        pair.check_rest();
    }

    #[test]
    fn sessions_do_what_the_oracle_says(steps in prop::collection::vec(step(), 1..120)) {
        let mut pair = Pair::new(true);
        for step in steps {
            pair.run(step);
        }
        pair.check_rest();
    }
}
