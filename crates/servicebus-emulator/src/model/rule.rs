//! Rules: which messages a subscription takes, and what it makes of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Contents, Error, ErrorKind, EvaluationError, Model, Path, Result, SqlAction, SqlFilter, Time,
    Value,
    queue::{Queue, Role},
    random::Random,
    topic::Subscription,
};

/// The name of the rule that a subscription has from the start.
pub const DEFAULT_RULE: &str = "$Default";

/// How many rules a subscription may have.
pub const RULES_MAX: usize = 2_000;

/// The longest name of a rule, in characters.
const NAME_LENGTH_MAX: usize = 50;

/// A rule of a subscription.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Its name, which no other rule of the subscription has in any case.
    pub name: Box<str>,
    /// Which messages it takes.
    pub filter: Filter,
    /// What it changes in the copy of a message that it makes.
    pub action: Option<SqlAction>,
    /// When it was made.
    pub created: Time,
}

/// Which messages a rule takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Filter {
    /// All of them.
    True,
    /// None of them.
    False,
    /// Those that are equal in something.
    Correlation(Box<CorrelationFilter>),
    /// Those for which a condition is true.
    Sql(SqlFilter),
}

/// What a message must be equal in: all of what is given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CorrelationFilter {
    /// The id of what it belongs to or answers.
    pub correlation_id: Option<Box<str>>,
    /// Its id.
    pub message_id: Option<Box<str>>,
    /// Where it is to go.
    pub to: Option<Box<str>>,
    /// Where an answer is to be sent.
    pub reply_to: Option<Box<str>>,
    /// What it is about.
    pub subject: Option<Box<str>>,
    /// Its session.
    pub session_id: Option<Box<str>>,
    /// The session of an answer.
    pub reply_to_session_id: Option<Box<str>>,
    /// How its body is to be read.
    pub content_type: Option<Box<str>>,
    /// What the application has added.
    pub properties: BTreeMap<Box<str>, Value>,
}

/// What a rule makes of a message.
#[derive(Debug)]
pub(super) enum Selection {
    /// Nothing.
    None,
    /// A copy as it is.
    Plain,
    /// A copy with these contents.
    Changed(Box<Contents>),
}

impl Rule {
    /// Makes a rule that changes nothing.
    #[must_use]
    pub fn new(name: impl Into<Box<str>>, filter: Filter, created: Time) -> Self {
        Self {
            name: name.into(),
            filter,
            action: None,
            created,
        }
    }

    pub(super) fn select(
        &self,
        contents: &Contents,
        random: &mut Random,
    ) -> std::result::Result<Selection, EvaluationError> {
        if !self.filter.matches(contents, random)? {
            return Ok(Selection::None);
        }
        let Some(action) = &self.action else {
            return Ok(Selection::Plain);
        };
        let mut changed = Box::new(contents.clone());
        action.apply(&mut changed, random)?;
        Ok(Selection::Changed(changed))
    }

    pub(super) fn check(&self) -> Result<()> {
        check_name(&self.name)?;
        match &self.filter {
            Filter::Correlation(filter) if **filter == CorrelationFilter::default() => {
                let message = format!("The filter of the rule '{}' asks for nothing.", self.name);
                Err(Error::new(ErrorKind::Argument, message))
            }
            _ => Ok(()),
        }
    }
}

impl Filter {
    fn matches(
        &self,
        contents: &Contents,
        random: &mut Random,
    ) -> std::result::Result<bool, EvaluationError> {
        match self {
            Self::True => Ok(true),
            Self::False => Ok(false),
            Self::Correlation(filter) => Ok(filter.matches(contents)),
            Self::Sql(filter) => filter.matches(contents, random),
        }
    }
}

impl CorrelationFilter {
    fn matches(&self, contents: &Contents) -> bool {
        let Self {
            correlation_id,
            message_id,
            to,
            reply_to,
            subject,
            session_id,
            reply_to_session_id,
            content_type,
            properties,
        } = self;
        let texts = [
            (correlation_id, &contents.correlation_id),
            (message_id, &contents.message_id),
            (to, &contents.to),
            (reply_to, &contents.reply_to),
            (subject, &contents.subject),
            (session_id, &contents.session_id),
            (reply_to_session_id, &contents.reply_to_session_id),
            (content_type, &contents.content_type),
        ];
        let texts_match = texts
            .into_iter()
            .all(|(wanted, found)| wanted.is_none() || wanted == found);
        texts_match
            && properties.iter().all(|(name, wanted)| {
                let found = contents.properties.get(name);
                found.is_some_and(|found| is_equal(wanted, found))
            })
    }
}

