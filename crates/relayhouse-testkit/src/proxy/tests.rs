//! Tests of the proxy, between a client and a server that echoes.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

use relayhouse_core::{SeededRandom, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::clock::ManualClock;

/// A server that answers each byte with itself.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = stream.into_split();
                tokio::io::copy(&mut read, &mut write).await
            });
        }
    });
    address
}

async fn proxy(clock: &ManualClock) -> FaultProxy {
    let (clock, random) = (Arc::new(clock.clone()), Arc::new(SeededRandom::new(7)));
    FaultProxy::start(echo().await, clock, random)
        .await
        .expect("a port")
}

fn clock() -> ManualClock {
    ManualClock::new(Timestamp::default())
}

async fn connect(proxy: &FaultProxy) -> TcpStream {
    TcpStream::connect(proxy.address())
        .await
        .expect("a connection")
}

/// Sends a word and reads what comes back, up to its length.
async fn ask(stream: &mut TcpStream, word: &[u8]) -> Vec<u8> {
    let mut answer = vec![0; word.len()];
    if stream.write_all(word).await.is_err() {
        return Vec::new();
    }
    let mut length = 0;
    while length < answer.len() {
        match stream.read(&mut answer[length..]).await {
            Ok(0) | Err(_) => break,
            Ok(count) => length += count,
        }
    }
    answer.truncate(length);
    answer
}

/// Waits for `answer`, and moves the clock whenever somebody sleeps.
async fn driven<T>(clock: &ManualClock, answer: impl Future<Output = T>) -> T {
    let advance = async {
        loop {
            tokio::task::yield_now().await;
            if 0 < clock.sleepers() {
                clock.advance(Duration::from_secs(1));
            }
        }
    };
    select! {
        answer = answer => answer,
        () = advance => unreachable!("it has no end"),
    }
}

#[tokio::test]
async fn proxy_forwards_and_counts() {
    let proxy = proxy(&clock()).await;
    let mut stream = connect(&proxy).await;
    assert_eq!(ask(&mut stream, b"hello").await, b"hello");
    assert_eq!(proxy.connections(), Connections { made: 1, open: 1 });
    proxy.close().await;
    assert_eq!(proxy.connections(), Connections { made: 1, open: 0 });
    assert_eq!(ask(&mut stream, b"hello").await, b"");
}

#[tokio::test]
async fn cut_breaks_what_is_open_and_refuses_the_rest() {
    let proxy = proxy(&clock()).await;
    let mut stream = connect(&proxy).await;
    assert_eq!(ask(&mut stream, b"hello").await, b"hello");
    proxy.set(Fault::Cut);
    assert_eq!(ask(&mut stream, b"hello").await, b"");
    assert_eq!(ask(&mut connect(&proxy).await, b"hello").await, b"");
    proxy.set(Fault::None);
    assert_eq!(ask(&mut connect(&proxy).await, b"hello").await, b"hello");
    proxy.close().await;
}

#[tokio::test]
async fn silence_holds_answers_back_until_it_ends() {
    let proxy = proxy(&clock()).await;
    let mut stream = connect(&proxy).await;
    proxy.set(Fault::Silent);
    let (answer, ()) = tokio::join!(ask(&mut stream, b"hello"), async {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        proxy.set(Fault::None);
    });
    assert_eq!(answer, b"hello");
    proxy.close().await;
}

fn strike(direction: Direction, harm: Harm) -> Fault {
    Fault::Once(Strike {
        direction,
        after: 3,
        harm,
    })
}

#[tokio::test]
async fn connection_is_cut_in_the_middle_and_the_next_is_not() {
    for direction in [Direction::Requests, Direction::Answers] {
        let proxy = proxy(&clock()).await;
        proxy.set(strike(direction, Harm::Cut));
        let answer = ask(&mut connect(&proxy).await, b"hello").await;
        assert!(answer.len() <= 3, "{answer:?}");
        assert!(proxy.passed().has_struck);
        assert_eq!(ask(&mut connect(&proxy).await, b"hello").await, b"hello");
        proxy.close().await;
    }
}

#[tokio::test]
async fn half_open_connection_swallows_the_rest_without_a_word() {
    for direction in [Direction::Requests, Direction::Answers] {
        let proxy = proxy(&clock()).await;
        proxy.set(strike(direction, Harm::HalfOpen));
        let mut stream = connect(&proxy).await;
        stream.write_all(b"hello").await.unwrap();
        let mut answer = [0; 3];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"hel");
        stream.write_all(b"hello").await.unwrap();
        let mut rest = [0; 1];
        let mut read = pin!(stream.read(&mut rest));
        for _ in 0..100 {
            let polled = poll_fn(|context| Poll::Ready(read.as_mut().poll(context)));
            assert!(polled.await.is_pending());
            tokio::task::yield_now().await;
        }
        assert_eq!(proxy.connections().open, 1);
        proxy.close().await;
    }
}

#[tokio::test]
async fn one_bit_is_another() {
    let proxy = proxy(&clock()).await;
    proxy.set(strike(Direction::Requests, Harm::Flip));
    let answer = ask(&mut connect(&proxy).await, b"hello").await;
    let differences = answer
        .iter()
        .zip(b"hello")
        .map(|(left, right)| left ^ right);
    let differences: Vec<_> = differences.map(u8::count_ones).collect();
    assert_eq!(differences, [0, 0, 0, 1, 0]);
    proxy.close().await;
}

#[tokio::test]
async fn slow_connection_passes_a_few_bytes_at_a_time() {
    let clock = clock();
    let proxy = proxy(&clock).await;
    proxy.set(Fault::Slow(Duration::from_secs(1)));
    let word = [7; 200];
    let mut stream = connect(&proxy).await;
    let answer = driven(&clock, ask(&mut stream, &word)).await;
    assert_eq!(answer, word);
    let took = clock.now().since(relayhouse_core::Instant::START);
    assert!(Duration::from_secs(4) <= took, "{took:?}");
    proxy.close().await;
}

#[tokio::test]
async fn delay_lasts_as_long_as_the_clock_says() {
    let clock = clock();
    let proxy = proxy(&clock).await;
    proxy.set(Fault::Delay(Duration::from_secs(10)));
    let mut stream = connect(&proxy).await;
    let answer = driven(&clock, ask(&mut stream, b"hello")).await;
    assert!(Duration::ZERO < clock.now().since(relayhouse_core::Instant::START));
    assert_eq!(answer, b"hello");
    proxy.close().await;
}
