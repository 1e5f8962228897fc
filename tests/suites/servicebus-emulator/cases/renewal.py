"""Locks that the SDK renews by itself, which it does by its own clock: no case before has moved
the emulator's."""

import asyncio
import datetime

from azure.servicebus import ServiceBusMessage
from cases import case
from world import one

LOCK = datetime.timedelta(seconds=8)


async def renewed(locked):
    """Waits until a lock holds longer than it did."""
    before = locked.locked_until_utc
    while locked.locked_until_utc <= before:
        await asyncio.sleep(0.05)


@case("`AutoLockRenewer` keeps the lock of a message")
async def message_lock_is_kept(world):
    _, sender, receiver = await world.links(lock_duration=LOCK)
    await sender.send_messages(ServiceBusMessage("it"))
    message = await one(receiver)
    renewer = world.kind.renewer()
    inner = getattr(receiver, "inner", receiver)
    renewer.register(inner, message, max_lock_renewal_duration=60)
    # The lock was for eight seconds: it is over by now, unless it was renewed in between.
    for _ in range(2):
        await renewed(message)
    assert message.auto_renew_error is None
    await receiver.complete_message(message)
    await close(renewer)


@case("`AutoLockRenewer` keeps the lock of a session")
async def session_lock_is_kept(world):
    name = await world.queue(lock_duration=LOCK, requires_session=True)
    sender = await world.sender(name)
    await sender.send_messages(ServiceBusMessage("it", session_id="a"))
    renewer = world.kind.renewer()
    receiver = await world.receiver(name, session_id="a", auto_lock_renewer=renewer)
    await renewed(receiver.session)
    await receiver.complete_message(await one(receiver))
    await close(renewer)


async def close(renewer):
    closed = renewer.close()
    if closed is not None:
        await closed
