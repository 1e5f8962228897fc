//! The HTTP API: what the official Python library sends and reads, and operations on messages.

mod management;
mod messages;

use proptest::prelude::*;

use super::*;
use crate::model::{Path, QueueSettings};

const ATOM: &str = "http://www.w3.org/2005/Atom";
const CONNECT: &str = "http://schemas.microsoft.com/netservices/2010/10/servicebus/connect";
const VERSION: &str = "api-version=2024-05";

/// A namespace and its time.
struct World {
    model: Model,
    now: Time,
    site: Site,
}

impl World {
    fn new() -> Self {
        let now = Time::from_millis(1_767_225_600_000);
        Self {
            model: Model::new(1),
            now,
            site: Site {
                namespace: "sbemulatorns".to_owned(),
                endpoint: "http://localhost:5300".to_owned(),
                created: now,
            },
        }
    }

    fn with_queue() -> Self {
        let mut world = Self::new();
        let settings = QueueSettings::default();
        let path = Path::new("q");
        world
            .model
            .create_queue(world.now, &path, settings)
            .unwrap();
        world
    }

    fn call(&mut self, method: &str, target: &str, body: &str) -> Response {
        self.call_with(method, target, body, &[])
    }

    fn call_with(
        &mut self,
        method: &str,
        target: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> Response {
        let headers = headers.iter();
        let request = Request {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: headers
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        };
        answer(&mut self.model, self.now, &self.site, &request)
    }

    fn put(&mut self, path: &str, content: &str) -> Response {
        self.call("PUT", &format!("/{path}?{VERSION}"), &entry(content))
    }

    fn get(&mut self, path: &str) -> Response {
        self.call("GET", &format!("/{path}?enrich=false&{VERSION}"), "")
    }
}

/// Wraps a description as the Python library does.
fn entry(content: &str) -> String {
    format!(
        "<?xml version='1.0' encoding='utf-8'?>\n<ns0:entry xmlns:ns0=\"{ATOM}\" \
         xmlns=\"{CONNECT}\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\
         <ns0:content type=\"application/xml\">{content}</ns0:content></ns0:entry>"
    )
}

fn text(response: &Response) -> &str {
    std::str::from_utf8(&response.body).unwrap()
}

/// Returns the texts of all elements of a name.
fn texts(response: &Response, name: &str) -> Vec<String> {
    let document = roxmltree::Document::parse(text(response)).unwrap();
    let nodes = document.descendants();
    nodes
        .filter(|node| node.tag_name().name() == name)
        .map(|node| node.text().unwrap_or_default().to_owned())
        .collect()
}

fn one(response: &Response, name: &str) -> String {
    let texts = texts(response, name);
    assert_eq!(texts.len(), 1, "{name} in {}", text(response));
    texts[0].clone()
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    let mut headers = response.headers.iter();
    let (_, value) = headers.find(|(other, _)| other == name)?;
    Some(value)
}

fn broker(response: &Response) -> serde_json::Value {
    serde_json::from_str(header(response, "brokerproperties").unwrap()).unwrap()
}

#[test]
fn times_are_written_and_read() {
    let time = Time::from_millis(1_795_741_226_123);
    assert_eq!(date::write_iso(time), "2026-11-27T01:00:26.123Z");
    assert_eq!(write_http(time), "Fri, 27 Nov 2026 01:00:26 GMT");
    let leap = Time::from_millis(951_782_400_000);
    assert_eq!(date::write_iso(leap), "2000-02-29T00:00:00.000Z");
    assert_eq!(date::read("2000-02-29T00:00:00+00:00"), Some(leap));
    for text in [
        "",
        "2026-11-27",
        "2026-13-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "1969-01-01T00:00:00Z",
        "Fri, 27 Nov 2026 01:00:26 CET",
        "Fri, 27 Foo 2026 01:00:26 GMT",
    ] {
        assert_eq!(date::read(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn time_that_is_written_is_read_as_the_same(millis in 0..253_402_300_800_000_u64) {
        let time = Time::from_millis(millis);
        prop_assert_eq!(date::read(&date::write_iso(time)), Some(time));
        let second = Time::from_millis(millis / 1_000 * 1_000);
        prop_assert_eq!(date::read(&write_http(second)), Some(second));
    }

    #[test]
    fn any_request_gets_an_answer(
        method in prop::sample::select(vec!["GET", "PUT", "POST", "DELETE"]),
        target in prop_oneof!["/[a-z$%/?=&0-9]{0,30}", "(/q|/messages|/head|/subscriptions|/rules|/s){0,6}"],
        body in "\\PC{0,50}",
    ) {
        let mut world = World::with_queue();
        let response = world.call(method, &target, &body);
        prop_assert!((200..500).contains(&response.status));
    }
}
