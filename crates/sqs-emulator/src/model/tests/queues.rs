//! Queues: life, attributes, lists, tags, permissions.

use super::*;
use crate::api::queues::{
    AddPermission, GetQueueUrl, ListQueues, RemovePermission, TagQueue, UntagQueue,
};

#[test]
fn creating_a_queue_again_finds_it_if_it_is_the_same() {
    let mut world = World::new();
    let url = world.create("q", &[("DelaySeconds", "5")]).unwrap();
    assert_eq!(url, "http://127.0.0.1:9324/000000000000/q");
    assert_eq!(world.queue("q"), url);
    assert_eq!(world.create("q", &[("DelaySeconds", "5")]).unwrap(), url);
    for attributes in [("DelaySeconds", "6"), ("VisibilityTimeout", "31")] {
        let refused = code(world.create("q", &[attributes]));
        assert_eq!(refused, Some(Code::QueueNameExists));
    }
}

#[test]
fn names_have_rules() {
    let mut world = World::new();
    let fifo = [("FifoQueue", "true")];
    let long = "a".repeat(80);
    assert_eq!(code(world.create(&long, &[])), None);
    assert_eq!(code(world.create("a-b_C9", &[])), None);
    assert_eq!(
        code(world.create(&format!("{}.fifo", "a".repeat(75)), &fifo)),
        None
    );
    let long = "a".repeat(81);
    for name in ["a b", "a.b", "q.fifo", "\u{e4}", &long] {
        let refused = code(world.create(name, &[]));
        assert_eq!(refused, Some(Code::InvalidParameterValue), "{name}");
    }
    for name in ["q", ".fifo", &format!("{}.fifo", "a".repeat(76))] {
        let refused = code(world.create(name, &fifo));
        assert_eq!(refused, Some(Code::InvalidParameterValue), "{name}");
    }
    assert_eq!(code(world.create("", &[])), Some(Code::MissingParameter));
}

#[test]
fn name_rests_for_a_minute_after_its_queue() {
    let mut world = World::new();
    let url = world.queue("q");
    world.delete_queue(&url).unwrap();
    let refused = code(world.receive_by(receive(&url)));
    assert_eq!(refused, Some(Code::QueueDoesNotExist));
    world.pass(59);
    assert_eq!(
        code(world.create("q", &[])),
        Some(Code::QueueDeletedRecently)
    );
    world.pass(1);
    assert_eq!(code(world.create("q", &[])), None);
}

#[test]
fn purge_empties_a_queue_once_a_minute() {
    let mut world = World::new();
    let url = world.queue("q");
    for body in ["flying", "lying"] {
        world.send(send(&url, body)).unwrap();
    }
    let message = world.receive(&url, 1).remove(0);
    world.purge(&url).unwrap();
    assert_eq!(world.counts(&url), ["0", "0", "0"]);
    world.delete(&url, &message).unwrap();
    world.pass(59);
    assert_eq!(code(world.purge(&url)), Some(Code::PurgeQueueInProgress));
    world.pass(1);
    world.purge(&url).unwrap();
}

#[test]
fn attributes_have_bounds() {
    let mut world = World::new();
    let url = world.queue("q");
    for (name, good, bad) in [
        ("DelaySeconds", ["0", "900"], ["-1", "901"]),
        (
            "MaximumMessageSize",
            ["1024", "1048576"],
            ["1023", "1048577"],
        ),
        (
            "MessageRetentionPeriod",
            ["60", "1209600"],
            ["59", "1209601"],
        ),
        ("ReceiveMessageWaitTimeSeconds", ["0", "20"], ["x", "21"]),
        ("VisibilityTimeout", ["0", "43200"], ["", "43201"]),
        ("SqsManagedSseEnabled", ["true", "false"], ["yes", ""]),
    ] {
        for value in good {
            world.set(&url, name, value).unwrap();
            assert_eq!(world.get(&url, name), value);
        }
        for value in bad {
            let refused = code(world.set(&url, name, value));
            assert_eq!(refused, Some(Code::InvalidAttributeValue), "{name} {value}");
        }
    }
    for name in ["Color", "QueueArn", "FifoQueue", "DeduplicationScope"] {
        let refused = code(world.set(&url, name, "queue"));
        assert_eq!(refused, Some(Code::InvalidAttributeName), "{name}");
    }
}

#[test]
fn one_kind_of_encryption_takes_the_place_of_the_other() {
    let mut world = World::new();
    let both = [("KmsMasterKeyId", "k"), ("SqsManagedSseEnabled", "true")];
    let refused = code(world.create("q", &both));
    assert_eq!(refused, Some(Code::InvalidAttributeValue));
    let url = world.queue("q");
    world.set(&url, "KmsMasterKeyId", "k").unwrap();
    assert_eq!(world.get(&url, "SqsManagedSseEnabled"), "false");
    world.set(&url, "SqsManagedSseEnabled", "true").unwrap();
    assert_eq!(world.get(&url, "KmsMasterKeyId"), "");
    assert_eq!(world.get(&url, "SqsManagedSseEnabled"), "true");
}

