//! Links: what is wanted of them, and whether it is to be had.

use std::time::Duration;

use fe2o3_amqp_types::{
    definitions::{AmqpError, Error, Fields, Role as Side, SenderSettleMode},
    messaging::TargetArchetype,
    performatives::Attach,
};
use serde_amqp::{Value as Encoded, described::Described, primitives::Symbol};

use super::{
    Client, bell, condition,
    role::{Node, Receiver, Replies, Ring, Role, Sender, Stage, Waiting},
    token::path_of,
    value::{number, text},
};
use crate::{
    amqp::{Acceptance, LinkId, error},
    model::{self, Address, Mode, Session},
};

const SESSION_FILTER: &str = "com.microsoft:session-filter";
const TIMEOUT: &str = "com.microsoft:timeout";
const LOCKED_UNTIL: &str = "com.microsoft:locked-until-utc";
const TRANSFER_DESTINATION: &str = "com.microsoft:transfer-destination-address";
const MANAGEMENT: &str = "/$management";
const CBS: &str = "$cbs";
/// How long a receiver waits for a session if it says nothing else.
const SESSION_WITHIN: Duration = Duration::from_secs(60);
/// The longest that it may say.
const SESSION_WITHIN_MAX: Duration = Duration::from_secs(86_400);
/// The times of .NET begin with the year 1, and count 10,000 for each millisecond.
const TICKS_OF_UNIX_EPOCH: i64 = 621_355_968_000_000_000;
const TICKS_OF_MILLISECOND: i64 = 10_000;

/// Where an address leads.
#[derive(Debug)]
enum Place {
    Node(Node),
    Entity(Address),
}

impl Client {
    /// Decides on a link that the client wants.
    pub(super) fn on_attach(&mut self, link: LinkId, attach: Box<Attach>) {
        let attached = match attach.role {
            Side::Sender => self.attach_sender(link, &attach),
            Side::Receiver => self.attach_receiver(link, attach),
        };
        if let Err(refused) = attached {
            self.engine.refuse(link, *refused);
        }
    }

    fn attach_sender(&mut self, link: LinkId, attach: &Attach) -> Result<(), Box<Error>> {
        let mut message_bytes_max = None;
        let address = match attach.target.as_deref() {
            Some(TargetArchetype::Target(target)) => target.address.as_deref(),
            Some(TargetArchetype::Coordinator(_)) | None => None,
        };
        let role = match (address, attach.target.as_deref()) {
            (_, Some(TargetArchetype::Coordinator(_))) => Role::Coordinator,
            (None, _) => return Err(nowhere("target")),
            (Some(address), _) => match self.place(address)? {
                Place::Node(node) => Role::Requests(node),
                Place::Entity(address) => {
                    let sender = self.sender(&address, attach)?;
                    let limits = self.shared.state().model.open_sender(
                        self.shared.time(),
                        &sender.to,
                        sender.via.as_ref(),
                    );
                    let limits = limits.map_err(|error| refused(&error))?;
                    message_bytes_max = Some(limits.message_bytes_max as u64);
                    Role::Sender(sender)
                }
            },
        };
        self.roles.insert(link, role);
        let acceptance = Acceptance {
            message_bytes_max,
            ..acceptance(attach)
        };
        self.engine.accept(link, acceptance);
        Ok(())
    }

    fn sender(&self, address: &Address, attach: &Attach) -> Result<Sender, Box<Error>> {
        let destination = property(attach, TRANSFER_DESTINATION).and_then(text);
        let Some(destination) = destination else {
            let to = address.path.clone();
            return Ok(Sender { to, via: None });
        };
        match self.place(destination)? {
            Place::Entity(to) => Ok(Sender {
                to: to.path,
                via: Some(address.path.clone()),
            }),
            Place::Node(_) => Err(nowhere("transfer destination")),
        }
    }

