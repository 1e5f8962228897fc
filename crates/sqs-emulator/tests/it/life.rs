//! Start and end.

use sqs_emulator::SqsEmulator;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task,
};

use crate::client::{exchange, request};

#[tokio::test]
async fn emulator_is_ready_when_it_has_started() {
    let emulator = SqsEmulator::builder().start().await.unwrap();
    assert!(emulator.address().ip().is_loopback());
    let get = "GET / HTTP/1.1\r\nhost: sqs\r\nconnection: close\r\n\r\n";
    let answer = exchange(emulator.address(), get).await.unwrap();
    assert_eq!(
        (answer.status, answer.body.trim()),
        (200, "sqs-emulator is ready")
    );
}

#[tokio::test]
async fn address_that_is_taken_is_an_error() {
    let first = SqsEmulator::builder().start().await.unwrap();
    let second = SqsEmulator::builder().address(first.address());
    assert!(second.start().await.is_err());
}

#[tokio::test]
async fn nothing_listens_after_close() {
    let emulator = SqsEmulator::builder().start().await.unwrap();
    let address = emulator.address();
    emulator.close().await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn nothing_listens_after_it_was_dropped() {
    let emulator = SqsEmulator::builder().start().await.unwrap();
    let address = emulator.address();
    drop(emulator);
    while TcpStream::connect(address).await.is_ok() {
        task::yield_now().await;
    }
}

#[tokio::test]
async fn close_ends_idle_and_half_sent_connections() {
    let emulator = SqsEmulator::builder().start().await.unwrap();
    let mut idle = TcpStream::connect(emulator.address()).await.unwrap();
    let mut half = TcpStream::connect(emulator.address()).await.unwrap();
    half.write_all(b"POST / HTTP/1.1\r\ncontent-length: 9\r\n\r\n{")
        .await
        .unwrap();
    request(emulator.address(), "ListQueues", "{}")
        .await
        .unwrap();
    emulator.close().await;
    for stream in [&mut idle, &mut half] {
        // Closed or reset, but not open.
        let read = stream.read(&mut [0]).await;
        assert!(matches!(read, Ok(0) | Err(_)));
    }
}

#[tokio::test]
async fn connection_serves_one_request_after_the_other() {
    let emulator = SqsEmulator::builder().start().await.unwrap();
    let mut stream = TcpStream::connect(emulator.address()).await.unwrap();
    for _ in 0..3 {
        let request = "POST / HTTP/1.1\r\nx-amz-target: AmazonSQS.ListQueues\r\n\
                       content-length: 2\r\n\r\n{}";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = [0; 1024];
        let count = stream.read(&mut answer).await.unwrap();
        assert!(answer[..count].starts_with(b"HTTP/1.1 200 OK"));
    }
}
