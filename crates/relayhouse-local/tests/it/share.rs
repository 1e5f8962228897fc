//! Several that have one directory open.

use relayhouse_core::{
    ErrorKind, Message, Sending, Settlement, Settling,
    port::{Provider, QueueConfig, ReceiveRequest},
};

use crate::support::{Place, admin, bodies, entity, receive, receiver, send, sender};

/// A send through one open directory wakes a receive that waits in another.
#[tokio::test]
async fn send_elsewhere_wakes_a_receive() {
    let place = Place::new();
    let (here, there) = (place.open(), place.open());
    let receiver = receiver(&here, "q").await;
    let sender = sender(&there, "q").await;
    let late_send = async {
        // By now the receive waits.
        while 0 < here.pending() {
            tokio::task::yield_now().await;
        }
        send(&*sender, "news").await
    };
    let (deliveries, sent) = tokio::join!(receive(&*receiver, 1), late_send);
    sent.unwrap();
    assert_eq!(bodies(&deliveries), ["news"]);
}

/// Who has a queue open that is deleted elsewhere hears of it, and so does who holds a lease.
#[tokio::test]
async fn queue_deleted_elsewhere_is_gone_here() {
    let place = Place::new();
    let (here, there) = (place.open(), place.open());
    let (sender, receiver) = (sender(&here, "q").await, receiver(&here, "q").await);
    send(&*sender, "x").await.unwrap();
    let delivery = receive(&*receiver, 1).await.pop().unwrap();
    let mut lost = Vec::new();
    let delete = async {
        while 0 < here.pending() {
            tokio::task::yield_now().await;
        }
        admin(&there).delete(&entity("q")).await
    };
    let ((), deleted) = tokio::join!(receiver.lost(&mut lost), delete);
    deleted.unwrap();
    assert_eq!(lost, [delivery.receipt]);
    let error = send(&*sender, "y").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QueueNotFound);
    let received = receiver.receive(ReceiveRequest::ONE, &mut Vec::new()).await;
    assert_eq!(received.unwrap_err().kind(), ErrorKind::QueueNotFound);
    let left = std::fs::read_dir(place.path()).unwrap();
    assert_eq!(left.count(), 0, "files are left");
}

/// A subscription that is deleted elsewhere is gone here, and the others are not.
#[tokio::test]
async fn subscription_deleted_elsewhere_is_gone_here() {
    let place = Place::new();
    let (here, there) = (place.open(), place.open());
    let (a, b) = ("t/subscriptions/a", "t/subscriptions/b");
    let (gone, kept) = (receiver(&here, a).await, receiver(&here, b).await);
    admin(&there).delete(&entity(a)).await.unwrap();
    let received = gone.receive(ReceiveRequest::ONE, &mut Vec::new()).await;
    assert_eq!(received.unwrap_err().kind(), ErrorKind::QueueNotFound);
    send(&*sender(&there, "t").await, "x").await.unwrap();
    assert_eq!(bodies(&receive(&*kept, 1).await), ["x"]);
}

/// A transaction between files settles in one and sends to the other, both for good.
#[tokio::test]
async fn transaction_between_files_is_whole_after_a_reopen() {
    let place = Place::new();
    let local = place.open();
    let (sender, from) = (sender(&local, "from").await, receiver(&local, "from").await);
    admin(&local)
        .create(&entity("to"), &QueueConfig::default())
        .await
        .unwrap();
    send(&*sender, "in").await.unwrap();
    let delivery = receive(&*from, 1).await.pop().unwrap();
    let mut settle = [Settling::new(delivery, Settlement::Ack)];
    let mut out = [Sending::new(Message::new("out"))];
    let transactional = local.transactional().unwrap();
    transactional
        .settle_and_send(from.source(), &mut settle, &"to".parse().unwrap(), &mut out)
        .await
        .unwrap();
    assert!(settle[0].outcome.is_done() && out[0].outcome.is_done());
    local.close().await.unwrap();
    let local = place.open();
    let stats = admin(&local).stats(&"from".parse().unwrap()).await.unwrap();
    assert_eq!((stats.ready, stats.leased), (0, Some(0)));
    let to = receiver(&local, "to").await;
    assert_eq!(bodies(&receive(&*to, 2).await), ["out"]);
}

/// A queue that was deleted and created again elsewhere can be opened here, and is not deleted
/// through what is left of the old one.
#[tokio::test]
async fn queue_created_again_elsewhere_is_the_new_one_here() {
    let place = Place::new();
    let (here, there) = (place.open(), place.open());
    let old = sender(&here, "q").await;
    send(&*old, "old").await.unwrap();
    admin(&there).delete(&entity("q")).await.unwrap();
    send(&*sender(&there, "q").await, "new").await.unwrap();
    let again = receiver(&here, "q").await;
    assert_eq!(bodies(&receive(&*again, 2).await), ["new"]);
    let error = send(&*old, "late").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QueueNotFound);
    admin(&here).delete(&entity("q")).await.unwrap();
    let error = admin(&there).delete(&entity("q")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QueueNotFound);
}

/// Who opens a new queue at the same moment as others finds the one that they make.
#[tokio::test(flavor = "multi_thread")]
async fn new_queue_is_opened_by_many_at_once() {
    for _ in 0..20 {
        let place = Place::new();
        let opens: Vec<_> = (0..8)
            .map(|_| {
                let local = place.open();
                tokio::spawn(async move { send(&*sender(&local, "q").await, "x").await })
            })
            .collect();
        for open in opens {
            open.await.unwrap().unwrap();
        }
        let stats = admin(&place.open()).stats(&"q".parse().unwrap()).await;
        assert_eq!(stats.unwrap().ready, 8);
    }
}
