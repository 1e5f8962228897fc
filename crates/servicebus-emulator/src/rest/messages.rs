//! Operations on messages: send, peek-lock, receive and delete, complete, unlock and renew.

use std::{collections::BTreeMap, time::Duration};

use uuid::Uuid;

use super::{
    Failure, Request, Response, Site, Wait, not_allowed, properties,
    route::{Place, Query, Which},
};
use crate::model::{Address, Call, Delivery, Mode, Model, Receive, Settlement, Subqueue, Time};

/// How long a receive waits that does not say how long, in seconds.
const WAIT_DEFAULT: usize = 60;

/// How long a receive may wait, in seconds.
const WAIT_MAX: usize = 3_600;

type Result<T> = std::result::Result<T, Failure>;

pub(super) fn answer(
    model: &mut Model,
    now: Time,
    site: &Site,
    request: &Request,
    place: &Place,
    query: &Query,
) -> Result<Response> {
    let address = &place.address;
    match (request.method.as_str(), &place.which) {
        ("POST", Which::New) => send(model, now, request, address),
        ("POST", Which::Head) => receive(model, now, site, address, Mode::PeekLock, wait(query)?),
        ("DELETE", Which::Head) => receive(
            model,
            now,
            site,
            address,
            Mode::ReceiveAndDelete,
            wait(query)?,
        ),
        ("DELETE", Which::Locked(token)) => {
            let token = parse(token)?;
            model.settle(Call::at(now), address, token, Settlement::Complete)?;
            Ok(Response::empty(200))
        }
        ("PUT", Which::Locked(token)) => {
            let properties = BTreeMap::new();
            let settlement = Settlement::Abandon { properties };
            model.settle(Call::at(now), address, parse(token)?, settlement)?;
            Ok(Response::empty(200))
        }
        ("POST", Which::Locked(token)) => {
            model.renew(now, address, &[parse(token)?])?;
            Ok(Response::empty(200))
        }
        _ => Err(not_allowed(request)),
    }
}

fn send(model: &mut Model, now: Time, request: &Request, to: &Address) -> Result<Response> {
    if to.subqueue != Subqueue::Main {
        return Err(Failure::bad(format!("Nobody sends to '{to}'.")));
    }
    let batch = properties::read(request)?;
    model.send(Call::at(now), &to.path, None, batch)?;
    Ok(Response::empty(201))
}

fn receive(
    model: &mut Model,
    now: Time,
    site: &Site,
    from: &Address,
    mode: Mode,
    within: Duration,
) -> Result<Response> {
    let receive = Receive {
        max: 1,
        mode,
        session: None,
    };
    let Some(delivery) = model.receive(now, from, receive)?.pop() else {
        let wait = Wait {
            address: from.clone(),
            within,
        };
        return Ok(Response {
            wait: (within != Duration::ZERO).then_some(wait),
            ..Response::empty(204)
        });
    };
    Ok(hand_out(site, from, &delivery))
}

/// Writes a message into a response; with a lock it says where it is settled.
fn hand_out(site: &Site, from: &Address, delivery: &Delivery) -> Response {
    let mut headers = properties::write(delivery);
    let status = match delivery.lock {
        Some(lock) => {
            let (endpoint, sequence) = (&site.endpoint, delivery.message.sequence);
            let location = format!("{endpoint}/{from}/messages/{sequence}/{}", lock.token);
            headers.push(("location".to_owned(), location));
            201
        }
        None => 200,
    };
    Response {
        headers,
        body: delivery.message.contents.body.clone(),
        ..Response::empty(status)
    }
}

fn wait(query: &Query) -> Result<Duration> {
    let seconds = query.number("timeout", WAIT_DEFAULT)?;
    if WAIT_MAX < seconds {
        let detail = format!("The timeout is {seconds} seconds, and {WAIT_MAX} are possible.");
        return Err(Failure::bad(detail));
    }
    Ok(Duration::from_secs(seconds as u64))
}

fn parse(token: &str) -> Result<Uuid> {
    let parsed = Uuid::parse_str(token);
    parsed.map_err(|_| Failure::bad(format!("{token:?} is no token of a lock.")))
}
