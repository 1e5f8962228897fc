"""Topics: what their subscriptions take, and where messages go on to."""

from azure.servicebus import ServiceBusMessage, ServiceBusSubQueue
from azure.servicebus.management import (
    CorrelationRuleFilter,
    EntityStatus,
    FalseRuleFilter,
    SqlRuleAction,
    SqlRuleFilter,
    TrueRuleFilter,
)
from cases import case
from cases.messages import after
from world import nothing, one, receive, texts

DEFAULT_RULE = "$Default"


async def subscribe(world, topic, name, rule=None, action=None, **settings):
    """Makes a subscription that takes what one rule says, and a receiver from it."""
    await world.admin.create_subscription(topic, name, **settings)
    if rule is not None:
        await world.admin.delete_rule(topic, name, DEFAULT_RULE)
        await world.admin.create_rule(topic, name, "only", filter=rule, action=action)
    return await world.link("get_subscription_receiver", topic, name)


async def topic(world, **settings):
    name = world.name()
    await world.admin.create_topic(name, **settings)
    return name, await world.link("get_topic_sender", name)


@case("Every subscription of a topic gets a copy")
async def subscriptions_get_copies(world):
    name, sender = await topic(world)
    receivers = [await subscribe(world, name, f"s{number}") for number in range(3)]
    await sender.send_messages([ServiceBusMessage("a"), ServiceBusMessage("b")])
    for receiver in receivers:
        messages = await receive(receiver, 2)
        assert texts(messages) == ["a", "b"]
        for message in messages:
            await receiver.complete_message(message)


@case("SQL filters choose, with parameters and by three-valued logic")
async def sql_filters_choose(world):
    name, sender = await topic(world)
    rules = {
        "colour": SqlRuleFilter(
            "colour IN ('red', 'blue') AND size > @least", parameters={"@least": 5}
        ),
        "unknown": SqlRuleFilter("NOT (missing = 1)"),
        "label": SqlRuleFilter("sys.Label LIKE 'or%' AND EXISTS(colour)"),
        "all": TrueRuleFilter(),
        "none": FalseRuleFilter(),
    }
    receivers = {key: await subscribe(world, name, key, rule) for key, rule in rules.items()}
    for colour, size, subject in ("red", 7, "order"), ("red", 3, "other"), ("green", 9, "invoice"):
        properties = {"colour": colour, "size": size}
        message = ServiceBusMessage(colour + str(size), subject=subject)
        message.application_properties = properties
        await sender.send_messages(message)
    await sender.send_messages(ServiceBusMessage("plain", subject="order"))
    for key, expected in {
        "colour": ["red7"],
        "label": ["red7"],
        "all": ["red7", "red3", "green9", "plain"],
    }.items():
        assert texts(await receive(receivers[key], len(expected))) == expected, key
    for key in "colour", "unknown", "label", "none":
        await nothing(receivers[key])


@case("Correlation filters choose by properties of the message and of its sender")
async def correlation_filters_choose(world):
    name, sender = await topic(world)
    by_label = CorrelationRuleFilter(label="order", correlation_id="c")
    by_own = CorrelationRuleFilter(properties={"colour": "red"})
    first = await subscribe(world, name, "label", by_label)
    second = await subscribe(world, name, "own", by_own)
    await sender.send_messages(
        [
            ServiceBusMessage("a", subject="order", correlation_id="c"),
            ServiceBusMessage("b", subject="order"),
            ServiceBusMessage("c", application_properties={"colour": "red"}),
            ServiceBusMessage("d", application_properties={"colour": "blue"}),
        ]
    )
    assert texts(await receive(first)) == ["a"]
    assert texts(await receive(second)) == ["c"]
    await nothing(first)
    await nothing(second)


