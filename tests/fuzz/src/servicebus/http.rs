//! Requests of the HTTP API, as a function.

use bytes::Bytes;
use servicebus_emulator::{
    model::{Model, Path, QueueSettings, SubscriptionSettings, Time, TopicSettings},
    rest::{Request, Response, Site, answer},
};

const TARGETS: [&str; 5] = [
    "/queue?api-version=2021-05",
    "/other?api-version=2021-05",
    "/topic/subscriptions/one?api-version=2021-05",
    "/topic/subscriptions/all/rules/one?api-version=2021-05",
    "/orders/messages",
];

const HEAD: &str = "/orders/messages/head?timeout=0";
const BATCH_TYPE: &str = "application/vnd.microsoft.servicebus.json";

/// The first byte says what the rest is: the description of an entity, a message behind the line of
/// its properties, a batch, or a target. What is made can be read, and made again of what was read.
pub(crate) fn http(input: &[u8]) {
    let Some((first, rest)) = input.split_first() else {
        return;
    };
    let mut api = Api::new();
    match first % 7 {
        target @ 0..4 => api.describe(TARGETS[usize::from(target)], rest),
        4 => {
            let end = rest.iter().position(|byte| *byte == b'\n');
            let (properties, body) = rest.split_at(end.unwrap_or(rest.len()));
            let properties = String::from_utf8_lossy(properties).into_owned();
            api.ask(
                "POST",
                TARGETS[4],
                &[("brokerproperties", properties)],
                body,
            );
            api.ask("DELETE", HEAD, &[], b"");
        }
        5 => {
            let kind = ("content-type", BATCH_TYPE.to_owned());
            api.ask("POST", TARGETS[4], &[kind], rest);
            api.ask("POST", HEAD, &[], b"");
        }
        _ => {
            let target = String::from_utf8_lossy(rest);
            for method in ["GET", "DELETE", "PUT", "POST"] {
                api.ask(method, &target, &[], b"");
            }
        }
    }
}

/// The API of a namespace that has a topic with a subscription, and a queue.
struct Api {
    model: Model,
    site: Site,
}

impl Api {
    fn new() -> Self {
        let (mut model, now) = (Model::new(0), Time::default());
        let (orders, topic) = (Path::new("orders"), Path::new("topic"));
        let all = Path::of_subscription("topic", "all");
        let made = model
            .create_queue(now, &orders, QueueSettings::default())
            .and_then(|()| model.create_topic(now, &topic, TopicSettings::default()))
            .and_then(|()| {
                let settings = SubscriptionSettings::default();
                model.create_subscription(now, &all, settings, None)
            });
        assert_eq!(made, Ok(()));
        Self {
            model,
            site: Site {
                namespace: "fuzz".to_owned(),
                endpoint: "http://localhost:5300".to_owned(),
                created: now,
            },
        }
    }

    fn describe(&mut self, target: &str, body: &[u8]) {
        let made = self.ask("PUT", target, &[], body);
        if made.status != 201 {
            return;
        }
        let read = self.ask("GET", target, &[], b"");
        assert_eq!(read.status, 200, "{made:?}");
        let any = ("if-match", "*".to_owned());
        let again = self.ask("PUT", target, &[any], &read.body);
        assert_eq!(again.status, 200, "{read:?} {again:?}");
    }

    fn ask(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, String)],
        body: &[u8],
    ) -> Response {
        let headers = headers.iter();
        let request = Request {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: headers
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
            body: Bytes::copy_from_slice(body),
        };
        answer(&mut self.model, Time::default(), &self.site, &request)
    }
}
