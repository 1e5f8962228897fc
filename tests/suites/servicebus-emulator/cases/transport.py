"""What a connection runs over, and what happens when it breaks."""

from azure.servicebus import ServiceBusMessage, TransportType
from azure.servicebus._pyamqp import _connection
from azure.servicebus._pyamqp.aio import _connection_async
from azure.servicebus.exceptions import MessageLockLostError, ServiceBusError
from cases import case
from cases.access import is_let_in
from world import AUTHORITY, HOST, KEY, KEY_NAME, PORT, nothing, one

# Without the emulator in the connection string, the SDK wants TLS.
SECURE = f"Endpoint=sb://localhost;SharedAccessKeyName={KEY_NAME};SharedAccessKey={KEY}"
# It takes the port of WebSockets from here, and has that of TLS as a constant.
WEBSOCKETS = {
    "transport_type": TransportType.AmqpOverWebsocket,
    "custom_endpoint_address": f"sb://{HOST}:{PORT}",
}
for module in _connection, _connection_async:
    module.SECURE_PORT = int(PORT)


@case("TLS, with a certificate of an authority that the client trusts")
async def tls_is_trusted(world):
    client = await world.connect(SECURE, connection_verify=AUTHORITY)
    await is_let_in(world, client, await world.queue())


@case("TLS is refused by a client that does not trust the authority")
async def tls_is_not_trusted(world):
    client = await world.connect(SECURE, retry_total=0)
    try:
        await world.sender(await world.queue(), client=client)
    except ServiceBusError as error:
        assert "CERTIFICATE_VERIFY_FAILED" in str(error), error
        return
    raise AssertionError("the client trusts anybody")


@case("AMQP over WebSockets")
async def websockets_carry_amqp(world):
    client = await world.connect(**WEBSOCKETS)
    await is_let_in(world, client, await world.queue())


@case("AMQP over WebSockets with TLS")
async def secure_websockets_carry_amqp(world):
    client = await world.connect(SECURE, connection_verify=AUTHORITY, **WEBSOCKETS)
    await is_let_in(world, client, await world.queue())


@case("A send whose connection or link breaks is made again", alone=True)
async def broken_send_is_made_again(world):
    _, sender, receiver = await world.links()
    for fault in "cut", "detach":
        await world.inject("send", fault, times=1)
        await sender.send_messages(ServiceBusMessage(fault))
        message = await one(receiver)
        assert str(message) == fault
        await receiver.complete_message(message)


@case("A receiver whose connection or link breaks goes on", alone=True)
async def broken_receiver_goes_on(world):
    _, sender, receiver = await world.links()
    for fault in "cut", "detach":
        await nothing(receiver)
        await world.inject("deliver", fault, times=1)
        await sender.send_messages(ServiceBusMessage(fault))
        # The lock of what was on its way is over after a minute.
        await world.advance(61)
        message = await one(receiver)
        assert str(message) == fault
        try:
            await receiver.complete_message(message)
        except MessageLockLostError:
            # It came before the connection broke; it comes again.
            message = await one(receiver)
            assert str(message) == fault
            await receiver.complete_message(message)
