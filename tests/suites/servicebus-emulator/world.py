"""What a case has: an emulator, and the two clients of the official SDK behind one face."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import os
import ssl
import time
import urllib.parse
import urllib.request
from types import SimpleNamespace

from azure.servicebus import ServiceBusClient, ServiceBusReceiver, ServiceBusSender
from azure.servicebus import ServiceBusSession, AutoLockRenewer, aio
from azure.servicebus.aio.management import ServiceBusAdministrationClient as AioAdmin
from azure.servicebus.management import ServiceBusAdministrationClient

CONNECTION = os.environ["SERVICEBUS_CONNECTION_STRING"]
HTTP = os.environ["SERVICEBUS_HTTP"]
AUTHORITY = os.environ["SERVICEBUS_CA"]

# How long a receive waits for what is not to come.
NOTHING_SECONDS = 0.7
# How long it waits for what is to come; nothing takes a tenth of it.
SOMETHING_SECONDS = 15

FIELDS = dict(field.split("=", 1) for field in CONNECTION.rstrip(";").split(";"))
KEY_NAME, KEY = FIELDS["SharedAccessKeyName"], FIELDS["SharedAccessKey"]
HOST, PORT = urllib.parse.urlsplit(FIELDS["Endpoint"]).netloc.rsplit(":", 1)


def token(resource, key=KEY, key_name=KEY_NAME, seconds=3600):
    """Signs a token for a resource."""
    resource = urllib.parse.quote_plus(resource)
    expiry = str(int(time.time()) + seconds)
    digest = hmac.new(key.encode(), f"{resource}\n{expiry}".encode(), hashlib.sha256).digest()
    signature = urllib.parse.quote(base64.b64encode(digest).decode(), safe="")
    return f"SharedAccessSignature sr={resource}&sig={signature}&se={expiry}&skn={key_name}"


# How far the cases have moved the emulator's clock from that of the clients, in seconds.
AHEAD = []


def ahead():
    return sum(AHEAD)


def control(method, path, **body):
    """Asks the emulator itself to let time pass, or to let something go wrong."""
    request = urllib.request.Request(
        f"{HTTP}/$emulator/{path}",
        method=method,
        data=json.dumps(body).encode() if body else None,
        # The emulator's clock is ahead by what the cases have moved it.
        headers={"authorization": token(HTTP, seconds=86_400)},
    )
    trust = ssl.create_default_context(cafile=AUTHORITY)
    urllib.request.urlopen(request, context=trust).close()


class Threaded:
    """A client that blocks, whose calls are awaited as those of the other one."""

    def __init__(self, inner):
        self.inner = inner

    def __getattr__(self, name):
        value = getattr(self.inner, name)
        if not callable(value):
            return threaded(value)

        async def call(*args, **kwargs):
            return threaded(await asyncio.to_thread(value, *args, **kwargs))

        return call

    async def __aenter__(self):
        await asyncio.to_thread(self.inner.__enter__)
        return self

    async def __aexit__(self, *failure):
        await asyncio.to_thread(self.inner.__exit__, *failure)


def threaded(value):
    blocks = (ServiceBusClient, ServiceBusReceiver, ServiceBusSender, ServiceBusSession)
    return Threaded(value) if isinstance(value, blocks) else value


def identity(value):
    return value


SYNC = SimpleNamespace(
    title="azure-servicebus 7.15.0",
    name="sync",
    face=Threaded,
    client=ServiceBusClient,
    admin=ServiceBusAdministrationClient,
    renewer=AutoLockRenewer,
)
ASYNC = SimpleNamespace(
    title="azure-servicebus 7.15.0, asyncio",
    name="asyncio",
    face=identity,
    client=aio.ServiceBusClient,
    admin=AioAdmin,
    renewer=aio.AutoLockRenewer,
)
KINDS = SYNC, ASYNC


class World:
    """One case with one of the clients; all that it opens is closed with it."""

    def __init__(self, kind, case):
        self.kind = kind
        self.case = case.replace("_", "-")
        self.made = 0
        self.stack = contextlib.AsyncExitStack()

    async def __aenter__(self):
        self.admin = await self.manage()
        self.client = await self.connect()
        return self

    async def __aexit__(self, *failure):
        await asyncio.to_thread(control, "DELETE", "faults")
        return await self.stack.__aexit__(*failure)

    def name(self):
        """Returns a name that nobody else has."""
        self.made += 1
        return f"{self.case}-{self.kind.name}-{self.made}"

    async def manage(self, connection=None, **options):
        endpoint = f"Endpoint={HTTP.replace('https', 'sb')};"
        connection = connection or f"{endpoint}SharedAccessKeyName={KEY_NAME};SharedAccessKey={KEY}"
        options = {"connection_verify": AUTHORITY, **options}
        return await self.open(self.kind.admin.from_connection_string(connection, **options))

    async def connect(self, connection=CONNECTION, **options):
        options = {"retry_backoff_factor": 0.05, **options}
        return await self.open(self.kind.client.from_connection_string(connection, **options))

    async def open(self, inner):
        return await self.stack.enter_async_context(self.kind.face(inner))

    async def link(self, method, *args, client=None, **kwargs):
        """Opens a sender or a receiver of a client."""
        client = client or self.client
        inner = client.inner if isinstance(client, Threaded) else client
        return await self.open(getattr(inner, method)(*args, **kwargs))

    async def sender(self, name, **kwargs):
        return await self.link("get_queue_sender", name, **kwargs)

    async def receiver(self, name, **kwargs):
        return await self.link("get_queue_receiver", name, **kwargs)

    async def queue(self, **settings):
        name = self.name()
        await self.admin.create_queue(name, **settings)
        return name

    async def links(self, **settings):
        """Makes a queue, and links to and from it."""
        name = await self.queue(**settings)
        return name, await self.sender(name), await self.receiver(name)

    async def listed(self, client, method, *args, **kwargs):
        """Returns all that a method lists page by page."""
        inner = client.inner if isinstance(client, Threaded) else client
        pages = getattr(inner, method)(*args, **kwargs)
        if self.kind is SYNC:
            return await asyncio.to_thread(list, pages)
        return [item async for item in pages]

    async def each(self, receiver):
        """Returns what a loop over a receiver gets."""
        if self.kind is SYNC:
            return await asyncio.to_thread(list, receiver.inner)
        return [message async for message in receiver]

    async def advance(self, seconds):
        """Moves the emulator's clock alone: the client goes on to believe in its own."""
        AHEAD.append(seconds)
        await asyncio.to_thread(control, "POST", "clock", advance=f"PT{seconds}S")

    async def inject(self, operation, fault, **more):
        await asyncio.to_thread(
            control, "POST", "faults", operation=operation, fault=fault, **more
        )


async def receive(receiver, count=1):
    """Receives so many messages."""
    received = []
    deadline = time.monotonic() + SOMETHING_SECONDS
    while len(received) < count:
        assert time.monotonic() < deadline, f"{len(received)} of {count} messages came"
        missing = count - len(received)
        received += await receiver.receive_messages(missing, max_wait_time=SOMETHING_SECONDS)
    return received


async def one(receiver):
    (message,) = await receive(receiver)
    return message


async def nothing(receiver):
    """Asserts that there is nothing to receive."""
    received = await receiver.receive_messages(10, max_wait_time=NOTHING_SECONDS)
    assert received == [], received


def texts(messages):
    return [str(message) for message in messages]


async def raises(kind, awaitable):
    """Asserts that something is refused in this way, and returns the refusal."""
    try:
        done = await awaitable
    except kind as error:
        assert type(error) is kind, repr(error)
        return error
    raise AssertionError(f"{kind.__name__} was expected, and it was done: {done!r}")
