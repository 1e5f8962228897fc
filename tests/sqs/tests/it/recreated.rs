//! A queue that is deleted and made again while a consumer and a producer run.

use std::{sync::Arc, time::Duration};

use relayhouse_core::{Clock as _, Entity, ErrorKind, Message, MessageId};
use relayhouse_runtime::Producer;

use crate::{
    load::{finish, forget},
    world::{Kind, World, simulate},
};

async fn delete(world: &World) {
    let entity = Entity::Queue(world.queue.clone());
    world.direct.admin().unwrap().delete(&entity).await.unwrap();
}

/// The consumer ends and says that its queue is gone, sends fail by name, and nothing hangs. Once
/// the queue is there again, the same producer goes on, and a new consumer.
#[test]
fn deleted_queue_is_named_and_a_new_one_is_used() {
    for (kind, seed) in [(Kind::Standard, 61), (Kind::Fifo, 62)] {
        simulate(kind, seed, async |world| {
            let provider = Arc::clone(&world.provider);
            let producer = Producer::of(provider, world.queue.clone(), world.context.clone());
            let producer = producer.build().unwrap();
            let message = || Message::new("x").ordering_key("key");
            let running = world.consume().await;
            world.produce(1, 200).await;
            producer.send(message()).await.unwrap();
            delete(&world).await;

            running.failed().await;
            let error = running.shutdown(Duration::from_secs(60)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::QueueNotFound);
            assert!(error.to_string().contains(world.queue.as_str()), "{error}");
            let error = producer.send(message()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::QueueNotFound);
            assert!(error.to_string().contains(world.queue.as_str()), "{error}");
            // What was on the deleted queue is gone, as it was asked for.
            forget(&world);

            world.pass(Duration::from_secs(61)).await;
            world.create().await;
            let running = world.consume().await;
            let now = world.manual.now();
            let message = message().id(MessageId::from(9_u128 << 64));
            world.watch.sending(now, &message);
            producer.send(message).await.unwrap();
            world.produce(2, 200).await;
            let outcome = finish(&world, running).await;
            println!("{kind:?}: {outcome}");
            assert!(outcome.is_sound(201), "{outcome}");
            producer.close().await.unwrap();
        });
    }
}

/// The same while a long poll waits: the poll ends with the queue.
#[test]
fn waiting_poll_ends_with_its_queue() {
    simulate(Kind::Standard, 63, async |world| {
        let running = world.consume().await;
        world.pass(Duration::from_secs(3)).await;
        delete(&world).await;
        running.failed().await;
        let error = running.shutdown(Duration::from_secs(60)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::QueueNotFound);
    });
}
