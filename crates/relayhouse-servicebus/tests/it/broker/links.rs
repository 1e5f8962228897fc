//! Links: who may have one, and how much may come over it.

use std::io::Result;

use fe2o3_amqp_types::{
    definitions::{Handle, Role},
    messaging::TargetArchetype,
    performatives::{Attach, Flow},
    primitives::{OrderedMap, Symbol, Value},
};

use super::{
    made::{condition, delivery, flow},
    peer::{Link, Peer},
};

/// What stands for the address of a coordinator of transactions.
pub(super) const COORDINATOR: &str = "$coordinator";

const SESSION: &str = "com.microsoft:session-filter";

/// The end of the lock of a session, in the year 2100.
const SESSION_UNTIL: i64 = 662_380_416_000_000_000;

impl Peer {
    pub(super) async fn on_attach(&mut self, channel: u16, attach: Attach) -> Result<()> {
        let is_sending = attach.role == Role::Receiver;
        let address = match (&attach.source, attach.target.as_deref()) {
            (Some(source), _) if is_sending => source.address.clone(),
            (_, Some(TargetArchetype::Target(target))) => target.address.clone(),
            _ => Some(COORDINATOR.to_owned()),
        };
        let address = address.unwrap();
        let handle = attach.handle.0;
        if !is_sending {
            self.script.lock().unwrap().targets.push(address.clone());
        }
        let (session, refusal) = self.admit(&attach, &address, is_sending);
        let is_missing = refusal.is_some();
        let mut reply = Attach {
            role: if is_sending {
                Role::Sender
            } else {
                Role::Receiver
            },
            initial_delivery_count: is_sending.then_some(0),
            max_message_size: Some(262_144),
            ..attach
        };
        if let (Some(session), Some(source)) = (session, &mut reply.source) {
            let filter = source.filter.as_mut().unwrap();
            filter.insert(Symbol::from(SESSION), Value::String(session.to_owned()));
            let mut properties = OrderedMap::new();
            let name = Symbol::from("com.microsoft:locked-until-utc");
            properties.insert(name, Value::Long(SESSION_UNTIL));
            reply.properties = Some(properties);
        }
        if is_missing {
            (reply.source, reply.target) = (None, None);
        }
        self.frame(0, channel, &reply, &[]).await?;
        if is_missing {
            return self.detach(channel, handle, refusal.map(condition)).await;
        }
        let link = Link {
            address,
            is_sending,
            delivery_count: 0,
        };
        self.links.insert((channel, handle), link);
        if is_sending {
            return Ok(());
        }
        let flow = Flow {
            handle: Some(Handle(handle)),
            delivery_count: Some(0),
            link_credit: Some(1000),
            ..flow()
        };
        self.frame(0, channel, &flow, &[]).await
    }

    /// Says which session a link gets, if it wants one, and why it is refused, if it is.
    fn admit(
        &self,
        attach: &Attach,
        address: &str,
        is_sending: bool,
    ) -> (Option<&'static str>, Option<&'static str>) {
        if address.starts_with("missing") {
            return (None, Some("amqp:not-found"));
        }
        if !is_sending || address.contains('$') {
            return (None, None);
        }
        let filter = attach.source.as_ref().and_then(|it| it.filter.as_ref());
        let wants = filter.is_some_and(|it| it.contains_key(&Symbol::from(SESSION)));
        let mut script = self.script.lock().unwrap();
        match (wants, script.has_sessions) {
            (false, true) => (None, Some("amqp:not-allowed")),
            (false, false) => (None, None),
            (true, _) => match script.sessions.pop_front() {
                Some("held") => (None, Some("com.microsoft:session-cannot-be-locked")),
                Some(session) => (Some(session), None),
                None => (None, Some("com.microsoft:timeout")),
            },
        }
    }

    pub(super) async fn on_flow(&mut self, channel: u16, flow: Flow) -> Result<()> {
        let (Some(handle), Some(credit)) = (flow.handle, flow.link_credit) else {
            return Ok(());
        };
        let Some(link) = self.links.get(&(channel, handle.0)) else {
            return Ok(());
        };
        if !link.is_sending
            || link.address.starts_with('$')
            || link.address.contains("/$management")
        {
            return Ok(());
        }
        if !flow.drain {
            self.script.lock().unwrap().credits.push(credit);
        }
        let before = link.delivery_count;
        for _ in 0..credit {
            let Some(body) = self.script.lock().unwrap().queue.pop_front() else {
                break;
            };
            self.token += 1;
            let tag = vec![self.token; 16];
            self.transfer(channel, handle.0, tag, false, &delivery(body, self.token))
                .await?;
        }
        if flow.drain {
            return self.drained(channel, handle, before + credit).await;
        }
        Ok(())
    }

    async fn drained(&mut self, channel: u16, handle: Handle, count: u32) -> Result<()> {
        let Some(link) = self.links.get_mut(&(channel, handle.0)) else {
            return Ok(());
        };
        link.delivery_count = count;
        let drained = Flow {
            handle: Some(handle),
            delivery_count: Some(count),
            link_credit: Some(0),
            drain: true,
            ..flow()
        };
        self.frame(0, channel, &drained, &[]).await
    }
}
