//! Requests that are about sessions.

use bytes::BytesMut;
use serde_amqp::Value as Encoded;
use serde_bytes::ByteBuf;

use super::{
    Found, Refusal, Result,
    arguments::{Arguments, map},
};
use crate::{
    model::{Address, Browse, SessionKey, Time},
    node::{Client, compound::put_map, encode::timestamp, value::time},
};

/// How many sessions are listed at once.
const LISTED_MAX: usize = 1_000;

impl Client {
    pub(super) fn renew_session(
        &mut self,
        address: &Address,
        arguments: Arguments<'_>,
    ) -> Result<Encoded> {
        let key = self.held_session(address, arguments)?;
        let now = self.shared.time();
        let until = self
            .shared
            .state()
            .model
            .renew_session(now, address, &key)?;
        self.hold_until(&key, until);
        Ok(map([("expiration", timestamp(until))]))
    }

    pub(super) fn session_state(
        &mut self,
        address: &Address,
        arguments: Arguments<'_>,
    ) -> Result<Encoded> {
        let key = self.held_session(address, arguments)?;
        let now = self.shared.time();
        let state = self
            .shared
            .state()
            .model
            .session_state(now, address, &key)?;
        let state = state.map_or(Encoded::Null, |state| {
            Encoded::Binary(ByteBuf::from(state.to_vec()))
        });
        Ok(map([("session-state", state)]))
    }

    pub(super) fn set_session_state(
        &mut self,
        address: &Address,
        arguments: Arguments<'_>,
    ) -> Result<Encoded> {
        let key = self.held_session(address, arguments)?;
        let state = match arguments.find("session-state") {
            None => None,
            Some(_) => Some(arguments.binary("session-state")?),
        };
        let now = self.shared.time();
        let model = &mut self.shared.state().model;
        model.set_session_state(now, address, &key, state)?;
        Ok(map([]))
    }

    pub(super) fn list_sessions(
        &mut self,
        address: &Address,
        arguments: Arguments<'_>,
    ) -> Result<Found> {
        // The end of all times stands for sessions with messages, whatever became of their state.
        let since = arguments.find("last-updated-time").and_then(time);
        let browse = match since {
            Some(since) if !is_end(since) => Browse::UpdatedSince(since),
            _ => Browse::WithMessages,
        };
        let skip = arguments.count("skip")?;
        let top = arguments.count("top")?.min(LISTED_MAX);
        let now = self.shared.time();
        let model = &mut self.shared.state().model;
        let ids = model.sessions(now, address, browse, skip, top)?;
        if ids.is_empty() {
            return Ok(Found::Nothing);
        }
        let next = i32::try_from(skip.saturating_add(ids.len())).unwrap_or(i32::MAX);
        let mut body = BytesMut::new();
        put_map(&mut body, |map| {
            map.entry("skip", &next);
            map.scalar("sessions-ids");
            map.texts(&ids);
        });
        Ok(Found::Something(body.freeze()))
    }

    fn held_session(&self, address: &Address, arguments: Arguments<'_>) -> Result<SessionKey> {
        arguments.text("session-id")?;
        let held = self.session_of(address, arguments)?;
        held.ok_or_else(|| Refusal::argument("the body has no \"session-id\""))
    }
}

/// Whether a time is the last day that .NET knows, which SDKs write in their time zones.
fn is_end(time: Time) -> bool {
    const DAYS: std::time::Duration = std::time::Duration::from_secs(2 * 86_400);
    Time::MAX.since(time) < DAYS
}
