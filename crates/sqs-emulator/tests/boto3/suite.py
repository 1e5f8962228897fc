"""Every operation of the emulator, driven by boto3.

Run by main.rs, which moves the emulator's clock when a line on standard output asks for it.
"""

import json
import sys
import threading

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT = sys.argv[1]
ACCOUNT = "000000000000"


def client():
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30)
    return boto3.client("sqs", endpoint_url=ENDPOINT, config=config)


SQS = client()


def advance(seconds):
    """Moves the emulator's clock."""
    print(f"advance {seconds}", flush=True)
    assert input() == "advanced"


def arn(name):
    return f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"


def create(name, **attributes):
    if name.endswith(".fifo"):
        attributes["FifoQueue"] = "true"
    return SQS.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]


def receive(url, **more):
    more.setdefault("MaxNumberOfMessages", 10)
    answer = SQS.receive_message(
        QueueUrl=url,
        MessageSystemAttributeNames=["All"],
        MessageAttributeNames=["All"],
        **more,
    )
    return answer.get("Messages", [])


def bodies(messages):
    return [message["Body"] for message in messages]


def refused(code, operation, **parameters):
    """Checks that a call is refused, with one error; a typed one where SQS has a type for it."""
    try:
        operation(**parameters)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error.response
        return error
    raise AssertionError(f"{code} was expected")


def counts(url):
    names = [
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
    ]
    attributes = SQS.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return [int(attributes[name]) for name in names]


def test_life_of_a_queue():
    url = SQS.create_queue(QueueName="life", tags={"team": "pay"})["QueueUrl"]
    assert SQS.get_queue_url(QueueName="life")["QueueUrl"] == url
    SQS.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "7"})
    attributes = SQS.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["VisibilityTimeout"] == "7"
    assert attributes["QueueArn"] == arn("life")
    error = refused("QueueAlreadyExists", SQS.create_queue, QueueName="life",
                    Attributes={"VisibilityTimeout": "8"})
    assert isinstance(error, SQS.exceptions.QueueNameExists)
    SQS.tag_queue(QueueUrl=url, Tags={"stage": "test"})
    SQS.untag_queue(QueueUrl=url, TagKeys=["team"])
    assert SQS.list_queue_tags(QueueUrl=url)["Tags"] == {"stage": "test"}
    SQS.add_permission(QueueUrl=url, Label="l", AWSAccountIds=["111111111111"],
                       Actions=["SendMessage"])
    attributes = SQS.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]
    assert json.loads(attributes["Policy"])["Statement"][0]["Sid"] == "l"
    SQS.remove_permission(QueueUrl=url, Label="l")
    SQS.send_message(QueueUrl=url, MessageBody="a")
    SQS.purge_queue(QueueUrl=url)
    assert counts(url) == [0, 0, 0]
    code = "AWS.SimpleQueueService.PurgeQueueInProgress"
    error = refused(code, SQS.purge_queue, QueueUrl=url)
    assert isinstance(error, SQS.exceptions.PurgeQueueInProgress)
    SQS.delete_queue(QueueUrl=url)
    code = "AWS.SimpleQueueService.QueueDeletedRecently"
    error = refused(code, SQS.create_queue, QueueName="life")
    assert isinstance(error, SQS.exceptions.QueueDeletedRecently)
    code = "AWS.SimpleQueueService.NonExistentQueue"
    error = refused(code, SQS.send_message, QueueUrl=url, MessageBody="a")
    assert isinstance(error, SQS.exceptions.QueueDoesNotExist)
    advance(60)
    assert create("life") == url


def test_list_pages():
    urls = [create(f"page-{index}") for index in range(5)]
    pages = SQS.get_paginator("list_queues").paginate(
        QueueNamePrefix="page-", PaginationConfig={"PageSize": 2})
    assert [page["QueueUrls"] for page in pages] == [urls[:2], urls[2:4], urls[4:]]


