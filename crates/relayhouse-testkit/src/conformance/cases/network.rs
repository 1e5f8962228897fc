//! Cases about a server behind a network: silent, cut off, or not to be trusted.

use std::time::Duration;

use futures_util::future::join_all;
use relayhouse_core::{
    Error, ErrorKind, Instant,
    port::{ReceiveRequest, ReceiverOptions},
};

use crate::{
    conformance::{
        Case, Fixture, Need, Verdict, Violation,
        violation::{ensure, fails_with_any},
    },
    harness::{Harness, Network, Untrusted},
};

const SOURCE: &str = include_str!("network.rs");

const NETWORK: &[Need] = &[Need::Network];
const OPERATIONS: usize = 10_000;
/// One connection, and as many again as an outage or two may cost.
const CONNECTS_MAX: u64 = 4;

pub(super) const CASES: &[Case] = &[
    case!(silent_server_ends_each_call_at_its_deadline, NETWORK),
    case!(cut_connection_is_no_success, NETWORK),
    case!(first_delivery_after_an_outage_comes_soon, NETWORK),
    case!(
        connections_stay_within_their_maximum,
        &[Need::Network, Need::Competing]
    ),
    case!(connections_are_made_rarely, NETWORK),
    case!(self_signed_certificate_is_refused, NETWORK),
    case!(certificate_of_another_host_is_refused, NETWORK),
    case!(plain_text_to_another_machine_is_refused, NETWORK),
];

fn network(harness: &dyn Harness) -> Result<&dyn Network, Violation> {
    harness
        .network()
        .ok_or_else(|| Violation::new("no network"))
}

/// How a call may end that the server does not answer.
const UNANSWERED: &[ErrorKind] = &[
    ErrorKind::Timeout,
    ErrorKind::OutcomeUnknown,
    ErrorKind::ConnectionFailed,
];

/// How a settle may end whose connection is cut, with which some leases end.
const CUT: &[ErrorKind] = &[
    ErrorKind::Timeout,
    ErrorKind::OutcomeUnknown,
    ErrorKind::ConnectionFailed,
    ErrorKind::LeaseLost,
];

/// Checks that a call ended with one of these errors, and not after its deadline.
fn ended_by(
    what: &str,
    start: Instant,
    deadline: Duration,
    fixture: &Fixture<'_>,
    result: Result<(), Error>,
    kinds: &[ErrorKind],
) -> Verdict {
    let took = fixture.now().since(start);
    let latest = deadline + fixture.harness.tolerance();
    ensure(
        took <= latest,
        format!("{what} took {took:?}, its deadline is {deadline:?}"),
    )?;
    fails_with_any(what, result, kinds).map(drop)
}

/// A server that accepts and never answers ends each call at the call's deadline.
pub async fn silent_server_ends_each_call_at_its_deadline(harness: &dyn Harness) -> Verdict {
    let network = network(harness)?;
    let timeouts = network.timeouts();
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("x")).await?;
    let delivery = fixture.receive().await?;
    network.silence().await;
    let start = fixture.now();
    let sent = fixture.send(fixture.message("y")).await.map(drop);
    ended_by("a send", start, timeouts.send, &fixture, sent, UNANSWERED)?;
    let start = fixture.now();
    ended_by(
        "a settle",
        start,
        timeouts.settle,
        &fixture,
        fixture.ack(&delivery).await,
        UNANSWERED,
    )?;
    let start = fixture.now();
    let wait = Duration::from_secs(1);
    let received = fixture
        .receiver
        .receive(ReceiveRequest::ONE.wait(wait), &mut Vec::new())
        .await;
    let deadline = wait + timeouts.receive_beyond_wait;
    ended_by("a receive", start, deadline, &fixture, received, UNANSWERED)?;
    network.restore().await;
    Ok(())
}

/// A call whose connection is cut never says that it is done.
pub async fn cut_connection_is_no_success(harness: &dyn Harness) -> Verdict {
    let network = network(harness)?;
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("x")).await?;
    let delivery = fixture.receive().await?;
    network.cut().await;
    let deadline = network.timeouts().send + network.timeouts().connect;
    let start = fixture.now();
    let sent = fixture.send(fixture.message("y")).await.map(drop);
    ended_by("a send", start, deadline, &fixture, sent, UNANSWERED)?;
    let start = fixture.now();
    ended_by(
        "a settle",
        start,
        deadline,
        &fixture,
        fixture.ack(&delivery).await,
        CUT,
    )?;
    network.restore().await;
    Ok(())
}

