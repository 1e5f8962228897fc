//! One request: who asks, what goes wrong, and what it may wait for.

use std::{collections::BTreeMap, error, fmt, sync::Arc, time::Duration};

use hyper::{Request, body::Incoming, header::AUTHORIZATION, http::request::Parts};
use percent_encoding::percent_decode_str;
use tokio::{select, sync::watch};

use super::{answer, answer::Answer, body, control};
use crate::{
    clock::Clock,
    fault::Operation,
    model::Time,
    rest::{self, Response, Site},
    shared::{Access, Shared, clock_of},
};

/// The connection is to be closed without an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dropped;

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("dropped without an answer")
    }
}

impl error::Error for Dropped {}

/// Answers one request, when the disk has what was changed by then.
pub(super) async fn answer(
    shared: &Arc<Shared>,
    site: &Site,
    request: Request<Incoming>,
) -> Result<Answer, Dropped> {
    let (parts, body) = request.into_parts();
    let response = respond(shared, site, &parts, body).await?;
    shared.pay(shared.owed()).await.map_err(|_| Dropped)?;
    Ok(answer::of(response, shared.time()))
}

async fn respond(
    shared: &Arc<Shared>,
    site: &Site,
    parts: &Parts,
    body: Incoming,
) -> Result<Response, Dropped> {
    let path = path_of(parts);
    if let Err(why) = check(shared, parts, &path) {
        return Ok(Response::refusal(401, why));
    }
    let body = match body::read(body).await {
        Ok(body) => body,
        Err(response) => return Ok(response),
    };
    if let Some(path) = path.strip_prefix(control::PATH) {
        return Ok(control::answer(shared, parts.method.as_str(), path, &body));
    }
    let drawn = shared.state().rules.draw(Operation::Http);
    if drawn.delay != Duration::ZERO {
        let end = shared.clock.now() + drawn.delay;
        shared.clock.sleep_until(end).await;
    }
    if drawn.is_cut {
        return Err(Dropped);
    }
    let response = match drawn.is_throttled {
        true => Response::refusal(503, "The server is busy. Please retry in a while."),
        false => run(shared, site, &request(parts, body)).await,
    };
    match drawn.drops_answer {
        true => Err(Dropped),
        false => Ok(response),
    }
}

/// Answers a request as soon as there is something, or when it may wait no longer.
///
/// A client that goes away while it waits takes nothing with it.
async fn run(shared: &Shared, site: &Site, request: &rest::Request) -> Response {
    let mut deadline = None;
    loop {
        let now = shared.time();
        let (response, bell) = look(shared, site, request, now);
        let (Some(wait), Some(bell)) = (&response.wait, bell) else {
            return response;
        };
        let deadline = *deadline.get_or_insert(now.after(wait.within));
        if deadline <= now || *shared.closing.borrow() {
            return response;
        }
        look_again(shared, bell, deadline).await;
    }
}

/// Looks, and listens for what comes after.
fn look(
    shared: &Shared,
    site: &Site,
    request: &rest::Request,
    now: Time,
) -> (Response, Option<watch::Receiver<()>>) {
    let model = &mut shared.state().model;
    let response = rest::answer(model, now, site, request);
    let wait = response.wait.as_ref();
    let bell = wait.and_then(|wait| model.listen(&wait.address).ok());
    (response, bell)
}

async fn look_again(shared: &Shared, mut bell: watch::Receiver<()>, deadline: Time) {
    let mut closing = shared.closing.subscribe();
    // Each of these only says that it is time to look; an error, that the entity is gone.
    select! {
        _ = bell.changed() => {}
        _ = closing.wait_for(|closing| *closing) => {}
        () = shared.clock.sleep_until(clock_of(deadline)) => {}
    }
}

/// Returns why a request is refused, unless it has a token for what it is about.
fn check(shared: &Shared, parts: &Parts, path: &str) -> Result<(), String> {
    let Access::Signed(keys) = &shared.access else {
        return Ok(());
    };
    let token = parts.headers.get(AUTHORIZATION);
    let token = token.and_then(|it| it.to_str().ok());
    let token = token.ok_or("The request has no token in a header Authorization.")?;
    keys.allow(token, path, shared.time())
}

/// Returns the path of a request as tokens have it: in lower case, and without what leads to it.
fn path_of(parts: &Parts) -> String {
    let path = percent_decode_str(parts.uri.path()).decode_utf8_lossy();
    path.trim_matches('/').to_lowercase()
}

fn request(parts: &Parts, body: bytes::Bytes) -> rest::Request {
    let target = parts.uri.path_and_query();
    let target = target.map_or_else(String::new, ToString::to_string);
    let headers = parts.headers.iter().filter_map(|(name, value)| {
        let value = value.to_str().ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    });
    rest::Request {
        method: parts.method.as_str().to_owned(),
        target,
        headers: headers.collect::<BTreeMap<_, _>>(),
        body,
    }
}
