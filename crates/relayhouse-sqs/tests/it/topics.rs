//! Topics: found, published to, and subscribed.

use relayhouse_core::{
    Entity, Error, ErrorKind, Message, Outcome, Result, Sending, Source,
    port::{Provider, QueueConfig, ReceiverOptions},
};
use relayhouse_sqs::{Format, Sqs, SqsBuilder};
use serde_json::json;

use crate::{
    canned::{Answer, Canned, attributes, take_all},
    canned_sns::{CannedSns, Params, SnsAnswer, TOPIC, ids, of_entry, publish_all, taken},
    nowhere::SECRETS,
};

const QUEUE: &str = "arn:aws:sqs:eu-west-1:123456789012:events-audit";

fn builder(canned: &Canned, sns: &CannedSns) -> SqsBuilder {
    canned.builder().sns_client(sns.client()).topics(true)
}

fn build(canned: &Canned, sns: &CannedSns) -> Sqs {
    builder(canned, sns).build().unwrap()
}

/// Opens the topic with `sns` in the place of SNS, and sends `messages` to it.
async fn publish(sns: &CannedSns, topic: &str, messages: Vec<Message>) -> Vec<Sending> {
    let canned = Canned::new(|_, _| Answer::Broken);
    let sqs = build(&canned, sns);
    let sender = sqs.sender(&topic.parse().unwrap()).await.unwrap();
    let mut batch: Vec<Sending> = messages.into_iter().map(Sending::new).collect();
    sender.send(&mut batch).await.unwrap();
    batch
}

fn kinds(batch: &[Sending]) -> Vec<Option<ErrorKind>> {
    let kind = |item: &Sending| item.outcome.error().map(Error::kind);
    batch.iter().map(kind).collect()
}

fn audit() -> Entity {
    let source: Source = "events/subscriptions/audit".parse().unwrap();
    source.entity
}

#[tokio::test]
async fn each_message_of_a_batch_has_its_own_answer() {
    let sns = CannedSns::new(|_, params| {
        assert_eq!(ids(params), ["0", "1", "2"]);
        let failed = "<member><Id>1</Id><Code>InternalError</Code>\
                      <SenderFault>false</SenderFault></member>";
        let taken = taken("0");
        SnsAnswer::Result(format!(
            "<Successful>{taken}</Successful><Failed>{failed}</Failed>"
        ))
    });
    let messages = vec![Message::new("a"), Message::new("b"), Message::new("c")];
    let batch = publish(&sns, TOPIC, messages).await;
    let unknown = Some(ErrorKind::OutcomeUnknown);
    assert_eq!(kinds(&batch), [None, Some(ErrorKind::Unexpected), unknown]);
    let Outcome::Done(sent) = &batch[0].outcome else {
        panic!("{:?}", batch[0].outcome);
    };
    assert_eq!(sent.id.as_ref().unwrap().to_string(), "sns-0");
    let shown = batch[1].outcome.error().unwrap().to_string();
    assert!(shown.contains("SNS"), "{shown}");
}

#[tokio::test]
async fn calls_are_filled_with_ten_messages_or_256_kib() {
    let sns = CannedSns::new(|_, params| publish_all(params));
    let messages = (0..11).map(|_| Message::new("x")).collect();
    publish(&sns, TOPIC, messages).await;
    let large = || Message::new("x".repeat(100 * 1024));
    publish(&sns, TOPIC, vec![large(), large(), large()]).await;
    let calls = sns.requests("PublishBatch");
    let counts: Vec<_> = calls.iter().map(|it| ids(it).len()).collect();
    assert_eq!(counts, [10, 1, 2, 1]);
    let batch = publish(&sns, TOPIC, vec![Message::new("x".repeat(256 * 1024))]).await;
    assert_eq!(kinds(&batch), [Some(ErrorKind::MessageTooLarge)]);
}

#[tokio::test]
async fn details_travel_as_they_do_to_a_queue() {
    let sns = CannedSns::new(|_, params| publish_all(params));
    let message = Message::new("x")
        .id("seven")
        .header("tenant", "acme")
        .header("X-Amzn-Trace-Id", "Root=1");
    publish(&sns, TOPIC, vec![message]).await;
    let calls = sns.requests("PublishBatch");
    let call = &calls[0];
    assert_eq!(call["TopicArn"], TOPIC);
    assert_eq!(of_entry(call, 0, "Message"), Some("x"));
    let attribute = |place: usize, key: &str| {
        let key = format!("MessageAttributes.entry.{place}.{key}");
        of_entry(call, 0, &key).map(str::to_owned)
    };
    let names = (1..).map_while(|place| attribute(place, "Name"));
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    assert_eq!(names, ["X-Amzn-Trace-Id", "relayhouse", "tenant"]);
}

