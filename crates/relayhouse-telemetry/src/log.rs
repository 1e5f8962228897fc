//! Plain logs of what happens, as `tracing` events with fields.

use relayhouse_core::{Delivery, Error, Event, Instant, Observer, Settlement, Source};
use tracing::{debug, info, warn};

use crate::metric::error_name;

/// Writes what happens as `tracing` events: what went well at `debug`, what changes how a program
/// goes on at `info`, what somebody should look at as `warn`.
///
/// The fields have the same names everywhere: `source`, `queue`, `message`, `attempt`, `session`,
/// `correlation`, `error`. Bodies, headers, receipts and credentials are not among them, and of an
/// error that a handler made there is the kind alone, since its text may repeat what it was given.
///
/// ```
/// use std::sync::Arc;
///
/// use relayhouse_core::Context;
/// use relayhouse_telemetry::Log;
///
/// # fn program(context: Context) {
/// let context = context.observer(Arc::new(Log));
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Log;

impl Observer for Log {
    fn observe(&self, _: Instant, events: &[Event<'_>]) {
        for event in events {
            match event {
                Event::Sent { .. } | Event::Received { .. } | Event::Started { .. } => begun(event),
                Event::Handled { .. } | Event::Settled { .. } => ended(event),
                Event::BreakerOpened { .. }
                | Event::BreakerHalfOpened { .. }
                | Event::BreakerClosed { .. }
                | Event::LimitChanged { .. }
                | Event::FailedOver { .. } => changed(event),
                _ => rare(event),
            }
        }
    }
}

fn begun(event: &Event<'_>) {
    match *event {
        Event::Sent {
            queue,
            id,
            bytes,
            result,
            ..
        } => match result {
            Ok(_) => debug!(%queue, message = %id, bytes, "message sent"),
            Err(error) => warn!(%queue, message = %id, error = said(error), "message not sent"),
        },
        Event::Received { source, delivery } => {
            let (session, correlation) = keys(delivery);
            let (message, attempt) = (&delivery.id, delivery.attempt);
            debug!(%source, %message, attempt, session, correlation, "delivery received");
        }
        Event::Started {
            source, delivery, ..
        } => {
            let (message, attempt) = (&delivery.id, delivery.attempt);
            debug!(%source, %message, attempt, "handler started");
        }
        _ => {}
    }
}

fn ended(event: &Event<'_>) {
    match *event {
        Event::Handled {
            source,
            delivery,
            took,
            result,
            ..
        } => {
            let (message, attempt) = (&delivery.id, delivery.attempt);
            match result {
                Ok(_) => debug!(%source, %message, attempt, ?took, "handler ended"),
                Err(error) => {
                    let (session, correlation) = keys(delivery);
                    let error = said(error);
                    warn!(
                        %source, %message, attempt, session, correlation, ?took, error,
                        "handler failed"
                    );
                }
            }
        }
        Event::Settled {
            source,
            delivery,
            settlement,
            result,
            ..
        } => settled(source, delivery, settlement, result),
        _ => {}
    }
}

fn settled(
    source: &Source,
    delivery: &Delivery,
    settlement: &Settlement,
    result: Result<(), &Error>,
) {
    let (message, attempt) = (&delivery.id, delivery.attempt);
    let (session, correlation) = keys(delivery);
    match (result, settlement) {
        (Err(error), _) => {
            let error = said(error);
            warn!(%source, %message, attempt, session, correlation, error, "delivery not settled");
        }
        (Ok(()), Settlement::DeadLetter(letter)) => {
            let reason = &*letter.reason;
            warn!(%source, %message, attempt, session, correlation, reason, "message dead-lettered");
        }
        (Ok(()), Settlement::Release { delay }) => {
            debug!(%source, %message, attempt, ?delay, "delivery released");
        }
        (Ok(()), _) => debug!(%source, %message, attempt, "delivery acked"),
    }
}

fn changed(event: &Event<'_>) {
    match *event {
        Event::BreakerOpened { name, .. } => warn!(name, "circuit breaker opened"),
        Event::BreakerHalfOpened { name } => info!(name, "circuit breaker half-opened"),
        Event::BreakerClosed { name } => info!(name, "circuit breaker closed"),
        Event::LimitChanged {
            name,
            before,
            limit,
        } => info!(name, before, limit, "adaptive limit changed"),
        Event::FailedOver { from, to, error } => {
            warn!(
                from,
                to,
                error = said(error),
                "message goes to another endpoint"
            );
        }
        _ => {}
    }
}

fn rare(event: &Event<'_>) {
    match *event {
        Event::Intake {
            source,
            error: Some(error),
            ..
        } => warn!(%source, error = said(error), "receive failed"),
        Event::Extended {
            source,
            result: Err(error),
            ..
        } => warn!(%source, error = said(error), "lease not extended"),
        Event::Retrying {
            error,
            tries,
            delay,
        } => debug!(tries, ?delay, error = said(error), "call is tried again"),
        Event::Stalled { source, took } => {
            warn!(%source, ?took, "a poll of a handler held its thread");
        }
        Event::Abandoned { source, messages } => {
            warn!(%source, messages, "handlers dropped at the end of a drain");
        }
        Event::ReceivesDropped { source, receives } => {
            warn!(%source, receives, "receives dropped while they waited");
        }
        Event::Connected { endpoint } => info!(endpoint, "connected"),
        Event::Disconnected { endpoint } => warn!(endpoint, "connection ended"),
        Event::ConnectFailed { endpoint, error } => {
            warn!(endpoint, error = said(error), "connection not made");
        }
        Event::NotForwarded { queue, error } => {
            warn!(%queue, error = said(error), "message of the outbox not forwarded");
        }
        Event::PlainTextAccepted { id } => warn!(message = %id, "plain text accepted"),
        Event::KeysNotRead { error } => warn!(error = said(error), "keys not read"),
        _ => {}
    }
}

/// Returns the session and the correlation id of a delivery.
fn keys(delivery: &Delivery) -> (Option<&str>, Option<&str>) {
    let details = delivery.message.details();
    let key = details.ordering_key.as_deref();
    (key, details.correlation_id.as_deref())
}

/// Returns the kind of an error. Its text stays away: a handler may have put into it what it was
/// given, and so may a codec or a provider.
fn said(error: &Error) -> &'static str {
    error_name(error.kind())
}
