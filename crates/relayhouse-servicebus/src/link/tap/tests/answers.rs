//! Who hears of which answer.

use super::{super::answers::Gone, *};

fn settled(first: u32, last: u32, answer: Answer) -> Seen {
    Seen::Settled {
        channel: 1,
        first,
        last,
        answer,
    }
}

#[tokio::test]
async fn a_range_answers_everybody_in_it() {
    let answers = Answers::default();
    note(&answers, (1..=4).map(|id| delivery(id, 0))).unwrap();
    let asked = answers.ask(&[token(1), token(2), token(3), token(4), token(5)]);
    note(&answers, [settled(2, u32::MAX, Answer::Accepted)]).unwrap();
    let accepted = || Heard::Answer(Answer::Accepted);
    let told = |first| [first, accepted(), accepted(), accepted(), Heard::Gone];
    assert_eq!(asked.heard(), told(Heard::Nothing));
    answers.end();
    asked.all().await;
    assert_eq!(asked.heard(), told(Heard::Gone));
}

#[tokio::test]
async fn who_asks_last_for_a_delivery_hears() {
    let answers = Answers::default();
    note(&answers, [delivery(1, 0)]).unwrap();
    let earlier = answers.ask(&[token(1)]);
    let later = answers.ask(&[token(1)]);
    note(&answers, [settled(1, 1, Answer::Accepted)]).unwrap();
    assert_eq!(hear(&earlier).await, Heard::Gone);
    assert_eq!(hear(&later).await, Heard::Answer(Answer::Accepted));
}

/// Delivery ids start over after the largest: a range may go around the end.
#[tokio::test]
async fn a_range_goes_around_the_largest_id() {
    let answers = Answers::default();
    let ids = [u32::MAX, 0, 5];
    note(&answers, ids.map(|id| delivery(id, 0))).unwrap();
    let asked = answers.ask(&ids.map(token));
    note(&answers, [settled(u32::MAX, 0, Answer::Released)]).unwrap();
    let released = || Heard::Answer(Answer::Released);
    assert_eq!(asked.heard(), [released(), released(), Heard::Nothing]);
    assert!(answers.has(&token(5)));
}

#[tokio::test]
async fn a_link_that_ends_takes_its_own_deliveries_with_it() {
    let answers = Answers::default();
    note(&answers, [delivery(1, 0), delivery(2, 7)]).unwrap();
    let asked = answers.ask(&[token(2)]);
    let detached = Seen::Detached {
        channel: 1,
        handle: 7,
    };
    note(&answers, [detached]).unwrap();
    assert_eq!(hear(&asked).await, Heard::Gone);
    assert_eq!(hear(&answers.ask(&[token(2)])).await, Heard::Gone);
    assert!(answers.has(&token(1)));
    note(&answers, [Seen::Cleared { channel: 1 }]).unwrap();
    assert!(!answers.has(&token(1)));
}

#[test]
fn deliveries_that_wait_are_bounded() {
    let answers = Answers::default();
    let max = u32::try_from(DELIVERIES_MAX).unwrap();
    note(&answers, (0..max).map(|id| delivery(id, 0))).unwrap();
    let result = note(&answers, [delivery(max, 0)]);
    assert_eq!(result, Err(Fault::Deliveries));
}

fn attached(name: &str, handle: u32) -> Seen {
    let name = name.into();
    Seen::Attached {
        channel: 1,
        handle,
        name,
    }
}

#[tokio::test]
async fn a_drained_link_tells_how_much_came_over_it() {
    let answers = Answers::default();
    let seen = [
        attached("one", 0),
        attached("two", 3),
        delivery(1, 3),
        delivery(2, 0),
        delivery(3, 3),
        // Another frame of the same delivery.
        delivery(3, 3),
    ];
    note(&answers, seen).unwrap();
    let (one, two) = (answers.drained("one"), answers.drained("two"));
    let drained = |handle| Seen::Drained { channel: 1, handle };
    note(&answers, [drained(3), drained(9)]).unwrap();
    assert_eq!(two.await, Ok(2));
    let detached = Seen::Detached {
        channel: 1,
        handle: 0,
    };
    note(&answers, [detached]).unwrap();
    assert_eq!(one.await, Err(Gone));
    assert_eq!(answers.drained("one").await, Err(Gone));
}
