//! Credentials that expire, that cannot be had, and that lack a right.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use aws_credential_types::provider::{self, ProvideCredentials, error::CredentialsError, future};
use aws_sdk_sqs::config::Credentials;
use relayhouse_core::{
    Clock as _, ErrorKind, Message, Operation as Attempted, Sending, Settlement, Settling,
    port::{ReceiveRequest, ReceiverOptions},
};
use relayhouse_testkit::clock::ManualClock;
use sqs_emulator::{Fault, Operation, Refusal, Times};

use crate::{
    load::finish,
    world::{Kind, SECRET_KEY, World, client, simulate},
};

const VALID_FOR: Duration = Duration::from_secs(600);

/// Gives a further access key each time it is asked, valid for ten minutes.
#[derive(Clone, Debug)]
struct Rotating {
    clock: ManualClock,
    given: Arc<AtomicU64>,
    is_out: Arc<AtomicBool>,
}

impl Rotating {
    fn new(clock: &ManualClock) -> Self {
        Self {
            clock: clock.clone(),
            given: Arc::default(),
            is_out: Arc::default(),
        }
    }

    /// Returns the key that was given last.
    fn latest(&self) -> String {
        format!("AKID{}", self.given.load(Ordering::SeqCst))
    }

    fn next(&self) -> provider::Result {
        if self.is_out.load(Ordering::SeqCst) {
            let what = "the metadata service does not answer";
            return Err(CredentialsError::provider_error(what));
        }
        self.given.fetch_add(1, Ordering::SeqCst);
        let until = self.clock.wall() + VALID_FOR;
        let until = Some(until.into());
        Ok(Credentials::new(
            self.latest(),
            SECRET_KEY,
            None,
            until,
            "test",
        ))
    }
}

impl ProvideCredentials for Rotating {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(self.next())
    }
}

/// Puts a provider in the place of the world's, whose credentials come from `rotating`.
fn rotated(mut world: World, rotating: &Rotating) -> World {
    let endpoint = format!("http://{}", world.proxy.address());
    let provider = world.provider_with(client(&endpoint, rotating.clone()));
    world.load.provider = Arc::new(provider);
    world
}

/// Returns how many calls were refused.
fn refused(world: &World) -> u64 {
    let counts = Operation::ALL.map(|operation| world.emulator.count(operation).errors);
    counts.iter().sum()
}

/// For an hour, each key is refused as soon as its time is over: the next one is there by then.
#[test]
fn expiring_credentials_are_renewed_in_time() {
    simulate(Kind::Standard, 51, async |world| {
        let rotating = Rotating::new(&world.manual);
        let world = rotated(world, &rotating);
        let running = world.consume().await;
        for number in 0..12 {
            world.produce(number, 100).await;
            let key = rotating.latest();
            world.pass(VALID_FOR / 2).await;
            if rotating.latest() != key {
                world.emulator.faults().expire(key);
            }
        }
        let outcome = finish(&world, running).await;
        let given = rotating.given.load(Ordering::SeqCst);
        println!(
            "{given} keys in an hour, {} calls refused\n{outcome}",
            refused(&world)
        );
        assert!(outcome.is_sound(1_200), "{outcome}");
        assert_eq!(refused(&world), 0);
        assert!((6..=13).contains(&given), "{given}");
    });
}

/// A key that is refused before its time costs what is left of it, and no message.
#[test]
fn key_that_expires_before_its_time_is_survived() {
    simulate(Kind::Standard, 52, async |world| {
        let rotating = Rotating::new(&world.manual);
        let world = rotated(world, &rotating);
        let running = world.consume().await;
        world.produce(1, 100).await;
        world.emulator.faults().expire(rotating.latest());
        let sender = world.provider.sender(&world.queue).await;
        let error = sender.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unauthorized);
        assert!(error.is_temporary(), "{error:?}");
        world.pass(VALID_FOR).await;
        world.produce(2, 100).await;
        let outcome = finish(&world, running).await;
        println!("{} calls refused\n{outcome}", refused(&world));
        assert!(0 < refused(&world));
        assert!(outcome.is_sound(200), "{outcome}");
    });
}

/// Where no credentials can be had for a while, calls fail before they leave, and go on after.
#[test]
fn outage_of_the_credentials_is_survived() {
    simulate(Kind::Standard, 53, async |world| {
        let rotating = Rotating::new(&world.manual);
        let world = rotated(world, &rotating);
        let running = world.consume().await;
        world.produce(1, 100).await;
        rotating.is_out.store(true, Ordering::SeqCst);
        world.pass(2 * VALID_FOR).await;
        let calls = world.emulator.calls();
        let error = world.provider.sender(&world.queue).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unauthorized);
        assert!(error.is_temporary(), "{error:?}");
        assert_eq!(world.emulator.calls(), calls);
        rotating.is_out.store(false, Ordering::SeqCst);
        world.produce(2, 100).await;
        let outcome = finish(&world, running).await;
        println!("{outcome}");
        assert!(outcome.is_sound(200), "{outcome}");
    });
}

/// A right that is missing fails the operation that needs it, which the error names; others go on.
#[test]
fn missing_right_fails_its_operation_alone() {
    simulate(Kind::Standard, 54, async |world| {
        let faults = world.emulator.faults();
        let denied = Fault::Refuse(Refusal::AccessDenied);
        faults.inject(Operation::DeleteMessageBatch, denied.clone(), Times::Always);
        let sender = world.provider.sender(&world.queue).await.unwrap();
        let options = ReceiverOptions::default();
        let receiver = world
            .provider
            .receiver(&world.source, options)
            .await
            .unwrap();
        let mut batch = [Sending::new(Message::new("x"))];
        sender.send(&mut batch).await.unwrap();
        assert!(batch[0].outcome.is_done());
        let mut deliveries = Vec::new();
        receiver
            .receive(ReceiveRequest::ONE, &mut deliveries)
            .await
            .unwrap();
        let delivery = deliveries.remove(0);
        let mut settle = [Settling::new(delivery.clone(), Settlement::Ack)];
        receiver.settle(&mut settle).await.unwrap();
        let error = settle[0].outcome.error().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unauthorized);
        assert_eq!(error.attempted(), Some(Attempted::Settle));
        assert!(
            error.is_permanent() && error.to_string().contains("AccessDenied"),
            "{error}"
        );
        let mut release = [Settling::new(delivery, Settlement::RELEASE)];
        receiver.settle(&mut release).await.unwrap();
        assert!(release[0].outcome.is_done(), "{release:?}");

        // Without the right to receive there is no consumer, and it says why.
        faults.inject(Operation::ReceiveMessage, denied, Times::Always);
        let running = world.consume().await;
        running.failed().await;
        let error = running.shutdown(Duration::from_secs(10)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized);
        assert_eq!(error.attempted(), Some(Attempted::Receive));
    });
}
