//! The builder of the service.

use std::sync::Arc;

use relayhouse_core::{Context, Error, ErrorKind, Result, Text};
use tower_layer::Layer;

use super::{
    Failover, FailoverConfig, Policy,
    shared::{Endpoint, Shared},
};
use crate::{
    breaker::{BreakerConfig, BreakerLayer, Open},
    retry::Unknown,
    sync::Mutex,
};

/// Builds a [`Failover`].
#[derive(Clone, Debug)]
pub struct FailoverBuilder<S> {
    endpoints: Vec<Given<S>>,
    config: FailoverConfig,
    context: Context,
}

/// An endpoint as it was given.
#[derive(Clone, Debug)]
struct Given<S> {
    name: Text,
    label: Option<Text>,
    service: S,
}

impl<S> FailoverBuilder<S> {
    pub(super) fn new(context: &Context) -> Self {
        Self {
            endpoints: Vec::new(),
            config: FailoverConfig::default(),
            context: context.clone(),
        }
    }

    /// Adds an endpoint. `name` is what events tell.
    #[must_use]
    pub fn endpoint(mut self, name: impl Into<Text>, service: S) -> Self {
        self.endpoints.push(Given {
            name: name.into(),
            label: None,
            service,
        });
        self
    }

    /// Adds an endpoint with a label, such as its region.
    #[must_use]
    pub fn labelled(mut self, name: impl Into<Text>, label: impl Into<Text>, service: S) -> Self {
        self.endpoints.push(Given {
            name: name.into(),
            label: Some(label.into()),
            service,
        });
        self
    }

    /// Sets all options at once.
    #[must_use]
    pub fn config(mut self, config: FailoverConfig) -> Self {
        self.config = config;
        self
    }

    /// Sets which endpoint is asked first.
    #[must_use]
    pub const fn policy(mut self, policy: Policy) -> Self {
        self.config.policy = policy;
        self
    }

    /// Asks the endpoints with this label before the others.
    #[must_use]
    pub fn near(mut self, label: impl Into<String>) -> Self {
        self.config.near = Some(label.into());
        self
    }

    /// Sets what becomes of a message whose outcome is unknown.
    #[must_use]
    pub const fn unknown(mut self, unknown: Unknown) -> Self {
        self.config.unknown = unknown;
        self
    }

    /// Sets how the breaker of each endpoint works.
    #[must_use]
    pub const fn breaker(mut self, breaker: BreakerConfig) -> Self {
        self.config.breaker = breaker;
        self
    }

    /// Makes the service.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::ConfigInvalid`] if there is no endpoint, or none with the label that is
    /// near.
    pub fn build(self) -> Result<Failover<S>>
    where
        S: Clone,
    {
        let Self {
            mut endpoints,
            config,
            context,
        } = self;
        if endpoints.is_empty() {
            return Err(invalid("failover needs an endpoint".to_owned()));
        }
        if let Some(near) = &config.near {
            let is_near = |it: &Given<S>| it.label.as_deref() == Some(near.as_str());
            if !endpoints.iter().any(is_near) {
                let text = format!("no endpoint has the label {near}");
                return Err(invalid(text));
            }
            // The order among those that are near, and among the others, stays.
            endpoints.sort_by_key(|it| !is_near(it));
        }
        let guarded = endpoints.into_iter().map(|it| {
            let breaker = config.breaker.clone();
            let name = it.name.clone();
            let layer = BreakerLayer::with_config(name, Open::Fail, breaker, &context);
            Endpoint {
                name: it.name,
                service: Mutex::new(layer.layer(it.service)),
            }
        });
        let guarded = guarded.collect();
        let shared = Shared::new(guarded, config, context);
        Ok(Failover::new(Arc::new(shared)))
    }
}

fn invalid(text: String) -> Error {
    Error::new(ErrorKind::ConfigInvalid, text)
}
