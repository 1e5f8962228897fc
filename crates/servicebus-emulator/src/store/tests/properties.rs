//! Properties: whatever is done and whenever it restarts, a model that is kept is the one that
//! has never been restarted.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::model::{Browse, EntityKind, Filter, Rule, SqlAction, SqlFilter, Summary};

const ENTITIES: [&str; 4] = ["q", "s", "t", "extra"];
const SOURCES: [&str; 3] = ["q", "s", "t/Subscriptions/a"];
const SESSIONS: [&str; 2] = ["x", "y"];

/// What a test does with both models.
#[derive(Clone, Copy, Debug)]
enum Step {
    Send(Sent),
    Receive { from: usize, session: usize },
    Settle { index: usize, how: usize },
    State { session: usize, is_set: bool },
    Rule { number: u8, is_there: bool },
    Delete { name: usize },
    Create,
    Pass { seconds: u64 },
    Commit,
    Restart,
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    to: usize,
    id: u8,
    session: usize,
    life: Option<u64>,
    delay: Option<u64>,
}

fn sent() -> impl Strategy<Value = Sent> {
    let (life, delay) = (prop::option::of(1..30_u64), prop::option::of(1..30_u64));
    let what = (0..4_usize, 0..6_u8, 0..2_usize, life, delay);
    what.prop_map(|(to, id, session, life, delay)| Sent {
        to,
        id,
        session,
        life,
        delay,
    })
}

fn step() -> impl Strategy<Value = Step> {
    let session = 0..2_usize;
    prop_oneof![
        8 => sent().prop_map(Step::Send),
        5 => (0..3_usize, session.clone())
            .prop_map(|(from, session)| Step::Receive { from, session }),
        5 => (any::<usize>(), 0..5_usize).prop_map(|(index, how)| Step::Settle { index, how }),
        2 => (session, any::<bool>())
            .prop_map(|(session, is_set)| Step::State { session, is_set }),
        1 => (0..3_u8, any::<bool>())
            .prop_map(|(number, is_there)| Step::Rule { number, is_there }),
        1 => (0..4_usize).prop_map(|name| Step::Delete { name }),
        1 => Just(Step::Create),
        2 => (1..20_u64).prop_map(|seconds| Step::Pass { seconds }),
        3 => Just(Step::Commit),
        2 => Just(Step::Restart),
    ]
}

/// A model with what somebody holds of it.
struct Side {
    model: Model,
    held: Vec<(usize, Delivery)>,
    sessions: Vec<SessionKey>,
}

impl Side {
    fn new(model: Model) -> Self {
        Self {
            model,
            held: Vec::new(),
            sessions: Vec::new(),
        }
    }

    /// Does a step, and says whether it was refused.
    fn run(&mut self, step: Step, now: Time) -> bool {
        let model = &mut self.model;
        match step {
            Step::Send(sent) => {
                let path = Path::new(ENTITIES[sent.to]);
                let sent = model.send(Call::at(now), &path, None, vec![sent.contents(now)]);
                sent.is_err()
            }
            Step::Receive { from, session } => self.receive(from, session, now),
            Step::Settle { index, how } => {
                let Some((from, held)) = self.held.get(index % self.held.len().max(1)) else {
                    return true;
                };
                let (call, at) = (Call::at(now), address(SOURCES[*from]));
                model
                    .settle(call, &at, token(held), settlement(how))
                    .is_err()
            }
            Step::State { session, is_set } => {
                let Some(key) = self.hold(session, now) else {
                    return true;
                };
                let state = is_set.then(|| Bytes::from(now.millis().to_string()));
                let set = self
                    .model
                    .set_session_state(now, &address("s"), &key, state);
                set.is_err()
            }
            Step::Rule { number, is_there } => {
                let name = format!("rule{number}");
                let changed = match is_there {
                    true => model.add_rule(now, &subscription(), rule(&name, now)),
                    false => model.remove_rule(now, &subscription(), &name),
                };
                changed.is_err()
            }
            Step::Delete { name } => model.delete(now, &Path::new(ENTITIES[name])).is_err(),
            Step::Create => {
                create(model, now);
                false
            }
            Step::Pass { .. } | Step::Commit | Step::Restart => {
                model.catch_up(now);
                false
            }
        }
    }

    fn receive(&mut self, from: usize, session: usize, now: Time) -> bool {
        let key = match SOURCES[from] {
            "s" => self.hold(session, now),
            _ => None,
        };
        let receive = Receive {
            max: 2,
            mode: Mode::PeekLock,
            session: key.as_ref(),
        };
        let received = self.model.receive(now, &address(SOURCES[from]), receive);
        let received = received.unwrap_or_default();
        let is_empty = received.is_empty();
        self.held.extend(received.into_iter().map(|it| (from, it)));
        is_empty
    }

    /// Takes a session of the queue "s", if it has not got it.
    fn hold(&mut self, session: usize, now: Time) -> Option<SessionKey> {
        let (id, at) = (SESSIONS[session], address("s"));
        if let Ok(Some(session)) = self.model.accept_session(now, &at, Some(id)) {
            self.sessions.push(session.key);
        }
        self.sessions.iter().rfind(|key| &*key.id == id).cloned()
    }

