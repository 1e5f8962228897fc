//! Drives the Service Bus that `SERVICEBUS_CONNECTION_STRING` names with bare `fe2o3-amqp`: the
//! basics by a client that is independent of the official SDK, and what that one lacks. Prints a
//! line of JSON for each case, as `tests/suites/README.md` says.

mod basics;
mod transactions;

use std::{
    env,
    future::Future,
    io::{self, Write},
    pin::Pin,
};

use anyhow::{Context, Result};
use relayhouse_bare_amqp::Place;
use serde_json::json;

/// The queue of these cases, which is empty between two of them.
const QUEUE: &str = "bare";
const CLIENT: &str = "fe2o3-amqp 0.18.4";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let connection = variable("SERVICEBUS_CONNECTION_STRING")?;
    let place =
        Place::parse(&connection).context("the connection string is not as it should be")?;
    run_basics(&place).await;
    run_transactions(&place).await;
    Ok(())
}

async fn run_basics(place: &Place) {
    let what = "A message is sent, received and completed";
    run("completes", what, Box::pin(basics::completes(place))).await;
    let what = "A message that is abandoned comes again, and was delivered once more";
    run("abandons", what, Box::pin(basics::abandons(place))).await;
    let what = "A dead letter has the reason and the description that it was given";
    run("buries", what, Box::pin(basics::buries(place))).await;
    let what = "Messages of a batch in one transfer arrive one by one";
    run(
        "sends_a_batch",
        what,
        Box::pin(basics::sends_a_batch(place)),
    )
    .await;
    let what = "Credit that is drained ends at once where nothing is there";
    run("drains", what, Box::pin(basics::drains(place))).await;
    let what = "A wrong key is refused";
    run("is_refused", what, Box::pin(basics::is_refused(place))).await;
}

async fn run_transactions(place: &Place) {
    let what = "Sends of a transaction are there after its commit, and not before";
    run("commits", what, Box::pin(transactions::commits(place))).await;
    let what = "Sends of a transaction that is rolled back never were";
    run(
        "rolls_back",
        what,
        Box::pin(transactions::rolls_back(place)),
    )
    .await;
    let what = "A settlement and a send are one in a transaction";
    run(
        "settles_and_sends",
        what,
        Box::pin(transactions::settles_and_sends(place)),
    )
    .await;
    let what = "A settlement that is rolled back leaves the lock as it was";
    run(
        "settles_and_rolls_back",
        what,
        Box::pin(transactions::settles_and_rolls_back(place)),
    )
    .await;
}

#[expect(
    clippy::disallowed_methods,
    reason = "a program of tests is told by variables"
)]
fn variable(name: &str) -> Result<String> {
    env::var(name).with_context(|| format!("{name} is not set"))
}

/// Runs one case, and prints how it ended.
async fn run(name: &str, behaviour: &str, case: Pin<Box<impl Future<Output = Result<()>>>>) {
    let ended = case.await;
    let finding = json!({
        "name": format!("bare::{name}"),
        "ending": if ended.is_ok() { "passed" } else { "failed" },
        "said": ended.err().map_or_else(String::new, |error| format!("{error:#}")),
        "behaviour": behaviour,
        "client": CLIENT,
    });
    // Whoever has gone does not read the rest.
    let _ = writeln!(io::stdout(), "{finding}");
}
