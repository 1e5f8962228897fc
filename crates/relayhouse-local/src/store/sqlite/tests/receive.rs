//! Leases, attempts, priorities, sessions: what a receive hands out, and when again.

use super::*;

#[test]
fn everything_of_a_message_survives() {
    let mut fixture = Fixture::new(&settings());
    let message = text("seven")
        .header("tenant", "acme")
        .header("blob", Bytes::from_static(&[0, 255]))
        .content_type("text/plain")
        .ordering_key("k")
        .dedup_id("d")
        .ttl(HOUR)
        .priority(Priority::MAX)
        .correlation_id("c")
        .reply_to("answers");
    let inline = Message::new("eight").id(7_u128);
    fixture.send(&[message.clone(), inline.clone()]);
    fixture.reopen();
    let found = fixture.take(10);
    assert_eq!(found[0].message, message);
    assert_eq!(found[1].message, inline);
    assert_eq!(found[1].id, inline.id.unwrap());
    assert_eq!((found[0].sequence, found[0].attempt), (Some(1), 1));
    assert_eq!(found[0].previous, Previous::None);
}

#[test]
fn lease_ends_and_stale_receipt_is_inert() {
    let mut fixture = Fixture::new(&settings());
    fixture.send(&[text("a")]);
    let first = fixture.take(1);
    assert!(fixture.take(1).is_empty());
    fixture.clock.advance(LEASE);
    let second = fixture.take(1);
    assert_eq!(
        (second[0].attempt, second[0].previous),
        (2, Previous::Expired)
    );
    assert!(first[0].lease.token() < second[0].lease.token());
    assert_eq!(
        fixture.settle(&first[0], Settlement::Ack),
        Verdict::LeaseLost
    );
    assert_eq!(fixture.settle(&second[0], Settlement::Ack), Verdict::Done);
    assert_eq!(
        fixture.settle(&second[0], Settlement::Ack),
        Verdict::LeaseLost
    );
    let stats = fixture.group(|store| store.stats(QUEUE));
    assert_eq!(
        (stats.ready, stats.leased, stats.bytes),
        (0, Some(0), Some(0))
    );
}

#[test]
fn released_message_comes_back_in_its_place() {
    let mut fixture = Fixture::new(&settings());
    fixture.send(&["a", "b", "c"].map(text));
    let taken = fixture.take(2);
    fixture.settle(&taken[1], Settlement::RELEASE);
    fixture.settle(&taken[0], Settlement::Release { delay: SECOND });
    assert_eq!(fixture.bodies(10), ["b", "c"]);
    fixture.clock.advance(SECOND);
    assert_eq!(fixture.bodies(10), ["a"]);
}

#[test]
fn key_is_locked_while_one_of_it_is_out() {
    let mut fixture = Fixture::new(&settings());
    let keyed = |body: &str, key: &str| text(body).ordering_key(key.to_owned());
    fixture.send(&[
        keyed("a1", "a"),
        keyed("a2", "a"),
        keyed("b1", "b"),
        text("c"),
    ]);
    let taken = fixture.take(1);
    assert_eq!(fixture.bodies(10), ["b1", "c"]);
    fixture.settle(&taken[0], Settlement::RELEASE);
    let both = fixture.take(10);
    assert_eq!(both.len(), 2);
    fixture.settle(&both[1], Settlement::RELEASE);
    assert!(fixture.take(10).is_empty());
    fixture.settle(&both[0], Settlement::Ack);
    assert_eq!(fixture.bodies(10), ["a2"]);
}

#[test]
fn one_receive_takes_each_key_in_turn() {
    let mut fixture = Fixture::new(&settings());
    let keyed = |body: &str, key: &str| text(body).ordering_key(key.to_owned());
    fixture.send(&[
        keyed("a1", "a"),
        keyed("a2", "a"),
        keyed("a3", "a"),
        keyed("b1", "b"),
    ]);
    fixture.send(&[keyed("b2", "b")]);
    assert_eq!(fixture.bodies(10), ["a1", "b1", "a2", "b2", "a3"]);
}