/// After an outage of 10 s the first delivery comes within 5 s of the server's return.
pub async fn first_delivery_after_an_outage_comes_soon(harness: &dyn Harness) -> Verdict {
    let network = network(harness)?;
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("x")).await?;
    network.cut().await;
    harness.pass(Duration::from_secs(10)).await;
    network.restore().await;
    let back = fixture.now();
    let soon = Duration::from_secs(5) + harness.tolerance();
    let mut deliveries = Vec::new();
    while deliveries.is_empty() {
        let request = ReceiveRequest::ONE.wait(Duration::from_secs(1));
        // The port does not retry: its caller does.
        drop(fixture.receiver.receive(request, &mut deliveries).await);
        let took = fixture.now().since(back);
        ensure(took <= soon, format!("nothing came for {took:?}"))?;
    }
    Ok(())
}

/// A provider never has more connections than it was allowed, however many receivers it has, and
/// however many calls are under way.
pub async fn connections_stay_within_their_maximum(harness: &dyn Harness) -> Verdict {
    let network = network(harness)?;
    let before = network.connections().open;
    let max = network.connections_max();
    let fixture = Fixture::new(harness).await?;
    let mut opened = Vec::new();
    for _ in 0..20 {
        opened.push(fixture.open().await?);
        fixture.send(fixture.message("x")).await?;
    }
    let senders = usize::try_from(max)
        .unwrap_or(usize::MAX)
        .saturating_add(20);
    let sends = (0..senders).map(|_| fixture.send(fixture.message("y")));
    for sent in join_all(sends).await {
        sent?;
    }
    let open = network.connections().open.saturating_sub(before);
    ensure(
        open <= max,
        format!("{open} connections, at most {max} are allowed"),
    )
}

/// Ten thousand operations share their connections.
pub async fn connections_are_made_rarely(harness: &dyn Harness) -> Verdict {
    let network = network(harness)?;
    let fixture = Fixture::new(harness).await?;
    let before = network.connections().made;
    for messages in fixture.messages(OPERATIONS / 2).chunks(100) {
        fixture.send_all(messages.to_vec()).await?;
        let deliveries = fixture.receive_all(messages.len()).await?;
        fixture.ack_all(deliveries).await?;
    }
    let made = network.connections().made - before;
    ensure(
        made <= CONNECTS_MAX,
        format!("{made} connections for {OPERATIONS} operations"),
    )
}

/// Checks that nothing can be sent over a connection to `peer`.
async fn is_refused(harness: &dyn Harness, peer: Untrusted) -> Verdict {
    let result = match network(harness)?.provider_over(peer).await {
        Ok(provider) => {
            let missing = harness.missing().ok_or_else(|| Violation::new("no name"))?;
            let source = relayhouse_core::Source::queue(missing);
            let options = ReceiverOptions::default();
            match provider.receiver(&source, options).await {
                Ok(receiver) => receiver.receive(ReceiveRequest::ONE, &mut Vec::new()).await,
                Err(error) => Err(error),
            }
        }
        Err(error) => Err(error),
    };
    let kinds = [ErrorKind::ConnectionFailed, ErrorKind::ConfigInvalid];
    fails_with_any("a connection that must not be trusted", result, &kinds).map(drop)
}

/// A server whose certificate is signed by itself is refused.
pub async fn self_signed_certificate_is_refused(harness: &dyn Harness) -> Verdict {
    is_refused(harness, Untrusted::SelfSigned).await
}

/// A server whose certificate is for another host is refused.
pub async fn certificate_of_another_host_is_refused(harness: &dyn Harness) -> Verdict {
    is_refused(harness, Untrusted::WrongHost).await
}

/// Plain text to an address that is not this machine is refused.
pub async fn plain_text_to_another_machine_is_refused(harness: &dyn Harness) -> Verdict {
    is_refused(harness, Untrusted::PlainText).await
}
