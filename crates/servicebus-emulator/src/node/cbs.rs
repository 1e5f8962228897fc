//! Tokens that clients show.

use fe2o3_amqp_types::definitions::AmqpError;

use super::{
    Client,
    condition::microsoft::AUTH_FAILED,
    raw,
    request::{Answer, Request},
    token::{Grant, path_of},
};
use crate::{amqp::error, shared::Access};

/// How many tokens of a client are kept: one for each path.
const GRANTS_MAX: usize = 1_024;

impl Client {
    /// Takes a token, and checks it.
    pub(super) fn on_token(&mut self, request: &Request) -> Answer {
        match self.check_token(request) {
            Ok(()) => Answer::bare(202, "Accepted"),
            Err(description) => Answer {
                condition: Some(AUTH_FAILED.to_owned()),
                ..Answer::bare(401, description)
            },
        }
    }

    /// Detaches what only tokens have allowed whose time is over.
    pub(super) fn expire(&mut self) {
        let now = self.shared.time();
        let count = self.grants.len();
        self.grants.retain(|grant| now < grant.until);
        if self.grants.len() == count {
            return;
        }
        let links = self.roles.iter().filter(|(_, role)| {
            let mut paths = role.paths();
            paths.any(|path| !self.may_use(path.key(), now))
        });
        for link in links.map(|(link, _)| *link).collect::<Vec<_>>() {
            let description = "the token that has allowed to use the link has expired";
            let error = error(AmqpError::UnauthorizedAccess, description);
            self.engine.detach(link, Some(error));
            self.on_detached(link);
        }
    }

    fn check_token(&mut self, request: &Request) -> Result<(), String> {
        let Access::Signed(keys) = &self.shared.access else {
            return Ok(());
        };
        let operation = request.argument("operation").unwrap_or_default();
        if operation != "put-token" {
            return Err(format!("there is no operation {operation:?} for tokens"));
        }
        let token = raw::text(&request.body).ok_or("the body of the request is no token")?;
        let grant = keys.check(token, self.shared.time())?;
        let audience = path_of(request.argument("name").unwrap_or_default());
        if !grant.covers(&audience, self.shared.time()) {
            return Err(format!(
                "the token is for {:?} and not for {audience:?}",
                grant.path
            ));
        }
        self.grants.retain(|it| it.path != audience);
        if GRANTS_MAX <= self.grants.len() {
            return Err(format!("there are tokens for {GRANTS_MAX} paths already"));
        }
        self.grants.push(Grant {
            path: audience,
            until: grant.until,
        });
        Ok(())
    }
}
