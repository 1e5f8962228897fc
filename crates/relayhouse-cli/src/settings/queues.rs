//! Queues by name: of the profile, or beneath the URL that all of them have in common.

use std::collections::BTreeMap;

use super::Setting;
use crate::{
    exit::{Code, Failure},
    open,
};

/// Knows queues by name.
#[derive(Default)]
pub(super) struct Queues {
    /// What stands before a name that is none of these.
    pub(super) base: Option<Setting<String>>,
    pub(super) named: BTreeMap<String, String>,
}

impl Queues {
    /// Makes a URL of `text`, if it is none.
    pub(super) fn complete(&self, text: &mut String) -> Result<(), Failure> {
        if is_url(text) {
            return Ok(());
        }
        let (path, more) = open::parts(text);
        let (name, below) = match path.find('/') {
            Some(slash) => path.split_at(slash),
            None => (path, ""),
        };
        let (url, options) = match (self.named.get(name), &self.base) {
            (Some(url), _) => {
                let (place, options) = open::parts(url);
                (format!("{place}{below}"), options)
            }
            (None, Some(base)) => {
                let (place, options) = based(base)?;
                (format!("{place}{}", path.trim_start_matches('/')), options)
            }
            (None, None) if self.named.is_empty() => return Ok(()),
            (None, None) => return Err(self.unknown(name)),
        };
        let options: Vec<_> = options.into_iter().chain(more).collect();
        *text = match options.is_empty() {
            true => url,
            false => format!("{url}?{}", options.join("&")),
        };
        Ok(())
    }

    fn unknown(&self, name: &str) -> Failure {
        let known: Vec<_> = self.named.keys().map(String::as_str).collect();
        let text = format!(
            "{name} is no URL, and no queue of the profile, known are: {}",
            known.join(", ")
        );
        Failure::new(Code::Usage, text)
    }
}

/// Returns true if `text` begins with a scheme.
fn is_url(text: &str) -> bool {
    let end = text.find([':', '/', '?']);
    end.is_some_and(|end| text[end..].starts_with(':'))
}

/// Splits a base into what stands before names, and the options of all of them.
fn based(base: &Setting<String>) -> Result<(&str, Option<&str>), Failure> {
    let (place, options) = open::parts(&base.value);
    if is_url(place) && place.ends_with('/') {
        return Ok((place, options));
    }
    let text = "the base of queues is no URL that ends with /, such as sqs://eu-west-1/";
    Err(Failure::new(Code::Usage, text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::From;

    fn queues(base: Option<&str>) -> Queues {
        let orders = "sqs://eu-west-1/orders?lease=1min";
        Queues {
            base: base.map(|base| Setting {
                value: base.to_owned(),
                from: From::Profile,
            }),
            named: [("orders".to_owned(), orders.to_owned())].into(),
        }
    }

    fn completed(queues: &Queues, text: &str) -> Result<String, String> {
        let mut text = text.to_owned();
        let completed = queues.complete(&mut text);
        completed.map(|()| text).map_err(|failure| failure.text)
    }

    #[test]
    fn names_become_urls_and_urls_stay() {
        let queues = queues(Some("local:./q/?create=false"));
        for (text, url) in [
            ("memory://orders", "memory://orders"),
            ("local:./orders", "local:./orders"),
            ("orders", "sqs://eu-west-1/orders?lease=1min"),
            (
                "orders/$deadletterqueue?price=1",
                "sqs://eu-west-1/orders/$deadletterqueue?lease=1min&price=1",
            ),
            ("bills", "local:./q/bills?create=false"),
            (
                "events/subscriptions/audit",
                "local:./q/events/subscriptions/audit?create=false",
            ),
            ("/", "local:./q/?create=false"),
        ] {
            assert_eq!(completed(&queues, text).as_deref(), Ok(url));
        }
    }

    #[test]
    fn name_that_nobody_knows_is_said() {
        let unknown = completed(&queues(None), "bills").unwrap_err();
        assert!(unknown.ends_with("known are: orders"), "{unknown}");
        // Without any names it is a URL that somebody got wrong.
        let none = Queues::default();
        assert_eq!(completed(&none, "bills").as_deref(), Ok("bills"));
        for base in ["./q/", "local:./q", "orders"] {
            let wrong = completed(&queues(Some(base)), "bills").unwrap_err();
            assert!(wrong.contains("ends with /"), "{wrong}");
        }
    }
}
