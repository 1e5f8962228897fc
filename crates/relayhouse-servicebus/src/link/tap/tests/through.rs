//! The tap itself, with a connection on each side.

use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::*;

#[tokio::test]
async fn bytes_come_through_and_answers_by_the_way() {
    let answers = Answers::default();
    let (near, mut far) = duplex(1 << 16);
    let mut tap = Tap::new(near, answers.clone());
    let first = [
        AMQP_HEADER.to_vec(),
        frame(1, &transfer(1, &token(1)), b"x"),
    ]
    .concat();
    far.write_all(&first).await.unwrap();
    let (_, expected) = pass(&[&first]).unwrap();
    let mut read = vec![0; expected.len()];
    // The reader has little room, and takes several reads.
    for piece in read.chunks_mut(7) {
        tap.read_exact(piece).await.unwrap();
    }
    assert_eq!(read, expected);
    let asked = answers.ask(&[token(1)]);
    tap.write_all(b"settle it").await.unwrap();
    let mut written = [0; 9];
    far.read_exact(&mut written).await.unwrap();
    assert_eq!(&written, b"settle it");
    let second = frame(1, &disposition(1, None, Some(lock_lost())), &[]);
    far.write_all(&second).await.unwrap();
    let mut read = vec![0; second.len()];
    tap.read_exact(&mut read).await.unwrap();
    let refused = Answer::Rejected(Some("amqp:not-allowed".to_owned()));
    assert_eq!(hear(&asked).await, Heard::Answer(refused));
}

#[tokio::test]
async fn the_end_of_the_connection_is_heard() {
    let answers = Answers::default();
    let (near, far) = duplex(1 << 10);
    let mut tap = Tap::new(near, answers.clone());
    note(&answers, [delivery(1, 0)]).unwrap();
    let asked = answers.ask(&[token(1)]);
    drop(far);
    assert_eq!(tap.read(&mut [0; 8]).await.unwrap(), 0);
    assert_eq!(hear(&asked).await, Heard::Gone);
}

#[tokio::test]
async fn what_cannot_be_followed_fails_the_connection() {
    let answers = Answers::default();
    let (near, mut far) = duplex(1 << 10);
    let mut tap = Tap::new(near, answers.clone());
    note(&answers, [delivery(1, 0)]).unwrap();
    let asked = answers.ask(&[token(1)]);
    far.write_all(&[0xff; 8]).await.unwrap();
    let error = tap.read(&mut [0; 8]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert_eq!(hear(&asked).await, Heard::Gone);
}
