//! What the path of a request names.

use percent_encoding::percent_decode_str;

use super::Failure;
use crate::model::{ADDRESS_BYTES_MAX, Address, EntityKind, Path};

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// The namespace itself.
    Namespace,
    /// All entities of a kind.
    List(EntityKind),
    /// A queue or a topic.
    Entity(Path),
    /// The subscriptions of a topic.
    Subscriptions(Path),
    /// A subscription.
    Subscription(Path),
    /// The rules of a subscription.
    Rules(Path),
    /// A rule of a subscription.
    Rule(Path, String),
    /// The messages of an entity.
    Messages(Place),
}

/// Which messages of an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) address: Address,
    pub(super) which: Which,
}

/// Which messages are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// Those to come.
    New,
    /// The next one.
    Head,
    /// The one of a lock; before it stands its id or its number.
    Locked(String),
}

/// The parameters of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut pairs = self.pairs.iter();
        let (_, value) = pairs.find(|(other, _)| other.eq_ignore_ascii_case(name))?;
        Some(value)
    }

    /// Returns a parameter that is a number.
    pub(super) fn number(&self, name: &str, default: usize) -> Result<usize, Failure> {
        let Some(text) = self.get(name) else {
            return Ok(default);
        };
        text.parse()
            .map_err(|_| Failure::bad(format!("The parameter {name} is {text:?}, and no number.")))
    }
}

impl Route {
    /// Reads the path and the query of a request.
    pub(super) fn parse(target: &str) -> Result<(Self, Query), Failure> {
        if ADDRESS_BYTES_MAX < target.len() {
            let detail = format!("The path has more than {ADDRESS_BYTES_MAX} bytes.");
            return Err(Failure::new(414, detail));
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let pairs = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Ok((decode(name)?, decode(value)?))
            });
        let query = Query {
            pairs: pairs.collect::<Result<_, Failure>>()?,
        };
        let path = decode(path.trim_matches('/'))?;
        Ok((Self::of_path(&path)?, query))
    }

    fn of_path(path: &str) -> Result<Self, Failure> {
        let segments = path.split('/').collect::<Vec<_>>();
        if let Some(at) = find(&segments, "messages")
            && 0 < at
            && at + 4 > segments.len()
        {
            return messages(&segments, at);
        }
        match segments.as_slice() {
            [] | [""] => return Err(Failure::new(404, "The path names nothing.")),
            [name] if is(name, "$namespaceinfo") => return Ok(Self::Namespace),
            [name, kind] if is(name, "$Resources") => {
                return match () {
                    () if is(kind, "queues") => Ok(Self::List(EntityKind::Queue)),
                    () if is(kind, "topics") => Ok(Self::List(EntityKind::Topic)),
                    () => Err(Failure::new(404, format!("There is no list of {kind:?}."))),
                };
            }
            _ => {}
        }
        let Some(at) = find(&segments, "subscriptions").filter(|at| 0 < *at) else {
            return Ok(Self::Entity(Path::new(path)));
        };
        let (topic, rest) = segments.split_at(at);
        let topic = topic.join("/");
        match rest {
            [_] => Ok(Self::Subscriptions(Path::new(&topic))),
            [_, name] => Ok(Self::Subscription(Path::of_subscription(&topic, name))),
            [_, name, rules] if is(rules, "rules") => {
                Ok(Self::Rules(Path::of_subscription(&topic, name)))
            }
            [_, name, rules, rule] if is(rules, "rules") => {
                let path = Path::of_subscription(&topic, name);
                Ok(Self::Rule(path, (*rule).to_owned()))
            }
            _ => Err(Failure::new(404, format!("'{path}' names nothing."))),
        }
    }
}

fn messages(segments: &[&str], at: usize) -> Result<Route, Failure> {
    let (entity, rest) = segments.split_at(at);
    let which = match rest {
        [_] => Which::New,
        [_, head] if is(head, "head") => Which::Head,
        [_, _, token] => Which::Locked((*token).to_owned()),
        _ => return Err(Failure::new(404, "The path names no message.")),
    };
    let address = Address::parse(&entity.join("/"))?;
    Ok(Route::Messages(Place { address, which }))
}

/// Finds the last segment of a name.
fn find(segments: &[&str], name: &str) -> Option<usize> {
    segments.iter().rposition(|segment| is(segment, name))
}

fn is(segment: &str, name: &str) -> bool {
    segment.eq_ignore_ascii_case(name)
}

fn decode(text: &str) -> Result<String, Failure> {
    let decoded = percent_decode_str(text).decode_utf8();
    let decoded = decoded.map_err(|_| Failure::bad(format!("{text:?} is no UTF-8.")))?;
    Ok(decoded.into_owned())
}