def test_message_comes_as_it_was_sent():
    # boto3 checks the digest of each body that it receives by itself.
    url = create("content")
    attributes = {
        "kind": {"DataType": "String", "StringValue": "order"},
        "count": {"DataType": "Number", "StringValue": "42"},
        "blob": {"DataType": "Binary.png", "BinaryValue": b"\0\xff"},
    }
    trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-2-3"}}
    sent = SQS.send_message(QueueUrl=url, MessageBody="gr\u00fc\u00df \u20ac \U0001f600",
                            MessageAttributes=attributes, MessageSystemAttributes=trace)
    [message] = receive(url)
    assert message["MessageId"] == sent["MessageId"]
    assert message["Body"] == "gr\u00fc\u00df \u20ac \U0001f600"
    assert message["MessageAttributes"] == attributes
    assert message["Attributes"]["AWSTraceHeader"] == "Root=1-2-3"
    assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    SQS.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"],
                                  VisibilityTimeout=0)
    [again] = receive(url)
    assert again["Attributes"]["ApproximateReceiveCount"] == "2"
    code = "AWS.SimpleQueueService.MessageNotInflight"
    error = refused(code, SQS.change_message_visibility, QueueUrl=url,
                    ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=1)
    assert isinstance(error, SQS.exceptions.MessageNotInflight)
    SQS.delete_message(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"])
    assert counts(url) == [0, 0, 0]
    error = refused("ReceiptHandleIsInvalid", SQS.delete_message, QueueUrl=url,
                    ReceiptHandle="garbage")
    assert isinstance(error, SQS.exceptions.ReceiptHandleIsInvalid)
    error = refused("InvalidMessageContents", SQS.send_message, QueueUrl=url, MessageBody="\1")
    assert isinstance(error, SQS.exceptions.InvalidMessageContents)
    refused("InvalidParameterValue", SQS.send_message, QueueUrl=url,
            MessageBody="a" * (1024 * 1024 + 1))
    refused("InvalidParameterValue", SQS.receive_message, QueueUrl=url, MaxNumberOfMessages=11)


def test_batches_answer_by_entry():
    url = create("batches")
    entries = [{"Id": str(index), "MessageBody": str(index)} for index in range(10)]
    entries[3]["MessageBody"] = "\1"
    answer = SQS.send_message_batch(QueueUrl=url, Entries=entries)
    assert len(answer["Successful"]) == 9
    [failed] = answer["Failed"]
    assert (failed["Id"], failed["SenderFault"]) == ("3", True)
    messages = receive(url)
    assert len(messages) == 9
    entries = [{"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]}
               for index, message in enumerate(messages)]
    entries.append({"Id": "bad", "ReceiptHandle": "garbage"})
    changes = [dict(entry, VisibilityTimeout=60) for entry in entries]
    answer = SQS.change_message_visibility_batch(QueueUrl=url, Entries=changes)
    assert (len(answer["Successful"]), answer["Failed"][0]["Id"]) == (9, "bad")
    advance(59)
    assert receive(url) == []
    answer = SQS.delete_message_batch(QueueUrl=url, Entries=entries)
    assert (len(answer["Successful"]), answer["Failed"][0]["Code"]) == (
        9, "ReceiptHandleIsInvalid")
    for code, entries in [
        ("EmptyBatchRequest", []),
        ("TooManyEntriesInBatchRequest",
         [{"Id": str(index), "MessageBody": "a"} for index in range(11)]),
        ("BatchEntryIdsNotDistinct", [{"Id": "a", "MessageBody": "a"}] * 2),
        ("InvalidBatchEntryId", [{"Id": "a b", "MessageBody": "a"}]),
        ("BatchRequestTooLong",
         [{"Id": str(index), "MessageBody": "a" * (512 * 1024 + 1)} for index in range(2)]),
    ]:
        error = refused(f"AWS.SimpleQueueService.{code}", SQS.send_message_batch, QueueUrl=url,
                        Entries=entries)
        assert isinstance(error, getattr(SQS.exceptions, code))


def test_order_dedup_and_attempts_of_a_fifo_queue():
    url = create("order.fifo", ContentBasedDeduplication="true")
    for body in ["0", "1", "1", "2"]:
        sent = SQS.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="g")
        assert len(sent["SequenceNumber"]) == 20
    first = receive(url, MaxNumberOfMessages=2, ReceiveRequestAttemptId="x")
    assert bodies(first) == ["0", "1"]
    again = receive(url, MaxNumberOfMessages=2, ReceiveRequestAttemptId="x")
    assert first == again
    assert receive(url) == []
    for message in first:
        SQS.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert bodies(receive(url)) == ["2"]
    error = refused("MissingParameter", SQS.send_message, QueueUrl=url, MessageBody="a")
    assert "MessageGroupId" in str(error)


def test_delay_and_expiry():
    url = create("time")
    SQS.send_message(QueueUrl=url, MessageBody="late", DelaySeconds=5)
    assert (receive(url), counts(url)) == ([], [0, 0, 1])
    advance(5)
    assert bodies(receive(url, VisibilityTimeout=3)) == ["late"]
    assert receive(url) == []
    advance(3)
    assert bodies(receive(url)) == ["late"]


def test_long_poll_is_woken():
    url = create("poll")
    answers = []
    poll = threading.Thread(target=lambda: answers.append(
        client().receive_message(QueueUrl=url, WaitTimeSeconds=20)))
    poll.start()
    SQS.send_message(QueueUrl=url, MessageBody="a")
    poll.join(10)
    assert bodies(answers[0]["Messages"]) == ["a"]


def test_dead_letters_and_back():
    dead = create("dead")
    policy = {"deadLetterTargetArn": arn("dead"), "maxReceiveCount": 1}
    url = create("source", RedrivePolicy=json.dumps(policy), VisibilityTimeout="5")
    for body in ["a", "b", "c"]:
        SQS.send_message(QueueUrl=url, MessageBody=body)
    assert len(receive(url)) == 3
    advance(5)
    assert receive(url) == []
    [message, *_] = receive(dead, VisibilityTimeout=0)
    assert message["Attributes"]["DeadLetterQueueSourceArn"] == arn("source")
    sources = SQS.list_dead_letter_source_queues(QueueUrl=dead)
    assert sources["queueUrls"] == [url]
    task = SQS.start_message_move_task(SourceArn=arn("dead"), MaxNumberOfMessagesPerSecond=1)
    [view] = SQS.list_message_move_tasks(SourceArn=arn("dead"))["Results"]
    assert (view["Status"], view["TaskHandle"]) == ("RUNNING", task["TaskHandle"])
    cancelled = SQS.cancel_message_move_task(TaskHandle=task["TaskHandle"])
    assert cancelled["ApproximateNumberOfMessagesMoved"] == 1
    SQS.start_message_move_task(SourceArn=arn("dead"))
    views = SQS.list_message_move_tasks(SourceArn=arn("dead"), MaxResults=10)["Results"]
    assert [view["Status"] for view in views] == ["COMPLETED", "CANCELLED"]
    assert (counts(dead), counts(url)) == ([0, 0, 0], [3, 0, 0])


def main():
    tests = [value for name, value in globals().items() if name.startswith("test_")]
    for test in tests:
        print(f"running {test.__name__}", flush=True)
        test()
    print(f"passed {len(tests)}", flush=True)


main()
