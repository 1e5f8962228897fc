//! The examples that tell a story of the middleware: each run, and held to what it says.

use std::time::Duration;

#[cfg(feature = "metrics")]
#[path = "../../examples/incident/main.rs"]
#[expect(dead_code, reason = "its `main` is for who runs it")]
mod incident;
#[path = "../../examples/outbox.rs"]
#[expect(dead_code, reason = "its `main` is for who runs it")]
mod outbox;
#[path = "../../examples/overload.rs"]
#[expect(dead_code, reason = "its `main` is for who runs it")]
mod overload;
#[path = "../../examples/retries.rs"]
#[expect(dead_code, reason = "its `main` is for who runs it")]
mod retries;
#[cfg(feature = "avro")]
#[path = "../../examples/schema_evolution.rs"]
#[expect(dead_code, reason = "its `main` is for who runs it")]
mod schema_evolution;
#[cfg(all(feature = "encryption", feature = "gzip"))]
#[path = "../../examples/sealed.rs"]
#[expect(dead_code, reason = "its `main` is for who runs it")]
mod sealed;
#[path = "../../examples/tenants.rs"]
#[expect(dead_code, reason = "its `main` is for who runs it")]
mod tenants;

/// All orders but one are shipped, and what is put aside says why; when the reason is gone, so is
/// the dead letter.
#[tokio::test(start_paused = true)]
async fn orders_are_shipped_or_put_aside_with_the_reason() {
    let outcome = retries::run().await.unwrap();
    assert_eq!(outcome.shipped, 99);
    // By chance one call in five fails, of one for each order and more for those.
    assert!((10..60).contains(&outcome.calls_failed), "{outcome:?}");
    assert!((101 + outcome.calls_failed..200).contains(&outcome.calls));
    let [exhausted, not_json] = outcome.dead_letters.as_slice() else {
        panic!("{:?}", outcome.dead_letters);
    };
    let mut letters = [exhausted, not_json];
    letters.sort_unstable();
    assert!(
        letters[0].starts_with("13: attempts-exhausted"),
        "{letters:?}"
    );
    assert!(letters[1].contains("not-decodable"), "{letters:?}");
    assert!(outcome.took < Duration::from_secs(30), "{outcome:?}");
    assert_eq!((outcome.shipped_later, outcome.dead_again), (1, 1));
}

/// With the limit the database does in each part nearly all it can, and hardly anything in vain.
/// Without it, it does less than half.
#[tokio::test(start_paused = true)]
async fn limit_that_is_found_saves_an_overloaded_database() {
    let found = overload::run(true).await.unwrap();
    let unlimited = overload::run(false).await.unwrap();
    assert_eq!((found.len(), unlimited.len()), (3, 3));
    for (part, places) in found.iter().zip(overload::PLACES) {
        let possible = overload::possible(places);
        assert!(possible * 9 / 10 < part.answered, "{part:?}");
        assert!(part.in_vain * 100 < part.answered, "{part:?}");
        assert!(part.limit < 64, "{part:?}");
    }
    let answered = |parts: &[overload::Part]| parts.iter().map(|part| part.answered).sum::<u64>();
    assert!(answered(&unlimited) * 2 < answered(&found), "{unlimited:?}");
}

/// The limit falls with the service, the breaker opens, dead letters are sent back, and every order
/// is acked once.
#[cfg(feature = "metrics")]
#[tokio::test(start_paused = true)]
async fn incident_ends_with_every_order_acked() {
    let outcome = incident::run().await.unwrap();
    let at = |minute: usize| outcome.rows[minute];
    let (well, slow, down, mended) = (at(19), at(35), at(42), at(82));
    assert!(slow.limit * 4 < well.limit, "{slow:?}");
    assert!(1_000 < slow.ready && well.ready < 10, "{slow:?}");
    assert!(0 < down.breaker && down.acked == 0, "{down:?}");
    assert_eq!((well.breaker, well.dead), (0, 0), "{well:?}");
    assert!(slow.limit * 2 < mended.limit, "{mended:?}");
    let reasons: Vec<_> = outcome.reasons.iter().collect();
    assert_eq!(
        reasons,
        [(&"voucher-unknown".to_owned(), &outcome.sent_back)]
    );
    assert!(1_000 < outcome.sent_back, "{}", outcome.sent_back);
    assert_eq!(outcome.acked, outcome.sent);
    assert_eq!((outcome.left, outcome.dead), (0, 0));
}

/// Sends of an outage are done, and what they sent comes once and in order when it is over.
#[tokio::test]
async fn outbox_carries_sends_through_an_outage() {
    let directory = tempfile::tempdir().unwrap();
    let outcome = outbox::run(directory.path()).await.unwrap();
    assert_eq!(outbox::ORDERS, [100, 400, 100]);
    assert_eq!(outcome.at_its_end, (100, 400));
    assert_eq!(outcome.arrived, 600);
    assert_eq!((outcome.twice, outcome.out_of_order), (0, 0));
}

/// The queue has neither the size nor the text of the invoice, and the handler all of it, once.
#[cfg(all(feature = "encryption", feature = "gzip"))]
#[tokio::test(start_paused = true)]
async fn sealed_invoice_is_read_by_its_handler_alone() {
    let outcome = sealed::run().await.unwrap();
    assert!(outcome.lain.body.len() * 4 < outcome.bytes, "{outcome:?}");
    assert!(!sealed::holds(&outcome.lain, &outcome.sent.card));
    assert_eq!(outcome.lain.headers().text("tenant"), Some("acme"));
    assert_eq!(outcome.received, [outcome.sent]);
    assert_eq!(outcome.dead_letters.len(), 2, "{:?}", outcome.dead_letters);
}

/// Each consumer gets the orders of both producers, as its own schema says.
#[cfg(feature = "avro")]
#[tokio::test(start_paused = true)]
async fn two_schemas_share_a_queue() {
    let outcome = schema_evolution::run().await.unwrap();
    assert_eq!(outcome.differences.len(), 4, "{:?}", outcome.differences);
    assert!(outcome.differences.iter().all(|(_, breaks)| !breaks));
    let mut notes: Vec<_> = outcome.first.iter().map(|it| (it.id, &*it.note)).collect();
    notes.sort_unstable();
    assert_eq!(notes, [(1, "gift"), (2, ""), (3, "gift"), (4, "")]);
    let second = outcome.second.iter();
    let mut currencies: Vec<_> = second.map(|it| (it.id, &*it.currency)).collect();
    currencies.sort_unstable();
    assert_eq!(currencies, [(1, "EUR"), (2, "CHF"), (3, "EUR"), (4, "CHF")]);
    assert!(outcome.first.iter().all(|order| order.cents == 1999));
}

/// Tenants with little are done twenty times sooner, and the busy one no later than before.
#[tokio::test(start_paused = true)]
async fn tenants_take_turns() {
    let (in_order, fair) = (
        tenants::run(false).await.unwrap(),
        tenants::run(true).await.unwrap(),
    );
    for quiet in ["ada", "bob", "cyd"] {
        assert!(fair[quiet] * 20 < in_order[quiet], "{fair:?}");
    }
    let tolerance = Duration::from_millis(100);
    assert!(fair["busy"] <= in_order["busy"] + tolerance, "{fair:?}");
    assert_eq!(fair.len(), 4);
}