#[test]
fn throughput_by_group_needs_the_scope_of_a_group() {
    let mut world = World::new();
    let url = world.fifo("q.fifo", &[]);
    let refused = code(world.set(&url, "FifoThroughputLimit", "perMessageGroupId"));
    assert_eq!(refused, Some(Code::InvalidAttributeValue));
    world
        .set(&url, "DeduplicationScope", "messageGroup")
        .unwrap();
    world
        .set(&url, "FifoThroughputLimit", "perMessageGroupId")
        .unwrap();
    assert_eq!(world.get(&url, "FifoThroughputLimit"), "perMessageGroupId");
    let refused = code(world.set(&url, "DeduplicationScope", "queue"));
    assert_eq!(refused, Some(Code::InvalidAttributeValue));
}

#[test]
fn all_attributes_are_those_that_the_queue_has() {
    let mut world = World::new();
    let (standard, fifo) = (world.queue("q"), world.fifo("q.fifo", &[]));
    let mut names = |url: &str| {
        let get = GetAttributes {
            queue_url: url.to_owned(),
            attribute_names: vec!["All".to_owned()],
        };
        let list = world.model.get_attributes(&mut world.call, &get).unwrap();
        list.attributes.into_keys().collect::<Vec<_>>()
    };
    let (standard, fifo) = (names(&standard), names(&fifo));
    assert_eq!(standard.len(), 12, "{standard:?}");
    let more = fifo.iter().filter(|name| !standard.contains(name));
    assert_eq!(
        more.collect::<Vec<_>>(),
        [
            &"ContentBasedDeduplication",
            &"DeduplicationScope",
            &"FifoQueue",
            &"FifoThroughputLimit"
        ]
    );
    let get = GetAttributes {
        queue_url: world.queue("q"),
        attribute_names: vec!["Color".to_owned()],
    };
    let refused = code(world.model.get_attributes(&mut world.call, &get));
    assert_eq!(refused, Some(Code::InvalidAttributeName));
}

#[test]
fn queues_are_listed_by_prefix_and_page() {
    let mut world = World::new();
    for name in ["a1", "a2", "a3", "b1"] {
        world.queue(name);
    }
    let mut list = ListQueues {
        queue_name_prefix: "a".to_owned(),
        max_results: Some(2),
        next_token: None,
    };
    let page = world
        .model
        .list_queues(&mut world.call, list.clone())
        .unwrap();
    assert!(page.queue_urls[1].ends_with("/a2"));
    list.next_token = page.next_token;
    let page = world.model.list_queues(&mut world.call, list).unwrap();
    assert_eq!((page.queue_urls.len(), page.next_token), (1, None));
    let mut all = ListQueues::default();
    let page = world
        .model
        .list_queues(&mut world.call, all.clone())
        .unwrap();
    assert_eq!((page.queue_urls.len(), page.next_token), (4, None));
    all.max_results = Some(1001);
    assert!(world.model.list_queues(&mut world.call, all).is_err());
    world.call.account = "111111111111".to_owned();
    let page = world
        .model
        .list_queues(&mut world.call, ListQueues::default());
    assert!(page.unwrap().queue_urls.is_empty(), "they are another's");
}

#[test]
fn url_is_found_by_name_and_owner() {
    let mut world = World::new();
    let url = world.queue("q");
    let get = |name: &str, owner: Option<&str>| GetQueueUrl {
        queue_name: name.to_owned(),
        owner: owner.map(str::to_owned),
    };
    let found = world.model.get_queue_url(&mut world.call, get("q", None));
    assert_eq!(found.unwrap().queue_url, url);
    let missing = world.model.get_queue_url(&mut world.call, get("p", None));
    assert_eq!(code(missing), Some(Code::QueueDoesNotExist));
    world.call.account = "111111111111".to_owned();
    let owned = get("q", Some("000000000000"));
    let found = world.model.get_queue_url(&mut world.call, owned);
    assert_eq!(found.unwrap().queue_url, url);
    let missing = world.model.get_queue_url(&mut world.call, get("q", None));
    assert_eq!(code(missing), Some(Code::QueueDoesNotExist));
}

#[test]
fn url_is_checked() {
    let mut world = World::new();
    let refused = code(world.purge(""));
    assert_eq!(refused, Some(Code::MissingParameter));
    let refused = code(world.purge("orders"));
    assert_eq!(refused, Some(Code::InvalidAddress));
    let refused = code(world.purge("http://elsewhere/000000000000/orders"));
    assert_eq!(refused, Some(Code::QueueDoesNotExist));
}

