"""What becomes of a message that was received."""

from azure.servicebus import ServiceBusMessage, ServiceBusMessageState, ServiceBusReceiveMode
from azure.servicebus import ServiceBusSubQueue
from azure.servicebus.exceptions import MessageNotFoundError
from cases import case
from world import nothing, one, raises, receive


@case("A message that is completed is gone")
async def message_is_completed(world):
    name, sender, receiver = await world.links()
    await sender.send_messages(ServiceBusMessage("it"))
    await receiver.complete_message(await one(receiver))
    runtime = await world.admin.get_queue_runtime_properties(name)
    assert runtime.total_message_count == 0


@case("A message that is abandoned comes again, and was delivered once more")
async def message_is_abandoned(world):
    _, sender, receiver = await world.links()
    await sender.send_messages(ServiceBusMessage("it"))
    for count in range(3):
        message = await one(receiver)
        assert message.delivery_count == count
        await receiver.abandon_message(message)


@case("A message that was delivered too often is a dead letter")
async def deliveries_are_counted(world):
    name, sender, receiver = await world.links(max_delivery_count=2)
    await sender.send_messages(ServiceBusMessage("it"))
    for _ in range(2):
        await receiver.abandon_message(await one(receiver))
    await nothing(receiver)
    dead = await world.receiver(name, sub_queue=ServiceBusSubQueue.DEAD_LETTER)
    message = await one(dead)
    assert message.dead_letter_reason == "MaxDeliveryCountExceeded"
    await dead.complete_message(message)
    await nothing(dead)


@case("A dead letter has the reason and the description that it was given")
async def message_is_dead_lettered(world):
    name, sender, receiver = await world.links()
    await sender.send_messages(ServiceBusMessage("it", application_properties={"a": 1}))
    message = await one(receiver)
    await receiver.dead_letter_message(message, reason="bad", error_description="too bad")
    dead = await world.receiver(name, sub_queue=ServiceBusSubQueue.DEAD_LETTER)
    message = await one(dead)
    assert message.dead_letter_reason == "bad"
    assert message.dead_letter_error_description == "too bad"
    assert message.application_properties[b"a"] == 1


@case("A message that is deferred is received by its number, and settled")
async def message_is_deferred(world):
    name, sender, receiver = await world.links()
    await sender.send_messages([ServiceBusMessage("a"), ServiceBusMessage("b")])
    messages = await receive(receiver, 2)
    for message in messages:
        await receiver.defer_message(message)
    await nothing(receiver)
    peeked, _ = await receiver.peek_messages(2, sequence_number=1)
    assert peeked.state == ServiceBusMessageState.DEFERRED
    first, second = [message.sequence_number for message in messages]
    (message,) = await receiver.receive_deferred_messages(first)
    assert str(message) == "a"
    await receiver.complete_message(message)
    await raises(MessageNotFoundError, receiver.receive_deferred_messages(first))
    mode = ServiceBusReceiveMode.RECEIVE_AND_DELETE
    deleting = await world.receiver(name, receive_mode=mode)
    (message,) = await deleting.receive_deferred_messages([second])
    assert str(message) == "b"
    assert await receiver.peek_messages(2, sequence_number=1) == []


@case("A deferred message is abandoned, and buried")
async def deferred_message_is_settled_otherwise(world):
    name, sender, receiver = await world.links()
    await sender.send_messages(ServiceBusMessage("it"))
    message = await one(receiver)
    await receiver.defer_message(message)
    (again,) = await receiver.receive_deferred_messages(message.sequence_number)
    await receiver.abandon_message(again)
    (again,) = await receiver.receive_deferred_messages(message.sequence_number)
    await receiver.dead_letter_message(again, reason="late")
    dead = await world.receiver(name, sub_queue=ServiceBusSubQueue.DEAD_LETTER)
    assert (await one(dead)).dead_letter_reason == "late"
