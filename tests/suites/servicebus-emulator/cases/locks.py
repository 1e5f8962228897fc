"""Locks of messages: the emulator's clock decides when they end, and is ahead of the client's."""

import datetime

from azure.servicebus import ServiceBusMessage
from azure.servicebus.exceptions import MessageLockLostError
from cases import case
from world import one, raises

LOCK = datetime.timedelta(seconds=30)


@case("A lock that the broker has ended settles nothing, though the client believes in it", alone=True)
async def lost_lock_settles_nothing(world):
    _, sender, receiver = await world.links(lock_duration=LOCK)
    await sender.send_messages(ServiceBusMessage("it"))
    for count, settle in enumerate(("complete", "abandon", "defer", "dead_letter")):
        message = await one(receiver)
        assert message.delivery_count == count
        await world.advance(31)
        # The SDK looks at its own clock first, by which the lock holds.
        assert not message._lock_expired
        settled = getattr(receiver, f"{settle}_message")(message)
        await raises(MessageLockLostError, settled)
    assert (await one(receiver)).delivery_count == 4


@case("A lock that the broker has ended is not renewed", alone=True)
async def lost_lock_is_not_renewed(world):
    _, sender, receiver = await world.links(lock_duration=LOCK)
    await sender.send_messages(ServiceBusMessage("it"))
    message = await one(receiver)
    await world.advance(31)
    assert not message._lock_expired
    await raises(MessageLockLostError, receiver.renew_message_lock(message))


@case("A lock that is renewed holds for as long again", alone=True)
async def lock_is_renewed(world):
    _, sender, receiver = await world.links(lock_duration=LOCK)
    await sender.send_messages(ServiceBusMessage("it"))
    message = await one(receiver)
    for _ in range(2):
        await world.advance(20)
        before = message.locked_until_utc
        until = await receiver.renew_message_lock(message)
        assert before < until == message.locked_until_utc
    await receiver.complete_message(message)


@case("A lock that goes lost before its time settles nothing", alone=True)
async def lock_goes_lost(world):
    _, sender, receiver = await world.links()
    await sender.send_messages(ServiceBusMessage("it"))
    message = await one(receiver)
    await world.inject("settle", "lose-lock", times=1)
    await raises(MessageLockLostError, receiver.complete_message(message))
    await receiver.complete_message(await one(receiver))
