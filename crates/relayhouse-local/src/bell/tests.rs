//! Tests of the bell.

use std::sync::mpsc::{Receiver, sync_channel};

use super::*;

const MARK: Mark = [7; 32];

/// Makes a callback that never blocks, and what hears it.
fn ear() -> (impl Fn() + Send + Sync + 'static, Receiver<()>) {
    let (sender, receiver) = sync_channel(1);
    let on_ring = move || {
        let _full = sender.try_send(());
    };
    (on_ring, receiver)
}

fn directory() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().canonicalize().unwrap();
    (directory, path)
}

fn listens(belfry: &Belfry) -> bool {
    lock(&belfry.0.listener).is_some()
}

#[test]
fn ring_of_one_bell_reaches_another_of_the_same_file() {
    let (_kept, path) = directory();
    let path = path.join("orders.bell");
    let ringing = Bell::new(&Belfry::default(), path.clone());
    let watching = Bell::new(&Belfry::default(), path);
    let (on_ring, rings) = ear();
    assert_eq!(watching.read().unwrap(), None);
    let _watch = watching.watch(on_ring).unwrap();
    for number in 1..=3 {
        ringing.ring(&[number; 32]).unwrap();
        rings.recv().unwrap();
        assert_eq!(watching.read().unwrap(), Some([number; 32]));
    }
}

#[test]
fn ring_reaches_its_own_watches_and_no_others() {
    let (_kept, path) = directory();
    let belfry = Belfry::default();
    let [one, other] = ["one.bell", "other.bell"].map(|name| Bell::new(&belfry, path.join(name)));
    let (on_ring, first) = ear();
    let _first = one.watch(on_ring).unwrap();
    let (on_ring, second) = ear();
    let _second = one.watch(on_ring).unwrap();
    // Beginning to listen again, it tells who has listened before.
    first.recv().unwrap();
    let (on_ring, others) = ear();
    let _others = other.watch(on_ring).unwrap();
    one.ring(&MARK).unwrap();
    first.recv().unwrap();
    second.recv().unwrap();
    // Events come in order: were there one for the other, it would be here.
    assert!(others.try_recv().is_err());
    other.ring(&MARK).unwrap();
    others.recv().unwrap();
}

#[test]
fn dropped_watch_is_not_called_and_the_last_ends_the_thread() {
    let (_kept, path) = directory();
    let belfry = Belfry::default();
    let bell = Bell::new(&belfry, path.join("orders.bell"));
    let (on_ring, dropped) = ear();
    let watch = bell.watch(on_ring).unwrap();
    let (on_ring, kept) = ear();
    let last = bell.watch(on_ring).unwrap();
    drop(watch);
    bell.ring(&MARK).unwrap();
    kept.recv().unwrap();
    let calls = dropped.iter().count();
    assert_eq!(calls, 1, "one when the other began, none when it was gone");
    assert!(listens(&belfry));
    drop(last);
    assert!(!listens(&belfry));

    let (on_ring, again) = ear();
    let _watch = bell.watch(on_ring).unwrap();
    bell.ring(&MARK).unwrap();
    again.recv().unwrap();
}

#[test]
fn watches_may_end_in_a_callback() {
    let (_kept, path) = directory();
    let belfry = Belfry::default();
    let bell = Bell::new(&belfry, path.join("orders.bell"));
    let slot = Arc::new(Mutex::new(None::<Watch>));
    let (on_ring, rings) = ear();
    let in_callback = Arc::clone(&slot);
    let watch = bell.watch(move || {
        drop(lock(&in_callback).take());
        on_ring();
    });
    *lock(&slot) = Some(watch.unwrap());
    bell.ring(&MARK).unwrap();
    rings.recv().unwrap();
    assert!(lock(&slot).is_none());
    assert!(!listens(&belfry));
}

#[test]
fn path_that_nobody_watches_is_heard_no_longer_once_another_is() {
    let (_kept, path) = directory();
    let belfry = Belfry::default();
    let [one, other, third] =
        ["one.bell", "other.bell", "third.bell"].map(|name| Bell::new(&belfry, path.join(name)));
    let first = one.watch(|| ()).unwrap();
    let _second = other.watch(|| ()).unwrap();
    drop(first);
    let _third = third.watch(|| ()).unwrap();
    let listener = lock(&belfry.0.listener);
    let heard = &listener.as_ref().unwrap().heard;
    assert_eq!(heard, &[path.join("other.bell"), path.join("third.bell")]);
}

#[test]
fn removal_of_the_file_is_told() {
    let (_kept, path) = directory();
    let path = path.join("orders.bell");
    let bell = Bell::new(&Belfry::default(), path.clone());
    let (on_ring, rings) = ear();
    let _watch = bell.watch(on_ring).unwrap();
    std::fs::remove_file(path).unwrap();
    rings.recv().unwrap();
}

#[cfg(unix)]
#[test]
fn removed_file_is_made_anew_and_watched_again() {
    let (_kept, path) = directory();
    let path = path.join("orders.bell");
    let bell = Bell::new(&Belfry::default(), path.clone());
    let other = Bell::new(&Belfry::default(), path.clone());
    let (on_ring, rings) = ear();
    let _watch = bell.watch(on_ring).unwrap();
    for number in 1..=20 {
        std::fs::remove_file(&path).unwrap();
        rings.recv().unwrap();
        other.ring(&[number; 32]).unwrap();
        // What was rung in between is not missed: it is read.
        assert_eq!(bell.read().unwrap(), Some([number; 32]));
        rings.recv().unwrap();
        while rings.try_recv().is_ok() {}
        other.ring(&MARK).unwrap();
        rings.recv().unwrap();
    }
}

#[test]
fn new_bell_in_the_place_of_a_removed_one_is_heard() {
    let (_kept, path) = directory();
    let belfry = Belfry::default();
    let other = Bell::new(&belfry, path.join("other.bell"));
    let _listening = other.watch(|| ()).unwrap();
    let path = path.join("orders.bell");
    for _ in 0..20 {
        let bell = Bell::new(&belfry, path.clone());
        let (on_ring, rings) = ear();
        let _watch = bell.watch(on_ring).unwrap();
        bell.ring(&MARK).unwrap();
        rings.recv().unwrap();
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn bell_without_a_directory_fails() {
    let (_kept, path) = directory();
    let bell = Bell::new(&Belfry::default(), path.join("gone").join("orders.bell"));
    assert!(bell.ring(&MARK).is_err());
    assert!(bell.watch(|| ()).is_err());
}
