//! Random messages, which come out as they went in.

use std::num::NonZeroU32;

use anyhow::{Result, ensure};
use libtest_mimic::{Failed, Trial};
use proptest::test_runner::TestCaseError;
use relayhouse_conformance::Target;
use relayhouse_core::{LeaseKind, Message, Sending, Settlement, Settling, port::ReceiveRequest};
use relayhouse_testkit::{Harness, conformance::Fixture, generate};

use crate::model;

const CASES: u32 = 200;
const BODY_BYTES_MAX: usize = 2_000;

/// One test: any message that may be sent is received with the same body, headers and key.
pub(crate) fn trial(target: Target) -> Trial {
    let name = format!("{}::random_messages_survive", target.name);
    Trial::test(name, move || {
        let strategy = generate::message(BODY_BYTES_MAX);
        let check = |message: Message| {
            let survived = target.run(async |harness| survives(harness, message).await);
            let survived = survived.and_then(|survived| survived);
            survived.map_err(|error| TestCaseError::fail(error.to_string()))
        };
        model::runner(CASES)
            .run(&strategy, check)
            .map_err(Failed::from)
    })
}

async fn survives(harness: &dyn Harness, message: Message) -> Result<()> {
    let fixture = Fixture::new(harness).await?;
    let is_one_session = fixture.receiver.capabilities().lease == LeaseKind::Session;
    let mut message = harness.dress(message);
    if is_one_session {
        message.details_mut().ordering_key = harness
            .dress(Message::default())
            .details()
            .ordering_key
            .clone();
    }
    message.id = fixture.message("").id;
    let mut batch = [Sending::new(message.clone())];
    let call = fixture.sender.send(&mut batch).await;
    let [item] = batch;
    item.outcome.settle(&call)?;
    let mut deliveries = Vec::new();
    let request = ReceiveRequest::up_to(NonZeroU32::MIN).wait(harness.tolerance());
    fixture.receiver.receive(request, &mut deliveries).await?;
    ensure!(deliveries.len() == 1, "{} deliveries", deliveries.len());
    for delivery in deliveries {
        let received = delivery.message.clone();
        ensure!(received.body == message.body, "the body was changed");
        ensure!(
            received.headers() == message.headers(),
            "the headers were changed"
        );
        let key = |message: &Message| message.details().ordering_key.clone();
        ensure!(
            key(&received) == key(&message),
            "the ordering key was changed"
        );
        let mut batch = [Settling::new(delivery, Settlement::Ack)];
        let call = fixture.receiver.settle(&mut batch).await;
        let [item] = batch;
        item.outcome.settle(&call)?;
    }
    Ok(())
}