impl Model {
    /// Adds a rule to a subscription.
    ///
    /// # Errors
    ///
    /// There is no such subscription, it has a rule of that name or [`RULES_MAX`] of them, or the
    /// rule is no good.
    pub fn add_rule(&mut self, now: Time, subscription: &Path, rule: Rule) -> Result<()> {
        self.act(now, |model| {
            rule.check()?;
            let (queue, _) = model.queue_mut(subscription)?;
            let rules = &mut of(queue)?.rules;
            let key = key(&rule.name);
            if rules.contains_key(&key) {
                let message = format!("'{subscription}' has a rule '{}' already.", rule.name);
                return Err(Error::new(ErrorKind::EntityExists, message));
            }
            if RULES_MAX <= rules.len() {
                let message = format!("'{subscription}' has {RULES_MAX} rules already.");
                return Err(Error::new(ErrorKind::QuotaExceeded, message));
            }
            rules.insert(key, rule);
            queue.redefine(now);
            Ok(())
        })
    }

    /// Puts a rule in the place of the one of its name, which keeps the time it was made.
    ///
    /// # Errors
    ///
    /// There is no such rule, or the new one is no good.
    pub fn update_rule(&mut self, now: Time, subscription: &Path, rule: Rule) -> Result<()> {
        self.act(now, |model| {
            rule.check()?;
            let (queue, _) = model.queue_mut(subscription)?;
            let old = of(queue)?.rules.get_mut(&key(&rule.name));
            let old = old.ok_or_else(|| no_rule(subscription, &rule.name))?;
            let created = old.created;
            *old = Rule { created, ..rule };
            queue.redefine(now);
            Ok(())
        })
    }

    /// Takes a rule from a subscription; without any it takes no messages.
    ///
    /// # Errors
    ///
    /// There is no such subscription or no such rule.
    pub fn remove_rule(&mut self, now: Time, subscription: &Path, name: &str) -> Result<()> {
        self.act(now, |model| {
            let (queue, _) = model.queue_mut(subscription)?;
            let removed = of(queue)?.rules.remove(&key(name));
            removed.ok_or_else(|| no_rule(subscription, name))?;
            queue.redefine(now);
            Ok(())
        })
    }

    /// Returns a rule of a subscription.
    ///
    /// # Errors
    ///
    /// There is no such subscription or no such rule.
    pub fn rule(&mut self, now: Time, subscription: &Path, name: &str) -> Result<Rule> {
        self.act(now, |model| {
            let (queue, _) = model.queue_mut(subscription)?;
            let rule = of(queue)?.rules.get(&key(name)).cloned();
            rule.ok_or_else(|| no_rule(subscription, name))
        })
    }

    /// Lists the rules of a subscription by their names, after some that are left out.
    ///
    /// # Errors
    ///
    /// There is no such subscription.
    pub fn rules(
        &mut self,
        now: Time,
        subscription: &Path,
        skip: usize,
        top: usize,
    ) -> Result<Vec<Rule>> {
        self.act(now, |model| {
            let (queue, _) = model.queue_mut(subscription)?;
            let rules = of(queue)?.rules.values();
            Ok(rules.skip(skip).take(top).cloned().collect())
        })
    }
}

/// Returns what only a subscription has.
fn of(queue: &mut Queue) -> Result<&mut Subscription> {
    match &mut queue.role {
        Role::Subscription(subscription) => Ok(subscription),
        Role::Queue { .. } => {
            let message = format!("'{}' is a queue, and has no rules.", queue.path);
            Err(Error::new(ErrorKind::NotAllowed, message))
        }
    }
}

/// Compares values of properties: numbers by what they are, not by their types.
fn is_equal(one: &Value, other: &Value) -> bool {
    match (one.as_integer(), other.as_integer()) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

/// Returns the form of a name by which a rule is found.
pub(super) fn key(name: &str) -> Box<str> {
    name.to_lowercase().into()
}

fn check_name(name: &str) -> Result<()> {
    let length = name.chars().count();
    if (1..=NAME_LENGTH_MAX).contains(&length) {
        return Ok(());
    }
    let message =
        format!("The name of a rule has 1 to {NAME_LENGTH_MAX} characters, and '{name}' {length}.");
    Err(Error::new(ErrorKind::ArgumentOutOfRange, message))
}

fn no_rule(subscription: &Path, name: &str) -> Error {
    let message = format!("'{subscription}' has no rule '{name}'.");
    Error::new(ErrorKind::EntityNotFound, message)
}
