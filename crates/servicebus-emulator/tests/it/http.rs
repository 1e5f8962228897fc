//! The HTTP API at its own port, and what is asked there of the emulator itself.

use std::time::Duration;

use fe2o3_amqp::types::messaging::Outcome;
use servicebus_emulator::{
    Clock, Fault, ManualClock, Operation, ServiceBusEmulator, Times, model::QueueSettings,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    pin, select, task,
};

use crate::{
    client::{Client, builder, data, kept, receive, send},
    tokens::TOKEN,
    transports::{certified, connect},
};

/// Everything, until the year 2100, made by the same recipe as the one for a queue.
const TOKEN_OF_ALL: &str = "SharedAccessSignature sr=https%3A%2F%2Fhost%2F\
    &sig=LGDiwCTS%2BSeLOMosUz3KNN5FLfQwMMbJzRE4iu8cOdA%3D&se=4133980799&skn=name";

/// What a request is answered.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// Asks over a stream, which is closed after the answer.
async fn ask_over(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    first: &str,
    headers: &str,
    body: &str,
) -> Option<Answer> {
    let length = body.len();
    let request = format!(
        "{first} HTTP/1.1\r\nhost: it\r\nconnection: close\r\n{headers}\
         content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Some(Answer {
        status,
        head: head.to_owned(),
        body: body.to_owned(),
    })
}

async fn ask_with(
    emulator: &ServiceBusEmulator,
    first: &str,
    headers: &str,
    body: &str,
) -> Option<Answer> {
    let mut stream = TcpStream::connect(emulator.http_address()).await.unwrap();
    ask_over(&mut stream, first, headers, body).await
}

async fn ask(emulator: &ServiceBusEmulator, first: &str, body: &str) -> Answer {
    ask_with(emulator, first, "", body).await.unwrap()
}

/// Returns the status alone.
async fn status(emulator: &ServiceBusEmulator, first: &str, body: &str) -> u16 {
    ask(emulator, first, body).await.status
}

fn queue_description() -> String {
    let connect = "http://schemas.microsoft.com/netservices/2010/10/servicebus/connect";
    format!(
        "<entry xmlns=\"http://www.w3.org/2005/Atom\"><content type=\"application/xml\">\
         <QueueDescription xmlns=\"{connect}\"><MaxDeliveryCount>3</MaxDeliveryCount>\
         </QueueDescription></content></entry>"
    )
}

#[tokio::test]
async fn entities_are_managed_and_used_beside_amqp() {
    let emulator = builder().start().await.unwrap();
    let made = ask(&emulator, "PUT /parcels", &queue_description()).await;
    assert_eq!(made.status, 201, "{made:?}");
    let endpoint = emulator.http_endpoint();
    let id = format!("<id>{endpoint}/parcels</id>");
    assert!(made.body.contains(&id), "{made:?}");
    assert_eq!(
        status(&emulator, "POST /parcels/messages", "by http").await,
        201
    );
    let mut client = Client::connect(&emulator).await;
    let mut receiver = client.receiver("parcels").await;
    let received = receive(&mut receiver).await;
    assert_eq!(data(&received), b"by http");
    receiver.accept(&received).await.unwrap();
    let mut sender = client.sender("parcels").await;
    send(&mut sender, b"by amqp").await;
    let locked = ask(&emulator, "POST /parcels/messages/head?timeout=5", "").await;
    assert_eq!((locked.status, &locked.body[..]), (201, "by amqp"));
    let location = locked.header("location").unwrap();
    let path = location.strip_prefix(endpoint).unwrap();
    assert_eq!(status(&emulator, &format!("DELETE {path}"), "").await, 200);
    assert_eq!(kept(&emulator, "parcels").len(), 0);
    assert_eq!(status(&emulator, "PATCH /parcels", "").await, 405);
    client.close().await;
}

