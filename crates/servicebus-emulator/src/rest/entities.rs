//! Management: entities and rules are made, read, changed, deleted and listed.

use super::{
    Failure, Request, Response, Site,
    describe::{self, FilterCounts},
    not_allowed,
    read::{Defaults, Description, description},
    route::{Query, Route},
    xml::Writer,
};
use crate::model::{
    EntityKind, Error, ErrorKind, Filter, Model, Path, RULES_MAX, Rule, SUBSCRIPTIONS_MAX, Stamps,
    Time,
};

/// How many entries a list has if it is not asked for fewer.
const PAGE_MAX: usize = 100;

type Result<T> = std::result::Result<T, Failure>;

/// One call, and what it is about.
struct Call<'a> {
    model: &'a mut Model,
    now: Time,
    site: &'a Site,
    request: &'a Request,
}

pub(super) fn answer(
    model: &mut Model,
    now: Time,
    site: &Site,
    request: &Request,
    route: &Route,
    query: &Query,
) -> Result<Response> {
    let mut call = Call {
        model,
        now,
        site,
        request,
    };
    match (request.method.as_str(), route) {
        ("GET", Route::Namespace) => Ok(call.namespace()),
        ("GET", Route::List(kind)) => call.list(*kind, query),
        ("GET", Route::Subscriptions(topic)) => call.list_subscriptions(topic, query),
        ("GET", Route::Rules(subscription)) => call.list_rules(subscription, query),
        ("GET", Route::Entity(path) | Route::Subscription(path)) => {
            let entry = call.entry(path)?;
            Ok(Response::xml(200, entry.finish()))
        }
        ("GET", Route::Rule(path, name)) => {
            let rule = call.model.rule(now, path, name)?;
            Ok(Response::xml(200, call.rule_entry(path, &rule).finish()))
        }
        ("PUT", Route::Entity(path) | Route::Subscription(path)) => call.put(path),
        ("PUT", Route::Rule(path, name)) => call.put_rule(path, name),
        ("DELETE", Route::Entity(path) | Route::Subscription(path)) => {
            call.model.delete(now, path)?;
            Ok(Response::empty(200))
        }
        ("DELETE", Route::Rule(path, name)) => {
            call.model.remove_rule(now, path, name)?;
            Ok(Response::empty(200))
        }
        _ => Err(not_allowed(request)),
    }
}

