//! What Service Bus can do beyond sending and receiving: messages set aside, changed headers, and
//! transactions.

use std::{num::NonZeroU32, time::Duration};

use fe2o3_amqp_types::{
    messaging::{
        Data, DeliveryState, Message as AmqpMessage, Outcome as AmqpOutcome,
        message::__private::Serializable,
    },
    primitives::{Symbol, Uuid, Value},
};
use relayhouse_core::{
    ErrorKind, Headers, Instant, Message, Outcome, Sending, Settlement, Settling, Source,
    port::Provider,
};
use relayhouse_servicebus::{Rule, RuleFilter};
use serde_amqp::{described::Described, descriptor::Descriptor};

use crate::{
    broker::{Answer, Broker, Script, Verdict},
    provider, queue, receive, settle,
};

fn orders() -> Source {
    "orders".parse().unwrap()
}

/// Answers with one message that was set aside.
fn deferred() -> Answer {
    let body = Data(b"one".to_vec().into());
    let message = AmqpMessage::builder().body(body).build();
    let message = serde_amqp::to_vec(&Serializable(message)).unwrap();
    let item = [
        ("lock-token", Value::Uuid(Uuid::from([9; 16]))),
        ("message", Value::Binary(message.into())),
    ];
    let item = item.map(|(name, value)| (Value::String(name.to_owned()), value));
    let item = Value::Map(item.into_iter().collect());
    Ok(vec![("messages", Value::List(vec![item]))])
}

#[tokio::test]
async fn a_message_that_is_set_aside_is_fetched_by_its_number_and_settled_by_its_lock() {
    let broker = Broker::start(Script {
        answers: [deferred(), Ok(vec![])].into(),
        ..queue(&["one"])
    })
    .await;
    let servicebus = provider(&broker);
    let receiver = servicebus.open_receiver(&orders()).await.unwrap();
    let deliveries = receive(&*receiver, 1).await;
    let mut changed = Headers::new();
    changed.set("step", "2");
    receiver.defer(&deliveries[0], &changed).await.unwrap();
    let DeliveryState::Modified(modified) = broker.script.lock().unwrap().settled[0].clone() else {
        panic!("not deferred");
    };
    assert_eq!(modified.undeliverable_here, Some(true));
    let step = modified.message_annotations.unwrap();
    let step = step.get(&Symbol::from("step")).cloned();
    assert_eq!(step, Some(Value::String("2".to_owned())));
    let error = receiver.defer(&deliveries[0], &changed).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LeaseLost);
    let deliveries = receiver.receive_deferred(&[1]).await.unwrap();
    assert_eq!(deliveries[0].message.body, "one");
    let again = deliveries.clone();
    assert_eq!(
        settle(&*receiver, deliveries, &Settlement::Ack).await,
        [None]
    );
    let outcomes = settle(&*receiver, again, &Settlement::Ack).await;
    assert_eq!(outcomes, [Some(ErrorKind::LeaseLost)]);
    let asked = broker.script.lock().unwrap().asked.clone();
    let receive = "com.microsoft:receive-by-sequence-number";
    assert_eq!(asked, [receive, "com.microsoft:update-disposition"]);
    servicebus.close().await.unwrap();
}

/// Settles what is there and sends two messages to `queue`, as one.
async fn transact(broker: &Broker, to: &str) -> (Vec<Option<ErrorKind>>, Vec<Option<ErrorKind>>) {
    let servicebus = provider(broker);
    let receiver = servicebus.open_receiver(&orders()).await.unwrap();
    let deliveries = receive(&*receiver, 1).await.into_iter();
    let settling = |delivery| Settling::new(delivery, Settlement::Ack);
    let mut settled: Vec<_> = deliveries.map(settling).collect();
    let mut sent = ["two", "three"].map(|body| Sending::new(Message::new(body)));
    let transactional = servicebus.transactional().unwrap();
    transactional
        .settle_and_send(&orders(), &mut settled, &to.parse().unwrap(), &mut sent)
        .await
        .unwrap();
    servicebus.close().await.unwrap();
    fn kind<T>(outcome: &Outcome<T>) -> Option<ErrorKind> {
        assert!(!outcome.is_pending());
        outcome.error().map(relayhouse_core::Error::kind)
    }
    (
        settled.iter().map(|it| kind(&it.outcome)).collect(),
        sent.iter().map(|it| kind(&it.outcome)).collect(),
    )
}

#[tokio::test]
async fn what_is_settled_and_sent_as_one_is_committed() {
    let broker = Broker::start(queue(&["one"])).await;
    let (settled, sent) = transact(&broker, "invoices").await;
    assert_eq!((settled, sent), (vec![None], vec![None; 2]));
    let script = broker.script.lock().unwrap();
    assert_eq!(script.transactions, [true]);
    assert_eq!(script.sent.len(), 2);
    assert!(
        script.targets.contains(&"orders".to_owned()),
        "goes through the source"
    );
    assert!(!script.targets.contains(&"invoices".to_owned()));
    let DeliveryState::TransactionalState(part) = &script.settled[0] else {
        panic!("{:?}", script.settled);
    };
    assert!(matches!(part.outcome, Some(AmqpOutcome::Accepted(_))));
}

