"""The administration client, over HTTPS: entities and rules are made, read, changed and deleted."""

import datetime

from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.servicebus import ServiceBusMessage
from azure.servicebus.management import (
    CorrelationRuleFilter,
    EntityStatus,
    SqlRuleAction,
    SqlRuleFilter,
    TrueRuleFilter,
)
from cases import case
from cases.messages import after
from world import HTTP, KEY_NAME, one, raises

MINUTE = datetime.timedelta(minutes=1)


def has(properties, expected):
    got = {name: getattr(properties, name) for name in expected}
    assert got == expected, got


@case("A queue is made, read, changed, listed and deleted", alone=True)
async def queue_is_managed(world):
    settings = {
        "lock_duration": MINUTE,
        "max_size_in_megabytes": 2048,
        "requires_duplicate_detection": True,
        "requires_session": True,
        "default_message_time_to_live": MINUTE * 9,
        "dead_lettering_on_message_expiration": True,
        "duplicate_detection_history_time_window": MINUTE * 5,
        "max_delivery_count": 7,
        "auto_delete_on_idle": MINUTE * 60,
        "user_metadata": "for <tests> & more",
    }
    name = await world.queue(**settings)
    queue = await world.admin.get_queue(name)
    has(queue, {"name": name, "status": EntityStatus.ACTIVE, **settings})
    queue.max_delivery_count = 8
    queue.lock_duration = MINUTE * 2
    await world.admin.update_queue(queue)
    settings |= {"max_delivery_count": 8, "lock_duration": MINUTE * 2}
    has(await world.admin.get_queue(name), settings)
    assert name in [queue.name for queue in await world.listed(world.admin, "list_queues")]
    await world.admin.delete_queue(name)
    await raises(ResourceNotFoundError, world.admin.get_queue(name))


@case("A topic is made, read, changed, listed and deleted")
async def topic_is_managed(world):
    name = world.name()
    settings = {
        "default_message_time_to_live": MINUTE * 9,
        "max_size_in_megabytes": 1024,
        "requires_duplicate_detection": True,
        "duplicate_detection_history_time_window": MINUTE,
        "user_metadata": "m",
    }
    await world.admin.create_topic(name, **settings)
    topic = await world.admin.get_topic(name)
    has(topic, {"name": name, **settings})
    topic.default_message_time_to_live = MINUTE
    await world.admin.update_topic(topic)
    has(await world.admin.get_topic(name), {**settings, "default_message_time_to_live": MINUTE})
    assert name in [topic.name for topic in await world.listed(world.admin, "list_topics")]
    await world.admin.delete_topic(name)
    await raises(ResourceNotFoundError, world.admin.get_topic(name))


@case("A subscription is made, read, changed, listed and deleted")
async def subscription_is_managed(world):
    name = world.name()
    target = await world.queue()
    await world.admin.create_topic(name)
    settings = {
        "lock_duration": MINUTE,
        "requires_session": False,
        "default_message_time_to_live": MINUTE * 9,
        "dead_lettering_on_message_expiration": True,
        "dead_lettering_on_filter_evaluation_exceptions": True,
        "max_delivery_count": 3,
        "user_metadata": "m",
    }
    await world.admin.create_subscription(name, "s", forward_to=target, **settings)
    subscription = await world.admin.get_subscription(name, "s")
    has(subscription, {"name": "s", **settings})
    assert subscription.forward_to.endswith(f"/{target}"), subscription.forward_to
    subscription.max_delivery_count = 4
    await world.admin.update_subscription(name, subscription)
    has(await world.admin.get_subscription(name, "s"), {**settings, "max_delivery_count": 4})
    names = [it.name for it in await world.listed(world.admin, "list_subscriptions", name)]
    assert names == ["s"]
    await world.admin.delete_subscription(name, "s")
    await raises(ResourceNotFoundError, world.admin.get_subscription(name, "s"))