impl Call<'_> {
    fn namespace(&self) -> Response {
        let stamps = Stamps {
            created: self.site.created,
            updated: self.site.created,
            accessed: self.now,
        };
        let content = describe::namespace(self.site);
        let title = &self.site.namespace;
        let entry = describe::entry(self.site, "$namespaceinfo", title, stamps, &content);
        Response::xml(200, entry.finish())
    }

    /// Describes an entity, whatever it is.
    fn entry(&mut self, path: &Path) -> Result<Writer> {
        let summary = self.model.summary(self.now, path)?;
        let (path, site) = (&summary.path, self.site);
        let content = match summary.kind {
            EntityKind::Queue => describe::queue(&self.model.queue_settings(path)?, &summary, site),
            EntityKind::Topic => {
                let filters = self.filters(path)?;
                describe::topic(&self.model.topic_settings(path)?, &summary, filters)
            }
            EntityKind::Subscription => {
                let settings = self.model.subscription_settings(path)?;
                describe::subscription(&settings, &summary, site)
            }
        };
        let title = path
            .as_subscription()
            .map_or(path.as_str(), |(_, name)| name);
        Ok(describe::entry(
            site,
            path.as_str(),
            title,
            summary.stamps,
            &content,
        ))
    }

    /// Counts the filters of all subscriptions of a topic.
    fn filters(&mut self, topic: &Path) -> Result<FilterCounts> {
        let mut counts = FilterCounts::default();
        for subscription in self.model.subscriptions(topic, 0, SUBSCRIPTIONS_MAX)? {
            for rule in self.model.rules(self.now, &subscription, 0, RULES_MAX)? {
                match rule.filter {
                    Filter::Correlation(_) => counts.correlation += 1,
                    // The constant ones are written in SQL as well.
                    Filter::Sql(_) | Filter::True | Filter::False => counts.sql += 1,
                }
            }
        }
        Ok(counts)
    }

    fn rule_entry(&self, subscription: &Path, rule: &Rule) -> Writer {
        let stamps = Stamps {
            created: rule.created,
            updated: rule.created,
            accessed: rule.created,
        };
        let path = format!("{subscription}/Rules/{}", rule.name);
        describe::entry(self.site, &path, &rule.name, stamps, &describe::rule(rule))
    }

    fn list(&mut self, kind: EntityKind, query: &Query) -> Result<Response> {
        let (skip, top) = page(query)?;
        let paths = self.model.list(kind, skip, top);
        let name = match kind {
            EntityKind::Topic => "$Resources/topics",
            EntityKind::Queue | EntityKind::Subscription => "$Resources/queues",
        };
        self.feed(name, &paths, (skip, top))
    }

    fn list_subscriptions(&mut self, topic: &Path, query: &Query) -> Result<Response> {
        let (skip, top) = page(query)?;
        let paths = self.model.subscriptions(topic, skip, top)?;
        self.feed(&format!("{topic}/Subscriptions"), &paths, (skip, top))
    }

    fn list_rules(&mut self, subscription: &Path, query: &Query) -> Result<Response> {
        let (skip, top) = page(query)?;
        let rules = self.model.rules(self.now, subscription, skip, top)?;
        let entries = rules.iter().map(|rule| self.rule_entry(subscription, rule));
        let entries = entries.collect::<Vec<_>>();
        let path = format!("{subscription}/Rules");
        Ok(self.respond(&path, (skip, top), &entries))
    }

    fn feed(&mut self, path: &str, paths: &[Path], page: (usize, usize)) -> Result<Response> {
        let entries = paths.iter().map(|path| self.entry(path));
        let entries = entries.collect::<Result<Vec<_>>>()?;
        Ok(self.respond(path, page, &entries))
    }

    fn respond(&self, path: &str, (skip, top): (usize, usize), entries: &[Writer]) -> Response {
        // There may be more where as many came as were asked for.
        let next = (entries.len() == top).then_some((skip + top, top));
        let feed = describe::feed(self.site, path, self.now, next, entries);
        Response::xml(200, feed.finish())
    }

    /// Makes an entity, or changes one if the request says that there must be one.
    fn put(&mut self, path: &Path) -> Result<Response> {
        let is_update = self.request.headers.contains_key("if-match");
        let defaults = match is_update {
            true => self.current(path)?,
            false => Defaults::default(),
        };
        let (model, now) = (&mut *self.model, self.now);
        match (description(self.request, defaults, now)?, is_update) {
            (Description::Queue(settings), true) => model.update_queue(now, path, *settings)?,
            (Description::Queue(settings), false) => model.create_queue(now, path, *settings)?,
            (Description::Topic(settings), true) => model.update_topic(now, path, *settings)?,
            (Description::Topic(settings), false) => model.create_topic(now, path, *settings)?,
            (Description::Subscription(settings, _), true) => {
                model.update_subscription(now, path, *settings)?;
            }
            (Description::Subscription(settings, rule), false) => {
                model.create_subscription(now, path, *settings, rule.map(|rule| *rule))?;
            }
            (Description::Rule(_), _) => {
                return Err(Failure::bad(format!("'{path}' is not the path of a rule.")));
            }
        }
        let status = if is_update { 200 } else { 201 };
        Ok(Response::xml(status, self.entry(path)?.finish()))
    }

    /// Returns the settings of an entity that is to be changed, for what a description leaves out.
    fn current(&mut self, path: &Path) -> Result<Defaults> {
        let mut defaults = Defaults::default();
        match self.model.summary(self.now, path)?.kind {
            EntityKind::Queue => defaults.queue = self.model.queue_settings(path)?,
            EntityKind::Topic => defaults.topic = self.model.topic_settings(path)?,
            EntityKind::Subscription => {
                defaults.subscription = self.model.subscription_settings(path)?;
            }
        }
        Ok(defaults)
    }

    fn put_rule(&mut self, path: &Path, name: &str) -> Result<Response> {
        let description = description(self.request, Defaults::default(), self.now)?;
        let Description::Rule(rule) = description else {
            return Err(Failure::bad(format!("'{path}' gets rules alone.")));
        };
        let rule = Rule {
            name: name.into(),
            ..*rule
        };
        let is_update = self.request.headers.contains_key("if-match");
        match is_update {
            true => self.model.update_rule(self.now, path, rule)?,
            false => self.model.add_rule(self.now, path, rule)?,
        }
        let rule = self.model.rule(self.now, path, name)?;
        let status = if is_update { 200 } else { 201 };
        Ok(Response::xml(status, self.rule_entry(path, &rule).finish()))
    }
}

/// Returns how many entries are left out, and how many are asked for.
fn page(query: &Query) -> Result<(usize, usize)> {
    let top = query.number("$top", PAGE_MAX)?;
    if top == 0 || PAGE_MAX < top {
        let message = format!("$top is {top}: it must be between 1 and {PAGE_MAX}.");
        return Err(Error::new(ErrorKind::ArgumentOutOfRange, message).into());
    }
    Ok((query.number("$skip", 0)?, top))
}