#[tokio::test]
async fn fifo_topic_keeps_group_and_dedup_id() {
    let sns = CannedSns::new(|_, params| publish_all(params));
    let topic = format!("{TOPIC}.fifo");
    let message = || Message::new("x").ordering_key("customer-7");
    let messages = vec![message().dedup_id("order-17"), Message::new("y")];
    let batch = publish(&sns, &topic, messages).await;
    assert_eq!(kinds(&batch), [None, Some(ErrorKind::MessageInvalid)]);
    let calls = sns.requests("PublishBatch");
    assert_eq!(of_entry(&calls[0], 0, "MessageGroupId"), Some("customer-7"));
    let dedup = of_entry(&calls[0], 0, "MessageDeduplicationId");
    assert_eq!(dedup, Some("order-17"));
}

#[tokio::test]
async fn what_comes_behind_a_failed_call_is_not_published() {
    let sns = CannedSns::new(|_, _| SnsAnswer::Broken);
    let messages = (0..11).map(|_| Message::new("x")).collect();
    let batch = publish(&sns, TOPIC, messages).await;
    let mut expected = vec![Some(ErrorKind::OutcomeUnknown); 10];
    expected.push(Some(ErrorKind::ConnectionFailed));
    assert_eq!(kinds(&batch), expected);
    assert_eq!(sns.requests("PublishBatch").len(), 1);
}

#[tokio::test]
async fn topic_that_is_gone_and_a_delay_are_refused() {
    let sns = CannedSns::new(|_, _| SnsAnswer::Refused {
        status: 404,
        code: "NotFound",
    });
    let delayed = Message::new("x").delay(std::time::Duration::from_secs(1));
    let batch = publish(&sns, TOPIC, vec![Message::new("x"), delayed]).await;
    let gone = Some(ErrorKind::QueueNotFound);
    assert_eq!(kinds(&batch), [gone, Some(ErrorKind::Unsupported)]);
}

/// Answers with the topics of an account on two pages, the second of which has ours.
fn listed(params: &Params) -> SnsAnswer {
    let other = TOPIC.replace("events", "other");
    let topic = |arn: &str| format!("<Topics><member><TopicArn>{arn}</TopicArn></member></Topics>");
    SnsAnswer::Result(match params.contains_key("NextToken") {
        false => format!("{}<NextToken>2</NextToken>", topic(&other)),
        true => topic(TOPIC),
    })
}

#[tokio::test]
async fn name_that_no_queue_has_is_that_of_a_topic() {
    let canned = Canned::new(|_, _| Answer::Broken).without_queues();
    let sns = CannedSns::new(|action, params| match action {
        "ListTopics" => listed(params),
        _ => publish_all(params),
    });
    let sqs = build(&canned, &sns);
    let sender = sqs.sender(&"events".parse().unwrap()).await.unwrap();
    let mut batch = [Sending::new(Message::new("x"))];
    sender.send(&mut batch).await.unwrap();
    assert!(batch[0].outcome.is_done());
    let error = sqs.sender(&"missing".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QueueNotFound);
    let sender_of_queues = canned.builder().build().unwrap();
    let asked = sns.requests("ListTopics").len();
    let error = sender_of_queues.sender(&"events".parse().unwrap()).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::QueueNotFound);
    assert_eq!(sns.requests("ListTopics").len(), asked);
}

#[tokio::test]
async fn topic_has_no_messages_of_its_own_and_another_region_is_refused() {
    let canned = Canned::new(|_, _| attributes());
    let sns = CannedSns::new(|_, _| SnsAnswer::Broken);
    let sqs = build(&canned, &sns);
    let receive = async |text: &str| -> Result<()> {
        let source = text.parse()?;
        sqs.receiver(&source, ReceiverOptions::default()).await?;
        Ok(())
    };
    receive("events/subscriptions/audit").await.unwrap();
    let asked = canned.requests("GetQueueUrl");
    assert_eq!(asked[0]["QueueName"], "events-audit");
    assert_eq!(
        receive(TOPIC).await.unwrap_err().kind(),
        ErrorKind::Unsupported
    );
    let elsewhere = TOPIC.replace("eu-west-1", "us-east-1");
    let error = sqs.sender(&elsewhere.parse().unwrap()).await.unwrap_err();
    assert!(error.to_string().contains("us-east-1"), "{error}");
}