#[tokio::test]
async fn receive_waits_for_a_message_or_its_time() {
    let clock = ManualClock::new();
    let emulator = builder().clock(clock.clone()).start().await.unwrap();
    let waiting = ask(&emulator, "DELETE /orders/messages/head?timeout=9", "");
    let sent = async {
        // The receive is most likely there first; if it is not, it need not wait.
        for _ in 0..100 {
            task::yield_now().await;
        }
        assert_eq!(status(&emulator, "POST /orders/messages", "it").await, 201);
    };
    let (received, ()) = tokio::join!(waiting, sent);
    assert_eq!((received.status, &received.body[..]), (200, "it"));

    let start = clock.now();
    let waiting = ask(&emulator, "DELETE /orders/messages/head?timeout=9", "");
    pin!(waiting);
    let nothing = loop {
        select! {
            nothing = &mut waiting => break nothing,
            () = task::yield_now() => clock.advance(Duration::from_millis(1)),
        }
    };
    assert_eq!(nothing.status, 204);
    let date = nothing.header("date").unwrap();
    assert!(date.starts_with("Thu, 01 Jan 2026 00:"), "{date}");
    assert!(start + Duration::from_secs(9) <= clock.now());
}

#[tokio::test]
async fn receive_that_waits_is_answered_at_the_end() {
    let emulator = builder().start().await.unwrap();
    let address = emulator.http_address();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let waiting = task::spawn(async move {
        ask_over(&mut stream, "POST /orders/messages/head?timeout=60", "", "").await
    });
    // Whoever is answered came later than the one who waits.
    assert_eq!(status(&emulator, "GET /orders", "").await, 200);
    emulator.close().await;
    let answer = waiting.await.unwrap();
    assert!(answer.is_none_or(|answer| answer.status == 204));
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn requests_need_a_token_for_what_they_are_about() {
    let builder = ServiceBusEmulator::builder().key("name", "secret");
    let builder = builder.queue("orders", QueueSettings::default());
    let builder = builder.queue("others", QueueSettings::default());
    let emulator = builder.start().await.unwrap();
    let status = async |first: &str, token: &str| {
        let header = match token {
            "" => String::new(),
            token => format!("authorization: {token}\r\n"),
        };
        let answer = ask_with(&emulator, first, &header, "{\"advance\":\"PT1S\"}").await;
        answer.unwrap().status
    };
    for (first, token, expected) in [
        ("GET /orders", "", 401),
        ("GET /orders", "Bearer it", 401),
        ("GET /orders", TOKEN, 200),
        ("GET /Orders/", TOKEN, 200),
        ("GET /others", TOKEN, 401),
        ("GET /others", TOKEN_OF_ALL, 200),
        ("GET /$Resources/queues", TOKEN, 401),
        ("GET /$Resources/queues", TOKEN_OF_ALL, 200),
        ("POST /$emulator/clock", "", 401),
        ("POST /$emulator/clock", TOKEN, 401),
        ("POST /$emulator/clock", TOKEN_OF_ALL, 200),
    ] {
        assert_eq!(status(first, token).await, expected, "{first} {token}");
    }
}

#[tokio::test]
async fn time_passes_when_a_client_asks_for_it() {
    let emulator = builder().start().await.unwrap();
    let mut client = Client::connect(&emulator).await;
    let mut sender = client.sender("orders").await;
    send(&mut sender, b"it").await;
    let mut receiver = client.receiver("orders").await;
    let received = receive(&mut receiver).await;
    let start = emulator.clock().now();
    let moved = ask(&emulator, "POST /$emulator/clock", "{\"advance\":\"PT1M\"}").await;
    assert_eq!(moved.status, 200, "{moved:?}");
    assert!(start + Duration::from_secs(60) <= emulator.clock().now());
    // The lock was for a minute.
    let again = receive(&mut receiver).await;
    assert_eq!(again.message().header.as_ref().unwrap().delivery_count, 1);
    drop(received);
    client.close().await;
}

#[tokio::test]
async fn things_go_wrong_when_a_client_asks_for_it() {
    let emulator = builder().start().await.unwrap();
    let inject = async |body: &str| status(&emulator, "POST /$emulator/faults", body).await;
    let throttle = r#"{"operation":"send","fault":"throttle"}"#;
    assert_eq!(inject(throttle).await, 200);
    let mut client = Client::connect(&emulator).await;
    let mut sender = client.sender("orders").await;
    let outcome = sender.send("it").await.unwrap();
    assert!(matches!(outcome, Outcome::Rejected(_)), "{outcome:?}");
    assert_eq!(status(&emulator, "DELETE /$emulator/faults", "").await, 200);
    assert!(sender.send("it").await.unwrap().is_accepted());
    for wrong in [
        "",
        r#"{"operation":"send","fault":"explode"}"#,
        r#"{"operation":"sneeze","fault":"cut"}"#,
        r#"{"operation":"send","fault":"lose-lock"}"#,
        r#"{"operation":"send","fault":"delay"}"#,
        r#"{"operation":"send","fault":"delay","by":"1s"}"#,
        r#"{"operation":"send","fault":"cut","times":1,"chance":0.5}"#,
        r#"{"operation":"send","fault":"cut","often":true}"#,
    ] {
        assert_eq!(inject(wrong).await, 400, "{wrong}");
    }
    assert!(sender.send("it").await.unwrap().is_accepted());
    assert_eq!(
        status(&emulator, "GET /$emulator/faults", "").await,
        404,
        "it tells nothing"
    );
    client.close().await;
}

#[tokio::test]
async fn faults_happen_to_requests() {
    let emulator = builder().start().await.unwrap();
    let inject = |fault| {
        let faults = emulator.faults();
        faults.inject(Operation::Http, fault, Times::Next(1))
    };
    inject(Fault::Throttle).unwrap();
    assert_eq!(status(&emulator, "POST /orders/messages", "a").await, 503);
    inject(Fault::Cut).unwrap();
    let cut = ask_with(&emulator, "POST /orders/messages", "", "b").await;
    assert!(cut.is_none(), "{cut:?}");
    assert_eq!(kept(&emulator, "orders").len(), 0);
    inject(Fault::DropAnswer).unwrap();
    let unanswered = ask_with(&emulator, "POST /orders/messages", "", "c").await;
    assert!(unanswered.is_none(), "{unanswered:?}");
    assert_eq!(kept(&emulator, "orders").len(), 1);
    assert!(inject(Fault::Detach).is_err());
}

#[tokio::test]
async fn large_bodies_are_refused() {
    let emulator = builder().start().await.unwrap();
    // What is sent after the answer may be lost, and with it the answer: so it is only said.
    let mut stream = TcpStream::connect(emulator.http_address()).await.unwrap();
    let request = "POST /orders/messages HTTP/1.1\r\nhost: it\r\nconnection: close\r\n\
                   content-length: 4194305\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let body = vec![b' '; 4_194_305];
    let (mut reader, mut writer) = stream.split();
    let mut answer = [0; 12];
    let (written, read) = tokio::join!(writer.write_all(&body), reader.read_exact(&mut answer));
    drop(written);
    read.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
}

#[tokio::test]
async fn tls_is_spoken_at_the_same_port() {
    let (authority, client) = certified();
    let emulator = builder().tls(authority.server()).start().await.unwrap();
    let endpoint = emulator.http_endpoint();
    assert!(endpoint.starts_with("https://127.0.0.1:"), "{endpoint}");
    let mut stream = connect(emulator.http_address(), client).await;
    let answer = ask_over(&mut stream, "GET /orders", "", "").await.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(status(&emulator, "GET /orders", "").await, 200);
}

#[tokio::test]
async fn address_that_is_taken_is_named() {
    let emulator = builder().start().await.unwrap();
    let taken = emulator.http_address();
    let refused = builder().http_address(taken).start().await.unwrap_err();
    let said = format!("cannot listen at {taken}: ");
    assert!(refused.to_string().starts_with(&said), "{refused}");
    assert_eq!(refused.kind(), std::io::ErrorKind::AddrInUse);
}