#[test]
fn tags_are_added_replaced_and_removed() {
    let mut world = World::new();
    let url = world.queue("q");
    let tag = |pairs: &[(&str, &str)]| TagQueue {
        queue_url: url.clone(),
        tags: texts(pairs),
    };
    let pairs = [("a", "1"), ("b", "2")];
    world.model.tag(&mut world.call, tag(&pairs)).unwrap();
    world
        .model
        .tag(&mut world.call, tag(&[("b", "3")]))
        .unwrap();
    let untag = UntagQueue {
        queue_url: url.clone(),
        tag_keys: vec!["a".to_owned(), "missing".to_owned()],
    };
    world.model.untag(&mut world.call, &untag).unwrap();
    let list = world
        .model
        .list_tags(&mut world.call, &by_url(&url))
        .unwrap();
    assert_eq!(list.tags, texts(&[("b", "3")]));
    let many = (0..50).map(|it| (it.to_string(), String::new())).collect();
    let many = TagQueue {
        tags: many,
        ..tag(&[])
    };
    let refused = code(world.model.tag(&mut world.call, many));
    assert_eq!(
        refused,
        Some(Code::InvalidParameterValue),
        "51 are too many"
    );
    let long = "a".repeat(129);
    for key in ["", "aws:x", &long] {
        let refused = code(world.model.tag(&mut world.call, tag(&[(key, "")])));
        assert_eq!(refused, Some(Code::InvalidParameterValue), "{key}");
    }
}

#[test]
fn permissions_are_statements_of_the_policy() {
    let mut world = World::new();
    let url = world.queue("q");
    let add = |label: &str, actions: &[&str]| AddPermission {
        queue_url: url.clone(),
        label: label.to_owned(),
        accounts: vec!["111111111111".to_owned()],
        actions: actions.iter().map(|it| (*it).to_owned()).collect(),
    };
    let both = add("l", &["SendMessage", "ReceiveMessage"]);
    world
        .model
        .add_permission(&mut world.call, &both.clone())
        .unwrap();
    let policy = world.get(&url, "Policy");
    let policy = serde_json::from_str::<serde_json::Value>(&policy).unwrap();
    let statement = &policy["Statement"][0];
    assert_eq!(statement["Sid"], "l");
    assert_eq!(
        statement["Principal"]["AWS"],
        "arn:aws:iam::111111111111:root"
    );
    assert_eq!(statement["Action"][1], "SQS:ReceiveMessage");
    assert_eq!(statement["Resource"], arn("q"));
    let of_nobody = AddPermission {
        accounts: vec!["somebody".to_owned()],
        ..add("m", &["*"])
    };
    for (wrong, expected) in [
        (both, Code::InvalidParameterValue),
        (add("m", &["Dance"]), Code::InvalidParameterValue),
        (add("m m", &["*"]), Code::InvalidParameterValue),
        (add("m", &[]), Code::MissingParameter),
        (add("m", &["*"; 8]), Code::OverLimit),
        (of_nobody, Code::InvalidParameterValue),
    ] {
        let refused = code(world.model.add_permission(&mut world.call, &wrong));
        assert_eq!(refused, Some(expected));
    }
    let remove = RemovePermission {
        queue_url: url.clone(),
        label: "l".to_owned(),
    };
    world
        .model
        .remove_permission(&mut world.call, &remove.clone())
        .unwrap();
    assert_eq!(world.get(&url, "Policy"), "");
    let refused = code(world.model.remove_permission(&mut world.call, &remove));
    assert_eq!(refused, Some(Code::InvalidParameterValue));
}

#[test]
fn permissions_keep_the_rest_of_a_policy() {
    let mut world = World::new();
    let policy = r#"{"Version":"2012-10-17","Id":"mine","Statement":{"Sid":"s"}}"#;
    let url = world.create("q", &[("Policy", policy)]).unwrap();
    let add = AddPermission {
        queue_url: url.clone(),
        label: "l".to_owned(),
        accounts: vec!["111111111111".to_owned()],
        actions: vec!["*".to_owned()],
    };
    world.model.add_permission(&mut world.call, &add).unwrap();
    let policy = world.get(&url, "Policy");
    let policy: serde_json::Value = serde_json::from_str(&policy).unwrap();
    assert_eq!(
        (&policy["Version"], &policy["Id"]),
        (&"2012-10-17".into(), &"mine".into())
    );
    assert_eq!(policy["Statement"][0]["Sid"], "s");
    assert_eq!(policy["Statement"][1]["Sid"], "l");
}
