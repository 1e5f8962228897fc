//! Sessions.

use super::*;

/// Makes a queue with messages of some sessions: each is called after its session and its place.
fn with_messages(sessions: &[(&str, &'static str)]) -> World {
    let mut world = World::with_sessions();
    for (session, body) in sessions {
        world.send("q", in_session(session, body)).unwrap();
    }
    world
}

#[test]
fn session_is_held_by_one_also_for_what_comes_later() {
    let mut world = with_messages(&[("s", "a")]);
    let session = world.accept("q", None).unwrap().unwrap();
    assert_eq!(&*session.key.id, "s");
    world.send("q", in_session("s", "b")).unwrap();
    assert_eq!(world.accept("q", None).unwrap(), None);
    let refused = kind(world.accept("q", Some("s")));
    assert_eq!(refused, Some(ErrorKind::SessionCannotBeLocked));
    assert_eq!(bodies(&world.receive_from("q", 9, &session)), ["a", "b"]);
}

#[test]
fn session_has_its_own_messages_in_order() {
    let mut world = with_messages(&[("s", "s1"), ("r", "r1"), ("s", "s2"), ("r", "r2")]);
    let r = world.accept("q", Some("r")).unwrap().unwrap();
    let s = world.accept("q", None).unwrap().unwrap();
    assert_eq!(bodies(&world.receive_from("q", 9, &r)), ["r1", "r2"]);
    let first = world.receive_from("q", 1, &s).remove(0);
    world.abandon("q", &first);
    assert_eq!(bodies(&world.receive_from("q", 9, &s)), ["s1", "s2"]);
}

#[test]
fn plain_senders_and_receivers_are_refused() {
    let mut world = with_messages(&[("s", "a")]);
    let refused = Some(ErrorKind::NotAllowed);
    assert_eq!(kind(world.send("q", text("b"))), refused);
    assert_eq!(
        kind(world.try_receive("q", 1, Mode::PeekLock, None)),
        refused
    );
    let at = address("q");
    let opened = kind(world.model.open_receiver(world.now, &at, Receiver::Plain));
    assert_eq!(opened, refused);
    world.queue("plain", |_| ());
    assert_eq!(kind(world.accept("plain", None)), refused);
    let opened = world
        .model
        .open_receiver(world.now, &address("plain"), Receiver::Session);
    assert_eq!(kind(opened), refused);
}

#[test]
fn end_of_the_lock_counts_the_deliveries_of_what_was_locked() {
    let mut world = with_messages(&[("s", "a"), ("s", "b")]);
    let session = world.accept("q", None).unwrap().unwrap();
    let first = world.receive_from("q", 1, &session).remove(0);
    assert_eq!(first.lock.unwrap().until, session.until);
    world.pass(60);
    let lost = Some(ErrorKind::SessionLockLost);
    assert_eq!(kind(world.complete("q", &first)), lost);
    let received = world.try_receive("q", 1, Mode::PeekLock, Some(&session.key));
    assert_eq!(kind(received), lost);
    let again = world.accept("q", None).unwrap().unwrap();
    assert_ne!(again.key, session.key);
    let counts = world.receive_from("q", 9, &again);
    let counts = counts.iter().map(|it| it.message.delivery_count);
    assert_eq!(counts.collect::<Vec<_>>(), [1, 0]);
}

#[test]
fn close_gives_messages_back_uncounted() {
    let mut world = with_messages(&[("s", "a")]);
    for _ in 0..20 {
        let session = world.accept("q", None).unwrap().unwrap();
        let delivery = world.receive_from("q", 1, &session).remove(0);
        assert_eq!(delivery.message.delivery_count, 0);
        let at = address("q");
        world
            .model
            .close_session(world.now, &at, &session.key)
            .unwrap();
        let lost = kind(world.complete("q", &delivery));
        assert_eq!(lost, Some(ErrorKind::SessionLockLost));
    }
}

#[test]
fn message_dies_by_sessions_that_end() {
    let mut world = World::with_queue(|it| {
        it.outlet.requires_session = true;
        it.outlet.delivery_count_max = 2;
    });
    world.send("q", in_session("s", "a")).unwrap();
    for breaks in [true, false] {
        let session = world.accept("q", None).unwrap().unwrap();
        world.receive_from("q", 1, &session);
        let at = address("q");
        match breaks {
            true => world
                .model
                .break_session(world.now, &at, &session.key)
                .unwrap(),
            false => world.pass(60),
        }
    }
    let counts = world.counts("q");
    assert_eq!((counts.active, counts.dead_letter), (0, 1));
}

#[test]
fn renewal_keeps_the_session_and_its_messages() {
    let mut world = with_messages(&[("s", "a")]);
    let session = world.accept("q", None).unwrap().unwrap();
    let delivery = world.receive_from("q", 1, &session).remove(0);
    let at = address("q");
    for _ in 0..5 {
        world.pass(50);
        let until = world.model.renew_session(world.now, &at, &session.key);
        assert_eq!(until, Ok(world.now.after(Duration::from_secs(60))));
    }
    let refused = world.model.renew(world.now, &at, &[token(&delivery)]);
    assert_eq!(kind(refused), Some(ErrorKind::NotAllowed));
    world.complete("q", &delivery).unwrap();
}

#[test]
fn old_holder_can_do_nothing_with_the_session_of_another() {
    let mut world = with_messages(&[("s", "a")]);
    let old = world.accept("q", None).unwrap().unwrap();
    world.pass(60);
    world.accept("q", None).unwrap().unwrap();
    let (now, at) = (world.now, address("q"));
    let lost = Some(ErrorKind::SessionLockLost);
    assert_eq!(kind(world.model.renew_session(now, &at, &old.key)), lost);
    assert_eq!(kind(world.model.close_session(now, &at, &old.key)), lost);
    assert_eq!(kind(world.model.session_state(now, &at, &old.key)), lost);
    let set = world.model.set_session_state(now, &at, &old.key, None);
    assert_eq!(kind(set), lost);
}

#[test]
fn state_outlives_messages_until_it_is_taken_away() {
    let mut world = World::with_sessions();
    let at = address("q");
    let session = world.accept("q", Some("new")).unwrap().unwrap();
    let state = || Some(bytes::Bytes::from_static(b"step 2"));
    let (now, key) = (world.now, session.key);
    assert_eq!(world.model.session_state(now, &at, &key), Ok(None));
    world
        .model
        .set_session_state(now, &at, &key, state())
        .unwrap();
    world.model.close_session(now, &at, &key).unwrap();
    assert_eq!(world.accept("q", None).unwrap(), None, "it has no messages");
    let key = world.accept("q", Some("new")).unwrap().unwrap().key;
    assert_eq!(world.model.session_state(now, &at, &key), Ok(state()));
    let bytes = |world: &mut World| world.model.summary(now, &Path::new("q")).unwrap().bytes;
    assert_eq!(bytes(&mut world), 6);
    world.model.set_session_state(now, &at, &key, None).unwrap();
    assert_eq!(bytes(&mut world), 0);
    let large = Some(bytes::Bytes::from(vec![0; 300_000]));
    let refused = world.model.set_session_state(now, &at, &key, large);
    assert_eq!(kind(refused), Some(ErrorKind::ArgumentOutOfRange));
}

#[test]
fn sessions_are_listed_by_messages_or_by_state() {
    let mut world = with_messages(&[("a", "1"), ("b", "2"), ("c", "3")]);
    let at = address("q");
    let list = |world: &mut World, browse, skip, top| {
        let ids = world.model.sessions(world.now, &at, browse, skip, top);
        ids.unwrap()
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        list(&mut world, Browse::WithMessages, 0, 9),
        ["a", "b", "c"]
    );
    assert_eq!(list(&mut world, Browse::WithMessages, 1, 1), ["b"]);
    let key = world.accept("q", Some("b")).unwrap().unwrap().key;
    let before = world.now;
    world.pass(5);
    let state = Some(bytes::Bytes::from_static(b"x"));
    world
        .model
        .set_session_state(world.now, &at, &key, state)
        .unwrap();
    let now = world.now;
    assert_eq!(list(&mut world, Browse::UpdatedSince(before), 0, 9), ["b"]);
    assert!(list(&mut world, Browse::UpdatedSince(now), 0, 9).is_empty());
}

#[test]
fn no_session_starves() {
    let mut world = World::with_sessions();
    let ids = (0..1_000).map(|id| id.to_string()).collect::<Vec<_>>();
    for id in ids.iter().chain(&ids) {
        world.send("q", in_session(id, "x")).unwrap();
    }
    let mut taken = Vec::new();
    for _ in 0..2_000 {
        let session = world.accept("q", None).unwrap().unwrap();
        let delivery = world.receive_from("q", 1, &session).remove(0);
        world.complete("q", &delivery).unwrap();
        let at = address("q");
        world
            .model
            .close_session(world.now, &at, &session.key)
            .unwrap();
        taken.push(session.key.id.to_string());
    }
    assert_eq!(taken, [ids.clone(), ids].concat(), "each in its turn");
    assert_eq!(world.accept("q", None).unwrap(), None);
}

#[test]
fn bell_rings_when_a_session_is_to_be_had() {
    let mut world = with_messages(&[("s", "a")]);
    let session = world.accept("q", None).unwrap().unwrap();
    let mut bell = world.model.listen(&address("q")).unwrap();
    bell.borrow_and_update();
    world.pass(60);
    world.model.catch_up(world.now);
    assert!(bell.has_changed().unwrap());
    drop(session);
}

#[test]
fn deferred_message_of_a_session_needs_its_holder() {
    let mut world = with_messages(&[("s", "a"), ("r", "b")]);
    let s = world.accept("q", Some("s")).unwrap().unwrap();
    let r = world.accept("q", Some("r")).unwrap().unwrap();
    let delivery = world.receive_from("q", 1, &s).remove(0);
    world.settle("q", &delivery, defer()).unwrap();
    let mut take = |session: Option<&SessionKey>| {
        let receive = Receive {
            max: 1,
            mode: Mode::PeekLock,
            session,
        };
        let now = world.now;
        let taken = world
            .model
            .receive_deferred(now, &address("q"), &[1], receive);
        kind(taken)
    };
    assert_eq!(take(None), Some(ErrorKind::NotAllowed));
    assert_eq!(take(Some(&r.key)), Some(ErrorKind::MessageNotFound));
    assert_eq!(take(Some(&s.key)), None);
}