/// Answers as SQS does of the queue of a subscription with `policy`.
fn queue_with(policy: Option<String>) -> Canned {
    Canned::new(move |operation, body| match operation {
        "GetQueueAttributes" => Answer::Json(json!({ "Attributes": {
            "QueueArn": QUEUE,
            "Policy": policy.clone().unwrap_or_default(),
        }})),
        "CreateQueue" => Answer::Json(json!({ "QueueUrl": crate::canned::URL })),
        "SetQueueAttributes" => Answer::Json(json!({})),
        _ => take_all(body),
    })
}

#[tokio::test]
async fn subscription_is_a_queue_that_its_topic_may_send_to() {
    let sns = CannedSns::new(|action, _| match action {
        "CreateTopic" => SnsAnswer::Result(format!("<TopicArn>{TOPIC}</TopicArn>")),
        "Subscribe" => SnsAnswer::Result(format!("<SubscriptionArn>{TOPIC}:1</SubscriptionArn>")),
        _ => SnsAnswer::Result(String::new()),
    });
    for (format, is_raw) in [(Format::Raw, "true"), (Format::SnsEnvelope, "false")] {
        let canned = queue_with(None);
        let sqs = builder(&canned, &sns).format(format).build().unwrap();
        let admin = sqs.admin().unwrap();
        admin
            .create(&audit(), &QueueConfig::default())
            .await
            .unwrap();
        let subscribed = sns.requests("Subscribe").pop().unwrap();
        assert_eq!(subscribed["TopicArn"], TOPIC);
        assert_eq!(subscribed["Endpoint"], QUEUE);
        assert_eq!(subscribed["Attributes.entry.1.key"], "RawMessageDelivery");
        assert_eq!(subscribed["Attributes.entry.1.value"], is_raw);
        let set = canned.requests("SetQueueAttributes");
        let policy = set[0]["Attributes"]["Policy"].as_str().unwrap();
        assert!(policy.contains(TOPIC) && policy.contains(QUEUE), "{policy}");
    }
}

#[tokio::test]
async fn policy_and_subscription_of_somebody_else_stay() {
    let known = format!(
        "<Subscriptions><member><Protocol>sqs</Protocol><Endpoint>{QUEUE}</Endpoint>\
         <SubscriptionArn>{TOPIC}:1</SubscriptionArn></member></Subscriptions>"
    );
    let enveloped = "<Attributes><entry><key>RawMessageDelivery</key><value>false</value></entry>\
                     </Attributes>";
    let sns = CannedSns::new(move |action, _| match action {
        "ListTopics" => listed(&Params::from([("NextToken".into(), String::new())])),
        "ListSubscriptionsByTopic" => SnsAnswer::Result(known.clone()),
        "GetSubscriptionAttributes" => SnsAnswer::Result(enveloped.to_owned()),
        _ => SnsAnswer::Broken,
    });
    let create = async |policy: &str| {
        let canned = queue_with(Some(policy.to_owned()));
        let admin = build(&canned, &sns).admin().unwrap();
        let created = admin.create(&audit(), &QueueConfig::default()).await;
        assert!(canned.requests("SetQueueAttributes").is_empty());
        created.unwrap_err()
    };
    let error = create("{}").await;
    assert_eq!(error.kind(), ErrorKind::QueueConflict);
    assert!(error.to_string().contains("policy"), "{error}");
    let ours = json!({ "Statement": [{
        "Effect": "Allow",
        "Condition": { "ArnEquals": { "aws:SourceArn": TOPIC } },
    }]});
    let error = create(&ours.to_string()).await;
    assert_eq!(error.kind(), ErrorKind::QueueConflict);
    assert!(error.to_string().contains("sns_envelope"), "{error}");
}

#[tokio::test]
async fn topics_take_both_clients_and_show_no_credentials() {
    let canned = Canned::new(|_, _| Answer::Broken);
    let sns = CannedSns::new(|_, params| publish_all(params));
    let error = canned.builder().topics(true).build().unwrap_err();
    assert!(error.to_string().contains("SNS"), "{error}");
    let address = format!("sqs:{TOPIC}").parse().unwrap();
    let opened = Sqs::open_with(&address, canned.context(), canned.client());
    assert_eq!(opened.unwrap_err().kind(), ErrorKind::ConfigInvalid);
    let builder = builder(&canned, &sns);
    let sqs = builder.clone().build().unwrap();
    let sender = sqs.sender(&TOPIC.parse().unwrap()).await.unwrap();
    let shown = format!("{builder:?} {sqs:?} {sender:?}");
    for secret in SECRETS {
        assert!(!shown.contains(secret), "{shown}");
    }
}
