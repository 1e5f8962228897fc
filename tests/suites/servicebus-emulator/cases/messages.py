"""Messages: sent, received, looked at, due later, and over."""

import datetime
import uuid

from azure.servicebus import (
    ServiceBusMessage,
    ServiceBusMessageState,
    ServiceBusReceiveMode,
    ServiceBusSubQueue,
)
from azure.servicebus.amqp import AmqpAnnotatedMessage, AmqpMessageBodyType
from azure.servicebus.exceptions import MessageSizeExceededError
from cases import case
from world import ahead, nothing, one, raises, receive, texts


def seconds(count):
    return datetime.timedelta(seconds=count)


def after(count):
    """Returns a time so many seconds from now, by the emulator's clock."""
    return datetime.datetime.now(datetime.timezone.utc) + seconds(ahead() + count)


@case("A message arrives with its body and all of its properties")
async def properties_survive(world):
    _, sender, receiver = await world.links()
    values = {
        "text": "ä",
        "number": 7,
        "real": 0.5,
        "flag": True,
        "id": uuid.UUID(int=5),
        "time": datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc),
        "bytes": b"\x00",
    }
    await sender.send_messages(
        ServiceBusMessage(
            b"\x00\xff",
            application_properties=dict(values),
            message_id="m",
            correlation_id="c",
            content_type="text/plain",
            subject="s",
            to="t",
            reply_to="r",
            reply_to_session_id="rs",
            partition_key="p",
            time_to_live=seconds(90),
        )
    )
    message = await one(receiver)
    assert b"".join(message.body) == b"\x00\xff"
    got = {name.decode(): value for name, value in message.application_properties.items()}
    assert got.pop("text") == "ä".encode()
    # The SDK gives times as milliseconds.
    assert got.pop("time") in (values["time"], 1_767_312_000_000)
    values.pop("text"), values.pop("time")
    assert got == values, (got, values)
    names = "message_id correlation_id content_type subject to reply_to reply_to_session_id"
    assert [getattr(message, name) for name in names.split()] == "m c text/plain s t r rs".split()
    assert message.partition_key == "p"
    assert message.time_to_live == seconds(90)
    assert message.expires_at_utc - message.enqueued_time_utc == seconds(90)
    assert (message.sequence_number, message.delivery_count) == (1, 0)
    assert message.state == ServiceBusMessageState.ACTIVE
    assert message.lock_token and message.locked_until_utc


@case("Bodies of AMQP values and sequences arrive as they were")
async def annotated_bodies_survive(world):
    _, sender, receiver = await world.links()
    value = AmqpAnnotatedMessage(value_body={"a": [1, 2]}, annotations={"x-own": 7})
    await sender.send_messages(value)
    await sender.send_messages(AmqpAnnotatedMessage(sequence_body=[["b", 3]]))
    first, second = await receive(receiver, 2)
    assert first.body_type == AmqpMessageBodyType.VALUE
    assert first.body == {b"a": [1, 2]}
    assert first.raw_amqp_message.annotations[b"x-own"] == 7
    assert second.body_type == AmqpMessageBodyType.SEQUENCE
    assert list(second.body) == [[b"b", 3]]


@case("A list of messages is one send")
async def list_is_sent(world):
    _, sender, receiver = await world.links()
    await sender.send_messages([ServiceBusMessage(str(number)) for number in range(20)])
    messages = await receive(receiver, 20)
    assert texts(messages) == [str(number) for number in range(20)]
    assert [message.sequence_number for message in messages] == list(range(1, 21))


@case("A batch takes what the link allows, and no more")
async def batch_is_filled_and_sent(world):
    _, sender, receiver = await world.links()
    batch = await sender.create_message_batch()
    large = "x" * 60_000
    count = 0
    try:
        while True:
            batch.add_message(ServiceBusMessage(large))
            count += 1
    except ValueError:
        pass
    assert 1 < count < 100, count
    assert batch.size_in_bytes <= batch.max_size_in_bytes
    await sender.send_messages(batch)
    assert texts(await receive(receiver, count)) == [large] * count


@case("A message that is too large is refused")
async def large_message_is_refused(world):
    _, sender, receiver = await world.links()
    large = ServiceBusMessage("x" * 2_000_000)
    await raises(MessageSizeExceededError, sender.send_messages(large))
    await sender.send_messages(ServiceBusMessage("small"))
    assert str(await one(receiver)) == "small"


