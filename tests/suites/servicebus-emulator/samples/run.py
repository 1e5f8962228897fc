"""Runs Microsoft's samples of the Python SDK, of which client.sed changes where a client is built.

They are a part of the SDK's source, which is fetched once, into the Python environment. Prints one
line of JSON for each.
"""

import importlib.metadata
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

HERE = pathlib.Path(__file__).parent
FOLDER = pathlib.Path(os.environ["SERVICEBUS_FOLDER"])
HTTP = os.environ["SERVICEBUS_HTTP"]
CONNECTION = os.environ["SERVICEBUS_CONNECTION_STRING"]
AUTHORITY = os.environ["SERVICEBUS_CA"]
KEY = ";".join(CONNECTION.split(";")[1:3])

# No sample takes half of it.
SAMPLE_SECONDS = 120

# Each with what it must print; each has a second one for asyncio. What shares a group shares
# entities, and runs one after another.
GROUPS = [
    {
        "send_queue": ["Send message is done."],
        "receive_queue": ["Message"],
        "receive_peek": ["Message"],
        "receive_deferred_message_queue": ["Completing deferred msg: Message"],
        "receive_deadlettered_messages": ["receiving deadlettered messages", "Message"],
        "send_and_receive_amqp_annotated_message": ["Message of sequence body received."],
    },
    {
        "send_topic": ["Send message is done."],
        "receive_subscription": ["Message"],
        "topic_subscription_with_rule_operations": ["Messages From Subscription: "],
    },
    {"session_send_receive": ["Session state: b'START'", "ssage", "b'END'"]},
    {
        "schedule_messages_and_cancellation": ["All scheduled messages are cancelled."],
        "schedule_topic_messages_and_cancellation": ["All scheduled messages are cancelled."],
    },
    {
        "mgmt_queue": [" is created.", "Message Count: 0", " is deleted."],
        "mgmt_topic": [" is created.", "SQL Filter Count: 0", " is deleted."],
        "mgmt_subscription": [" is created.", " is deleted."],
        "mgmt_rule": [" is created.", " is deleted."],
    },
]

ENVIRONMENT = {
    **os.environ,
    "PYTHONUNBUFFERED": "1",
    # By these two, programs trust the emulator.
    "REQUESTS_CA_BUNDLE": AUTHORITY,
    "SSL_CERT_FILE": AUTHORITY,
    "SERVICEBUS_CONNECTION_STR": CONNECTION,
    "SERVICEBUS_HTTP_CONNECTION_STR": f"Endpoint={HTTP.replace('https', 'sb')};{KEY}",
    # Read by samples, and not used where a client is built of a connection string.
    "SERVICEBUS_FULLY_QUALIFIED_NAMESPACE": "localhost",
    "SERVICEBUS_QUEUE_NAME": "samples",
    "SERVICEBUS_SESSION_ID": "session",
    "SERVICEBUS_SESSION_QUEUE_NAME": "samples-with-sessions",
    "SERVICEBUS_SUBSCRIPTION_NAME": "all",
    "SERVICEBUS_TOPIC_NAME": "samples-topic",
}


def source():
    """Returns the source of the SDK, after fetching it unless it is there."""
    kept = pathlib.Path(sys.prefix) / "samples"
    name = f"azure_servicebus-{importlib.metadata.version('azure-servicebus')}.tar.gz"
    if not (kept / name).exists():
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        pip += ["--no-input", "--no-deps", "--no-binary", ":all:", "--no-build-isolation"]
        pip += ["--require-hashes", "--requirement", HERE / "requirements.txt", "--dest", kept]
        subprocess.run(pip, check=True, stdout=sys.stderr)
    return kept / name


def change():
    """Returns the folder of the samples as they are run."""
    archive = source()
    # What is in it is what its hash says.
    shutil.unpack_archive(archive, FOLDER)
    folder = FOLDER / archive.name.removesuffix(".tar.gz") / "samples"
    for path in folder.glob("*/*.py"):
        sed = ["sed", "-E", "-f", HERE / "client.sed", path]
        changed = subprocess.run(sed, check=True, capture_output=True).stdout
        path.write_bytes(changed)
    return folder


def run(path, expected):
    """Runs one sample, and says how it ended."""
    start = time.monotonic()
    try:
        ran = subprocess.run(
            [sys.executable, path],
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SAMPLE_SECONDS,
        )
        printed, status = ran.stdout, ran.returncode
    except subprocess.TimeoutExpired as late:
        printed, status = (late.stdout or b"").decode(), "too late"
    missing = [text for text in expected if text not in printed]
    is_right = status == 0 and not missing and "Traceback" not in printed
    if not is_right:
        print(printed, file=sys.stderr)
    is_async = path.stem.endswith("_async")
    finding = {
        "name": f"samples::{path.stem}",
        "ending": "passed" if is_right else "failed",
        "said": "" if is_right else f"it ended with {status}, and did not print {missing}",
        "behaviour": f"Microsoft's sample `{path.stem.removesuffix('_async')}`",
        "client": "azure-servicebus 7.15.0" + (", asyncio" if is_async else ""),
        "took_ms": int(1000 * (time.monotonic() - start)),
    }
    print(json.dumps(finding), flush=True)


def run_group(folder, group):
    for name, expected in group.items():
        run(folder / "sync_samples" / f"{name}.py", expected)
        run(folder / "async_samples" / f"{name}_async.py", expected)


def main():
    folder = change()
    with ThreadPoolExecutor(len(GROUPS)) as groups:
        list(groups.map(lambda group: run_group(folder, group), GROUPS))


main()