#[tokio::test]
async fn what_cannot_be_done_as_one_is_rolled_back() {
    for (verdicts, refusal, kind) in [
        (vec![Verdict::LockLost], None, ErrorKind::LeaseLost),
        // The client library does not pass on why.
        (
            vec![],
            Some("amqp:resource-limit-exceeded"),
            ErrorKind::Unexpected,
        ),
    ] {
        let broker = Broker::start(Script {
            verdicts: verdicts.into(),
            refusal,
            ..queue(&["one"])
        })
        .await;
        let (settled, sent) = transact(&broker, "orders").await;
        assert_eq!((settled, sent), (vec![Some(kind)], vec![Some(kind); 2]));
        assert_eq!(broker.script.lock().unwrap().transactions, [false]);
    }
}

#[tokio::test]
async fn a_message_is_shown_without_being_taken() {
    let broker = Broker::start(Script {
        answers: [deferred(), Ok(vec![]), Err("amqp:not-found")].into(),
        ..Script::default()
    })
    .await;
    let servicebus = provider(&broker);
    let ten = NonZeroU32::new(10).unwrap();
    let shown = servicebus.peek(&orders(), 0, ten).await.unwrap();
    assert_eq!(shown[0].message.body, "one");
    assert_eq!(shown[0].lease.until(), Instant::START);
    let receiver = servicebus.open_receiver(&orders()).await.unwrap();
    let outcomes = settle(&*receiver, shown, &Settlement::Ack).await;
    assert_eq!(outcomes, [Some(ErrorKind::LeaseLost)]);
    let shown = servicebus.peek(&orders(), 7, ten).await.unwrap();
    assert!(shown.is_empty());
    let error = servicebus.peek(&orders(), 0, ten).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QueueNotFound);
    servicebus.close().await.unwrap();
}

/// The rules come back in the two lengths of codes that the service has.
#[tokio::test]
async fn rules_are_added_listed_and_removed() {
    let described = |code, fields| {
        Value::Described(Box::new(Described {
            descriptor: Descriptor::Code(code),
            value: Value::List(fields),
        }))
    };
    let text = |text: &str| Value::String(text.to_owned());
    let listed = |filter: Value, action: Value| {
        let rule = described(0x0137_0000_0004, vec![filter, action, text("big")]);
        let item = [(text("rule-description"), rule)];
        Ok(vec![(
            "rules",
            Value::List(vec![Value::Map(item.into_iter().collect())]),
        )])
    };
    let filter = |code| described(code, vec![text("size > 7"), Value::Int(20)]);
    let nothing = described(0x0137_0000_0005, vec![]);
    let action = described(0x0137_0000_0006, vec![text("SET a = 1"), Value::Int(20)]);
    let broker = Broker::start(Script {
        answers: [
            Ok(vec![]),
            listed(filter(0x0013_7000_0006), nothing),
            listed(filter(0x0137_0000_0006), action),
            Ok(vec![]),
        ]
        .into(),
        ..Script::default()
    })
    .await;
    let servicebus = provider(&broker);
    let audit = "events/subscriptions/audit".parse().unwrap();
    let big = Rule::new("big", RuleFilter::Sql("size > 7".to_owned()));
    servicebus.add_rule(&audit, &big).await.unwrap();
    let rules = servicebus.rules(&audit).await.unwrap();
    assert_eq!(rules, std::slice::from_ref(&big));
    let changing = Rule {
        action: Some("SET a = 1".to_owned()),
        ..big
    };
    assert_eq!(servicebus.rules(&audit).await.unwrap(), [changing]);
    servicebus.remove_rule(&audit, "big").await.unwrap();
    let asked = broker.script.lock().unwrap().asked.join(" ");
    assert!(asked.starts_with("com.microsoft:add-rule"), "{asked}");
    assert!(asked.ends_with("com.microsoft:remove-rule"), "{asked}");
    servicebus.close().await.unwrap();
}

/// The broker cannot hold a message back that it has handed out: it is acked, and a copy comes.
#[tokio::test]
async fn a_release_with_a_delay_is_an_ack_and_a_copy_as_one() {
    let broker = Broker::start(queue(&["one"])).await;
    let servicebus = provider(&broker);
    let receiver = servicebus.open_receiver(&orders()).await.unwrap();
    let deliveries = receive(&*receiver, 1).await;
    let delay = Duration::from_secs(60);
    let outcomes = settle(&*receiver, deliveries, &Settlement::Release { delay }).await;
    assert_eq!(outcomes, [None]);
    servicebus.close().await.unwrap();
    let script = broker.script.lock().unwrap();
    assert_eq!(
        (script.sent.len(), &script.transactions[..]),
        (1, &[true][..])
    );
    let sent = String::from_utf8_lossy(&script.sent[0]);
    assert!(sent.contains("x-opt-scheduled-enqueue-time"), "{sent}");
    assert!(sent.contains("relayhouse-attempts"), "{sent}");
}
