"""Sends and receives events as it is told: a list of steps in JSON comes on standard input, what became of each goes out.

What is sent to an intake is made by the SDK of CloudEvents; what is received by AMQP is received by pika.

    {"send": URL, "as": "binary" | "structured", "headers": {…}, "attributes": {…}, "data": …}
    {"bind": PORT, "queue": NAME, "topic": KEY}      a durable queue that gets what is published with this key
    {"receive": PORT, "queue": NAME, "count": N}     so many messages of it, each acknowledged
"""

import json
import sys
import urllib.error
import urllib.request
from datetime import datetime

import pika
from cloudevents.core.bindings import http
from cloudevents.core.v1.event import CloudEvent

# How long anything may take, in seconds.
TIME_MAX = 60
# The exchange to which RabbitMQ gives what is published by MQTT.
EXCHANGE = "amq.topic"


def send(step):
    attributes = dict(step["attributes"])
    if "time" in attributes:
        attributes["time"] = datetime.fromisoformat(attributes["time"])
    event = CloudEvent(attributes, step.get("data"))
    message = {"binary": http.to_binary_event, "structured": http.to_structured_event}[step["as"]](event)
    headers = {**message.headers, **step.get("headers", {})}
    request = urllib.request.Request(step["send"], data=message.body, headers=headers, method="POST")
    try:
        answer = urllib.request.urlopen(request, timeout=TIME_MAX)
    except urllib.error.HTTPError as error:
        answer = error
    return {"status": answer.status, "body": json.loads(answer.read())}


def connect(port):
    parameters = pika.ConnectionParameters("127.0.0.1", port, blocked_connection_timeout=TIME_MAX)
    return pika.BlockingConnection(parameters)


def bind(step):
    with connect(step["bind"]) as connection:
        channel = connection.channel()
        channel.queue_declare(step["queue"], durable=True)
        channel.queue_bind(step["queue"], EXCHANGE, step["topic"])
    return {}


def receive(step):
    messages = []
    with connect(step["receive"]) as connection:
        channel = connection.channel()
        for method, _, body in channel.consume(step["queue"], inactivity_timeout=TIME_MAX):
            if method is None:
                break
            channel.basic_ack(method.delivery_tag)
            messages.append(body.decode())
            if len(messages) == step["count"]:
                break
        channel.cancel()
    return {"messages": messages}


def take(step):
    for name, function in [("send", send), ("bind", bind), ("receive", receive)]:
        if name in step:
            return function(step)
    raise ValueError(f"unknown step {step}")


json.dump([take(step) for step in json.load(sys.stdin)], sys.stdout)
