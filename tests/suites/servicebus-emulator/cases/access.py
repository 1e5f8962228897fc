"""Who is let in, and what is refused for other reasons."""

from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential
from azure.servicebus import ServiceBusMessage
from azure.servicebus.exceptions import (
    MessagingEntityDisabledError,
    MessagingEntityNotFoundError,
    ServiceBusAuthenticationError,
    ServiceBusAuthorizationError,
    ServiceBusServerBusyError,
)
from azure.servicebus.management import EntityStatus
from cases import case
from world import CONNECTION, FIELDS, HOST, KEY, KEY_NAME, PORT, one, raises, token


async def is_let_in(world, client, name):
    sender = await world.sender(name, client=client)
    await sender.send_messages(ServiceBusMessage("it"))
    assert str(await one(await world.receiver(name, client=client))) == "it"


@case("A wrong key is refused")
async def wrong_key_is_refused(world):
    name = await world.queue()
    wrong = CONNECTION.replace(KEY, "wrong")
    client = await world.connect(wrong, retry_total=0)
    await raises(ServiceBusAuthenticationError, world.sender(name, client=client))


@case("A token in a connection string opens what it is for, and nothing else")
async def token_opens_what_it_is_for(world):
    name, other = await world.queue(), await world.queue()
    endpoint = FIELDS["Endpoint"]
    signed = token(f"{endpoint}/{name}", seconds=86_400)
    connection = f"Endpoint={endpoint};SharedAccessSignature={signed};UseDevelopmentEmulator=true"
    client = await world.connect(connection, retry_total=0)
    await is_let_in(world, client, name)
    kinds = (ServiceBusAuthenticationError, ServiceBusAuthorizationError)
    try:
        await world.sender(other, client=client)
    except kinds:
        return
    raise AssertionError("the token opens another queue")


@case("Credentials of a named key and of a signature are taken")
async def credentials_are_taken(world):
    name = await world.queue()
    signed = token(f"sb://{HOST}:{PORT}/", seconds=86_400)
    for credential in AzureNamedKeyCredential(KEY_NAME, KEY), AzureSasCredential(signed):
        client = await world.open(
            world.kind.client(f"{HOST}:{PORT}", credential, use_tls=False)
        )
        await is_let_in(world, client, name)


@case("A queue that is not there is said to be missing")
async def missing_queue_is_said(world):
    client = await world.connect(retry_total=0)
    name = world.name()
    await raises(MessagingEntityNotFoundError, world.sender(name, client=client))
    await raises(MessagingEntityNotFoundError, world.receiver(name, client=client))


@case("A queue that is disabled takes and gives nothing, until it is enabled")
async def disabled_queue_is_closed(world):
    name = await world.queue()
    client = await world.connect(retry_total=0)
    queue = await world.admin.get_queue(name)
    queue.status = EntityStatus.DISABLED
    await world.admin.update_queue(queue)
    await raises(MessagingEntityDisabledError, world.sender(name, client=client))
    await raises(MessagingEntityDisabledError, world.receiver(name, client=client))
    queue.status = EntityStatus.ACTIVE
    await world.admin.update_queue(queue)
    await is_let_in(world, client, name)


@case("A send that is throttled is refused, and tried again where the client may", alone=True)
async def throttled_send_is_tried_again(world):
    name, sender, receiver = await world.links()
    client = await world.connect(retry_total=0)
    once = await world.sender(name, client=client)
    await world.inject("send", "throttle", times=1)
    await raises(ServiceBusServerBusyError, once.send_messages(ServiceBusMessage("a")))
    await world.inject("send", "throttle", times=2)
    await sender.send_messages(ServiceBusMessage("b"))
    assert str(await one(receiver)) == "b"