    /// Gives back all that is held, which is what the end of a process does: at once, so that
    /// what has expired by then goes in the order in which it did.
    fn let_go(&mut self, now: Time) {
        let at = address("s");
        for key in self.sessions.drain(..) {
            // It may be over, or the queue gone.
            let _ = self.model.close_session(now, &at, &key);
        }
        self.held.sort_by_key(|(_, held)| {
            let message = &held.message;
            (message.expires.is_none(), message.expires, message.sequence)
        });
        for (from, held) in self.held.drain(..) {
            let (call, at) = (Call::at(now), address(SOURCES[from]));
            let _ = self
                .model
                .settle(call, &at, token(&held), Settlement::Release);
        }
    }

    /// Returns all that can be seen; who used an entity last is not compared, since a restart
    /// counts as a use.
    fn seen(&mut self, now: Time) -> Vec<(Summary, String)> {
        let kinds = [
            EntityKind::Queue,
            EntityKind::Topic,
            EntityKind::Subscription,
        ];
        let paths = kinds.map(|kind| self.model.list(kind, 0, 100)).concat();
        let mut seen = Vec::new();
        for path in paths {
            let mut summary = self.model.summary(now, &path).unwrap();
            summary.stamps.accessed = Time::default();
            let rules = self.model.rules(now, &path, 0, 100);
            let mut peeked = Vec::new();
            for subqueue in ["", "/$DeadLetterQueue", "/$Transfer/$DeadLetterQueue"] {
                let at = address(&format!("{path}{subqueue}"));
                peeked.push(self.model.peek(now, &at, 0, 250, None));
            }
            let settings = self.model.queue_settings(&path);
            let updated = Browse::UpdatedSince(Time::default());
            let sessions = self
                .model
                .sessions(now, &address(path.as_str()), updated, 0, 9);
            let text = format!("{rules:?} {peeked:?} {settings:?} {sessions:?}");
            seen.push((summary, text));
        }
        seen
    }

    fn states(&mut self, now: Time) -> Vec<Option<Bytes>> {
        let at = address("s");
        let mut states = Vec::new();
        for session in 0..SESSIONS.len() {
            if let Some(key) = self.hold(session, now) {
                states.push(self.model.session_state(now, &at, &key).ok().flatten());
            }
        }
        states
    }
}

impl Sent {
    fn contents(self, now: Time) -> Contents {
        let is_in_session = ENTITIES[self.to] == "s";
        Contents {
            message_id: Some(self.id.to_string().into()),
            session_id: is_in_session.then(|| SESSIONS[self.session].into()),
            time_to_live: self.life.map(Duration::from_secs),
            scheduled: self.delay.map(|it| now.after(Duration::from_secs(it))),
            ..text("it")
        }
    }
}

fn settlement(how: usize) -> Settlement {
    match how {
        0 => Settlement::Complete,
        1 => abandon(),
        2 => dead_letter(),
        3 => Settlement::Release,
        _ => Settlement::Defer {
            properties: [].into(),
        },
    }
}

fn rule(name: &str, now: Time) -> Rule {
    let filter = SqlFilter::parse("sys.MessageId <> '3'").unwrap();
    Rule {
        action: Some(SqlAction::parse("SET ours = 1").unwrap()),
        ..Rule::new(name, Filter::Sql(filter), now)
    }
}

/// Makes what is not there: a queue that finds duplicates, one with sessions, a topic with two
/// subscriptions of which one forwards, and a queue without anything.
fn create(model: &mut Model, now: Time) {
    let mut q = QueueSettings::default();
    q.intake.detects_duplicates = true;
    q.intake.duplicate_window = Duration::from_secs(30);
    q.outlet.delivery_count_max = 2;
    q.outlet.dead_letters_expired = true;
    q.outlet.lock_duration = Duration::from_secs(20);
    let mut s = QueueSettings::default();
    s.outlet.requires_session = true;
    let extra = QueueSettings::default();
    for (name, settings) in [("q", q), ("s", s), ("extra", extra)] {
        model
            .ensure_queue(now, &Path::new(name), &settings)
            .unwrap();
    }
    let topic = TopicSettings::default();
    model.ensure_topic(now, &Path::new("t"), &topic).unwrap();
    let a = SubscriptionSettings::default();
    let mut b = SubscriptionSettings::default();
    b.outlet.forward_to = Some(Path::new("q"));
    for (name, settings) in [("a", a), ("b", b)] {
        let path = Path::of_subscription("t", name);
        model.ensure_subscription(now, &path, &settings).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn restarts_change_nothing_that_can_be_seen(steps in prop::collection::vec(step(), 1..80)) {
        let mut world = World::new();
        let mut steady = Side::new(Model::new(SEED));
        let mut kept = Side::new(std::mem::replace(&mut world.model, Model::new(0)));
        for side in [&mut steady, &mut kept] {
            create(&mut side.model, world.now);
        }
        for step in steps {
            if let Step::Pass { seconds } = step {
                world.pass(seconds);
            }
            let now = world.now;
            let refused = [steady.run(step, now), kept.run(step, now)];
            prop_assert_eq!(refused[0], refused[1], "{:?}", step);
            if matches!(step, Step::Commit | Step::Restart) {
                let changes = kept.model.take_changes();
                world.store.as_mut().unwrap().write(&changes.all).unwrap();
            }
            if matches!(step, Step::Restart) {
                steady.let_go(now);
                world.crash();
                kept = Side::new(std::mem::replace(&mut world.model, Model::new(0)));
                prop_assert_eq!(steady.seen(now), kept.seen(now));
            }
        }
        prop_assert_eq!(steady.seen(world.now), kept.seen(world.now));
        prop_assert_eq!(steady.states(world.now), kept.states(world.now));
    }
}
