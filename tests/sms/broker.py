"""The tests' own broker."""

import redis
from django.conf import settings


def wipe_the_broker() -> None:
    with redis.Redis.from_url(settings.CELERY_BROKER_URL) as client:
        client.flushdb()
