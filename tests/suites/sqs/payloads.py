"""Large bodies in S3: AWS's Extended Client for Python on one side, the adapter on the other.

The Rust side is a program that does one thing at a time: RELAYHOUSE_PROGRAM says where it is.
"""

import json
import os
import subprocess
import time
import uuid

import boto3
import sqs_extended_client  # noqa: F401  It replaces boto3's session when it is imported.

# Every other SDK reads AWS_REGION.
os.environ.setdefault("AWS_DEFAULT_REGION", os.environ["AWS_REGION"])

NAME = f"relayhouse-payloads-{uuid.uuid4()}"
BODY = "ü" * 1_000_000
TENANT = {"tenant": {"DataType": "String", "StringValue": "acme"}}


def rust(verb, queue):
    """Does one thing by the adapter, and returns what it tells."""
    command = [os.environ["RELAYHOUSE_PROGRAM"], verb, queue, NAME]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def objects():
    """Lists the keys in the bucket."""
    page = s3.list_objects_v2(Bucket=NAME)
    return [it["Key"] for it in page.get("Contents", [])]


def send(url, is_old=False):
    """Sends a large body by the Extended Client."""
    sqs.use_legacy_attribute = is_old
    sqs.send_message(QueueUrl=url, MessageBody=BODY, MessageAttributes=dict(TENANT))


def adapter_reads(is_old):
    """Returns a case in which the adapter reads what the Extended Client wrote."""

    def case(queue, url):
        send(url, is_old)
        assert len(objects()) == 1, objects()
        told = rust("receive", queue)
        assert told["body"] == BODY, "the body is another"
        assert told["tenant"] == "acme" and told["size"] is None, told["tenant"]
        assert objects() == [], "the body was not removed with the ack"

    return case


def extended_client_reads(queue, url):
    """The Extended Client reads what the adapter wrote, and removes it with the message."""
    rust("send", queue)
    assert len(objects()) == 1, objects()
    got = sqs.receive_message(
        QueueUrl=url, MessageAttributeNames=["All"], WaitTimeSeconds=10
    )
    message = got["Messages"][0]
    assert message["Body"] == BODY, "the body is another"
    assert message["MessageAttributes"]["tenant"]["StringValue"] == "acme"
    sqs.delete_payload_from_s3 = True
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert objects() == [], objects()


def blobs_are_kept(queue, url):
    """The blob store keeps the rules of its port, and leaves the objects of others."""
    rust("keep", queue)
    assert objects() == ["of somebody else"], objects()
    s3.delete_object(Bucket=NAME, Key="of somebody else")


CASES = [
    ("blobs_are_kept", blobs_are_kept),
    ("adapter_reads_what_the_extended_client_wrote", adapter_reads(False)),
    ("adapter_reads_what_an_older_client_wrote", adapter_reads(True)),
    ("extended_client_reads_what_the_adapter_wrote", extended_client_reads),
]


def play(name, case, queue, url):
    """Plays a case, and prints how it ended."""
    start = time.monotonic()
    ending, said = "passed", ""
    try:
        case(queue, url)
    except Exception as error:
        ending, said = "failed", f"{type(error).__name__}: {error}"
    took = int((time.monotonic() - start) * 1000)
    finding = {"name": f"payloads::{name}", "ending": ending, "said": said, "took_ms": took}
    print(json.dumps(finding), flush=True)


def leave_out(why):
    """Tells that nothing was run."""
    for name, _ in CASES:
        finding = {"name": f"payloads::{name}", "ending": "left_out", "said": why, "took_ms": 0}
        print(json.dumps(finding), flush=True)


if "AWS_ENDPOINT_URL_S3" not in os.environ and "AWS_ENDPOINT_URL_SQS" in os.environ:
    leave_out("nothing says where S3 is: AWS_ENDPOINT_URL_S3")
else:
    s3 = boto3.client("s3")
    sqs = boto3.client("sqs")
    sqs.large_payload_support = NAME
    place = s3.meta.region_name
    options = {"CreateBucketConfiguration": {"LocationConstraint": place}}
    s3.create_bucket(Bucket=NAME, **({} if place == "us-east-1" else options))
    for number, (name, case) in enumerate(CASES):
        queue = f"{NAME}-{number}"
        url = sqs.create_queue(QueueName=queue)["QueueUrl"]
        play(name, case, queue, url)
        sqs.delete_queue(QueueUrl=url)
    for key in objects():
        s3.delete_object(Bucket=NAME, Key=key)
    s3.delete_bucket(Bucket=NAME)
