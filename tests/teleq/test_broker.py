"""A worker goes on when Redis has been silent for a moment."""

from __future__ import annotations

import logging
import secrets

import redis
from django.conf import settings
from kombu import Queue
from kombu.message import Message

from teleq.celery import app


def test_a_worker_takes_the_next_wake_up_though_redis_was_silent_when_it_acknowledged_the_last():
    queue = Queue(secrets.token_hex(8))
    taken: list[Message] = []
    with (
        app.connection_for_read() as connection,
        redis.Redis.from_url(settings.CELERY_BROKER_URL) as server,
        connection.Consumer([queue], on_message=taken.append) as consumer,
    ):
        consumer.qos(prefetch_count=1)  # as a worker with one process
        for number in (1, 2):
            connection.Producer().publish(number, routing_key=queue.name, retry=False)
        connection.drain_events(timeout=10)
        server.client_pause(60_000, all=False)  # whatever writes
        try:
            taken[0].ack_log_error(logging.getLogger(__name__), connection.connection_errors)
        finally:
            server.client_unpause()
        connection.drain_events(timeout=10)
    assert [message.decode() for message in taken] == [1, 2]