@case("A message of several frames arrives whole")
async def frames_are_put_together(world):
    _, sender, receiver = await world.links()
    large = "".join(chr(97 + number % 26) for number in range(200_000))
    await sender.send_messages(ServiceBusMessage(large))
    assert str(await one(receiver)) == large


@case("What is received and deleted is gone")
async def receive_and_delete(world):
    name, sender, _ = await world.links()
    await sender.send_messages(ServiceBusMessage("it"))
    mode = ServiceBusReceiveMode.RECEIVE_AND_DELETE
    receiver = await world.receiver(name, receive_mode=mode)
    message = await one(receiver)
    assert (str(message), message.lock_token) == ("it", None)
    runtime = await world.admin.get_queue_runtime_properties(name)
    assert runtime.total_message_count == 0


@case("A loop over a receiver ends when nothing comes")
async def receiver_is_looped_over(world):
    name, sender, _ = await world.links()
    await sender.send_messages([ServiceBusMessage(str(number)) for number in range(3)])
    receiver = await world.receiver(name, max_wait_time=1)
    messages = await world.each(receiver)
    assert texts(messages) == ["0", "1", "2"]


@case("Messages are fetched ahead, and given back when the receiver closes")
async def prefetched_messages_are_given_back(world):
    name, sender, receiver = await world.links()
    await sender.send_messages([ServiceBusMessage(str(number)) for number in range(10)])
    ahead = await world.receiver(name, prefetch_count=10)
    first = await one(ahead)
    await ahead.complete_message(first)
    await ahead.close()
    messages = await receive(receiver, 9)
    assert {message.delivery_count for message in messages} == {0}


@case("Messages are looked at without a lock")
async def messages_are_peeked(world):
    _, sender, receiver = await world.links()
    await sender.send_messages([ServiceBusMessage(str(number)) for number in range(5)])
    await sender.schedule_messages(ServiceBusMessage("later"), after(3600))
    peeked = await receiver.peek_messages(10)
    assert texts(peeked) == ["0", "1", "2", "3", "4", "later"]
    assert peeked[-1].state == ServiceBusMessageState.SCHEDULED
    from_third = await receiver.peek_messages(2, sequence_number=3)
    assert texts(from_third) == ["2", "3"]
    assert texts(await receive(receiver, 5)) == ["0", "1", "2", "3", "4"]


@case("Scheduled messages come when they are due", alone=True)
async def scheduled_messages_come(world):
    _, sender, receiver = await world.links()
    message = ServiceBusMessage("by property", scheduled_enqueue_time_utc=after(60))
    await sender.send_messages(message)
    numbers = await sender.schedule_messages(
        [ServiceBusMessage("a"), ServiceBusMessage("b")], after(60)
    )
    assert len(numbers) == 2
    await nothing(receiver)
    await world.advance(60)
    assert sorted(texts(await receive(receiver, 3))) == ["a", "b", "by property"]


@case("Scheduled messages are cancelled")
async def scheduled_messages_are_cancelled(world):
    _, sender, receiver = await world.links()
    messages = [ServiceBusMessage("a"), ServiceBusMessage("b")]
    numbers = await sender.schedule_messages(messages, after(3600))
    await sender.cancel_scheduled_messages(numbers)
    assert await receiver.peek_messages(10) == []


@case("A message with the id of another is dropped, for as long as ids are kept", alone=True)
async def duplicates_are_dropped(world):
    _, sender, receiver = await world.links(
        requires_duplicate_detection=True,
        duplicate_detection_history_time_window=seconds(20),
    )
    for text in "first", "again":
        await sender.send_messages(ServiceBusMessage(text, message_id="m"))
    message = await one(receiver)
    assert str(message) == "first"
    await receiver.complete_message(message)
    await nothing(receiver)
    await world.advance(21)
    await sender.send_messages(ServiceBusMessage("later", message_id="m"))
    assert str(await one(receiver)) == "later"


@case("A message whose time is over is gone, or a dead letter", alone=True)
async def messages_expire(world):
    for is_dead_lettered in False, True:
        name, sender, receiver = await world.links(
            dead_lettering_on_message_expiration=is_dead_lettered
        )
        await sender.send_messages(ServiceBusMessage("it", time_to_live=seconds(5)))
        await world.advance(6)
        await nothing(receiver)
        dead = await world.receiver(name, sub_queue=ServiceBusSubQueue.DEAD_LETTER)
        if is_dead_lettered:
            assert (await one(dead)).dead_letter_reason == "TTLExpiredException"
        else:
            await nothing(dead)
