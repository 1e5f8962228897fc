//! An answer leaves when the disk has what it is about.

use std::{
    future::Future,
    sync::Arc,
    task::{Context, Waker},
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    join,
};

use crate::{
    clock::ManualClock,
    fault::Rules,
    model::{Path, QueueSettings, Time},
    rest::Site,
    shared::{Access, Shared, State},
    store::{Keeper, Kept, Store},
};

const REQUEST: &[u8] = b"POST /q/messages HTTP/1.1\r\nhost: it\r\nconnection: close\r\n\
    content-length: 2\r\n\r\nit";
/// More bytes than the request and its answer have.
const BYTES_MAX: usize = 4 << 10;
/// More than it takes until everything waits.
const POLLS: usize = 16;

#[tokio::test]
async fn answer_waits_for_the_disk() {
    let directory = TempDir::new().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let mut model = store.load(0).unwrap();
    let now = Time::default();
    let changed = model.resume(now);
    let created = model.create_queue(now, &Path::new("q"), QueueSettings::default());
    created.unwrap();
    let rules = Rules::new(0);
    let (state, kept) = (State { model, rules }, Kept::new());
    let clock = Arc::new(ManualClock::new());
    let shared = Shared::new(clock, Access::Everybody, state, Some(kept.clone()));
    let shared = Arc::new(shared);
    let site = Site {
        namespace: "n".to_owned(),
        endpoint: "http://it".to_owned(),
        created: now,
    };

    let before = shared.owed();
    let (mut client, server) = tokio::io::duplex(BYTES_MAX);
    client.write_all(REQUEST).await.unwrap();
    let mut served = Box::pin(super::serve(server, &site, &shared));
    let mut answer = Vec::new();
    let mut read = Box::pin(client.read_to_end(&mut answer));
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..POLLS {
        assert!(served.as_mut().poll(&mut context).is_pending());
        assert!(read.as_mut().poll(&mut context).is_pending());
    }
    assert!(shared.owed() > before);

    let keeper = Keeper::start(store, changed, Arc::clone(&shared), kept);
    let (served, read) = join!(served, read);
    served.unwrap();
    read.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 201 "), "{answer:?}");
    keeper.end().await;
}
