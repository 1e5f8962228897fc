//! Room: full queues, shared messages, purges, and space that is given back.

use super::*;

#[test]
fn full_queue_answers_as_asked() {
    let mut fixture = Fixture::new(&Settings {
        messages_max: 2,
        ..settings()
    });
    let three = ["a", "b", "c"].map(text);
    let fail = fixture.group(|store| store.enqueue(&three, Full::Fail));
    assert_eq!(fail, [Admission::Full; 3]);
    let wait = fixture.group(|store| store.enqueue(&three, Full::Wait));
    assert_eq!(wait[2], Admission::Waits);
    let shed = fixture.group(|store| store.enqueue(&three, Full::Shed));
    assert_eq!(shed, [Admission::Full; 3]);
}

#[test]
fn topic_shares_a_message_among_its_subscriptions() {
    let mut fixture = Fixture::new(&settings());
    let names = ["audit", "billing"].map(|name| SubscriptionName::new(name).unwrap());
    let lanes = names.map(|name| fixture.group(|store| store.create(Some(&name), &settings())));
    fixture.send(&[text("a")]);
    for lane in lanes {
        let taken = fixture.take_of(lane, 10);
        assert_eq!(taken.len(), 1);
        let proof = Proof::read(&taken[0].receipt).unwrap();
        fixture.group(|store| store.settle(lane, &[(proof, Settlement::Ack)]));
    }
    let left: i64 = fixture
        .store
        .connection
        .query_row("SELECT count(*) FROM message", [], |row| row.get(0))
        .unwrap();
    assert_eq!(left, 0);
    fixture.group(|store| store.delete(lanes[0]));
    assert_eq!(fixture.group(Store::subscriptions).len(), 1);
}

#[test]
fn note_is_taken_once() {
    let mut fixture = Fixture::new(&settings());
    let noted = fixture.group(|store| store.note_for("answers", &[text("a")]));
    fixture.reopen();
    let (number, file, messages) = fixture.group(Store::noted).unwrap();
    assert_eq!((number, &*file), (noted, "answers"));
    let first = fixture.group(|store| store.take_note(9, number, &messages));
    let again = fixture.group(|store| store.take_note(9, number, &messages));
    assert_eq!(first, again);
    fixture.group(|store| store.forget_note(number));
    assert_eq!(fixture.group(Store::noted), None);
    assert_eq!(fixture.bodies(10), ["a"]);
}

#[test]
fn purge_leaves_what_is_leased() {
    let mut fixture = Fixture::new(&settings());
    fixture.send(&[
        text("a"),
        text("b"),
        text("c").delay(HOUR),
        text("d").ordering_key("k"),
    ]);
    fixture.send(&[text("e").ordering_key("k")]);
    let taken = fixture.take(1);
    let purged =
        fixture.group(|store| store.purge(QUEUE, 2)) + fixture.group(|store| store.purge(QUEUE, 9));
    assert_eq!(purged, 4);
    assert_eq!(fixture.settle(&taken[0], Settlement::Ack), Verdict::Done);
    let stats = fixture.group(|store| store.stats(QUEUE));
    assert_eq!(
        (stats.ready, stats.leased, stats.delayed, stats.bytes),
        (0, Some(0), 0, Some(0))
    );
}

#[test]
fn log_that_has_grown_long_is_written_back() {
    let mut fixture = Fixture::new(&Settings {
        messages_max: u64::MAX,
        bytes_max: u64::MAX,
        ..settings()
    });
    fixture.store.give_space_back().unwrap();
    let batch = vec![Message::new(vec![7; 1 << 20]).id("big"); 8];
    let mut sends = 0;
    while !fixture.store.has_chores() {
        fixture.send(&batch);
        sends += 1;
    }
    let bytes = |of: &Path| std::fs::metadata(of).unwrap().len();
    assert_eq!(sends, 2, "16 MiB");
    assert!(
        bytes(&fixture.path()) < 1 << 20,
        "a commit writes nothing back"
    );
    fixture.store.shorten_log().unwrap();
    assert!(16 << 20 < bytes(&fixture.path()));
    assert!(!fixture.store.has_chores());
    fixture.send(&batch);
    assert!(!fixture.store.has_chores(), "the log begins anew");
}

#[test]
fn drained_file_gets_small() {
    let mut fixture = Fixture::new(&settings());
    let big = Message::new(vec![7; 4096]).id("big");
    for _ in 0..5 {
        let bodies: Vec<_> = (0..100).map(|_| big.clone()).collect();
        fixture.send(&bodies[..50]);
        fixture.send(&bodies[50..]);
        let taken = fixture.take(1000);
        if taken.len() < 100 {
            continue;
        }
        for found in &taken {
            fixture.settle(found, Settlement::Ack);
        }
    }
    while fixture.store.has_chores() {
        fixture.store.shorten_log().unwrap();
        fixture.store.give_space_back().unwrap();
    }
    let bytes = std::fs::metadata(fixture.path()).unwrap().len();
    assert!(bytes < 256 * 4096, "{bytes} bytes are left");
}