    fn attach_receiver(&mut self, link: LinkId, attach: Box<Attach>) -> Result<(), Box<Error>> {
        let source = attach
            .source
            .as_deref()
            .and_then(|source| source.address.as_deref());
        let source = source.ok_or_else(|| nowhere("source"))?;
        let address = match self.place(source)? {
            Place::Node(node) => {
                self.attach_replies(link, node, &attach);
                return Ok(());
            }
            Place::Entity(address) => address,
        };
        let mode = match attach.snd_settle_mode {
            SenderSettleMode::Settled => Mode::ReceiveAndDelete,
            SenderSettleMode::Unsettled | SenderSettleMode::Mixed => Mode::PeekLock,
        };
        let now = self.shared.time();
        let wanted = session_filter(&attach);
        let kind = match wanted {
            Some(_) => model::Receiver::Session,
            None => model::Receiver::Plain,
        };
        let bell_of_entity = {
            let model = &mut self.shared.state().model;
            model
                .open_receiver(now, &address, kind)
                .map_err(|error| refused(&error))?;
            model.listen(&address).map_err(|error| refused(&error))?
        };
        let stage = match wanted {
            None => {
                self.engine.accept(link, acceptance(&attach));
                Stage::Plain
            }
            Some(id) => Stage::Waiting(Waiting {
                id: id.and_then(text).map(ToOwned::to_owned),
                until: now.after(session_within(&attach)),
                attach,
            }),
        };
        let receiver = Receiver {
            address,
            mode,
            stage,
        };
        self.roles.insert(link, Role::Receiver(Box::new(receiver)));
        self.ready.insert(link);
        self.bells.push(bell(Ring {
            link,
            bell: bell_of_entity,
            is_gone: false,
        }));
        Ok(())
    }

    fn attach_replies(&mut self, link: LinkId, node: Node, attach: &Attach) {
        let address = match attach.target.as_deref() {
            Some(TargetArchetype::Target(target)) => target.address.clone(),
            _ => None,
        };
        let replies = Replies {
            node,
            address,
            waiting: std::collections::VecDeque::new(),
        };
        self.roles.insert(link, Role::Replies(replies));
        self.engine.accept(link, acceptance(attach));
    }

    /// Finds out where an address leads, and whether the client may go there.
    fn place(&self, address: &str) -> Result<Place, Box<Error>> {
        let path = path_of(address);
        if path == CBS {
            return Ok(Place::Node(Node::Cbs));
        }
        if !self.may_use(&path, self.shared.time()) {
            let description = format!("there is no token that allows to use {path:?}");
            return Err(Box::new(error(AmqpError::UnauthorizedAccess, description)));
        }
        let is_management = path.ends_with(MANAGEMENT);
        let end =
            address.trim_end_matches('/').len() - if is_management { MANAGEMENT.len() } else { 0 };
        let entity = Address::parse(&address[..end]).map_err(|error| refused(&error))?;
        if !is_management {
            return Ok(Place::Entity(entity));
        }
        Ok(Place::Node(Node::Management(entity)))
    }

    /// Accepts a receiver that has waited for a session, which it holds now.
    pub(super) fn accept_session(&mut self, link: LinkId, attach: &Attach, session: &Session) {
        let mut acceptance = acceptance(attach);
        let filter = acceptance
            .source
            .as_mut()
            .and_then(|source| source.filter.as_mut());
        if let Some(asked) = filter.and_then(|it| it.get_mut(&Symbol::from(SESSION_FILTER))) {
            let id = Encoded::String(session.key.id.to_string());
            // What was asked for with a description is answered with it.
            *asked = match asked {
                Encoded::Described(described) => Encoded::Described(Box::new(Described {
                    descriptor: described.descriptor.clone(),
                    value: id,
                })),
                _ => id,
            };
        }
        let millis = i64::try_from(session.until.millis()).unwrap_or(i64::MAX);
        let ticks = millis.saturating_mul(TICKS_OF_MILLISECOND);
        let ticks = ticks.saturating_add(TICKS_OF_UNIX_EPOCH);
        let mut properties = Fields::new();
        properties.insert(Symbol::from(LOCKED_UNTIL), Encoded::Long(ticks));
        acceptance.properties = Some(properties);
        self.engine.accept(link, acceptance);
    }

    /// Refuses a receiver for which no session has come free in time.
    pub(super) fn refuse_session(&mut self, link: LinkId) {
        self.roles.remove(&link);
        let condition = condition::named(condition::microsoft::TIMEOUT);
        let description = "no session with messages has come free within the time";
        self.engine.refuse(link, error(condition, description));
    }
}

