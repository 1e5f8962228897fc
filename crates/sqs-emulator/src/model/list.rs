//! Lists of queues, page by page.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{Call, Model, names::QueueKey};
use crate::api::{
    Error, Result,
    queues::{ListQueues, ListSources, QueueList, SourceList},
};

const RESULTS_MAX: i64 = 1_000;

impl Model {
    /// Lists the caller's queues whose names begin with a prefix.
    pub(crate) fn list_queues(&mut self, call: &mut Call, list: ListQueues) -> Result<QueueList> {
        let keys = self.queues.keys().filter(|key| {
            key.account == call.account && key.name.starts_with(&list.queue_name_prefix)
        });
        let keys = keys.cloned().collect::<Vec<_>>();
        let (queue_urls, next_token) = self.page(keys, list.max_results, list.next_token)?;
        Ok(QueueList {
            queue_urls,
            next_token,
        })
    }

    /// Lists the queues whose dead messages go to a queue.
    pub(crate) fn list_sources(
        &mut self,
        call: &mut Call,
        list: ListSources,
    ) -> Result<SourceList> {
        self.reach(call, &list.queue_url)?;
        let keys = self.sources_of(&QueueKey::of_url(&list.queue_url)?);
        let (queue_urls, next_token) = self.page(keys, list.max_results, list.next_token)?;
        Ok(SourceList {
            queue_urls,
            next_token,
        })
    }

    /// Returns the page that follows `token`, and the token of the next one.
    ///
    /// Without a size there is one page, and no token.
    fn page(
        &self,
        keys: Vec<QueueKey>,
        size: Option<i64>,
        token: Option<String>,
    ) -> Result<(Vec<String>, Option<String>)> {
        let max = size.unwrap_or(RESULTS_MAX);
        if !(1..=RESULTS_MAX).contains(&max) {
            let reason = "Must be >= 1 and <= 1000, if provided.";
            return Err(Error::invalid("MaxResults", max, reason));
        }
        let after = token.map(|token| decode(&token)).transpose()?;
        let rest = keys
            .into_iter()
            .filter(|key| after.as_ref().is_none_or(|after| after < &key.name))
            .collect::<Vec<_>>();
        let count = rest.len().min(usize::try_from(max).unwrap_or(1));
        let is_more = size.is_some() && count < rest.len();
        let page = &rest[..count];
        let last = page.last().filter(|_| is_more);
        let token = last.map(|key| URL_SAFE_NO_PAD.encode(&key.name));
        Ok((page.iter().map(|key| self.url(key)).collect(), token))
    }
}

fn decode(token: &str) -> Result<String> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    let name = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    name.ok_or_else(|| Error::invalid("NextToken", token, "It is not one of a list."))
}