#[test]
fn every_tenth_delivery_goes_to_the_oldest() {
    let mut fixture = Fixture::new(&settings());
    fixture.send(&[text("low").priority(Priority::MIN)]);
    let high: Vec<_> = (0..20)
        .map(|n| text(&n.to_string()).priority(Priority::MAX))
        .collect();
    fixture.send(&high);
    let bodies = fixture.bodies(30);
    assert_eq!(bodies.iter().position(|body| body == "low"), Some(9));
}

#[test]
fn session_is_exclusive_and_comes_back_in_order() {
    let mut fixture = Fixture::new(&Settings {
        requires_sessions: true,
        ..settings()
    });
    fixture.send(&["a", "b"].map(|body| text(body).ordering_key("s")));
    let accept = |fixture: &mut Fixture| fixture.group(|store| store.accept(QUEUE, None, LEASE));
    let Accepted::Held(held) = accept(&mut fixture) else {
        panic!("no session was free");
    };
    assert_eq!(accept(&mut fixture), Accepted::None);
    let named = SessionId::new("s").unwrap();
    let busy = fixture.group(|store| store.accept(QUEUE, Some(&named), LEASE));
    assert_eq!(busy, Accepted::Busy);
    let take = Take {
        messages_max: 10,
        bytes_max: u64::MAX,
        lease: LEASE,
    };
    let mut taken = Vec::new();
    assert!(fixture.group(|store| store.lease_in_session(QUEUE, &held, take, &mut taken)));
    assert_eq!(taken.len(), 2);
    assert!(fixture.group(|store| store.set_session_state(QUEUE, &held, Some(b"half"))));
    assert_eq!(
        fixture.settle(&taken[1], Settlement::RELEASE),
        Verdict::Done
    );
    fixture.clock.advance(LEASE);
    assert!(!fixture.group(|store| store.lease_in_session(QUEUE, &held, take, &mut taken)));
    let Accepted::Held(held) = accept(&mut fixture) else {
        panic!("the session was not given back");
    };
    let mut again = Vec::new();
    fixture.group(|store| store.lease_in_session(QUEUE, &held, take, &mut again));
    let order: Vec<_> = again
        .iter()
        .map(|found| (&found.message.body[..], found.attempt))
        .collect();
    assert_eq!(order, [(&b"a"[..], 2), (b"b", 2)]);
    let state = fixture.group(|store| store.session_state(QUEUE, &held));
    assert_eq!(state, Some(Some(Bytes::from_static(b"half"))));
    fixture.group(|store| store.give_back(QUEUE, &held));
    assert_ne!(accept(&mut fixture), Accepted::None);
}

#[test]
fn unseen_delivery_is_no_attempt() {
    let mut fixture = Fixture::new(&settings());
    fixture.send(&["a", "b"].map(|body| text(body).ordering_key("k")));
    let taken = fixture.take(2);
    let proofs: Vec<_> = taken
        .iter()
        .filter_map(|found| Proof::read(&found.receipt))
        .collect();
    fixture.group(|store| store.unlease(QUEUE, &proofs));
    let again = fixture.take(2);
    let attempts: Vec<_> = again
        .iter()
        .map(|found| (found.attempt, found.previous))
        .collect();
    assert_eq!(attempts, [(1, Previous::None); 2]);
}

#[test]
fn each_item_of_a_batch_is_answered_in_its_place() {
    let mut fixture = Fixture::new(&settings());
    fixture.send(&["a", "b", "c", "d"].map(text));
    let taken = fixture.take(4);
    let proofs = taken
        .iter()
        .map(|found| Proof::read(&found.receipt).unwrap());
    let [a, b, c, d]: [Proof; 4] = proofs.collect::<Vec<_>>().try_into().unwrap();
    let foreign = Proof { file: !d.file, ..d };
    let release = Settlement::Release {
        delay: Duration::ZERO,
    };
    let items = [
        (a, Settlement::Ack),
        (a, Settlement::Ack),
        (b, release),
        (c, Settlement::Ack),
        (foreign, Settlement::Ack),
        (d, Settlement::Ack),
    ];
    let verdicts = fixture.group(|store| store.settle(QUEUE, &items));
    let (done, lost) = (Verdict::Done, Verdict::LeaseLost);
    let expected = [&done, &lost, &done, &done, &lost, &done];
    assert_eq!(verdicts.iter().collect::<Vec<_>>(), expected);
    assert_eq!(fixture.bodies(4), ["b"]);
}