/// Echoes both ends, but for what does not hold here: nodes are not made on demand, and outcomes do
/// not come with values. Filters that are no scalars are unknown, and the library would panic at
/// some of them.
fn acceptance(attach: &Attach) -> Acceptance {
    let mut source = attach.source.clone();
    if let Some(source) = &mut source {
        source.dynamic_node_properties = None;
        source.default_outcome = None;
        if let Some(filter) = &mut source.filter {
            filter.as_inner_mut().retain(|_, value| is_scalar(value));
        }
    }
    let mut target = attach.target.clone();
    if let Some(TargetArchetype::Target(target)) = target.as_deref_mut() {
        target.dynamic_node_properties = None;
    }
    Acceptance {
        source,
        target,
        properties: None,
        message_bytes_max: None,
    }
}

fn is_scalar(value: &Encoded) -> bool {
    match value {
        Encoded::Described(described) => is_scalar(&described.value),
        Encoded::List(_) | Encoded::Map(_) | Encoded::Array(_) => false,
        _ => true,
    }
}

fn property<'a>(attach: &'a Attach, name: &str) -> Option<&'a Encoded> {
    let properties = attach.properties.as_ref()?;
    properties.get(&Symbol::from(name))
}

/// Returns which session is wanted, if one is: null stands for any.
fn session_filter(attach: &Attach) -> Option<Option<&Encoded>> {
    let filter = attach.source.as_ref()?.filter.as_ref()?;
    let value = match filter.get(&Symbol::from(SESSION_FILTER))? {
        Encoded::Described(described) => &described.value,
        value => value,
    };
    Some(Some(value).filter(|value| **value != Encoded::Null))
}

fn session_within(attach: &Attach) -> Duration {
    let millis = property(attach, TIMEOUT).and_then(number);
    let millis = millis.and_then(|millis| u64::try_from(millis).ok());
    let within = millis.map_or(SESSION_WITHIN, Duration::from_millis);
    within.min(SESSION_WITHIN_MAX)
}

fn nowhere(end: &str) -> Box<Error> {
    let description = format!("the {end} of the link has no address of an entity");
    Box::new(error(AmqpError::InvalidField, description))
}

fn refused(error: &model::Error) -> Box<Error> {
    Box::new(condition::of(error))
}

#[cfg(test)]
mod tests {
    use fe2o3_amqp_types::{
        definitions::Handle,
        messaging::{Modified, Outcome, Source, Target},
    };
    use serde_amqp::{
        descriptor::Descriptor,
        primitives::{OrderedMap, Timestamp},
    };

    use super::*;

    fn attach(source: Source, target: Target) -> Attach {
        Attach {
            name: "link".to_owned(),
            handle: Handle(0),
            role: Side::Receiver,
            snd_settle_mode: SenderSettleMode::default(),
            rcv_settle_mode: Default::default(),
            source: Some(Box::new(source)),
            target: Some(Box::new(TargetArchetype::Target(target))),
            unsettled: None,
            incomplete_unsettled: false,
            initial_delivery_count: None,
            max_message_size: None,
            offered_capabilities: None,
            desired_capabilities: None,
            properties: None,
        }
    }

    /// The library that writes the answer would panic at a map with a time for a key.
    #[test]
    fn ends_are_echoed_without_values_that_hold_others() {
        let time = Encoded::Timestamp(Timestamp::from_milliseconds(7));
        let map = Encoded::Map([(time, Encoded::Null)].into_iter().collect());
        let fields: Fields = [(Symbol::from("map"), map.clone())].into_iter().collect();
        let session = Encoded::Described(Box::new(Described {
            descriptor: Descriptor::Name(Symbol::from(SESSION_FILTER)),
            value: Encoded::from("session"),
        }));
        let known = (Symbol::from(SESSION_FILTER), session);
        let filter = [known.clone(), (Symbol::from("map"), map)];
        let source = Source {
            address: Some("orders".to_owned()),
            dynamic_node_properties: Some(fields.clone()),
            filter: Some(filter.into_iter().collect()),
            default_outcome: Some(Outcome::Modified(Modified {
                delivery_failed: None,
                undeliverable_here: None,
                message_annotations: Some(fields.clone()),
            })),
            ..Source::default()
        };
        let target = Target {
            dynamic_node_properties: Some(fields),
            ..Target::default()
        };
        let echoed = acceptance(&attach(source, target));
        let expected = Source {
            address: Some("orders".to_owned()),
            filter: Some([known].into_iter().collect::<OrderedMap<_, _>>()),
            ..Source::default()
        };
        assert_eq!(echoed.source, Some(Box::new(expected)));
        let target = TargetArchetype::Target(Target::default());
        assert_eq!(echoed.target, Some(Box::new(target)));
    }
}
