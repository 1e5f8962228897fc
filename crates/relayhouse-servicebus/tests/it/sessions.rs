//! Sessions: accepted, renewed, with a value kept, and lost with their link.

use std::time::Duration;

use fe2o3_amqp_types::primitives::Value;
use relayhouse_core::{
    ErrorKind, SessionId, Settlement, Source,
    port::{Provider, ReceiverOptions, Sessions},
};
use relayhouse_servicebus::ServiceBus;

use crate::{
    broker::{Broker, Script, Verdict, until},
    provider, receive, settle,
};

const FAR: i64 = 4_200_000_000_000;

fn script() -> Script {
    Script {
        has_sessions: true,
        sessions: ["a"].into(),
        queue: ["one", "two"].into(),
        ..Script::default()
    }
}

async fn sessions(servicebus: &ServiceBus) -> std::sync::Arc<dyn Sessions> {
    let source: Source = "carts".parse().unwrap();
    let sessions = servicebus
        .sessions(&source, ReceiverOptions::default())
        .await;
    sessions.unwrap()
}

const WAIT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn the_next_session_is_accepted_with_its_lock() {
    let state = Value::Binary(b"step 2".to_vec().into());
    let broker = Broker::start(Script {
        answers: [
            until("expiration", FAR),
            Ok(vec![("session-state", state)]),
            Ok(vec![]),
        ]
        .into(),
        ..script()
    })
    .await;
    let servicebus = provider(&broker);
    let sessions = sessions(&servicebus).await;
    let session = sessions.accept(None, WAIT).await.unwrap().unwrap();
    assert_eq!(session.session().as_str(), "a");
    let first = session.until();
    let deliveries = receive(&*session, 1).await;
    assert_eq!(deliveries[0].lease.until(), first);
    assert!(first < session.renew().await.unwrap());
    assert!(first < session.until());
    assert_eq!(session.state().await.unwrap().unwrap(), "step 2");
    session.set_state(None).await.unwrap();
    let outcomes = settle(&*session, deliveries, &Settlement::Ack).await;
    assert_eq!(outcomes, [None]);
    session.close().await.unwrap();
    assert!(sessions.accept(None, WAIT).await.unwrap().is_none());
    sessions.close().await.unwrap();
    let error = sessions.accept(None, WAIT).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    servicebus.close().await.unwrap();
}

/// The session of AMQP in which the link was carries the next one.
#[tokio::test]
async fn links_come_one_after_the_other_in_one_session_of_amqp() {
    let broker = Broker::start(Script {
        sessions: ["a", "b", "c"].into(),
        queue: ["one", "two", "three"].into(),
        ..script()
    })
    .await;
    let servicebus = provider(&broker);
    let sessions = sessions(&servicebus).await;
    let mut begun = Vec::new();
    for name in ["a", "b", "c"] {
        let session = sessions.accept(None, WAIT).await.unwrap().unwrap();
        assert_eq!(session.session().as_str(), name);
        let deliveries = receive(&*session, 1).await;
        let outcomes = settle(&*session, deliveries, &Settlement::Ack).await;
        assert_eq!(outcomes, [None]);
        session.close().await.unwrap();
        begun.push(broker.script.lock().unwrap().begun);
    }
    assert_eq!(begun, [begun[0]; 3]);
    servicebus.close().await.unwrap();
}

/// Somebody else holds it, and gives it back while it is asked for again.
#[tokio::test]
async fn a_session_that_is_held_is_asked_for_until_the_time_is_over() {
    let broker = Broker::start(Script {
        sessions: ["held", "a", "held", "held"].into(),
        ..script()
    })
    .await;
    let servicebus = provider(&broker);
    let sessions = sessions(&servicebus).await;
    let id = SessionId::new("a").unwrap();
    let wait = Duration::from_millis(700);
    let session = sessions.accept(Some(&id), wait).await.unwrap().unwrap();
    session.close().await.unwrap();
    let error = sessions.accept(Some(&id), WAIT).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SessionBusy);
    servicebus.close().await.unwrap();
}

#[tokio::test]
async fn a_session_whose_link_ends_is_lost_with_its_deliveries() {
    let broker = Broker::start(Script {
        verdicts: [Verdict::Detach].into(),
        ..script()
    })
    .await;
    let servicebus = provider(&broker);
    let sessions = sessions(&servicebus).await;
    let session = sessions.accept(None, WAIT).await.unwrap().unwrap();
    let mut deliveries = receive(&*session, 2).await;
    while deliveries.len() < 2 {
        deliveries.extend(receive(&*session, 1).await);
    }
    let second = deliveries.split_off(1);
    let outcomes = settle(&*session, deliveries, &Settlement::Ack).await;
    assert_eq!(outcomes, [Some(ErrorKind::OutcomeUnknown)]);
    let mut lost = Vec::new();
    session.lost(&mut lost).await;
    assert_eq!(lost, [second[0].receipt.clone()]);
    let outcomes = settle(&*session, second, &Settlement::Ack).await;
    assert_eq!(outcomes, [Some(ErrorKind::LeaseLost)]);
    assert_eq!(
        session.renew().await.unwrap_err().kind(),
        ErrorKind::LeaseLost
    );
    servicebus.close().await.unwrap();
}

/// The broker says no to a renewal: nothing that was received in the session counts any more.
#[tokio::test]
async fn a_session_that_cannot_be_renewed_is_lost_at_once() {
    let broker = Broker::start(Script {
        answers: [Err("com.microsoft:session-lock-lost")].into(),
        ..script()
    })
    .await;
    let servicebus = provider(&broker);
    let sessions = sessions(&servicebus).await;
    let session = sessions.accept(None, WAIT).await.unwrap().unwrap();
    let deliveries = receive(&*session, 1).await;
    assert_eq!(
        session.renew().await.unwrap_err().kind(),
        ErrorKind::LeaseLost
    );
    let outcomes = settle(&*session, deliveries, &Settlement::Ack).await;
    assert_eq!(outcomes, [Some(ErrorKind::LeaseLost)]);
    servicebus.close().await.unwrap();
}

#[tokio::test]
async fn a_source_is_opened_in_its_own_way_alone() {
    let broker = Broker::start(script()).await;
    let servicebus = provider(&broker);
    let source: Source = "carts".parse().unwrap();
    let plain = servicebus.receiver(&source, ReceiverOptions::default());
    assert_eq!(plain.await.unwrap_err().kind(), ErrorKind::Unsupported);
    broker.script.lock().unwrap().has_sessions = false;
    let sessions = servicebus.sessions(&source, ReceiverOptions::default());
    assert_eq!(sessions.await.unwrap_err().kind(), ErrorKind::Unsupported);
    servicebus.close().await.unwrap();
}
