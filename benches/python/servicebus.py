"""What the official SDK is measured by: it does what a line says, and tells what that took."""

import json
import os
import sys
import time
import uuid

from azure.servicebus import NEXT_AVAILABLE_SESSION, ServiceBusClient, ServiceBusMessage

WAIT = 20


class Bench:
    def __init__(self, client, queue, sessions, batch, session, body):
        self.client = client
        self.sessions = sessions
        self.batch = batch
        self.session = session
        self.body = body
        self.sender = client.get_queue_sender(queue)
        self.receiver = client.get_queue_receiver(queue)

    def message(self):
        return ServiceBusMessage(self.body, message_id=uuid.uuid4().hex)

    def send_batches(self, messages):
        for _ in range(messages // self.batch):
            self.sender.send_messages([self.message() for _ in range(self.batch)])

    def send_singly(self, messages):
        for _ in range(messages):
            self.sender.send_messages(self.message())

    def take(self, receiver, messages):
        while 0 < messages:
            taken = receiver.receive_messages(min(self.batch, messages), max_wait_time=WAIT)
            if not taken:
                raise RuntimeError("no message came")
            for message in taken:
                receiver.complete_message(message)
            messages -= len(taken)

    def receive(self, messages):
        self.take(self.receiver, messages)

    def receive_sessions(self, messages):
        for _ in range(messages // self.session):
            receiver = self.client.get_queue_receiver(
                self.sessions, session_id=NEXT_AVAILABLE_SESSION
            )
            with receiver:
                self.take(receiver, self.session)


def main():
    queue, sessions, batch, session, body = sys.argv[1:]
    client = ServiceBusClient.from_connection_string(os.environ["SERVICEBUS_CONNECTION"])
    with client:
        bench = Bench(client, queue, sessions, int(batch), int(session), body)
        for line in sys.stdin:
            work, messages = line.split()
            clock, busy = time.perf_counter(), time.process_time()
            getattr(bench, work)(int(messages))
            took = {"busy": time.process_time() - busy, "clock": time.perf_counter() - clock}
            print(json.dumps(took), flush=True)


main()
