//! The shape of requests and answers.

use serde_json::json;
use sqs_emulator::SqsEmulator;

use crate::client::{Fixture, exchange, request};

#[tokio::test]
async fn answer_is_json_with_a_request_id() {
    let fixture = Fixture::new().await;
    let answer = fixture.try_call("SendMessage", json!({"MessageBody": "hello"}));
    let answer = answer.await.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("content-type"),
        Some("application/x-amz-json-1.0")
    );
    assert_eq!(answer.header("x-amzn-requestid").map(str::len), Some(36));
    let sent = answer.json();
    assert_eq!(sent["MD5OfMessageBody"], "5d41402abc4b2a76b9719d911017c592");
    let names = sent.as_object().unwrap().keys().collect::<Vec<_>>();
    assert_eq!(names, ["MD5OfMessageBody", "MessageId"]);
}

#[tokio::test]
async fn error_has_a_type_and_its_older_name() {
    let fixture = Fixture::new().await;
    let missing = json!({"QueueUrl": fixture.emulator.queue_url("missing")});
    let answer = request(fixture.address(), "PurgeQueue", &missing.to_string()).await;
    let answer = answer.unwrap();
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.json()["__type"],
        "com.amazonaws.sqs#QueueDoesNotExist"
    );
    assert_eq!(
        answer.json()["message"],
        "The specified queue does not exist."
    );
    assert_eq!(
        answer.header("x-amzn-query-error"),
        Some("AWS.SimpleQueueService.NonExistentQueue;Sender")
    );
}

#[tokio::test]
async fn empty_receive_has_no_messages_field() {
    let fixture = Fixture::new().await;
    let answer = fixture.try_call("ReceiveMessage", json!({})).await.unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, "{}"));
}

#[tokio::test]
async fn batch_answers_by_entry() {
    let fixture = Fixture::new().await;
    let entries = json!([
        {"Id": "a", "MessageBody": "a"},
        {"Id": "b", "MessageBody": "b", "DelaySeconds": 901},
    ]);
    let answer = fixture
        .call("SendMessageBatch", json!({"Entries": entries}))
        .await;
    assert_eq!(answer["Successful"][0]["Id"], "a");
    assert_eq!(answer["Failed"][0]["Id"], "b");
    assert_eq!(answer["Failed"][0]["SenderFault"], true);
    assert_eq!(answer["Failed"][0]["Code"], "InvalidParameterValue");
    let answer = fixture
        .call("SendMessageBatch", json!({"Entries": [entries[0]]}))
        .await;
    assert_eq!(answer["Failed"], json!([]));
}

#[tokio::test]
async fn binary_attributes_travel_as_base64() {
    let fixture = Fixture::new().await;
    let attribute = json!({"DataType": "Binary", "BinaryValue": "AP8="});
    let send = json!({"MessageBody": "a", "MessageAttributes": {"blob": attribute}});
    fixture.call("SendMessage", send).await;
    let receive = json!({"MessageAttributeNames": ["All"]});
    let answer = fixture.call("ReceiveMessage", receive).await;
    assert_eq!(
        answer["Messages"][0]["MessageAttributes"]["blob"],
        attribute
    );
}

#[tokio::test]
async fn what_is_no_call_is_refused() {
    let fixture = Fixture::new().await;
    let answer = fixture.try_call("Dance", json!({})).await.unwrap();
    assert_eq!(answer.status, 400);
    let shape = "com.amazon.coral.service#UnknownOperationException";
    assert_eq!(answer.json()["__type"], shape);
    for body in ["", "7", "{\"QueueUrl\": 7}", "{\"QueueUrl\""] {
        let answer = request(fixture.address(), "PurgeQueue", body)
            .await
            .unwrap();
        let shape = "com.amazon.coral.service#SerializationException";
        assert_eq!(answer.json()["__type"], shape, "{body}");
    }
    let query = "POST / HTTP/1.1\r\nhost: sqs\r\nconnection: close\r\ncontent-length: 17\r\n\r\n\
                 Action=ListQueues";
    let answer = exchange(fixture.address(), query).await.unwrap();
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn account_is_that_of_the_access_key() {
    let builder = SqsEmulator::builder().account("111111111111");
    let emulator = builder
        .access_key("AKIA2", "222222222222")
        .start()
        .await
        .unwrap();
    for (key, account) in [("AKIA1", "111111111111"), ("AKIA2", "222222222222")] {
        let body = r#"{"QueueName":"q"}"#;
        let request = format!(
            "POST / HTTP/1.1\r\nhost: sqs\r\nconnection: close\r\n\
             x-amz-target: AmazonSQS.CreateQueue\r\nauthorization: AWS4-HMAC-SHA256 \
             Credential={key}/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, \
             Signature=any\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = exchange(emulator.address(), &request).await.unwrap();
        let url = format!("{}/{account}/q", emulator.endpoint());
        assert_eq!(answer.json()["QueueUrl"], url);
    }
    emulator.close().await;
}

#[tokio::test]
async fn region_and_host_show_in_arns_and_urls() {
    let builder = SqsEmulator::builder().region("eu-west-1").host("sqs.local");
    let emulator = builder.start().await.unwrap();
    let port = emulator.address().port();
    assert_eq!(emulator.endpoint(), format!("http://sqs.local:{port}"));
    let create = r#"{"QueueName":"q"}"#;
    let answer = request(emulator.address(), "CreateQueue", create)
        .await
        .unwrap();
    let url = &answer.json()["QueueUrl"];
    let get = json!({"QueueUrl": url, "AttributeNames": ["QueueArn"]}).to_string();
    let answer = request(emulator.address(), "GetQueueAttributes", &get)
        .await
        .unwrap();
    let arn = &answer.json()["Attributes"]["QueueArn"];
    assert_eq!(arn, "arn:aws:sqs:eu-west-1:000000000000:q");
}
