"""What the product needs to be ready: PostgreSQL, its migrations, and the broker. Each answers within a second or is
said not to.

A connection of its own is opened for each question: one that is kept may be a dead one, and whether a new one can be
had is what is asked. PostgreSQL is asked without blocking, as libpq's own `connect_timeout` is two seconds at the least
and ends with the sign-in. Only the look-up of a host's name can take longer: nothing limits that.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache
from select import select
from typing import Any

import psycopg2
import redis
from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from psycopg2.extensions import POLL_OK, POLL_READ
from redis.backoff import NoBackoff
from redis.retry import Retry

WITHIN = 1.0
"""Seconds."""
DATABASE, MIGRATIONS, BROKER = "database", "migrations", "redis"
SILENT, REFUSES = "does not answer", "answers, and takes nothing: it is full, or a replica"


@dataclass(frozen=True)
class Part:
    name: str
    problem: str = ""
    """In plain words, without addresses or secrets. Empty: it is well."""


def check() -> list[Part]:
    return [*_database(), broker()]


def _database() -> list[Part]:
    try:
        applied = _applied_migrations()
    except (psycopg2.OperationalError, TimeoutError):
        return [Part(DATABASE, SILENT), Part(MIGRATIONS, "not known: the database does not answer")]
    except psycopg2.Error:  # the table isn't there, or not for this role
        return [Part(DATABASE), Part(MIGRATIONS, "none is applied: run manage.py migrate")]
    missing = len(_migrations_of_this_release() - applied)
    return [Part(DATABASE), Part(MIGRATIONS, f"{missing} not applied: run manage.py migrate" if missing else "")]


@cache
def _migrations_of_this_release() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None, ignore_no_migrations=True).disk_migrations or ())


def _applied_migrations() -> set[tuple[str, str]]:
    ends = time.monotonic() + WITHIN
    wanted = {"host", "port", "user", "password", "dbname", "sslmode", "sslrootcert", "sslcert", "sslkey", "service"}
    parameters = {name: value for name, value in connection.get_connection_params().items() if name in wanted}
    asked = psycopg2.connect(**parameters, async_=True)
    try:
        _wait(asked, ends)
        with asked.cursor() as cursor:
            cursor.execute("SELECT app, name FROM django_migrations")
            _wait(asked, ends)
            return set(cursor.fetchall())
    finally:
        asked.close()


def _wait(asked: Any, ends: float) -> None:
    """Until PostgreSQL has answered. Raises TimeoutError, and OperationalError where it refuses."""
    while (state := asked.poll()) != POLL_OK:
        left = max(0.0, ends - time.monotonic())
        reading, writing = ([asked], []) if state == POLL_READ else ([], [asked])
        if not any(select(reading, writing, [], left)):
            raise TimeoutError


def broker() -> Part:
    once = Retry(NoBackoff(), 0)
    half = WITHIN / 2  # to connect, and to answer
    client = redis.Redis.from_url(
        settings.CELERY_BROKER_URL, socket_connect_timeout=half, socket_timeout=half, retry=once
    )
    with client:
        try:
            client.set("teleq.health", "", ex=60)  # one that is full answers a ping
        except redis.AuthenticationError:
            return Part(BROKER, "does not let teleQ in: REDIS_URL has another password")
        except redis.ResponseError:
            return Part(BROKER, REFUSES)
        except (redis.RedisError, OSError):
            return Part(BROKER, SILENT)
    return Part(BROKER)