@case("Actions change the copy of one subscription")
async def actions_change_copies(world):
    name, sender = await topic(world)
    action = SqlRuleAction("SET colour = 'blue'; REMOVE size; SET sys.Label = 'changed'")
    changed = await subscribe(world, name, "changed", SqlRuleFilter("1=1"), action)
    same = await subscribe(world, name, "same")
    properties = {"colour": "red", "size": 1}
    message = ServiceBusMessage("it", subject="s", application_properties=properties)
    await sender.send_messages(message)
    message = await one(changed)
    assert message.application_properties[b"colour"] == b"blue"
    assert b"size" not in message.application_properties
    assert message.subject == "changed"
    message = await one(same)
    assert message.application_properties == {b"colour": b"red", b"size": 1}
    assert message.subject == "s"


@case("A subscription has dead letters of its own")
async def subscription_has_dead_letters(world):
    name, sender = await topic(world)
    receiver = await subscribe(world, name, "s", max_delivery_count=1)
    await sender.send_messages([ServiceBusMessage("a"), ServiceBusMessage("b")])
    first, second = await receive(receiver, 2)
    await receiver.dead_letter_message(first, reason="bad")
    await receiver.abandon_message(second)
    queue = ServiceBusSubQueue.DEAD_LETTER
    dead = await world.link("get_subscription_receiver", name, "s", sub_queue=queue)
    reasons = {str(message): message.dead_letter_reason for message in await receive(dead, 2)}
    assert reasons == {"a": "bad", "b": "MaxDeliveryCountExceeded"}


@case("A subscription has sessions")
async def subscription_has_sessions(world):
    name, sender = await topic(world)
    await world.admin.create_subscription(name, "s", requires_session=True)
    await sender.send_messages(ServiceBusMessage("it", session_id="a"))
    sessions = await world.listed(world.client, "list_subscription_sessions", name, "s")
    assert sessions == ["a"]
    receiver = await world.link("get_subscription_receiver", name, "s", session_id="a")
    assert str(await one(receiver)) == "it"


@case("Messages to a topic are scheduled, and cancelled", alone=True)
async def topic_messages_are_scheduled(world):
    name, sender = await topic(world)
    receiver = await subscribe(world, name, "s")
    first, _ = await sender.schedule_messages(
        [ServiceBusMessage("a"), ServiceBusMessage("b")], after(30)
    )
    await sender.cancel_scheduled_messages(first)
    await world.advance(30)
    assert texts(await receive(receiver)) == ["b"]
    await nothing(receiver)


@case("Messages are forwarded, from queue to queue and from subscription to queue")
async def messages_are_forwarded(world):
    target = await world.queue()
    through = await world.queue(forward_to=target)
    name, sender = await topic(world)
    await world.admin.create_subscription(name, "s", forward_to=through)
    await sender.send_messages(ServiceBusMessage("it"))
    assert str(await one(await world.receiver(target))) == "it"


@case("Dead letters are forwarded, and say where they come from")
async def dead_letters_are_forwarded(world):
    target = await world.queue()
    name, sender, receiver = await world.links(forward_dead_lettered_messages_to=target)
    await sender.send_messages(ServiceBusMessage("it"))
    await receiver.dead_letter_message(await one(receiver), reason="bad")
    message = await one(await world.receiver(target))
    assert (message.dead_letter_reason, message.dead_letter_source) == ("bad", name)


@case("What cannot be forwarded is a dead letter of where it was, not of a transfer")
async def what_cannot_be_forwarded_is_dead(world):
    target = await world.queue()
    name = await world.queue(forward_to=target)
    properties = await world.admin.get_queue(target)
    properties.status = EntityStatus.SEND_DISABLED
    await world.admin.update_queue(properties)
    sender = await world.sender(name)
    await sender.send_messages(ServiceBusMessage("it"))
    dead = await world.receiver(name, sub_queue=ServiceBusSubQueue.DEAD_LETTER)
    message = await one(dead)
    assert str(message) == "it"
    assert message.dead_letter_reason, message
    await dead.complete_message(message)
    # Transfers are sends of a transaction through another queue, which this SDK does not have.
    transfer = ServiceBusSubQueue.TRANSFER_DEAD_LETTER
    await nothing(await world.receiver(name, sub_queue=transfer))