@case("Rules are made, read, changed, listed and deleted")
async def rules_are_managed(world):
    name = world.name()
    await world.admin.create_topic(name)
    await world.admin.create_subscription(name, "s")
    rule = await world.admin.get_rule(name, "s", "$Default")
    assert isinstance(rule.filter, TrueRuleFilter), rule.filter
    values = {"@text": "a", "@number": 7, "@flag": True}
    sql = SqlRuleFilter("a = @text OR b = @number OR c = @flag", parameters=values)
    action = SqlRuleAction("SET a = 'b'")
    await world.admin.create_rule(name, "s", "sql", filter=sql, action=action)
    rule = await world.admin.get_rule(name, "s", "sql")
    assert rule.filter.sql_expression == sql.sql_expression
    assert rule.filter.parameters == values, rule.filter.parameters
    assert rule.action.sql_expression == action.sql_expression
    rule.filter = CorrelationRuleFilter(
        correlation_id="c", label="l", session_id="s", properties={"a": "b", "n": 1}
    )
    await world.admin.update_rule(name, "s", rule)
    rule = await world.admin.get_rule(name, "s", "sql")
    has(rule.filter, {"correlation_id": "c", "label": "l", "session_id": "s"})
    assert rule.filter.properties == {"a": "b", "n": 1}
    names = [rule.name for rule in await world.listed(world.admin, "list_rules", name, "s")]
    assert sorted(names) == ["$Default", "sql"]
    await world.admin.delete_rule(name, "s", "sql")
    await raises(ResourceNotFoundError, world.admin.get_rule(name, "s", "sql"))


@case("Counts and sizes of queues, topics and subscriptions are told", alone=True)
async def runtime_properties_are_told(world):
    name, sender, receiver = await world.links()
    await sender.send_messages([ServiceBusMessage("a"), ServiceBusMessage("b")])
    await sender.schedule_messages(ServiceBusMessage("c"), after(3600))
    await receiver.dead_letter_message(await one(receiver))
    runtime = await world.admin.get_queue_runtime_properties(name)
    expected = {
        "total_message_count": 3,
        "active_message_count": 1,
        "dead_letter_message_count": 1,
        "scheduled_message_count": 1,
        "transfer_dead_letter_message_count": 0,
    }
    has(runtime, expected)
    assert 0 < runtime.size_in_bytes
    assert runtime.created_at_utc <= runtime.accessed_at_utc
    all_of_them = await world.listed(world.admin, "list_queues_runtime_properties")
    has({it.name: it for it in all_of_them}[name], expected)
    topic = world.name()
    await world.admin.create_topic(topic)
    await world.admin.create_subscription(topic, "s")
    await (await world.link("get_topic_sender", topic)).send_messages(ServiceBusMessage("it"))
    by_label = CorrelationRuleFilter(label="l")
    await world.admin.create_rule(topic, "s", "correlation", filter=by_label)
    counts = {"subscription_count": 1, "sql_filter_count": 1, "correlation_filter_count": 1}
    has(await world.admin.get_topic_runtime_properties(topic), counts)
    runtime = await world.admin.get_subscription_runtime_properties(topic, "s")
    has(runtime, {"active_message_count": 1, "total_message_count": 1})
    subscriptions = await world.listed(world.admin, "list_subscriptions_runtime_properties", topic)
    assert [it.active_message_count for it in subscriptions] == [1]
    topics = await world.listed(world.admin, "list_topics_runtime_properties")
    assert topic in [it.name for it in topics]


@case("The namespace is told")
async def namespace_is_told(world):
    properties = await world.admin.get_namespace_properties()
    has(properties, {"name": "sbemulatorns"})


@case("An entity that is there is not made again, and one that is not there is not changed", alone=True)
async def wrong_changes_are_refused(world):
    name = await world.queue()
    queue = await world.admin.get_queue(name)
    await raises(ResourceExistsError, world.admin.create_queue(name))
    await world.admin.delete_queue(name)
    await raises(ResourceNotFoundError, world.admin.update_queue(queue))
    await raises(ResourceNotFoundError, world.admin.delete_queue(name))
    other = world.name()
    await raises(HttpResponseError, world.admin.create_queue(other, max_delivery_count=0))


@case("Lists of more than a page are told to their end")
async def long_lists_are_told(world):
    topic = world.name()
    await world.admin.create_topic(topic)
    names = [f"s{number:03}" for number in range(110)]
    for name in names:
        await world.admin.create_subscription(topic, name)
    listed = await world.listed(world.admin, "list_subscriptions", topic)
    assert sorted(it.name for it in listed) == names
    await world.admin.delete_topic(topic)


@case("Nobody manages without a key")
async def management_needs_a_key(world):
    endpoint = HTTP.replace("https", "sb")
    connection = f"Endpoint={endpoint};SharedAccessKeyName={KEY_NAME};SharedAccessKey=wrong"
    admin = await world.manage(connection)
    await raises(ClientAuthenticationError, admin.get_namespace_properties())


@case("A management request that is throttled is tried again", alone=True)
async def throttled_management_is_tried_again(world):
    await world.inject("http", "throttle", times=1)
    admin = await world.manage(retry_backoff_factor=0)
    await admin.get_namespace_properties()
