"""Sessions: taken one at a time, in order, with a state and a lock of their own."""

import datetime

from azure.servicebus import NEXT_AVAILABLE_SESSION, ServiceBusMessage
from azure.servicebus.exceptions import (
    OperationTimeoutError,
    ServiceBusError,
    SessionCannotBeLockedError,
    SessionLockLostError,
)
from cases import case
from world import one, raises, receive, texts

LOCK = datetime.timedelta(seconds=30)


async def filled(world, *sessions, **settings):
    """Makes a queue with two messages in each session."""
    name = await world.queue(requires_session=True, lock_duration=LOCK, **settings)
    sender = await world.sender(name)
    for number in range(2):
        for session in sessions:
            message = ServiceBusMessage(f"{session}{number}", session_id=session)
            await sender.send_messages(message)
    return name


@case("A session is taken by its name, and its messages come in order")
async def named_session_is_taken(world):
    name = await filled(world, "a", "b")
    receiver = await world.receiver(name, session_id="b")
    assert receiver.session.session_id == "b"
    messages = await receive(receiver, 2)
    assert texts(messages) == ["b0", "b1"]
    assert {message.session_id for message in messages} == {"b"}
    for message in messages:
        await receiver.complete_message(message)


@case("The next session that is free is taken")
async def next_session_is_taken(world):
    name = await filled(world, "a", "b")
    taken = {}
    for _ in range(2):
        receiver = await world.receiver(name, session_id=NEXT_AVAILABLE_SESSION)
        taken[receiver.session.session_id] = texts(await receive(receiver, 2))
    assert taken == {"a": ["a0", "a1"], "b": ["b0", "b1"]}


@case("Where no session is free, the wait for one ends")
async def wait_for_a_session_ends(world):
    name = await filled(world)
    client = await world.connect(retry_total=0)
    waiting = world.receiver(
        name, client=client, session_id=NEXT_AVAILABLE_SESSION, max_wait_time=1
    )
    await raises(OperationTimeoutError, waiting)


@case("A session that somebody has is not given to another")
async def session_is_exclusive(world):
    name = await filled(world, "a")
    receiver = await world.receiver(name, session_id="a")
    client = await world.connect(retry_total=0)
    other = world.receiver(name, client=client, session_id="a")
    await raises(SessionCannotBeLockedError, other)
    await receiver.close()
    receiver = await world.receiver(name, session_id="a")
    assert texts(await receive(receiver, 2)) == ["a0", "a1"]


@case("The state of a session is kept, changed and cleared")
async def session_has_a_state(world):
    name = await filled(world, "a")
    receiver = await world.receiver(name, session_id="a")
    assert await receiver.session.get_state() is None
    await receiver.session.set_state("begun")
    await receiver.close()
    receiver = await world.receiver(name, session_id="a")
    assert await receiver.session.get_state() == b"begun"
    await receiver.session.set_state(None)
    assert await receiver.session.get_state() is None


@case("The lock of a session is renewed, and its messages are held as long", alone=True)
async def session_lock_is_renewed(world):
    name = await filled(world, "a")
    receiver = await world.receiver(name, session_id="a")
    messages = await receive(receiver, 2)
    for message in messages:
        await world.advance(20)
        before = receiver.session.locked_until_utc
        until = await receiver.session.renew_lock()
        assert before < until == receiver.session.locked_until_utc
        await receiver.complete_message(message)


@case("A session lock that the broker has ended settles nothing", alone=True)
async def session_lock_is_lost(world):
    name = await filled(world, "a")
    receiver = await world.receiver(name, session_id="a")
    message = await one(receiver)
    await world.advance(31)
    assert not receiver.session._lock_expired
    await raises(SessionLockLostError, receiver.complete_message(message))
    receiver = await world.receiver(name, session_id="a")
    assert (await one(receiver)).delivery_count == 1


@case("A session lock that the broker has ended is not renewed, and changes no state", alone=True)
async def lost_session_does_nothing(world):
    name = await filled(world, "a")
    receiver = await world.receiver(name, session_id="a")
    await world.advance(31)
    await raises(SessionLockLostError, receiver.session.renew_lock())
    await raises(SessionLockLostError, receiver.session.set_state("x"))


@case("Messages of a session are deferred, and received by their numbers")
async def session_message_is_deferred(world):
    name = await filled(world, "a")
    receiver = await world.receiver(name, session_id="a")
    message = await one(receiver)
    await receiver.defer_message(message)
    (again,) = await receiver.receive_deferred_messages(message.sequence_number)
    assert str(again) == "a0"
    await receiver.complete_message(again)


@case("Messages are looked at within a session")
async def session_is_peeked(world):
    name = await filled(world, "a", "b")
    receiver = await world.receiver(name, session_id="b")
    assert texts(await receiver.peek_messages(10)) == ["b0", "b1"]


@case("Sessions are listed: those with messages, and those whose state has changed")
async def sessions_are_listed(world):
    name = await filled(world, "a", "b", "c")
    assert sorted(await world.listed(world.client, "list_queue_sessions", name)) == ["a", "b", "c"]
    start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
    receiver = await world.receiver(name, session_id="b")
    await receiver.session.set_state("x")
    changed = await world.listed(
        world.client, "list_queue_sessions", name, state_updated_after=start
    )
    assert changed == ["b"], changed


@case("A queue with sessions takes no message without one, and gives none without one")
async def session_is_needed(world):
    name = await filled(world, "a")
    client = await world.connect(retry_total=0)
    sender = await world.sender(name, client=client)
    await raises(ServiceBusError, sender.send_messages(ServiceBusMessage("it")))
    await raises(ServiceBusError, world.receiver(name, client=client))
